mod show;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use cloister_client::{
    Error,
    audit::{BootChain, Export, Finding, Report},
};
use cloister_wire::ids::Tenant;
use serde::Serialize;

use crate::{
    context::Connection,
    destination::Destination,
    failure::{Exit, Failure},
    input,
    output::{Lines, Output},
};

/// `cloister audit`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Fetch everything that the hosts have: introductions, orders, policies, certificates, receipts.
    Export(ExportArguments),
    /// Verify an export offline: nothing altered, nothing missing in between, attestation included.
    ///
    /// A tail that was cut off does not show in the export alone: compare the numbers of receipts with `cloister status`.
    #[command(after_help = "Example:\n  cloister audit export trail.json && cloister audit verify trail.json\n  \
                      cloister audit verify trail.json --manifest-hash HEX      # where there is no simulated group's folder")]
    Verify(VerifyArguments),
    /// Say what an export holds, event by event: what signers signed or refused, under which rule, and who approved it.
    ///
    /// The export is verified as `audit verify` does, and only receipts that their boots signed are shown.
    #[command(after_help = "Examples:
  cloister audit show trail.json
  cloister audit show trail.json --tenant acme --key treasury --since 2026-03-02T00:00:00Z")]
    Show(show::ShowArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    /// Where to write it; `-` is stdout, which then gets nothing else.
    file: PathBuf,
    /// Only what concerns this tenant. What concerns others is withheld, and the export verifies all the same.
    #[arg(long)]
    tenant: Option<Tenant>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The export; `-` reads stdin.
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Export(arguments) => export(arguments, output).await,
        Command::Verify(arguments) => verify(&arguments, output),
        Command::Show(arguments) => show::run(&arguments, output),
    }
}

async fn export(arguments: ExportArguments, output: &Output) -> Result<(), Failure> {
    let file = Some(arguments.file.as_path()).filter(|file| *file != Path::new("-"));
    let destination = file.map(Destination::open).transpose()?;
    let json = arguments.connection.attest().await?.audit_export(arguments.tenant.as_ref()).await?;
    let unreachable = Export::parse(&json)?.unreachable().to_vec();
    if !unreachable.is_empty() {
        let missing: Vec<_> = unreachable.iter().map(u16::to_string).collect();
        let missing = missing.join(", ");
        output.note(format!(
            "The hosts of these signers did not answer, and their part is missing: {missing}. Export again when they do."
        ));
    }
    match destination {
        Some(destination) => {
            destination.write(&json)?;
            let file = arguments.file.display().to_string();
            let pinned = arguments.connection.pinning();
            output.answer(&Written { file, bytes: json.len(), unreachable, pinned });
        }
        None => output.pipe(&json),
    }
    Ok(())
}

fn verify(arguments: &VerifyArguments, output: &Output) -> Result<(), Failure> {
    let report = report(&arguments.file, &arguments.connection)?;
    let view = View::new(&report, arguments.connection.is_simulated()?);
    found(output, &view, view.findings.len())
}

/// What the export in a file shows.
fn report(file: &Path, connection: &Connection) -> Result<Report, Failure> {
    let json = input::read_at_most(file, LARGEST)?;
    let export = Export::parse(&json).map_err(|why| unreadable(file, &why))?;
    export.verify(&connection.pin()?).map_err(|why| foreign(file, why))
}

/// The answer, which is a failure if something was found.
fn found(output: &Output, view: &(impl Serialize + fmt::Display), findings: usize) -> Result<(), Failure> {
    let message = match findings {
        0 => {
            output.answer(view);
            return Ok(());
        }
        1 => "one thing is wrong with this export".to_owned(),
        several => format!("{several} things are wrong with this export"),
    };
    let hint = "Read the findings; get an export from another host and compare.";
    Err(output.answer_failed(view, Failure::new(Exit::Unverified, "audit_findings", message, hint)))
}

