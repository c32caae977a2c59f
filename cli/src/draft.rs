//! Orders and policies on their way to a quorum: operators sign here, or on machines of their own with a file that goes round.
//!
//! ```text
//!   group start, requester add ──▶ Draft ──sign by key files here──────────────▶ submit
//!                                    └──--draft FILE──operator sign──▶ … ──▶ operator submit
//! ```

mod view;

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use cloister_client::{Attested, Error, Secret, operator};
use cloister_wire::{
    codec,
    endorsement::{Endorsable, Endorsed, NotEndorsed, OperatorSignature},
    ids::Hash,
    manifest::{Manifest, ValidManifest},
    order::StartOrder,
    policy::Policy,
};
use serde::{Deserialize, Serialize};

use crate::{
    context::Connection,
    destination::{self, Destination},
    failure::{Exit, Failure},
    input,
};
pub(crate) use view::{DraftView, kind};

/// A start order with its policy, or a policy, signed by some operators or none yet. All of it is for the group of its manifest.
pub(crate) struct Draft {
    endorsed: Endorsed<Manifest>,
    manifest: ValidManifest,
    order: Option<Endorsed<StartOrder>>,
    policy: Endorsed<Policy>,
    /// The version in force, so that operators see what changes.
    replaces: Option<Endorsed<Policy>>,
}

/// How it is signed.
#[derive(Args, Debug)]
pub(crate) struct Signing {
    /// Write it to this new file, not signed, in place of sending it: operators then use `operator sign`, and one `operator submit`.
    #[arg(long, value_name = "FILE", conflicts_with = "operator_keys")]
    draft: Option<PathBuf>,
    /// An operator's secret key file; may be repeated. By default the folder's.
    #[arg(long = "operator-key", value_name = "FILE")]
    operator_keys: Vec<PathBuf>,
}

/// Who signs.
pub(crate) enum Operators {
    Here(Vec<Secret>),
    Elsewhere(PathBuf),
}

impl Signing {
    /// Reads the keys, if they are here.
    pub(crate) fn operators(&self, connection: &Connection) -> Result<Operators, Failure> {
        match &self.draft {
            Some(file) if file.exists() => Err(Failure::exists(file)),
            Some(file) => Ok(Operators::Elsewhere(file.clone())),
            None => connection.operators(&self.operator_keys).map(Operators::Here),
        }
    }
}

/// A draft that goes to the group, or into a file.
pub(crate) enum Signed {
    Here(Draft),
    Elsewhere(Draft, PathBuf),
}

impl Operators {
    /// Signs the draft, if the keys are here.
    pub(crate) fn sign(self, mut draft: Draft) -> Result<Signed, Failure> {
        match self {
            Self::Here(secrets) => {
                secrets.iter().try_for_each(|secret| draft.sign(secret))?;
                Ok(Signed::Here(draft))
            }
            Self::Elsewhere(file) => Ok(Signed::Elsewhere(draft, file)),
        }
    }

    /// Signs and sends it, or writes it for others to sign.
    pub(crate) async fn carry_out(
        self,
        draft: Draft,
        attested: &Attested,
        connection: &Connection,
    ) -> Result<Option<DraftView>, Failure> {
        self.sign(draft)?.send(attested, connection).await
    }
}

impl Signed {
    /// Sends the draft, or writes it for others to sign and then shows it.
    pub(crate) async fn send(self, attested: &Attested, connection: &Connection) -> Result<Option<DraftView>, Failure> {
        match self {
            Self::Here(draft) => draft.submit(attested, connection).await.map(|()| None),
            Self::Elsewhere(draft, file) => {
                destination::write_new(&file, &draft.to_json())?;
                draft.view(&file).map(Some)
            }
        }
    }
}

impl Draft {
    /// A start order, and the policy that it puts into force.
    pub(crate) fn start(attested: &Attested, order: &StartOrder, policy: Endorsed<Policy>) -> Result<Self, Failure> {
        Self::new(attested.endorsed_manifest().clone(), Some(Self::unsigned(order)?), policy, None)
    }

    /// A policy, and the version that it follows.
    pub(crate) fn policy(attested: &Attested, next: &Policy, current: Endorsed<Policy>) -> Result<Self, Failure> {
        Self::new(attested.endorsed_manifest().clone(), None, Self::unsigned(next)?, Some(current))
    }

