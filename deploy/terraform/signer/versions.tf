terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90, < 7.0"
      # The signer's own region, and another: losing one region loses no share.
      configuration_aliases = [aws.primary, aws.secondary]
    }
  }
}

data "aws_partition" "current" {
  provider = aws.primary
}

data "aws_caller_identity" "current" {
  provider = aws.primary
}

data "aws_subnet" "host" {
  provider = aws.primary
  id       = var.subnet_id
}