/// In the words for a file too: there is no host to distrust.
fn foreign(path: &Path, why: Error) -> Failure {
    match why {
        Error::WrongManifest { pinned, found } => Failure::new(
            Exit::Unverified,
            "manifest_not_pinned",
            format!("{} is of the group with manifest {found}, and {pinned} is pinned", path.display()),
            "Check that this is the right file, and the manifest hash with the operators.",
        ),
        other => other.into(),
    }
}

/// In the words for a file: it is no host's answer here.
fn unreadable(path: &Path, why: &Error) -> Failure {
    let said = match why {
        Error::Unintelligible(what) => (*what).to_owned(),
        other => other.to_string(),
    };
    Failure::content(path, said, "Get the export again, unaltered: `cloister audit export` writes one.")
}

/// The most that a client fetches.
const LARGEST: u64 = 1024 * 1024 * 1024;

#[derive(Serialize)]
struct Written {
    file: String,
    bytes: usize,
    /// Signers whose part is missing.
    unreachable: Vec<u16>,
    /// The options that pin the group without a host.
    #[serde(skip)]
    pinned: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} bytes); check it with `cloister audit verify {}{}`",
            self.file, self.bytes, self.file, self.pinned
        )
    }
}

#[derive(Serialize)]
struct View {
    verified: bool,
    simulated: bool,
    orders: usize,
    policies: usize,
    /// Whose export it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// Events that are withheld, since they concern other tenants.
    withheld: usize,
    keys: Vec<String>,
    boots: Vec<ChainView>,
    findings: Vec<FindingView>,
}

#[derive(Serialize)]
struct ChainView {
    signer: u16,
    boot: String,
    receipts: usize,
    released: usize,
    refused: usize,
    withheld: usize,
    /// Signers that it does not sign with again.
    barred: Vec<u16>,
    head: Option<String>,
}

#[derive(Serialize)]
struct FindingView {
    code: &'static str,
    message: String,
}

impl View {
    fn new(report: &Report, simulated: bool) -> Self {
        Self {
            verified: report.in_order(),
            simulated,
            orders: report.orders,
            policies: report.policies.len(),
            tenant: report.tenant.as_ref().map(ToString::to_string),
            withheld: report.chains.iter().map(|chain| chain.withheld).sum(),
            keys: report.keys.iter().map(|key| key.id().to_string()).collect(),
            boots: report.chains.iter().map(ChainView::new).collect(),
            findings: report.findings.iter().map(FindingView::new).collect(),
        }
    }
}

impl ChainView {
    fn new(chain: &BootChain) -> Self {
        let BootChain { signer, boot, receipts, released, refused, withheld, barred, head, .. } = chain;
        let head = head.map(|head| head.to_string());
        Self {
            signer: signer.get(),
            boot: boot.to_string(),
            receipts: *receipts,
            released: *released,
            refused: *refused,
            withheld: *withheld,
            barred: barred.iter().map(|peer| peer.get()).collect(),
            head,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.verified { "in order" } else { "NOT in order" };
        let lines = Lines::new()
            .line("export", verdict)
            .line("start orders", self.orders)
            .line("policies", self.policies)
            .line("keys", self.keys.len())
            .simulated(self.simulated);
        write!(f, "{lines}")?;
        if let Some(tenant) = &self.tenant {
            write!(f, "\nof tenant {tenant} alone: {} events of others are withheld", self.withheld)?;
        }
        for chain in &self.boots {
            let ChainView { signer, receipts, released, refused, .. } = chain;
            let boot = chain.boot.get(..16).unwrap_or_default();
            write!(f, "\nsigner {signer}  boot {boot}…: {receipts} receipts, {released} signings, {refused} refusals")?;
            for peer in &chain.barred {
                write!(f, "; barred signer {peer}, which failed a check in ECDSA signing")?;
            }
        }
        self.findings.iter().try_for_each(|finding| write!(f, "\n- {finding}"))
    }
}

impl FindingView {
    fn new(finding: &Finding) -> Self {
        Self { code: finding.code(), message: finding.to_string() }
    }
}

impl fmt::Display for FindingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}