    /// A document that nobody has signed.
    pub(crate) fn unsigned<T: Endorsable>(document: &T) -> Result<Endorsed<T>, Error> {
        Endorsed::new(document).map_err(|why| Error::TooLarge { what: "document", why })
    }

    /// The hash of the order, or of the policy.
    pub(crate) fn hash(&self) -> Hash {
        self.order.as_ref().map_or_else(|| self.policy.hash(), Endorsed::hash)
    }

    /// Takes only what belongs together, whoever wrote it down.
    fn new(
        endorsed: Endorsed<Manifest>,
        order: Option<Endorsed<StartOrder>>,
        policy: Endorsed<Policy>,
        replaces: Option<Endorsed<Policy>>,
    ) -> Result<Self, Failure> {
        let manifest = operator::read_manifest(&endorsed).map_err(Error::from)?;
        endorsed.verify(&manifest).map_err(|why| Error::NotEndorsed { what: "manifest", why })?;
        let document = content("policy", &policy)?;
        let mut fits = document.manifest == manifest.hash() && document.group == manifest.group;
        if let Some(order) = &order {
            let document = content("start order", order)?;
            fits &= document.manifest == manifest.hash() && document.group == manifest.group;
            fits &= document.policy == policy.hash();
            check_signatures("start order", order, &manifest)?;
        }
        if let Some(before) = &replaces {
            before.verify(&manifest).map_err(|why| Error::NotEndorsed { what: "policy in force", why })?;
            fits &= document.previous == Some(before.hash());
        }
        check_signatures("policy", &policy, &manifest)?;
        let apart = || Failure::usage("the documents of this draft do not belong together", "Have it drafted again.");
        fits.then_some(Self { endorsed, manifest, order, policy, replaces }).ok_or_else(apart)
    }

    /// Adds an operator's signature to everything that lacks its quorum, and to the order in any case.
    pub(crate) fn sign(&mut self, secret: &Secret) -> Result<(), Failure> {
        let sign_policy = self.order.is_none() || self.policy.verify(&self.manifest).is_err();
        if let Some(order) = &mut self.order {
            operator::endorse(order, &self.manifest, secret)?;
        }
        if sign_policy {
            operator::endorse(&mut self.policy, &self.manifest, secret)?;
        }
        Ok(())
    }

    /// Takes the signatures of a copy that other operators signed meanwhile.
    pub(crate) fn join(&mut self, copy: &Self) -> Result<(), Failure> {
        if copy.hash() != self.hash() || copy.policy.hash() != self.policy.hash() {
            return Err(Failure::usage("these drafts are of different documents", "Give copies of one draft alone."));
        }
        if let (Some(order), Some(theirs)) = (&mut self.order, &copy.order) {
            join(order, theirs)?;
        }
        join(&mut self.policy, &copy.policy)
    }

    /// Has the hosts carry it out, and keeps in the folder what operators have to remember.
    pub(crate) async fn submit(&self, attested: &Attested, connection: &Connection) -> Result<(), Failure> {
        match &self.order {
            Some(order) => {
                attested.start(order, &self.policy).await?;
                connection.keep_genesis(order)?;
            }
            None => return put_into_force(&self.policy, attested, connection).await,
        }
        connection.keep_policy(&self.policy)
    }

    /// Whether it is about the policy alone, and starts nothing.
    pub(crate) fn is_policy(&self) -> bool {
        self.order.is_none()
    }

    /// The policy in it, whoever has signed it.
    pub(crate) fn policy_said(&self) -> Result<Policy, Failure> {
        Ok(content("policy", &self.policy)?)
    }

    /// What it says, for people and machines.
    pub(crate) fn view(&self, file: &Path) -> Result<DraftView, Failure> {
        DraftView::new(self, file)
    }

    fn complete(&self) -> bool {
        let ordered = self.order.as_ref().is_none_or(|order| order.verify(&self.manifest).is_ok());
        ordered && self.policy.verify(&self.manifest).is_ok()
    }
}

