//! `cloister policy explain`.

use std::path::PathBuf;

use clap::Args;
use cloister_chains::derivation::ChildPath;
use cloister_client::{
    Account, Client, Error, Key,
    policy_question::{PolicyKey, Question},
    scheme::Kind,
};
use cloister_wire::{
    codec,
    delegation::{Delegation, DelegationBody},
    ids::{KeyId, KeyName, RequestId, Requester, UnixMillis},
    policy::TenantPolicy,
    request::{Requested, SignRequest},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{ruling::RulingView, source};
use crate::{
    commands::{requester::in_force, session, sign::Chain},
    context::Connection,
    failure::{Exit, Failure},
    input::{self, Payload},
    output::Output,
};

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A sign request in its canonical bytes, signed or not, in place of --requester, --path, --chain and the payload.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["requester", "path", "chain", "file"])]
    request: Option<PathBuf>,
    /// Who would ask. By default the folder's requester.
    #[arg(long, value_name = "NAME")]
    requester: Option<Requester>,
    /// The key's name. By default the key file's.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["key_file", "request"])]
    key: Option<KeyName>,
    /// What `cloister key show NAME --json` wrote of the key, so that no group is asked for it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A child of the key, such as m/0/5.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// What the payload is for.
    #[arg(long, value_enum, required_unless_present = "request")]
    chain: Option<Chain>,
    /// What would be signed; `-` reads stdin.
    #[arg(required_unless_present = "request")]
    file: Option<PathBuf>,
    /// A policy file, a signed policy or a draft, in place of the policy in force.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The session under which it would be asked: what `cloister session create` wrote. A signed request has its own.
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// When it would be asked, such as 2026-03-02T10:00:00Z. By default now.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// What is asked, whatever it was given as.
struct Asked {
    requester: Requester,
    path: ChildPath,
    kind: Kind,
    payload: Vec<u8>,
    /// In a request, keys have ids alone.
    key: Option<KeyId>,
    session: Option<DelegationBody>,
}

impl Explain {
    pub(super) async fn run(self, output: &Output) -> Result<(), Failure> {
        let now = self.moment()?;
        let session = self.session.as_deref().map(session::read).transpose()?;
        let asked = match &self.request {
            Some(path) => of_request(path, session)?,
            None => self.asked(session)?,
        };
        let online = self.policy.is_none() || self.key_file.is_none();
        let client = if online { Some(self.connection.connect().await?) } else { None };
        let tenants = match (&self.policy, &client) {
            (Some(path), _) => source::any(path)?,
            (None, Some(client)) => in_force(client.attested()).await?.0.tenants.into_vec(),
            (None, None) => Vec::new(),
        };
        let tenant = tenant_of(&tenants, &asked.requester)?;
        let (name, key) = self.key(client.as_ref(), tenant, asked.key).await?;
        let question = Question {
            requester: &asked.requester,
            name: &name,
            key: &key,
            path: &asked.path,
            kind: asked.kind,
            payload: &asked.payload,
            id: RequestId::from_bytes([0; RequestId::LEN]),
            session: asked.session.as_ref(),
        };
        let ruling = question.ask(tenant, &Default::default(), now)?;
        output.answer(&RulingView::new(&question, tenant, now, ruling));
        Ok(())
    }

    fn moment(&self) -> Result<UnixMillis, Failure> {
        let now = OffsetDateTime::now_utc();
        let time = self.at.as_ref().map_or(Ok(now), |text| OffsetDateTime::parse(text, &Rfc3339));
        let millis = time.ok().and_then(|time| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok());
        let wrong = || Failure::usage("--at is no time", "Give it as 2026-03-02T10:00:00Z.");
        millis.map(UnixMillis).ok_or_else(wrong)
    }

