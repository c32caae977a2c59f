//! Requests that wait for members: what each attested signer makes of them, and what members say.
//!
//! A host collects; nothing that it says itself is believed. What a request does is read here, from the request's own bytes, and every
//! signer's review has to show the same text.

use cloister_chains::solana;
use cloister_policy::{
    Asked, digest,
    payload::{self, pinned},
};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    codec::{self, DecodeError},
    credential::Proof,
    delegation::{Delegation, DelegationBody},
    ids::{Hash, Requester, SignerId},
    policy::LookupTable,
    request::{Chain, Requested, SignRequest},
    review::{Review, ReviewBody},
    tag::Tag,
};
use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    api::{self, RequestQuestion, from_base64, to_base64},
    boot::{self, AttestedBoot},
    error::Error,
    policy_question::PolicyKey,
    problem::Problem,
    scheme::Kind,
    secret::RequesterSecret,
    session::Client,
    signed::{SigningJob, is_about_tables},
};

/// A request that waits, read and compared.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The request as its requester proved it.
    pub requested: Requested,
    /// What it says.
    pub request: SignRequest,
    /// Its hash.
    pub hash: Hash,
    /// The key or child that it is for.
    pub account: Account,
    /// The Solana lookup tables that the policy pins, where it names any.
    pub tables: Vec<LookupTable>,
    /// What it does, in lines that follow from its bytes alone.
    pub rendering: String,
    /// What each attested signer makes of it.
    pub reviews: Vec<(SignerId, ReviewBody)>,
    /// What hosts or signers say in place of a review.
    pub problems: Vec<(SignerId, Problem)>,
}

/// What a member is about to say, without its proof.
pub struct Unsaid {
    body: Vec<u8>,
    challenge: Hash,
}

/// What signers make of a request; documents in base64.
#[derive(Deserialize)]
struct PendingAnswer {
    request: String,
    reviews: Vec<ReviewAnswer>,
}

#[derive(Deserialize)]
struct ReviewAnswer {
    signer: u16,
    review: Option<String>,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct WaitingAnswer {
    request: String,
}

#[derive(Serialize)]
struct SaidQuestion {
    approval: String,
}

impl Client {
    /// Has a request wait for members.
    ///
    /// # Errors
    /// [`Error::Problem`] if no signer would take it into account, and as [`Client::pending`].
    pub async fn propose(&self, requested: &Requested) -> Result<Pending, Error> {
        let question = RequestQuestion { request: to_base64(requested) };
        let answer = self.api().post("/v1/requests", &question, api::REVIEW).await?;
        self.read(answer, Some(requested.hash::<SignRequest>())).await
    }

    /// Every request that waits at the host, as [`Client::pending`].
    ///
    /// # Errors
    /// As [`Client::pending`].
    pub async fn waiting(&self) -> Result<Vec<Pending>, Error> {
        let answers: Vec<WaitingAnswer> = self.api().get("/v1/requests", &[]).await?;
        let mut waiting = Vec::with_capacity(answers.len());
        for answer in answers {
            let requested: Requested = from_base64("request", &answer.request)?;
            waiting.push(self.pending(&requested.hash::<SignRequest>()).await?);
        }
        Ok(waiting)
    }

    /// The request of this hash, as every signer sees it now.
    ///
    /// # Errors
    /// [`Error::Problem`] if the host has none; [`Error::Disagreement`] if a signer shows another text than the request's bytes give;
    /// [`Error::Boot`] for a review that its boot did not sign.
    pub async fn pending(&self, hash: &Hash) -> Result<Pending, Error> {
        let answer = self.api().get(&format!("/v1/requests/{hash}"), &[]).await?;
        self.read(answer, Some(*hash)).await
    }

    /// Says what a member has to say about a request.
    ///
    /// # Errors
    /// [`Error::Problem`] if signers don't count it, and as [`Client::pending`].
    pub async fn say(&self, hash: &Hash, approval: &Approval) -> Result<Pending, Error> {
        let question = SaidQuestion { approval: to_base64(approval) };
        let answer = self.api().post(&format!("/v1/requests/{hash}/approvals"), &question, api::REVIEW).await?;
        self.read(answer, Some(*hash)).await
    }

