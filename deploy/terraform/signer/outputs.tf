output "role_arn" {
  description = "ARN of the parent instance's role: `role_arn` in the manifest's plan, from which PCR3 follows."
  value       = aws_iam_role.host.arn
}

output "key_arns" {
  description = "By generation, the ARNs of its KMS keys: `kms` in the manifest's plan, or in the release's order."
  value = {
    for name in keys(var.key_generations) : name => [aws_kms_key.primary[name].arn, aws_kms_key.secondary[name].arn]
  }
}

output "final" {
  description = "By generation, whether its keys have their final policy. Nothing may be sealed to a generation before."
  value       = { for name, generation in var.key_generations : name => generation.policy_file != null }
}

output "audit_bucket" {
  description = "Bucket for audit exports."
  value       = aws_s3_bucket.audit.id
}

output "host_url" {
  description = "Where the host's API is: for the other signers' peers.json."
  value       = "http://${aws_instance.host.private_ip}:${var.host_port}"
}

output "instance_id" {
  description = "The parent instance."
  value       = aws_instance.host.id
}
