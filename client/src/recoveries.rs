//! Recoveries of lost credentials: guardians approve another one for a member, and its holder or an operator stops that while it waits.
//!
//! ```text
//!   Proposal::draft ──approve, by each guardian──▶ Attested::recover ──the policy's delay──▶ the new credential counts
//!                                                       └── Attested::cancel_recovery ──▶ never
//! ```

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    codec::{self, DecodeError},
    credential::Credential,
    endorsement::Endorsed,
    ids::{Hash, Nonce, Requester},
    manifest::ValidManifest,
    policy::{Member, Policy, Quorum, TenantPolicy},
    recovery::{Cancellation, Canceller, Recovery, RecoveryBody},
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    api::{self, from_base64, to_base64},
    boot,
    error::Error,
    operator::{PlanError, endorsed_by},
    problem::Problem,
    requester,
    requests::Unsaid,
    secret::Secret,
    session::Attested,
};

/// A recovery and the approvals that it has so far: what goes round between guardians.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The exact bytes that guardians approve.
    pub recovery: Recovery,
    /// What they say.
    pub body: RecoveryBody,
    /// By guardians, one of each.
    pub approvals: Vec<Approval>,
}

/// A recovery that has been through a host. All but the recovery itself is the host's word.
#[derive(Clone, Debug)]
pub struct Known {
    /// The recovery, with the approvals that it came with.
    pub proposal: Proposal,
    /// When the host saw it first, milliseconds since 1970.
    pub seen_at: u64,
    /// Whether somebody has cancelled it.
    pub cancelled: bool,
}

/// What one signer says to a recovery or its end.
#[derive(Clone, Debug, Deserialize)]
pub struct Taken {
    /// The signer.
    pub signer: u16,
    /// Whether it has taken it.
    pub taken: bool,
    /// Why not.
    #[serde(default)]
    pub problem: Option<Problem>,
}

/// Why a file is no [`Proposal`].
#[derive(Debug, thiserror::Error)]
pub enum NotAProposal {
    /// No JSON, or with other fields.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Another kind of file.
    #[error("no {FORMAT}")]
    Format,
    /// A field that is no base64.
    #[error("{0}: not base64")]
    Base64(&'static str),
    /// A document that is damaged.
    #[error("{what}: {why}")]
    Unreadable {
        /// The field.
        what: &'static str,
        /// What is wrong.
        why: DecodeError,
    },
}

/// The file: wire documents in base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    recovery: String,
    approvals: Vec<String>,
}

#[derive(Serialize)]
struct RecoveryQuestion {
    recovery: String,
    approvals: Vec<String>,
}

#[derive(Default, Serialize)]
struct CancelQuestion {
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation: Option<String>,
}

#[derive(Deserialize)]
struct TakenAnswer {
    signers: Vec<Taken>,
}

#[derive(Deserialize)]
struct KnownAnswer {
    recovery: String,
    approvals: Vec<String>,
    seen_at: u64,
    cancelled: bool,
}

impl Proposal {
    /// Another credential for a member whom the policy gives guardians. It replaces the policy's, unless `replaces` is what a recovery has
    /// put in its place; guardians have [`DRAFT_LIFE_MS`] to approve it.
    ///
    /// # Errors
    /// [`PlanError::UnknownRequester`], [`PlanError::NoGuardians`], [`PlanError::CredentialInForce`]; [`Error::NoRandomness`].
    pub fn draft(
        policy: &Policy,
        member: &Requester,
        replaces: Option<&Credential>,
        credential: Credential,
    ) -> Result<Self, Error> {
        let (tenant, known, _) = guarded(policy, member)?;
        let replaces = replaces.unwrap_or(&known.credential);
        if *replaces == credential {
            return Err(PlanError::CredentialInForce(member.clone()).into());
        }
        let mut nonce = [0; Nonce::LEN];
        getrandom::fill(&mut nonce)?;
        let issued_at = boot::now();
        let body = RecoveryBody {
            group: policy.group,
            tenant: tenant.tenant.clone(),
            member: member.clone(),
            replaces: replaces.hash(),
            credential,
            nonce: Nonce::from_bytes(nonce),
            issued_at,
            not_after: issued_at.plus(DRAFT_LIFE_MS),
        };
        let recovery = Recovery::new(&body).map_err(|why| Error::TooLarge { what: "recovery", why })?;
        Ok(Self { recovery, body, approvals: Vec::new() })
    }