    fn asked(&self, session: Option<Delegation>) -> Result<Asked, Failure> {
        let session = session.as_ref().map(session::body).transpose()?;
        let missing = || Failure::usage("say what would be signed", "Give --chain and a file, or --request.");
        let (Some(chain), Some(file)) = (self.chain, &self.file) else { return Err(missing()) };
        let kind = chain.into();
        let requester = match (&self.requester, &session) {
            (Some(name), _) => name.clone(),
            (None, Some(session)) => session.by.clone(),
            (None, None) => {
                let known = self.connection.group()?.requester.name;
                known.parse().map_err(|_| Failure::usage("the folder names no requester", "Give --requester."))?
            }
        };
        let path = self.path.as_deref().map(str::parse).transpose().map_err(Error::from)?.unwrap_or_default();
        Ok(Asked { requester, path, kind, payload: Payload::read(file, kind)?.bytes, key: None, session })
    }

    /// The key file's, or the group's.
    async fn key(
        &self,
        client: Option<&Client>,
        tenant: &TenantPolicy,
        id: Option<KeyId>,
    ) -> Result<(KeyName, PolicyKey), Failure> {
        if let Some(path) = &self.key_file {
            let read = PolicyKey::read(&input::read_file(path)?);
            let hint = "Give what `cloister key show NAME --json` wrote.";
            let (name, key) = read.map_err(|why| Failure::content(path, why, hint))?;
            return Ok((self.key.clone().unwrap_or(name), key));
        }
        let missing = || Failure::usage("which key?", "Give --key NAME or --key-file FILE.");
        let client = client.ok_or_else(missing)?;
        let key = match (id, &self.key) {
            (Some(id), _) => {
                let found = client.keys().await?.into_iter().find(|key| key.id() == id);
                found.ok_or_else(|| Error::NoSuchKey(id.to_string()))?
            }
            (None, Some(name)) => client.key(&tenant.tenant, name).await?,
            (None, None) => return Err(missing()),
        };
        Ok(known(&key))
    }
}

fn known(key: &Key) -> (KeyName, PolicyKey) {
    (key.body().name.clone(), PolicyKey::from(&Account::from(key)))
}

fn tenant_of<'a>(tenants: &'a [TenantPolicy], requester: &Requester) -> Result<&'a TenantPolicy, Failure> {
    let has = |tenant: &&TenantPolicy| tenant.members.iter().any(|member| member.name == *requester);
    tenants.iter().find(has).ok_or_else(|| {
        let message = format!("the policy names no requester {requester}");
        Failure::new(Exit::Usage, "unknown_requester", message, "See who there is: cloister policy show")
    })
}

/// Reads a request's canonical bytes, signed or not, in binary or hex. It names its session by hash: a signed one has it, for others
/// `session` is given.
fn of_request(path: &std::path::Path, session: Option<Delegation>) -> Result<Asked, Failure> {
    let bytes = input::read(path)?;
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| hex::decode(text.trim()).ok());
    let bytes = text.unwrap_or(bytes);
    let (request, session): (Result<SignRequest, _>, _) = match codec::decode::<Requested>(&bytes) {
        Ok(signed) => (codec::decode(signed.body.as_slice()), signed.delegation.or(session)),
        Err(_) => (codec::decode(&bytes), session),
    };
    let hint = "Give the canonical bytes of a sign request, in binary or hex.";
    let request = request.map_err(|why| Failure::content(path, why, hint))?;
    if request.session != session.as_ref().map(Delegation::hash) {
        let hint = "Give the session that the request names with --session, and none to a request without one.";
        return Err(Failure::usage("the request and the session do not belong together", hint));
    }
    let fits = |kind: &Kind| (kind.chain(), kind.purpose()) == (request.chain, request.purpose);
    let none = || Failure::content(path, "its chain and purpose do not fit", "Make the request anew.");
    Ok(Asked {
        kind: Kind::ALL.into_iter().find(fits).ok_or_else(none)?,
        path: ChildPath::new(request.path.as_slice()).map_err(Error::from)?,
        payload: request.payload.into_vec(),
        key: Some(request.key),
        session: session.as_ref().map(session::body).transpose()?,
        requester: request.requester,
    })
}
