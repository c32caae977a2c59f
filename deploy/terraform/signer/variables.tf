variable "signer" {
  description = "The signer's number in the manifest. Each signer has an AWS account of its own, with administrators of its own."
  type        = number

  validation {
    condition     = var.signer >= 1 && var.signer <= 65535 && floor(var.signer) == var.signer
    error_message = "signer is a whole number from 1 to 65535."
  }
}

variable "group_name" {
  description = "A short name of the group, for names and tags: lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.group_name))
    error_message = "group_name is 2 to 20 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "ami_id" {
  description = "The parent instance's image, with nitro-cli, the allocator, cloister, cloister-host and the systemd units installed."
  type        = string

  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "ami_id is the id of a machine image, such as ami-0123456789abcdef0."
  }
}

variable "instance_type" {
  description = "Type of the parent instance: x86-64 as the enclave's image is, on Nitro, with four vCPUs or more (the enclave takes a whole core)."
  type        = string
  default     = "m6i.xlarge"

  validation {
    condition     = can(regex("^(c5|c5a|c5n|c6a|c6i|c6in|c7a|c7i|m5|m5a|m5n|m6a|m6i|m6in|m7a|m7i|r5|r5a|r5n|r6a|r6i|r7a|r7i)\\.([248]?xlarge|1[26]xlarge)$", var.instance_type))
    error_message = "instance_type is an x86-64 Nitro type with at least four vCPUs, such as m6i.xlarge."
  }
}

variable "subnet_id" {
  description = "A private subnet that reaches KMS in both regions, through NAT or interface endpoints."
  type        = string

  validation {
    condition     = can(regex("^subnet-[0-9a-f]{8,17}$", var.subnet_id))
    error_message = "subnet_id is the id of a subnet, such as subnet-0123456789abcdef0."
  }
}

variable "host_port" {
  description = "TCP port of the host's API."
  type        = number
  default     = 8080

  validation {
    condition     = var.host_port >= 1024 && var.host_port <= 65535
    error_message = "host_port is from 1024 to 65535: the host has no right to a lower one."
  }
}

variable "peer_cidrs" {
  description = "The other signers' hosts, by name: address ranges that may call this host's API and are called by it. The API has no authentication of its own."
  type        = map(string)

  validation {
    condition     = length(var.peer_cidrs) > 0 && alltrue([for cidr in values(var.peer_cidrs) : can(cidrhost(cidr, 0))])
    error_message = "peer_cidrs has one address range or more, such as { signer-2 = \"10.2.1.10/32\" }."
  }

  validation {
    condition     = alltrue([for cidr in values(var.peer_cidrs) : can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", cidr)) && tonumber(try(split("/", cidr)[1], "0")) >= 16])
    error_message = "peer_cidrs are private IPv4 ranges of /16 or smaller: the API must not be open to more."
  }
}

variable "client_cidrs" {
  description = "Who may call this host's API besides the other hosts, by name: address ranges."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for cidr in values(var.client_cidrs) : can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", cidr)) && tonumber(try(split("/", cidr)[1], "0")) >= 16])
    error_message = "client_cidrs are private IPv4 ranges of /16 or smaller: the API must not be open to more."
  }
}

variable "key_operator_arns" {
  description = "IAM roles that set up this signer's KMS keys. Before the final policy they may read keys and set any policy, which is why nothing is sealed before `cloister doctor --kms` has seen the final one; the first policy lets them neither decrypt nor create grants."
  type        = list(string)

  validation {
    condition     = length(var.key_operator_arns) > 0 && alltrue([for arn in var.key_operator_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "key_operator_arns are ARNs of IAM roles, without wildcards."
  }
}

variable "key_generations" {
  # A policy that was set is final: nobody can change it. `enabled = false` ends a generation after the handover to the next.
  description = "Generations of KMS keys, one for each release. policy_file is what `cloister kms policy build` wrote, or null while the keys are new and the manifest or the release's order that names them is not made yet."
  type = map(object({
    policy_file = optional(string)
    enabled     = optional(bool, true)
  }))

  validation {
    condition     = length(var.key_generations) > 0 && alltrue([for name in keys(var.key_generations) : can(regex("^[1-9][0-9]{0,4}$", name))])
    error_message = "key_generations are numbered: { \"1\" = {} }."
  }

  validation {
    condition     = alltrue([for generation in values(var.key_generations) : generation.policy_file == null || can(jsondecode(file(generation.policy_file)).Statement)])
    error_message = "policy_file is a JSON file as `cloister kms policy build` writes it."
  }

  validation {
    condition = alltrue([
      for generation in values(var.key_generations) : generation.policy_file == null || !strcontains(try(file(generation.policy_file), ""), "\"kms:*\"")
    ])
    error_message = "A policy_file that allows kms:* is not final: make it with `cloister kms policy build`, and check it with `cloister kms policy lint`."
  }

  # Nobody could add these rights later, and every plan would fail.
  validation {
    condition = alltrue([
      for generation in values(var.key_generations) : generation.policy_file == null || alltrue([
        for right in ["DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags"] :
        strcontains(try(file(generation.policy_file), ""), "\"kms:${right}\"")
      ])
    ])
    error_message = "A policy_file has to let the account read what Terraform reads: DescribeKey, GetKeyPolicy, GetKeyRotationStatus, ListResourceTags."
  }
}

variable "store_gib" {
  description = "Size of the host's store (sealed shares, ceremonies, events), GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.store_gib >= 10 && var.store_gib <= 16384
    error_message = "store_gib is from 10 to 16384."
  }
}

variable "audit_years" {
  description = "How long nobody can delete an audit export, the account's root user included: years from when it is written. Cannot be shortened."
  type        = number
  default     = 7

  validation {
    condition     = var.audit_years >= 1 && var.audit_years <= 100 && floor(var.audit_years) == var.audit_years
    error_message = "audit_years is a whole number from 1 to 100."
  }
}

variable "session_manager" {
  description = "Let operators log in through AWS Systems Manager. There is no SSH. Without it the instance's image has to be complete."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags for everything that has tags."
  type        = map(string)
  default     = {}
}

locals {
  name = "${var.group_name}-signer-${var.signer}"
  tags = merge(var.tags, { "cloister:group" = var.group_name, "cloister:signer" = tostring(var.signer) })
}