    async fn read(&self, answer: PendingAnswer, asked: Option<Hash>) -> Result<Pending, Error> {
        let requested: Requested = from_base64("request", &answer.request)?;
        let hash = requested.hash::<SignRequest>();
        if asked.is_some_and(|asked| asked != hash) {
            return Err(Error::Unintelligible("another request than the one asked for"));
        }
        let request: SignRequest =
            codec::decode(requested.body.as_slice()).map_err(|why| Error::Unreadable { what: "request", why })?;
        let key = self.keys().await?.into_iter().find(|key| key.id() == request.key);
        let key = key.ok_or_else(|| Error::NoSuchKey(request.key.to_string()))?;
        let path = cloister_chains::derivation::ChildPath::new(request.path.as_slice())?;
        let account = Account::new(&key, path)?;
        let session = requested.delegation.as_ref().map(Delegation::unverified).transpose();
        let session = session.map_err(|why| Error::Unreadable { what: "delegation", why })?;
        if requested.delegation.as_ref().map(Delegation::hash) != request.session {
            return Err(Error::Unintelligible("a request without the delegation that it names"));
        }
        let needs_tables = request.chain == Chain::Solana
            && solana::Message::parse(request.payload.as_slice()).is_err_and(|why| is_about_tables(&why));
        let tables = if needs_tables { self.tables(&request.tenant).await? } else { Vec::new() };
        let rendering = rendering(&account, &request, tables.as_slice(), session.as_ref())?;
        let (mut reviews, mut problems) = (Vec::new(), Vec::new());
        for answer in answer.reviews {
            let boot = self.attested().boots().iter().find(|boot| boot.signer().get() == answer.signer);
            // One that was not attested says nothing that counts.
            let Some(boot) = boot else { continue };
            match (answer.review, answer.problem) {
                (Some(text), _) => reviews.push((boot.signer(), check(boot, &text, hash, &rendering)?)),
                (None, Some(problem)) => problems.push((boot.signer(), problem)),
                (None, None) => {}
            }
        }
        Ok(Pending { requested, request, hash, account, tables, rendering, reviews, problems })
    }
}

impl Pending {
    /// The policy that signers judge by, if they agree on it: what an approval has to name.
    ///
    /// # Errors
    /// [`Error::NoReview`] if no signer reviewed the request, or they are at different versions.
    pub fn policy(&self) -> Result<Hash, Error> {
        let mut policies = self.reviews.iter().map(|(_, review)| review.policy_hash);
        let first = policies.next().ok_or(Error::NoReview)?;
        if policies.all(|policy| policy == first) { Ok(first) } else { Err(Error::NoReview) }
    }

    /// The digest of what people are shown, as receipts carry it.
    #[must_use]
    pub fn effects(&self) -> Hash {
        digest(&self.rendering)
    }

    /// What a member says about it, to be proved with its credential.
    ///
    /// # Errors
    /// As [`Pending::policy`].
    pub fn word(&self, member: &Requester, stance: Stance) -> Result<Unsaid, Error> {
        let (request, policy, member) = (self.hash, self.policy()?, member.clone());
        let body = ApprovalBody { group: self.request.group, request, policy, member, stance, at: boot::now() };
        Ok(Unsaid::new(&body))
    }

    /// The request as a job whose result can be checked and put together.
    ///
    /// # Errors
    /// As [`SigningJob::new`].
    pub fn job(&self) -> Result<SigningJob, Error> {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| (kind.chain(), kind.purpose()) == (self.request.chain, self.request.purpose));
        let kind = kind.ok_or(Error::Unintelligible("a request of an unknown kind"))?;
        let tables: Vec<_> = self.tables.iter().map(pinned).collect();
        SigningJob::with_tables(self.account.clone(), kind, self.request.payload.as_slice(), &tables)
    }
}

impl Unsaid {
    pub(crate) fn new(body: &ApprovalBody) -> Self {
        let body = codec::encode(body);
        Self { challenge: Tag::APPROVAL.hash(&body), body }
    }

    /// What has to be proved. A passkey gets it as its challenge ([`crate::passkey::challenge`]).
    #[must_use]
    pub fn challenge(&self) -> Hash {
        self.challenge
    }

    /// What is proved, to be kept until it is.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Reads what [`Unsaid::bytes`] gave, and what it says.
    ///
    /// # Errors
    /// If it is no word of a member.
    pub fn read(bytes: Vec<u8>) -> Result<(Self, ApprovalBody), DecodeError> {
        let says = codec::decode(&bytes)?;
        Ok((Self { challenge: Tag::APPROVAL.hash(&bytes), body: bytes }, says))
    }

    /// With a proof that was made elsewhere.
    ///
    /// # Errors
    /// None that the fields' bounds allow.
    pub fn assemble(self, proof: Proof) -> Result<Approval, Error> {
        let body = self.body.try_into().map_err(|why| Error::TooLarge { what: "approval", why })?;
        Ok(Approval { body, proof })
    }

    /// With a proof by a key at hand.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn prove(self, secret: &RequesterSecret) -> Result<Approval, Error> {
        let proof = secret.prove(&self.challenge)?;
        self.assemble(proof)
    }
}

/// What people are shown of a request: by the same code as in signers, of the same bytes.
fn rendering(
    account: &Account,
    request: &SignRequest,
    tables: &[LookupTable],
    session: Option<&DelegationBody>,
) -> Result<String, Error> {
    let read = PolicyKey::from(account).payload(account.path(), request, tables)?;
    let payload::Payload { facts, .. } = read.map_err(Error::Refused)?;
    let asked = Asked {
        requester: &request.requester,
        key: &account.key().body().name,
        path: request.path.as_slice(),
        session: session.map(|session| &session.scope),
    };
    Ok(facts.rendering(&asked))
}

fn check(boot: &AttestedBoot, text: &str, request: Hash, rendering: &str) -> Result<ReviewBody, Error> {
    let review: Review = from_base64("review", text)?;
    let verified = boot.identity().verify(Tag::REVIEW, review.body.as_slice(), &review.signature);
    let body = review.unverified().map_err(|why| Error::Unreadable { what: "review", why })?;
    if verified.is_err() || body.boot != boot.boot() || body.request != request {
        return Err(Error::Boot { signer: boot.signer(), why: boot::BootRejected::Status });
    }
    if body.rendering.as_slice() == rendering.as_bytes() { Ok(body) } else { Err(Error::Disagreement(boot.signer())) }
}
