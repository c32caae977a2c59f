use std::fmt;

use cloister_client::{Error, operator};
use cloister_wire::{endorsement::Endorsed, manifest::Manifest};
use serde::Serialize;

use crate::{failure::Failure, output::Lines};

/// A manifest, as it is shown.
#[derive(Serialize)]
pub(super) struct View {
    manifest_hash: String,
    group: String,
    threshold: u16,
    signers: Vec<SignerView>,
    operators: Vec<String>,
    quorum: u16,
    /// Positions of the operators who have signed.
    signed_by: Vec<u16>,
    /// Whether a quorum has signed, each signature verified.
    complete: bool,
    release: ReleaseView,
}

#[derive(Serialize)]
struct SignerView {
    signer: u16,
    pcr3: String,
    kms: Vec<String>,
}

#[derive(Serialize)]
struct ReleaseView {
    #[serde(rename = "PCR0")]
    pcr0: String,
    #[serde(rename = "PCR1")]
    pcr1: String,
    #[serde(rename = "PCR2")]
    pcr2: String,
    #[serde(rename = "PCR8", skip_serializing_if = "Option::is_none")]
    pcr8: Option<String>,
}

impl View {
    pub(super) fn new(endorsed: &Endorsed<Manifest>) -> Result<Self, Failure> {
        let manifest = operator::read_manifest(endorsed).map_err(Error::from)?;
        let signers = manifest.signers.iter().map(|slot| SignerView {
            signer: slot.id.get(),
            pcr3: slot.pcr3.to_string(),
            kms: slot.kms.iter().map(|key| key.arn.to_string()).collect(),
        });
        Ok(Self {
            manifest_hash: manifest.hash().to_string(),
            group: manifest.group.to_string(),
            threshold: manifest.threshold,
            signers: signers.collect(),
            operators: manifest.operators.iter().map(ToString::to_string).collect(),
            quorum: manifest.quorum,
            signed_by: endorsed.signatures.iter().map(|signature| signature.operator).collect(),
            complete: endorsed.verify(&manifest).is_ok(),
            release: ReleaseView {
                pcr0: manifest.release.pcr0.to_string(),
                pcr1: manifest.release.pcr1.to_string(),
                pcr2: manifest.release.pcr2.to_string(),
                pcr8: manifest.release.pcr8.map(|pcr| pcr.to_string()),
            },
        })
    }
}

impl fmt::Display for View {
    /// Everything that signing it vouches for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed: Vec<_> = self.signed_by.iter().map(u16::to_string).collect();
        let state = if self.complete { "complete" } else { "not complete" };
        let mut lines = Lines::new()
            .line("manifest hash", &self.manifest_hash)
            .line("group", &self.group)
            .line("threshold", format!("{} of {}", self.threshold, self.signers.len()))
            .line("quorum", format!("{} of {} operators have to sign", self.quorum, self.operators.len()));
        for (position, operator) in self.operators.iter().enumerate() {
            lines = lines.line("operator", format!("{position}, {operator}"));
        }
        lines = lines
            .line("signed by", format!("[{}], {state}", signed.join(", ")))
            .line("PCR0", &self.release.pcr0)
            .line("PCR1", &self.release.pcr1)
            .line("PCR2", &self.release.pcr2)
            .maybe("PCR8", self.release.pcr8.as_ref());
        for signer in &self.signers {
            lines = lines.line("signer", format!("{}, role (PCR3) {}", signer.signer, signer.pcr3));
            lines = signer.kms.iter().fold(lines, |lines, key| lines.line("  KMS key", key));
        }
        write!(f, "{lines}")
    }
}
