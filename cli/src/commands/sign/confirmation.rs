//! Who asks for a signature: a key in a file, or a person who confirms with a passkey in a browser, which takes two runs.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use cloister_client::{
    Client, Error, SecretFile, SigningJob, passkey,
    requester::{self, Credential, Unproved},
};
use cloister_wire::{
    codec, credential,
    delegation::DelegationBody,
    ids::{Requester, Tenant},
    request::{Requested, SignRequest},
};
use serde::Serialize;

use super::super::session;
use crate::{
    context::{Connection, Identity},
    destination,
    failure::{Exit, Failure},
    input,
    output::{Lines, Output},
};

/// The two runs.
#[derive(Args, Debug)]
pub(super) struct Confirmation {
    /// For a passkey: write the request to this new file, and print the challenge for the browser. Nothing is signed yet.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "request"], requires = "requester")]
    challenge: Option<PathBuf>,
    /// The request that --challenge wrote, for the same FILE, within 15 minutes.
    #[arg(long, value_name = "FILE", requires = "assertion")]
    request: Option<PathBuf>,
    /// What the browser answered: the toJSON() of what navigator.credentials.get() returned.
    #[arg(long, value_name = "FILE", requires = "request")]
    assertion: Option<PathBuf>,
    /// Ask by a session key, in the name of the member who made it: what `cloister session create` wrote.
    #[arg(long, value_name = "FILE", requires = "session_key", conflicts_with_all = ["challenge", "request", "requester_key"])]
    session: Option<PathBuf>,
    /// The session key's secret key file.
    #[arg(long, value_name = "FILE", requires = "session")]
    session_key: Option<PathBuf>,
}

/// Who asks.
pub(super) enum Asker<'a> {
    /// A key in a file.
    Here(Credential),
    /// A person who is still to confirm.
    Asked(&'a Requester, &'a Tenant, &'a Path),
    /// A person who has.
    Confirmed(Box<SignRequest>, &'a Path),
}

impl Confirmation {
    pub(super) fn asker<'a>(&'a self, identity: &'a Identity, connection: &Connection) -> Result<Asker<'a>, Failure> {
        if let Some(file) = &self.challenge {
            let (requester, tenant) = identity.absent()?;
            return Ok(Asker::Asked(requester, tenant, file));
        }
        if let (Some(session), Some(key)) = (&self.session, &self.session_key) {
            let delegation = session::read(session)?;
            let DelegationBody { by, tenant, .. } = session::body(&delegation)?;
            let secret = SecretFile::read_of_requester(key)?;
            return Ok(Asker::Here(Credential { name: by, tenant, secret, session: Some(delegation) }));
        }
        let (Some(request), Some(assertion)) = (&self.request, &self.assertion) else {
            return identity.credential(connection).map(Asker::Here);
        };
        let read = codec::decode(&input::read(request)?);
        let read =
            read.map_err(|why| Failure::content(request, why, "Give what `cloister sign --challenge` wrote."))?;
        Ok(Asker::Confirmed(Box::new(read), assertion))
    }
}

impl Asker<'_> {
    pub(super) fn tenant(&self) -> &Tenant {
        match self {
            Self::Here(credential) => &credential.tenant,
            Self::Asked(_, tenant, _) => tenant,
            Self::Confirmed(request, _) => &request.tenant,
        }
    }

    /// The request with its proof; nothing after the first run, which prints the challenge.
    pub(super) async fn request(
        &self,
        client: &Client,
        job: &SigningJob,
        propose: Option<u64>,
        output: &Output,
    ) -> Result<Option<Requested>, Failure> {
        let life = propose.map(|hours| hours * 60 * 60 * 1000);
        let group = client.attested().manifest().group;
        match self {
            Self::Here(credential) => {
                let (what, life) = ((job.kind(), job.payload()), life.unwrap_or(requester::LIFE_MS));
                Ok(Some(credential.request_signature_within(group, job.account(), what, life)?))
            }
            Self::Asked(requester, tenant, file) => {
                let what = (job.kind(), job.payload());
                let life = life.unwrap_or(requester::PERSON_LIFE_MS);
                let request = requester::sign_request(group, requester, tenant, job.account(), what, life)?;
                destination::write_new(file, &codec::encode(&request))?;
                let challenge = passkey::challenge(&Unproved::new(&request)?.challenge());
                output.answer(&ChallengeView::new(challenge, file));
                Ok(None)
            }
            Self::Confirmed(request, assertion) => confirmed(client, job, request, assertion).await.map(Some),
        }
    }
}

/// The assertion is checked here, too: signers do not say what is wrong with one.
async fn confirmed(
    client: &Client,
    job: &SigningJob,
    request: &SignRequest,
    assertion: &Path,
) -> Result<Requested, Failure> {
    let (account, kind) = (job.account(), job.kind());
    let same = request.key == account.key().id()
        && request.path.as_slice() == account.path().steps()
        && (request.chain, request.purpose) == (kind.chain(), kind.purpose())
        && request.payload.as_slice() == job.payload();
    if !same {
        let hint = "Give the key, --path, --chain and FILE that --challenge was run with.";
        return Err(Failure::usage("the request that was confirmed is for something else", hint));
    }
    let hint = "Give the toJSON() of what navigator.credentials.get() returned.";
    let proof = passkey::assertion(&input::read(assertion)?).map_err(|why| Failure::content(assertion, why, hint))?;
    let unproved = Unproved::new(request)?;
    let known = credentials(client, &request.requester).await?;
    let verdicts: Vec<_> = known.iter().map(|known| known.verify(&unproved.challenge(), &proof)).collect();
    if let Some(Err(why)) = verdicts.first().filter(|_| verdicts.iter().all(Result::is_err)) {
        let hint = "Confirm the challenge again, with the requester's passkey, on a page that its credential lists.";
        return Err(Failure::new(Exit::Usage, "assertion_invalid", why, hint));
    }
    Ok(unproved.assemble(proof))
}

/// What the requester may confirm with: the credential that the policy names, and those that guardians gave it, as far as the host knows.
async fn credentials(client: &Client, requester: &Requester) -> Result<Vec<credential::Credential>, Failure> {
    let policy = client.attested().state().await?.policy;
    let policy = policy.map(|policy| policy.verify(client.attested().manifest())).transpose();
    let policy = policy.map_err(|why| Error::NotEndorsed { what: "policy", why })?;
    let named =
        policy.as_ref().and_then(|policy| policy.member(requester)).map(|(_, member)| member.credential.clone());
    let given = client.attested().recoveries().await?.into_iter().map(|known| known.proposal.body);
    let given = given.filter(|body| body.member == *requester).map(|body| body.credential);
    Ok(named.into_iter().chain(given).collect())
}

/// What the browser has to be given.
#[derive(Serialize)]
pub(crate) struct ChallengeView {
    challenge: String,
    request_file: String,
}

impl ChallengeView {
    pub(crate) fn new(challenge: String, file: &Path) -> Self {
        Self { challenge, request_file: file.display().to_string() }
    }
}

impl fmt::Display for ChallengeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new().line("challenge", &self.challenge).line("request", &self.request_file);
        write!(f, "{lines}")
    }
}
