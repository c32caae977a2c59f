# The parent instance: no public address, no SSH, credentials by IMDSv2 alone.

resource "aws_instance" "host" {
  provider = aws.primary

  ami                         = var.ami_id
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [aws_security_group.host.id]
  iam_instance_profile        = aws_iam_instance_profile.host.name
  associate_public_ip_address = false
  disable_api_termination     = true
  ebs_optimized               = true
  monitoring                  = true
  tags                        = merge(local.tags, { Name = local.name })

  enclave_options {
    enabled = true
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
  }

  lifecycle {
    # A new image is a decision, not a consequence: a restarted enclave needs an operators' order.
    ignore_changes = [ami]
  }
}

# The host's store. Shares in it are sealed to KMS keys, so the account's own EBS key is enough: a key of its own that
# somebody could disable would be one more way to lose them.
resource "aws_ebs_volume" "store" {
  provider = aws.primary

  availability_zone = data.aws_subnet.host.availability_zone
  size              = var.store_gib
  type              = "gp3"
  encrypted         = true
  tags              = merge(local.tags, { Name = "${local.name}-store" })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "store" {
  provider = aws.primary

  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.store.id
  instance_id = aws_instance.host.id
}

resource "aws_security_group" "host" {
  provider = aws.primary

  name        = local.name
  description = "Host of ${local.name}: its API for other hosts and clients"
  vpc_id      = data.aws_subnet.host.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  provider = aws.primary
  for_each = merge(var.client_cidrs, var.peer_cidrs)

  description       = "API, from ${each.key}"
  security_group_id = aws_security_group.host.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.host_port
  to_port           = var.host_port
}

resource "aws_vpc_security_group_egress_rule" "peers" {
  provider = aws.primary
  for_each = var.peer_cidrs

  description       = "API of ${each.key}"
  security_group_id = aws_security_group.host.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.host_port
  to_port           = var.host_port
}

resource "aws_vpc_security_group_egress_rule" "aws" {
  provider = aws.primary

  description       = "KMS in both regions, S3, Systems Manager"
  security_group_id = aws_security_group.host.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
