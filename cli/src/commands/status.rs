use std::fmt;

use clap::Args;
use cloister_wire::message::Phase;
use serde::Serialize;

use crate::{
    context::Connection,
    failure::{Exit, Failure},
    output::{Lines, Output},
};

/// `cloister status`.
///
/// Every line is signed by an attested boot over a fresh nonce. Exits with 0 only if enough signers are active to sign.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let attested = arguments.connection.attest().await?;
    let manifest = attested.manifest();
    let statuses = attested.statuses().await?;
    let signers: Vec<_> = statuses.iter().map(|status| SignerView::new(status, &attested)).collect();
    let active = signers.iter().filter(|signer| signer.phase == Phase::Active.name()).count();
    let view = StatusView {
        group: manifest.group.to_string(),
        manifest_hash: manifest.hash().to_string(),
        threshold: manifest.threshold,
        can_sign: active >= usize::from(manifest.threshold),
        signers,
        simulated: arguments.connection.is_simulated()?,
    };
    let needed = manifest.threshold;
    if view.can_sign {
        output.answer(&view);
        return Ok(());
    }
    let hint = "Start the missing signers; after a restart, operators name the new boots with `cloister group start`.";
    let failure = Failure::new(
        Exit::Failed,
        "not_enough_signers",
        format!("{active} signers are active and {needed} have to be"),
        hint,
    );
    Err(output.answer_failed(&view, failure))
}

#[derive(Serialize)]
struct StatusView {
    group: String,
    manifest_hash: String,
    threshold: u16,
    can_sign: bool,
    signers: Vec<SignerView>,
    simulated: bool,
}

#[derive(Serialize)]
struct SignerView {
    signer: u16,
    attested: bool,
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incarnation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<u64>,
    keys: u16,
    receipts: u64,
}

impl SignerView {
    fn new(status: &cloister_client::SignerStatus, attested: &cloister_client::Attested) -> Self {
        let boot = attested.boots().iter().find(|boot| boot.signer() == status.signer);
        let body = status.status.as_ref();
        Self {
            signer: status.signer.get(),
            attested: boot.is_some(),
            phase: body.map_or("unreachable", |body| body.phase.name()),
            boot: boot.map(|boot| boot.boot().to_string()),
            incarnation: body.and_then(|body| body.incarnation).map(|incarnation| incarnation.0),
            policy: body.and_then(|body| body.policy).map(|version| version.0),
            keys: body.map_or(0, |body| body.keys),
            receipts: body.map_or(0, |body| body.receipts.0),
        }
    }
}

impl fmt::Display for StatusView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("group", &self.group)
            .line("manifest", &self.manifest_hash)
            .line("threshold", format!("{} of {}", self.threshold, self.signers.len()))
            .simulated(self.simulated);
        write!(f, "{lines}")?;
        self.signers.iter().try_for_each(|signer| write!(f, "\n{signer}"))
    }
}

impl fmt::Display for SignerView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signer, phase, keys, receipts, .. } = self;
        let attested = if self.attested { "attested" } else { "not attested" };
        let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        let (incarnation, policy) = (number(self.incarnation), number(self.policy));
        write!(
            f,
            "signer {signer}  {attested}, {phase}; start {incarnation}, policy {policy}, keys {keys}, receipts {receipts}"
        )
    }
}