/// Has the hosts put a policy into force, and keeps it in the folder. A failure says so if some signers have it all the same.
pub(crate) async fn put_into_force(
    policy: &Endorsed<Policy>,
    attested: &Attested,
    connection: &Connection,
) -> Result<(), Failure> {
    let Err(why) = attested.apply_policy(policy).await else { return connection.keep_policy(policy) };
    let (mut reached, mut others) = (Vec::new(), Vec::new());
    for signer in attested.statuses().await.unwrap_or_default() {
        let has_it = signer.status.is_some_and(|status| status.policy_hash == Some(policy.hash()));
        if has_it { &mut reached } else { &mut others }.push(signer.signer.to_string());
    }
    if reached.is_empty() {
        return Err(why.into());
    }
    // A restart has to name it: those that have it obey it.
    connection.keep_policy(policy)?;
    let version = content("policy", policy)?.version;
    let (reached, others) = (signers(&reached), signers(&others));
    let message = format!("{why}; policy version {version} is in force at {reached} all the same");
    let hint = format!("Repeat the command when {others} answer.");
    Err(Failure { message, hint, exit: Exit::Failed, ..why.into() })
}

fn signers(numbers: &[String]) -> String {
    format!("signer{} {}", if numbers.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

/// The file: wire documents in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    format: String,
    manifest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    policy: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
}

impl Draft {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let invalid = |why: String| Failure::content(path, why, "Get the draft again, unaltered.");
        let text = input::read_file(path)?;
        let json: Json = serde_json::from_slice(&text).map_err(|why| invalid(why.to_string()))?;
        if json.format != FORMAT {
            return Err(invalid(format!("no {FORMAT}")));
        }
        let manifest = decode("manifest", &json.manifest).map_err(invalid)?;
        let order = json.order.map(|text| decode("order", &text)).transpose().map_err(invalid)?;
        let policy = decode("policy", &json.policy).map_err(invalid)?;
        let replaces = json.replaces.map(|text| decode("replaces", &text)).transpose().map_err(invalid)?;
        Self::new(manifest, order, policy, replaces)
    }

    /// Puts it in place of the file that it was read from.
    pub(crate) fn replace(&self, path: &Path) -> Result<(), Failure> {
        Destination::open(path)?.write(&self.to_json())
    }

    fn to_json(&self) -> Vec<u8> {
        let json = Json {
            format: FORMAT.to_owned(),
            manifest: encode(&self.endorsed),
            order: self.order.as_ref().map(encode),
            policy: encode(&self.policy),
            replaces: self.replaces.as_ref().map(encode),
        };
        let mut text = serde_json::to_vec_pretty(&json).expect("strings serialise");
        text.push(b'\n');
        text
    }
}

/// Too few signatures are what a draft is for; a wrong one never gets better.
pub(crate) fn check_signatures<T: Endorsable>(
    what: &'static str,
    document: &Endorsed<T>,
    manifest: &ValidManifest,
) -> Result<(), Error> {
    match document.verify(manifest) {
        Ok(_) | Err(NotEndorsed::NoQuorum { .. }) => Ok(()),
        Err(why) => Err(Error::NotEndorsed { what, why }),
    }
}

fn join<T: Endorsable>(document: &mut Endorsed<T>, copy: &Endorsed<T>) -> Result<(), Failure> {
    let mut signatures = document.signatures.clone().into_vec();
    let missing = |theirs: &&OperatorSignature| signatures.iter().all(|ours| ours.operator != theirs.operator);
    let new: Vec<_> = copy.signatures.iter().filter(missing).cloned().collect();
    signatures.extend(new);
    document.signatures = signatures.try_into().map_err(|why| Error::TooLarge { what: "document", why })?;
    Ok(())
}

/// What a document says, whoever has signed it.
fn content<T: Endorsable>(what: &'static str, document: &Endorsed<T>) -> Result<T, Error> {
    document.unverified().map_err(|why| Error::Unreadable { what, why })
}

fn encode<T: Endorsable>(document: &Endorsed<T>) -> String {
    STANDARD.encode(codec::encode(document))
}

fn decode<T: Endorsable>(field: &str, text: &str) -> Result<Endorsed<T>, String> {
    let bytes = STANDARD.decode(text).map_err(|why| format!("{field}: {why}"))?;
    codec::decode(&bytes).map_err(|why| format!("{field}: {why}"))
}

/// Which files these are.
const FORMAT: &str = "cloister-draft-1";
