# The keys to which the enclave seals: two for each generation, in two regions, none shared with another signer.
#
# A new key has the policy for setting up: no decryption, no grants. The final policy comes from `cloister kms policy build`, and
# nobody may change it afterwards, so KMS has to be told that this is meant (bypass_policy_lockout_safety_check).

locals {
  key_policies = {
    for name, generation in var.key_generations : name =>
    generation.policy_file == null ? data.aws_iam_policy_document.key_set_up.json : file(generation.policy_file)
  }
}

resource "aws_kms_key" "primary" {
  provider = aws.primary
  for_each = var.key_generations

  description                        = "${local.name}, generation ${each.key}, primary region"
  key_usage                          = "ENCRYPT_DECRYPT"
  customer_master_key_spec           = "RSA_4096"
  multi_region                       = false
  is_enabled                         = each.value.enabled
  policy                             = local.key_policies[each.key]
  bypass_policy_lockout_safety_check = each.value.policy_file != null
  deletion_window_in_days            = 30
  tags                               = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_key" "secondary" {
  provider = aws.secondary
  for_each = var.key_generations

  description                        = "${local.name}, generation ${each.key}, secondary region"
  key_usage                          = "ENCRYPT_DECRYPT"
  customer_master_key_spec           = "RSA_4096"
  multi_region                       = false
  is_enabled                         = each.value.enabled
  policy                             = local.key_policies[each.key]
  bypass_policy_lockout_safety_check = each.value.policy_file != null
  deletion_window_in_days            = 30
  tags                               = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "key_set_up" {
  provider = aws.primary

  statement {
    sid = "SetUp"
    # A key policy's resource is always the key that has the policy.
    resources = ["*"]
    actions = [
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:GetPublicKey",
      "kms:ListGrants",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
    ]

    principals {
      type        = "AWS"
      identifiers = var.key_operator_arns
    }
  }

  statement {
    sid       = "NothingIsDecryptedAndNoGrantOutlivesThisPolicy"
    effect    = "Deny"
    resources = ["*"]
    actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DeriveSharedSecret", "kms:ReEncryptFrom"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}
