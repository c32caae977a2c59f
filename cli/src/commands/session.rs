use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use cloister_client::{Error, RequesterSecret, Secret, SecretFile, credential, delegation};
use cloister_wire::{
    codec,
    credential::Credential,
    delegation::{Delegation, DelegationBody},
    policy::TenantPolicy,
};
use serde::Serialize;

use super::{policy::source, requester::in_force};
use crate::{
    context::{Connection, Identity},
    destination,
    failure::Failure,
    input,
    output::{Lines, Output},
};

/// `cloister session`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Let another key ask for signatures in your name, for some hours and for less than you may.
    ///
    /// The scope is one rule as policy files have it, with `then = "allow"` and without `requesters` and `within`. What the key asks has
    /// to fit the scope and then the tenant's rules as if you asked: approvals and limits stay what they are.
    #[command(after_help = "Example:
  cat > scope.toml <<'EOF'
  name = \"night-bot\"
  keys = [\"hot-1\"]
  payloads = [\"ethereum:1\"]
  effects = { every = [{ kind = \"transfer\", assets = [\"native\"], to = [\"list:exchanges\"], most = \"0.1 ether\" }] }
  fee = \"0.01 ether\"
  then = \"allow\"
  EOF
  cloister session create --scope scope.toml --hours 8 --out bot.session --session-key bot.key
  cloister sign --session bot.session --session-key bot.key --key hot-1 --chain ethereum unsigned.json")]
    Create(CreateArguments),
    /// What a session may ask for, and until when.
    Show(ShowArguments),
    /// End a session before its time.
    ///
    /// Sessions end with a start of the group as well.
    Revoke(RevokeArguments),
}

#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// The scope: a rule, in TOML or JSON.
    #[arg(long, value_name = "FILE")]
    scope: PathBuf,
    /// How long, 1 to 720.
    #[arg(long, value_name = "HOURS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=720))]
    hours: u64,
    /// The session key's secret key file; made if it does not exist.
    #[arg(long, value_name = "FILE", required_unless_present = "session_public_key")]
    session_key: Option<PathBuf>,
    /// The session key's public key, where the secret is elsewhere: 64 hex digits for Ed25519, 66 (a compressed point) for P-256.
    #[arg(long, value_name = "HEX", conflicts_with = "session_key")]
    session_public_key: Option<String>,
    /// Write the session to this new file, which is no secret.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    /// What `session create` wrote.
    session: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct RevokeArguments {
    /// What `session create` wrote.
    session: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create(arguments) => output.answer(&arguments.run().await?),
        Command::Show(arguments) => output.answer(&SessionView::new(&read(&arguments.session)?)?),
        Command::Revoke(arguments) => output.answer(&arguments.run().await?),
    }
    Ok(())
}

/// Reads a session's file.
pub(super) fn read(path: &Path) -> Result<Delegation, Failure> {
    codec::decode(&input::read_file(path)?)
        .map_err(|why| Failure::content(path, why, "Give what `cloister session create` wrote, unaltered."))
}

/// What it says; that it counts is for the signers to find out.
pub(super) fn body(delegation: &Delegation) -> Result<DelegationBody, Failure> {
    Ok(delegation.unverified().map_err(|why| Error::Unreadable { what: "session", why })?)
}

impl CreateArguments {
    async fn run(&self) -> Result<SessionView, Failure> {
        let member = self.identity.credential(&self.connection)?;
        let attested = self.connection.attest().await?;
        let (policy, _) = in_force(&attested).await?;
        let tenant = policy.tenant(&member.tenant).cloned().unwrap_or_else(|| TenantPolicy::new(member.tenant.clone()));
        let scope = delegation::scope(&source::text(&self.scope)?, &tenant)
            .map_err(|why| source::not_a_policy(&self.scope, &why))?;
        if self.out.exists() {
            return Err(Failure::exists(&self.out));
        }
        let (session, made) = self.session()?;
        let life = self.hours * 60 * 60 * 1000;
        let delegation = member.delegate(attested.manifest().group, session, scope, life)?;
        let written = destination::write_new(&self.out, &codec::encode(&delegation));
        if let (Err(_), Some(made)) = (&written, made) {
            // The failure is what has to be said.
            drop(fs::remove_file(made));
        }
        written?;
        SessionView::new(&delegation)
    }

    /// The session key, and its file if that was made here.
    fn session(&self) -> Result<(Credential, Option<&Path>), Failure> {
        if let Some(text) = &self.session_public_key {
            return Ok((input::public_key(text)?, None));
        }
        let path = self.session_key.as_deref();
        let path = path.ok_or_else(|| Failure::usage("the session has no key", "Give --session-key."))?;
        if path.exists() {
            return Ok((SecretFile::read_of_requester(path)?.credential(), None));
        }
        let secret = RequesterSecret::Ed25519(Secret::generate()?);
        SecretFile::create_for_requester(path, &secret)?;
        Ok((secret.credential(), Some(path)))
    }
}

impl RevokeArguments {
    async fn run(&self) -> Result<RevokedView, Failure> {
        let delegation = read(&self.session)?;
        let member = self.identity.credential(&self.connection)?;
        let attested = self.connection.attest().await?;
        let (_, policy) = in_force(&attested).await?;
        let withdrawal = member.withdraw(attested.manifest().group, &delegation, policy.hash())?;
        let signers = attested.revoke(&delegation, &withdrawal).await?;
        let simulated = self.connection.is_simulated()?;
        Ok(RevokedView { session: delegation.hash().to_string(), signers, simulated })
    }
}

/// What a session is.
#[derive(Serialize)]
struct SessionView {
    session: String,
    by: String,
    tenant: String,
    session_key: String,
    /// In TOML.
    scope: String,
    /// Milliseconds since 1970.
    from: u64,
    until: u64,
}

/// Which signers have ended it.
#[derive(Serialize)]
struct RevokedView {
    session: String,
    signers: Vec<u16>,
    simulated: bool,
}

impl SessionView {
    fn new(delegation: &Delegation) -> Result<Self, Failure> {
        let body = body(delegation)?;
        Ok(Self {
            session: delegation.hash().to_string(),
            by: body.by.to_string(),
            tenant: body.tenant.to_string(),
            session_key: credential::text(&body.session),
            scope: delegation::scope_to_toml(&body.scope),
            from: body.from.0,
            until: body.until.0,
        })
    }
}

impl fmt::Display for SessionView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.until.saturating_sub(self.from) / (60 * 60 * 1000);
        let lines = Lines::new()
            .line("session", &self.session)
            .line("by", format!("{} of tenant {}", self.by, self.tenant))
            .line("key", &self.session_key)
            .line("life", format!("{hours} h, until {} ms since 1970", self.until));
        write!(f, "{}", self.scope.lines().fold(lines, |lines, line| lines.line("scope", line)))
    }
}

impl fmt::Display for RevokedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signers: Vec<_> = self.signers.iter().map(ToString::to_string).collect();
        let lines = Lines::new().line("session", &self.session).line("ended by signers", signers.join(", "));
        write!(f, "{}", lines.simulated(self.simulated))
    }
}
