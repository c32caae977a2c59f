//! Key policies of signers' KMS keys: written for one signer, and read for what they leave open.
//!
//! ```text
//!   pcr.json + manifest + signer ──▶ Registers ──▶ written  ──▶ policy
//!                       policy ──▶ Document ──▶ lint (with what is known of the registers) ──▶ Findings
//! ```
//!
//! The linter knows one shape of policy and takes nothing else: a statement that it does not understand is a finding, never passed over.

mod document;
mod finding;
mod holders;
mod lint;
mod opening;
mod registers;
#[cfg(test)]
mod tests;
mod written;

pub(crate) use document::{Document, LARGEST};
use finding::Fault;
pub(crate) use finding::{Finding, OTHER_RELEASE};
pub(crate) use lint::{Expected, lint};
pub(crate) use registers::{Registers, of_role, pcr};
pub(crate) use written::{Plan, write};

/// What readers may do, which tells nothing secret.
const READING: [&str; 6] = [
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListGrants",
    "kms:ListResourceTags",
];

/// What retires a generation. What would bring it back is not among it.
const ENDING: [&str; 2] = ["kms:DisableKey", "kms:ScheduleKeyDeletion"];

/// What nobody may: it changes who may open, or opens around the attestation. Grants that were made before the policy are closed by it as well.
const NEVER: [&str; 11] = [
    "kms:CancelKeyDeletion",
    "kms:CreateGrant",
    "kms:DeleteImportedKeyMaterial",
    "kms:DeriveSharedSecret",
    "kms:EnableKey",
    "kms:ImportKeyMaterial",
    "kms:PutKeyPolicy",
    "kms:ReEncryptFrom",
    "kms:ReplicateKey",
    "kms:Sign",
    "kms:UpdatePrimaryRegion",
];

const DECRYPT: &str = "kms:Decrypt";