    /// What [`Proposal::to_json`] wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(json: &[u8]) -> Result<Self, NotAProposal> {
        let File { format, recovery, approvals } = serde_json::from_slice(json)?;
        if format != FORMAT {
            return Err(NotAProposal::Format);
        }
        let recovery: Recovery = document("recovery", &recovery)?;
        let approvals = approvals.iter().map(|text| document("approvals", text)).collect::<Result<_, _>>()?;
        let body = recovery.unverified().map_err(|why| NotAProposal::Unreadable { what: "recovery", why })?;
        Ok(Self { recovery, body, approvals })
    }

    /// As a file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let approvals = self.approvals.iter().map(to_base64).collect();
        let file = File { format: FORMAT.to_owned(), recovery: to_base64(&self.recovery), approvals };
        let mut text = serde_json::to_vec_pretty(&file).expect("strings serialise");
        text.push(b'\n');
        text
    }

    /// By whom it is approved, as the approvals say; signers verify them.
    #[must_use]
    pub fn approved_by(&self) -> Vec<Requester> {
        self.approvals.iter().filter_map(|approval| Some(approval.unverified().ok()?.member)).collect()
    }

    /// What a member says about it under the policy of this hash, to be proved with its credential.
    #[must_use]
    pub fn word(&self, policy: Hash, member: &Requester, stance: Stance) -> Unsaid {
        let (group, request, member) = (self.body.group, self.recovery.hash(), member.clone());
        Unsaid::new(&ApprovalBody { group, request, policy, member, stance, at: boot::now() })
    }

    /// Adds a guardian's approval, in place of an older one of the same guardian.
    ///
    /// # Errors
    /// As [`Proposal::draft`]; [`PlanError::NotAGuardian`].
    pub fn approve(&mut self, (policy, hash): (&Policy, Hash), guardian: &requester::Credential) -> Result<(), Error> {
        let member = &self.body.member;
        let (tenant, _, guardians) = guarded(policy, member)?;
        let belongs = tenant.set(&guardians.set).is_some_and(|set| set.has(&guardian.name));
        if !belongs || guardian.name == *member {
            let (name, member) = (guardian.name.clone(), member.clone());
            return Err(PlanError::NotAGuardian { name, member }.into());
        }
        let approval = self.word(hash, &guardian.name, Stance::Approve).prove(&guardian.secret)?;
        let by_another = |known: &Approval| known.unverified().is_ok_and(|said| said.member != guardian.name);
        self.approvals.retain(by_another);
        self.approvals.push(approval);
        Ok(())
    }
}

/// The member with its tenant and guardians.
///
/// # Errors
/// [`PlanError::UnknownRequester`], [`PlanError::NoGuardians`].
pub fn guarded<'a>(
    policy: &'a Policy,
    member: &Requester,
) -> Result<(&'a TenantPolicy, &'a Member, &'a Quorum), PlanError> {
    let (tenant, known) = policy.member(member).ok_or_else(|| PlanError::UnknownRequester(member.clone()))?;
    let guardians = known.guardians.as_ref().ok_or_else(|| PlanError::NoGuardians(member.clone()))?;
    Ok((tenant, known, guardians))
}

/// An operator's word that ends a recovery.
///
/// # Errors
/// [`Error::Plan`] if the key is no operator's.
pub fn cancellation(manifest: &ValidManifest, recovery: Hash, operator: &Secret) -> Result<Canceller, Error> {
    let document = Cancellation { group: manifest.group, manifest: manifest.hash(), recovery };
    let endorsed: Endorsed<Cancellation> = endorsed_by(&document, manifest, [operator])?;
    Ok(Canceller::Operator(endorsed))
}

impl Attested {
    /// Has a recovery begin at every signer that can be reached; says what each of them answers. Safe to repeat.
    ///
    /// # Errors
    /// What the signers say if none has taken it, or what the network brings.
    pub async fn recover(&self, proposal: &Proposal) -> Result<Vec<Taken>, Error> {
        let approvals = proposal.approvals.iter().map(to_base64).collect();
        let question = RecoveryQuestion { recovery: to_base64(&proposal.recovery), approvals };
        let TakenAnswer { signers } = self.api().post("/v1/recoveries", &question, api::POLICY).await?;
        Ok(signers)
    }

    /// Ends a recovery; says what each signer answers.
    ///
    /// # Errors
    /// What the signers say if too few have taken it, [`Error::Problem`] if the host does not know it, or what the network brings.
    pub async fn cancel_recovery(&self, recovery: &Hash, by: &Canceller) -> Result<Vec<Taken>, Error> {
        let question = match by {
            Canceller::Holder(word) => CancelQuestion { withdrawal: Some(to_base64(word)), ..Default::default() },
            Canceller::Operator(word) => CancelQuestion { cancellation: Some(to_base64(word)), ..Default::default() },
        };
        let path = format!("/v1/recoveries/{recovery}/cancel");
        let TakenAnswer { signers } = self.api().post(&path, &question, api::POLICY).await?;
        Ok(signers)
    }

    /// The recoveries that have been through the host, oldest first. That there are no others is its word alone.
    ///
    /// # Errors
    /// [`Error::Unreadable`], or what the network brings.
    pub async fn recoveries(&self) -> Result<Vec<Known>, Error> {
        let answers: Vec<KnownAnswer> = self.api().get("/v1/recoveries", &[]).await?;
        let read = |answer: &KnownAnswer| {
            let approvals = answer.approvals.iter().map(|text| from_base64("approval", text));
            let approvals = approvals.collect::<Result<_, _>>()?;
            let recovery: Recovery = from_base64("recovery", &answer.recovery)?;
            let body = recovery.unverified().map_err(|why| Error::Unreadable { what: "recovery", why })?;
            let proposal = Proposal { recovery, body, approvals };
            Ok(Known { proposal, seen_at: answer.seen_at, cancelled: answer.cancelled })
        };
        answers.iter().map(read).collect()
    }
}

/// A document in a file.
fn document<T: Encode<()> + for<'b> Decode<'b, ()>>(what: &'static str, text: &str) -> Result<T, NotAProposal> {
    let bytes = STANDARD.decode(text).map_err(|_| NotAProposal::Base64(what))?;
    codec::decode(&bytes).map_err(|why| NotAProposal::Unreadable { what, why })
}

/// Which files these are.
const FORMAT: &str = "cloister-recovery-1";

/// How long guardians have to approve a draft, milliseconds.
pub const DRAFT_LIFE_MS: u64 = cloister_wire::limits::REQUEST_LIFE_MS;
