//! The policies that this crate writes.

use cloister_attestation::{Pcr, PcrIndex};
use serde_json::{Map, Value, json};

use crate::kms::arn::{AccountId, PrincipalArn};

/// The policy of a key that was created without one: its account may do everything.
pub fn default_for_account(account: &AccountId) -> String {
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}

/// The final policy of a key that wraps one signer's shares.
///
/// - Only `host` may ask for `Decrypt`, and only with an attestation document that has all of `pcrs`; a `Decrypt`
///   without a document is denied to everyone, whatever else is allowed.
/// - `admin` may end the key (disable it, schedule its deletion) and cannot bring it back: a generation that was
///   retired stays retired.
/// - Nobody may change the policy or grant around it. Put it with `BypassPolicyLockoutSafetyCheck`, since it locks
///   its author out by design.
///
/// # Security
/// What `pcrs` leaves out is not demanded. A signer's key needs PCR0, 1, 2, 3, 16 and 17.
pub fn for_signer(admin: &PrincipalArn, host: &PrincipalArn, pcrs: &[(PcrIndex, Pcr)]) -> String {
    let measured: Map<String, Value> = pcrs
        .iter()
        .map(|(index, value)| (format!("kms:RecipientAttestation:{index}"), value.to_string().into()))
        .collect();
    json!({
        "Version": "2012-10-17",
        "Id": "cloister-signer",
        "Statement": [
            {
                "Sid": "ReadToEncryptAndAudit",
                "Effect": "Allow",
                "Principal": { "AWS": [admin.to_string(), host.to_string()] },
                "Action": ["kms:DescribeKey", "kms:GetPublicKey", "kms:GetKeyPolicy"],
                "Resource": "*",
            },
            {
                "Sid": "EndTheKey",
                "Effect": "Allow",
                "Principal": { "AWS": admin.to_string() },
                "Action": ["kms:DisableKey", "kms:ScheduleKeyDeletion"],
                "Resource": "*",
            },
            {
                "Sid": "OpenForThisSignerAlone",
                "Effect": "Allow",
                "Principal": { "AWS": host.to_string() },
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": { "StringEqualsIgnoreCase": measured },
            },
            {
                "Sid": "NeverInTheClear",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": { "Null": { "kms:RecipientAttestation:PCR0": "true" } },
            },
            {
                "Sid": "NeverAnotherPolicy",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["kms:PutKeyPolicy", "kms:CreateGrant", "kms:ReplicateKey"],
                "Resource": "*",
            },
        ],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::policy::{Circumstances, Decision, Policy, Request};

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const DEMANDED: [u8; 6] = [0, 1, 2, 3, 16, 17];

    fn principal(name: &str) -> PrincipalArn {
        PrincipalArn::role("111122223333".parse().unwrap(), name)
    }

    fn registers() -> Vec<(PcrIndex, Pcr)> {
        DEMANDED.iter().map(|&i| (PcrIndex::new(i).unwrap(), Pcr::from([i + 1; Pcr::LEN]))).collect()
    }

    fn decide(caller: &str, action: &str, pcrs: Vec<(PcrIndex, Pcr)>) -> Decision {
        let policy = Policy::parse(&for_signer(&principal("admin"), &principal("host"), &registers())).unwrap();
        let (caller, key) = (principal(caller), KEY.parse().unwrap());
        let circumstances = Circumstances { pcrs: pcrs.into_iter().collect(), ..Circumstances::default() };
        policy.decide(&Request { caller: &caller, action, key: &key, circumstances: &circumstances })
    }

    #[test]
    fn opens_only_for_the_host_with_every_register_equal() {
        assert_eq!(decide("host", "Decrypt", registers()), Decision::Allowed);
        assert_eq!(decide("admin", "Decrypt", registers()), Decision::NotAllowed);
        for place in 0..DEMANDED.len() {
            let mut wrong = registers();
            wrong[place].1 = Pcr::ZERO;
            assert_ne!(decide("host", "Decrypt", wrong), Decision::Allowed, "PCR{} differs", DEMANDED[place]);
            let mut missing = registers();
            missing.remove(place);
            assert_ne!(decide("host", "Decrypt", missing), Decision::Allowed, "PCR{} is absent", DEMANDED[place]);
        }
    }

    #[test]
    fn denies_decrypt_without_a_recipient_to_everyone() {
        for caller in ["host", "admin", "stranger"] {
            assert_eq!(decide(caller, "Decrypt", vec![]), Decision::Denied);
        }
    }

    #[test]
    fn lets_nobody_change_the_policy_or_revive_the_key() {
        for caller in ["host", "admin", "stranger"] {
            for action in ["PutKeyPolicy", "CreateGrant", "ReplicateKey"] {
                assert_eq!(decide(caller, action, registers()), Decision::Denied, "{caller} {action}");
            }
            for action in ["EnableKey", "CancelKeyDeletion", "ReEncryptFrom", "DeriveSharedSecret"] {
                assert_eq!(decide(caller, action, registers()), Decision::NotAllowed, "{caller} {action}");
            }
        }
        assert_eq!(decide("admin", "DisableKey", vec![]), Decision::Allowed);
        assert_eq!(decide("host", "DisableKey", vec![]), Decision::NotAllowed);
    }
}
