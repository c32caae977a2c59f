//! The plan that a manifest is built from.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_attestation::{Pcr, PcrIndex};
use cloister_client::operator::{ManifestPlan, new_group};
use cloister_wire::{
    ids,
    manifest::{KmsKey, Measurements, SignerSlot},
    signature::PublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::measurements;
use crate::failure::Failure;

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
  cloister manifest build plan.json --out group.manifest"#;

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

/// Reads a plan.
pub(super) fn read(path: &Path) -> Result<ManifestPlan, Failure> {
    let text = fs::read(path).map_err(|why| Failure::file(path, why))?;
    let plan: Plan = serde_json::from_slice(&text).map_err(|why| wrong(path, &why.to_string()))?;
    let group = match &plan.group {
        Some(group) => group.parse().map_err(|_| wrong(path, "group: expected 32 hex digits"))?,
        None => new_group()?,
    };
    let signers = plan.signers.iter().zip(1..).map(|(signer, id)| slot(signer, id)).collect::<Result<_, _>>();
    Ok(ManifestPlan {
        group,
        threshold: plan.threshold,
        signers: signers.map_err(|why| wrong(path, &why))?,
        operators: plan
            .operators
            .iter()
            .map(|key| public_key(key))
            .collect::<Result<_, _>>()
            .map_err(|why| wrong(path, &why))?,
        quorum: plan.quorum,
        release: release(&plan.release).map_err(|why| wrong(path, &why))?,
    })
}

fn slot(signer: &Signer, id: u16) -> Result<SignerSlot, String> {
    let pcr3 = match (&signer.role_arn, &signer.pcr3) {
        (Some(arn), None) => ids::Pcr::from_bytes(*Pcr::ZERO.extended(arn.as_bytes()).as_bytes()),
        (None, Some(pcr3)) => pcr3.parse().map_err(|_| format!("signer {id}: pcr3 is not 96 hex digits"))?,
        _ => return Err(format!("signer {id}: give either role_arn or pcr3")),
    };
    let kms = signer.kms.iter().map(|key| kms_key(key, id)).collect::<Result<Vec<_>, _>>()?;
    let kms = kms.try_into().map_err(|_| format!("signer {id}: too many KMS keys"))?;
    Ok(SignerSlot { id: id.try_into().map_err(|_| "too many signers")?, pcr3, kms })
}

fn kms_key(key: &Kms, signer: u16) -> Result<KmsKey, String> {
    let arn = key.arn.parse().map_err(|_| format!("signer {signer}: {} is no ARN", key.arn))?;
    let spki = STANDARD.decode(&key.public_key).ok().and_then(|spki| spki.try_into().ok());
    Ok(KmsKey {
        arn,
        spki: spki.ok_or_else(|| format!("signer {signer}: the public key of {} is not base64 of a key", key.arn))?,
    })
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    let bytes = hex::decode(text).unwrap_or_default();
    PublicKey::from_bytes(&bytes).map_err(|_| format!("{text} is no Ed25519 public key in hex"))
}

fn release(value: &Value) -> Result<Measurements, String> {
    let registers = measurements::parse(value)?;
    let pcr = |index: PcrIndex| registers.get(&index).map(|pcr| ids::Pcr::from_bytes(*pcr.as_bytes()));
    let needed = |index| pcr(index).ok_or_else(|| format!("the release lacks {index}"));
    Ok(Measurements {
        pcr0: needed(PcrIndex::IMAGE)?,
        pcr1: needed(PcrIndex::KERNEL)?,
        pcr2: needed(PcrIndex::APPLICATION)?,
        pcr8: pcr(PcrIndex::IMAGE_SIGNER),
    })
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("{}: {why}", path.display()), "`cloister manifest build --help` shows a plan.")
}
