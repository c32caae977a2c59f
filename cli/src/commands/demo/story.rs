//! What happened, for people and for machines.

use std::{
    fmt,
    time::{Duration, Instant},
};

use cloister_client::{Client, audit::Report};
use cloister_simulator::group::Group;
use cloister_wire::ids::SignerId;
use console::style;
use serde::Serialize;

use super::{Keys, judge::Verdict};
use crate::{
    commands::key::KeyView,
    failure::{Exit, Failure},
    network::Shown,
    output::Lines,
};

/// The transcript of a demo.
#[derive(Serialize)]
pub(super) struct Story {
    simulated: bool,
    group: String,
    manifest_hash: String,
    threshold: u16,
    signers: usize,
    keys: Vec<KeyView>,
    signatures: Vec<Verdict>,
    receipts: usize,
    steps: Vec<Step>,
    milliseconds: u128,
    #[serde(skip)]
    clock: Clock,
}

/// One thing that was done.
#[derive(Serialize)]
struct Step {
    title: String,
    lines: Vec<String>,
    milliseconds: u128,
}

struct Clock {
    begun: Instant,
    last: Instant,
}

impl Story {
    pub(super) fn begin() -> Self {
        let begun = Instant::now();
        Self {
            simulated: true,
            group: String::new(),
            manifest_hash: String::new(),
            threshold: 0,
            signers: 0,
            keys: Vec::new(),
            signatures: Vec::new(),
            receipts: 0,
            steps: Vec::new(),
            milliseconds: 0,
            clock: Clock { begun, last: begun },
        }
    }

    pub(super) fn started(&mut self, group: &Group) {
        let manifest = group.manifest();
        (self.group, self.manifest_hash) = (manifest.group.to_string(), manifest.hash().to_string());
        (self.threshold, self.signers) = (manifest.threshold, manifest.signers.len());
        let process = |signer: &cloister_simulator::group::SignerRecord| {
            let pid = signer.signer_pid.unwrap_or_default();
            format!("signer {}: process {pid}, its host: process {} at {}", signer.signer, signer.host_pid, signer.url)
        };
        let kms =
            group.record().kms.iter().map(|url| format!("KMS stand-in at {url}, two RSA-4096 keys for each signer"));
        let lines = kms.chain(group.record().signers.iter().map(process)).collect();
        self.step("Started a group: any two of three signers sign", lines);
    }

    pub(super) fn attested(&mut self, client: &Client) {
        let lines = boots(client);
        self.step("Verified every signer's attestation: image, role, manifest, number, keys", lines);
    }

    pub(super) fn made(&mut self, keys: &Keys) {
        let Keys { solana, bitcoin, schnorr, ethereum } = keys;
        self.keys = [solana, bitcoin, schnorr, ethereum].map(|key| KeyView::new(key, Shown::REGTEST, true)).into();
        let named = |key: &KeyView| format!("{}: {}", key.scheme, key.address.as_ref().unwrap_or(&key.public_key));
        let lines = self.keys.iter().map(named).collect();
        self.step("Made four keys; every share is sealed, read back and opened through both KMS keys", lines);
    }

    pub(super) fn restarted(&mut self, client: &Client) {
        let lines = boots(client);
        self.step(
            "Killed all signers (SIGKILL), started them again and opened their shares through attested KMS Decrypt",
            lines,
        );
    }

    pub(super) fn signed(&mut self, verdict: Verdict) {
        let signers: Vec<_> = verdict.signers.iter().map(u16::to_string).collect();
        let mut lines = vec![format!("signature {}", verdict.signature)];
        if verdict.signatures.len() > 1 {
            lines.push(format!("and {} more, one for each input", verdict.signatures.len() - 1));
        }
        lines.extend(verdict.txid.iter().map(|txid| format!("txid {txid}")));
        lines.extend(verdict.transaction_hash.iter().map(|hash| format!("transaction hash {hash}")));
        lines.extend(verdict.sender.iter().map(|sender| format!("sender {sender}, recovered from the signature")));
        lines.push(format!("valid, says {}", verdict.verified_by));
        self.step(
            &format!("Signed {} {} with signers {}", article(&verdict.what), verdict.what, signers.join(" and ")),
            lines,
        );
        self.signatures.push(verdict);
    }

    pub(super) fn lost(&mut self, signer: SignerId) {
        self.step(&format!("Killed signer {signer}; the other two go on"), Vec::new());
    }

    pub(super) fn audited(&mut self, report: &Report) -> Result<(), Failure> {
        if let Some(finding) = report.findings.first() {
            return Err(Failure::new(
                Exit::Unverified,
                finding.code(),
                finding,
                "The audit trail of this demo is broken.",
            ));
        }
        self.receipts = report.chains.iter().map(|chain| chain.receipts).sum();
        let (receipts, boots) = (self.receipts, report.chains.len());
        self.step(
            &format!("Verified the audit trail: {receipts} receipts of {boots} boots, signed and without a gap"),
            Vec::new(),
        );
        Ok(())
    }

    pub(super) fn end(mut self) -> Self {
        self.milliseconds = self.clock.begun.elapsed().as_millis();
        self
    }

    fn step(&mut self, title: &str, lines: Vec<String>) {
        let now = Instant::now();
        let milliseconds = now.duration_since(self.clock.last).as_millis();
        self.clock.last = now;
        self.steps.push(Step { title: title.to_owned(), lines, milliseconds });
    }
}

fn article(what: &str) -> &'static str {
    if what.starts_with('E') { "an" } else { "a" }
}

fn boots(client: &Client) -> Vec<String> {
    let boots = client.attested().boots().iter();
    boots.map(|boot| format!("signer {}: boot {}", boot.signer(), boot.boot())).collect()
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, number) in self.steps.iter().zip(1..) {
            let seconds = Duration::from_millis(u64::try_from(step.milliseconds).unwrap_or(u64::MAX)).as_secs_f64();
            writeln!(
                f,
                "{} {} {}",
                style(format!("{number:>2}.")).cyan(),
                style(&step.title).bold(),
                style(format!("({seconds:.2} s)")).dim()
            )?;
            step.lines.iter().try_for_each(|line| writeln!(f, "      {line}"))?;
        }
        let lines = Lines::new()
            .line("group", &self.group)
            .line("manifest", &self.manifest_hash)
            .line("signatures", format!("{}, all valid", self.signatures.len()))
            .simulated(true);
        write!(f, "\n{lines}")
    }
}
