# The parent instance's role. Nitro measures its ARN into PCR3, and the final key policies name it.

resource "aws_iam_role" "host" {
  provider = aws.primary

  name                 = local.name
  description          = "Parent instance of ${local.name}: its ARN is PCR3"
  assume_role_policy   = data.aws_iam_policy_document.instance.json
  max_session_duration = 3600
  tags                 = local.tags

  lifecycle {
    # A role that is made anew has the same ARN and is another principal: the final key policies would admit nobody.
    prevent_destroy = true
  }
}

resource "aws_iam_instance_profile" "host" {
  provider = aws.primary

  name = local.name
  role = aws_iam_role.host.name
  tags = local.tags
}

data "aws_iam_policy_document" "instance" {
  provider = aws.primary

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

# Nothing about KMS stands here: who may decrypt is said in the keys' own policies, in one place.
data "aws_iam_policy_document" "host" {
  provider = aws.primary

  statement {
    sid       = "WriteAudit"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.audit.arn}/*"]
  }
}

resource "aws_iam_role_policy" "host" {
  provider = aws.primary

  name   = "audit"
  role   = aws_iam_role.host.id
  policy = data.aws_iam_policy_document.host.json
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  provider = aws.primary
  count    = var.session_manager ? 1 : 0

  role       = aws_iam_role.host.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
