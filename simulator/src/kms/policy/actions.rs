//! The actions a policy may name.

use super::{Malformed, Pattern};

/// An action of a statement, such as `kms:Decrypt`, `kms:Get*` or `*`; case does not matter.
#[derive(Debug)]
pub(crate) struct ActionPattern(Pattern);

impl ActionPattern {
    /// # Errors
    /// A name without `kms:`, or without a wildcard and not the name of any KMS action: in a Deny, a misspelt action
    /// would gate nothing.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let lower = text.to_ascii_lowercase();
        let name = match lower.strip_prefix("kms:") {
            Some(name) => name,
            None if lower == "*" => "*",
            None => return Err(Malformed(format!("{text:?} is not an action of KMS."))),
        };
        let known = name.contains(['*', '?']) || ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(name));
        let pattern = Self(Pattern(name.as_bytes().to_vec()));
        known.then_some(pattern).ok_or_else(|| Malformed(format!("{text:?} is not an action of KMS.")))
    }

    pub(super) fn matches(&self, action: &str) -> bool {
        self.0.matches(&action.to_ascii_lowercase())
    }
}

/// Every action of KMS: the operations of its API model, and `ReEncryptFrom` and `ReEncryptTo` for `ReEncrypt`.
const ACTIONS: [&str; 57] = [
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "Decapsulate",
    "Decrypt",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];
