//! The KMS keys that a signer seals to: whether KMS has, behind each ARN, the very key of the manifest, and one that nobody else can have.

use cloister_host::{
    KeyDescription, KeyReader,
    problem::{HostCode, Problem},
};
use cloister_wire::manifest::KmsKey;

use super::check::Check;

const CHECK: &str = "kms key";
const ASK: &str = "Nothing is known of the key before KMS answers: check the network, the region and the credentials of the AWS environment. `aws sts get-caller-identity` says who asks.";
const MAY: &str = "The account of the key has to let this role kms:DescribeKey, kms:GetPublicKey and kms:ListGrants; \
`aws sts get-caller-identity` says who asks.";
const ANOTHER: &str = "Neither sign nor start a group under this manifest: plan it anew, with what `aws kms get-public-key` prints in the \
key's own account.";
const REMAKE: &str = "Make another: `aws kms create-key --key-spec RSA_4096 --key-usage ENCRYPT_DECRYPT` and nothing else, so that its \
material comes from KMS and stays in one region; then plan the manifest anew.";
const GRANTS: &str = "Make another key, whose grants were never anybody's to make; a grant opens around the policy for as long as it stands.";
const DISABLED: &str =
    "A key that was disabled or is to be deleted ends its generation: have its administrators say why.";

/// What KMS says of one key, each answer by itself.
pub(super) struct Found {
    pub(super) public_key: Result<Vec<u8>, Problem>,
    pub(super) description: Result<KeyDescription, Problem>,
    pub(super) grants: Result<Vec<String>, Problem>,
}

impl Found {
    pub(super) async fn read(reader: &KeyReader) -> Self {
        Self {
            public_key: reader.public_key().await,
            description: reader.description().await,
            grants: reader.grants().await,
        }
    }
}

pub(super) fn of(key: &KmsKey, found: Found) -> Vec<Check> {
    let Found { public_key, description, grants } = found;
    let arn = &key.arn;
    let mut checks = Vec::new();
    match public_key {
        Ok(spki) if spki == key.spki.as_slice() => {}
        Ok(_) => checks.push(Check::unverified(
            CHECK,
            format!("{arn}: its public key is not the manifest's: whoever has the manifest's opens every share that is sealed to it"),
            ANOTHER,
        )),
        Err(why) => checks.push(unread("the public key", &why)),
    }
    match description {
        Ok(description) => checks.extend(described(arn.as_str(), &description)),
        Err(why) => checks.push(unread("how the key was made", &why)),
    }
    match grants {
        Ok(grants) if grants.is_empty() => {}
        Ok(grants) => {
            checks.push(Check::unverified(CHECK, format!("{arn}: it has grants: {}", grants.join("; ")), GRANTS));
        }
        Err(why) => checks.push(unread("whether the key has grants", &why)),
    }
    if checks.is_empty() {
        let message =
            format!("{arn}: it is the manifest's, RSA-4096, made by KMS for one region, enabled, without grants");
        checks.push(Check::good(CHECK, message));
    }
    checks
}

fn described(arn: &str, found: &KeyDescription) -> Vec<Check> {
    let KeyDescription { origin, spec, usage, state, multi_region } = found;
    let mut checks = Vec::new();
    let mut unlike = |what: String| checks.push(Check::unverified(CHECK, format!("{arn}: {what}"), REMAKE));
    if origin != "AWS_KMS" {
        unlike(format!("its material is of origin {origin} and not KMS's own, so somebody else may have it"));
    }
    if *multi_region != Some(false) {
        unlike("it is not known to be of one region alone: a key of several has a policy in each".into());
    }
    if spec != "RSA_4096" || usage != "ENCRYPT_DECRYPT" {
        unlike(format!("it is a key {spec} for {usage}, and not RSA_4096 for ENCRYPT_DECRYPT"));
    }
    if state != "Enabled" {
        checks.push(Check::bad(CHECK, format!("{arn}: its state is {state}"), DISABLED));
    }
    checks
}

pub(super) fn unread(what: &str, why: &Problem) -> Check {
    Check::bad(CHECK, format!("{what} cannot be read: {}", why.detail), remedy(why, MAY))
}

/// What to do where KMS gave no answer; `refused` where it did.
pub(super) fn remedy(why: &Problem, refused: &'static str) -> &'static str {
    if why.is(HostCode::KmsUnavailable) { ASK } else { refused }
}
