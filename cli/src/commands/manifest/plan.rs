//! The plan that a manifest is built from.

use std::{fmt::Display, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_attestation::{Pcr, WrappingKey};
use cloister_client::{
    Error,
    operator::{ManifestPlan, new_group},
};
use cloister_wire::{
    endorsement::Endorsed,
    ids::{self, SignerId},
    manifest::{KmsKey, Manifest, ManifestError, SignerSlot},
    signature::PublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::{arn, measurements};
use crate::{
    failure::{Exit, Failure},
    input,
};

/// What the help shows.
pub(super) const EXAMPLE: &str = r#"The plan is JSON:
  {
    "threshold": 2,
    "quorum": 2,
    "operators": ["public key in hex, as `operator keygen` prints it", "..."],
    "release": {"PCR0": "hex", "PCR1": "hex", "PCR2": "hex"},
    "signers": [
      {"role_arn": "arn:aws:iam::111122223333:role/signer-1",
       "kms": [{"arn": "arn:aws:kms:eu-central-1:...:key/...", "public_key": "base64, as `aws kms get-public-key` prints it"}, {...}]},
      ...
    ]
  }
"PCR8" in the release demands signed images; "pcr3" (hex) may stand in place of "role_arn"; "group" (32 hex digits) is random if absent.

Example:
  cloister manifest build plan.json --out group.manifest
  cloister doctor --manifest group.manifest --unsigned --signer 1 --kms      # for each signer, before anybody signs"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    group: Option<String>,
    threshold: u16,
    quorum: u16,
    operators: Vec<String>,
    release: Value,
    signers: Vec<Signer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    role_arn: Option<String>,
    pcr3: Option<String>,
    kms: Vec<Kms>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kms {
    arn: String,
    public_key: String,
}

/// Builds the manifest that a plan describes. What no signer would take is refused here, in the plan's own terms.
pub(super) fn build(path: &Path) -> Result<Endorsed<Manifest>, Failure> {
    let text = input::read_file(path)?;
    let plan: Plan = serde_json::from_slice(&text).map_err(|why| wrong(path, &why))?;
    let plan = plan.checked().map_err(|why| wrong(path, &why))?;
    match plan.build() {
        Ok((endorsed, _)) => Ok(endorsed),
        Err(Error::Manifest(why)) => Err(wrong(path, &format!("{}: {why}", field(&why)))),
        Err(why) => Err(why.into()),
    }
}

impl Plan {
    fn checked(&self) -> Result<ManifestPlan, String> {
        let group = match &self.group {
            Some(group) => group.parse().map_err(|_| "group: expected 32 hex digits".to_owned())?,
            None => new_group().map_err(|why| why.to_string())?,
        };
        let operators = self.operators.iter().enumerate();
        let operators = operators
            .map(|(position, key)| public_key(key).map_err(|why| at("operators", position, &format!(": {why}"))));
        let signers = self.signers.iter().enumerate();
        let signers = signers.map(|(position, signer)| {
            let id = u16::try_from(position + 1).ok().and_then(|id| id.try_into().ok());
            signer.slot(id.ok_or("a group has 1 to 32 signers")?).map_err(|why| at("signers", position, &why))
        });
        Ok(ManifestPlan {
            group,
            threshold: self.threshold,
            signers: signers.collect::<Result<_, String>>()?,
            operators: operators.collect::<Result<_, String>>()?,
            quorum: self.quorum,
            release: measurements::release(&self.release).map_err(|why| format!("release: {why}"))?,
        })
    }
}

impl Signer {
    fn slot(&self, id: SignerId) -> Result<SignerSlot, String> {
        let keys = self.kms.iter().enumerate();
        let keys = keys.map(|(position, key)| key.checked().map_err(|why| at(".kms", position, &why)));
        let kms = keys.collect::<Result<Vec<_>, _>>()?.try_into().map_err(|why| format!(".kms: {why}"))?;
        Ok(SignerSlot { id, pcr3: self.pcr3()?, kms })
    }

    fn pcr3(&self) -> Result<ids::Pcr, String> {
        match (&self.role_arn, &self.pcr3) {
            (Some(arn), None) => {
                let arn = arn::role(arn).map_err(|why| format!(".role_arn: {why}"))?;
                Ok(ids::Pcr::from_bytes(*Pcr::ZERO.extended(arn.as_bytes()).as_bytes()))
            }
            (None, Some(pcr3)) => pcr3
                .parse()
                .ok()
                .filter(|pcr: &ids::Pcr| pcr.as_bytes() != Pcr::ZERO.as_bytes())
                .ok_or_else(|| ".pcr3: expected 96 hex digits that are not all zero".to_owned()),
            _ => Err(": give either role_arn or pcr3".to_owned()),
        }
    }
}

impl Kms {
    fn checked(&self) -> Result<KmsKey, String> {
        let arn = arn::kms_key(&self.arn).map_err(|why| format!(".arn: {why}"))?;
        let arn = arn.parse().map_err(|why| format!(".arn: {arn}: {why}"))?;
        let spki = STANDARD.decode(&self.public_key).map_err(|_| ".public_key: not base64")?;
        WrappingKey::from_spki_der(&spki).map_err(|why| format!(".public_key: {why}"))?;
        Ok(KmsKey { arn, spki: spki.try_into().map_err(|why| format!(".public_key: {why}"))? })
    }
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    let bytes = hex::decode(text).unwrap_or_default();
    PublicKey::from_bytes(&bytes).map_err(|_| format!("{text} is no Ed25519 public key in hex"))
}

/// Where in the plan the fault lies.
fn field(why: &ManifestError) -> String {
    match why {
        ManifestError::Unreadable(_) => "plan".to_owned(),
        ManifestError::Threshold { .. } => "threshold".to_owned(),
        ManifestError::SignerIds => "signers".to_owned(),
        ManifestError::TooFewKmsKeys(signer) | ManifestError::SharedKmsKey(signer) => {
            format!("signers[{}].kms", signer.get().saturating_sub(1))
        }
        ManifestError::Quorum { .. } => "quorum".to_owned(),
        ManifestError::DuplicateOperator => "operators".to_owned(),
    }
}

/// What is wrong, after the place in a list: `signers[0].kms[1].arn: …`.
fn at(list: &str, position: usize, why: &str) -> String {
    format!("{list}[{position}]{why}")
}

fn wrong(path: &Path, why: &dyn Display) -> Failure {
    let hint = "`cloister manifest build --help` shows a plan.";
    Failure::new(Exit::Usage, "plan_invalid", format!("{}: {why}", path.display()), hint)
}
