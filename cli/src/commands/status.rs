use std::fmt;

use clap::Args;
use cloister_client::{Attested, Error, Problem, SignerStatus};
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
    let few = format!("{active} signers are active and {needed} have to be");
    let failure = match statuses.iter().find_map(|status| fault(status, &attested)) {
        Some(fault) => {
            let failure = Failure::from(Error::from(fault.clone()));
            Failure { message: format!("{few}; {}", failure.message), ..failure }
        }
        None => {
            let hint = if never_started(&attested).await { GENESIS } else { HINT };
            Failure::new(Exit::Failed, "not_enough_signers", few, hint)
        }
    };
    Err(output.answer_failed(&view, failure))
}

/// What is wrong with a signer or its host, if more is known than that it does not answer.
fn fault<'a>(status: &'a SignerStatus, attested: &'a Attested) -> Option<&'a Problem> {
    let of_status = status.problem.as_ref().filter(|problem| problem.is_fault());
    of_status.or_else(|| attested.faults().find(|(signer, _)| *signer == status.signer).map(|(_, problem)| problem))
}

/// Whether no signer runs and every host says that there has been no start.
async fn never_started(attested: &Attested) -> bool {
    let last = attested.last_start().await;
    last.is_ok_and(|last| last.incarnation().is_none() && last.unreachable().is_empty())
}

const GENESIS: &str = "The group has not been started yet: `cloister group start --genesis`, where the operators' keys are elsewhere with --draft FILE.";
const HINT: &str =
    "Start the missing signers; after a restart, operators name the new boots with `cloister group start`.";

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
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemView>,
}

/// A host's own words.
#[derive(Serialize)]
struct ProblemView {
    code: String,
    message: String,
    hint: String,
}

impl SignerView {
    fn new(status: &SignerStatus, attested: &Attested) -> Self {
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
            problem: fault(status, attested).map(ProblemView::new),
        }
    }
}

impl ProblemView {
    fn new(problem: &Problem) -> Self {
        let said = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
        Self { code: problem.code.clone(), message: said.clone(), hint: problem.hint.clone() }
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
        )?;
        self.problem.iter().try_for_each(|problem| write!(f, "; {} ({})", problem.message, problem.code))
    }
}
