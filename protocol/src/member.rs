//! A signer whose boot operators have named: founding, reopening, active.

mod creation;
mod opening;
mod presigning;

use cloister_attestation::{Millis, Mode, UnixMillis as AttestationTime};
use cloister_wire::{
    approval::Approval,
    blob::SealedBlob,
    bounded::List,
    codec,
    delegation::Delegation,
    endorsement::Endorsed,
    identity::Introduction,
    ids::{Hash, KeyId, UnixMillis},
    limits,
    message::{Body, Phase, Request, SignItem},
    order::{StartKind, StartOrder},
    policy::Policy,
    receipt::Event,
    recovery::{Canceller, Recovery},
    refusal::Refusal,
    request::Requested,
    review::Review,
    switch::{Closing, Opening},
    tag::Tag,
};
use ed25519_dalek::SigningKey;
use rand_core::CryptoRngCore;

use crate::{
    answers::Answers,
    authority::{Measured, Standing, refuse_endorsement},
    ceremony::Ceremonies,
    certification::SignerKeys,
    ecdsa::Pairs,
    fault::Fault,
    gate::Gate,
    introduction::Attested,
    keyring::Keyring,
    peers::Peers,
    presignings::Presignings,
    receipts::Under,
    sealing::Sealer,
    signer::{Base, Pending, Step, Stepped},
    signing::{self, Signing},
    unwrapping::Unwraps,
};

/// How old a peer's attestation document may be, milliseconds.
const PEER_DOCUMENT_AGE_MS: u64 = 5 * 60 * 1000;

/// A named boot and all that it holds.
pub(crate) struct Member {
    measured: Measured,
    standing: Standing,
    stage: Stage,
    introduction: Option<Introduction>,
    peers: Peers,
    sealer: Sealer,
    unwraps: Unwraps,
    ceremonies: Ceremonies,
    pairs: Pairs,
    presignings: Presignings,
    keyring: Keyring,
    answers: Answers,
}

enum Stage {
    /// Genesis: the signer key is made, and sealed once all peers are known.
    Founding { key: SigningKey, sealed: Option<Box<SealedBlob>> },
    /// A restart: the signer key is in a blob.
    Reopening,
    /// The signer key is here, and every peer's public one is known.
    Active(Identity),
}

/// The signer key, and the public ones of the whole group, as one genesis made them.
struct Identity {
    genesis: Hash,
    key: SigningKey,
    group: SignerKeys,
}

impl Member {
    /// Takes its place under a start order; at genesis it makes its signer key.
    pub(crate) fn new(
        measured: Measured,
        standing: Standing,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Self, Fault> {
        let stage = match standing.order().kind {
            StartKind::Genesis => Stage::Founding { key: SigningKey::generate(rng), sealed: None },
            StartKind::Restart { .. } => Stage::Reopening,
        };
        let pairs = Pairs::new(measured.signer, standing.boots())?;
        let peers = Peers::new(measured.signer, standing.order_hash());
        let member = Self {
            measured,
            standing,
            stage,
            introduction: None,
            peers,
            sealer: Sealer::default(),
            unwraps: Unwraps::default(),
            ceremonies: Ceremonies::default(),
            pairs,
            presignings: Presignings::default(),
            keyring: Keyring::default(),
            answers: Answers::default(),
        };
        member.record_start(base);
        Ok(member)
    }

    pub(crate) fn measured(&self) -> &Measured {
        &self.measured
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn keys(&self) -> usize {
        self.keyring.len()
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.stage {
            Stage::Founding { .. } => Phase::Founding,
            Stage::Reopening => Phase::Reopening,
            Stage::Active(_) => Phase::Active,
        }
    }

    /// Gets the introduction that this boot's blobs will carry, if there is a signer key to prove it.
    pub(crate) fn enrol(&self, base: &Base) -> Stepped {
        match self.signer_key() {
            Some(key) => Ok(base.attest(None, Pending::Enrolling, base.statement(&self.measured, Some(key)))),
            None => Ok(Step::Done(Body::Nothing)),
        }
    }

    pub(crate) fn enrolled(&mut self, introduction: Introduction) {
        self.introduction = Some(introduction);
    }

    /// Erases nonces, presignatures and presignings whose time is up.
    pub(crate) fn forget_expired(&mut self, now: UnixMillis) {
        self.presignings.forget_overdue(now);
        self.keyring.forget_expired(now);
    }

    /// Carries out a request of a named boot. What a stage does not allow is refused.
    pub(crate) fn handle(&mut self, base: &mut Base, rng: &mut dyn CryptoRngCore, request: Request) -> Stepped {
        match (&self.stage, request) {
            (_, Request::Attest { nonce }) => {
                let statement = base.statement(&self.measured, self.signer_key());
                Ok(base.attest(Some(nonce.into_vec()), Pending::Introducing, statement))
            }
            (_, Request::Challenge) => Ok(Step::Done(Body::Challenge(base.challenge))),
            (Stage::Founding { .. } | Stage::Active(_), Request::Introduce { peer }) => {
                self.introduce(base, rng, &peer)
            }
            (Stage::Founding { .. }, Request::SealSignerKey) => self.seal_signer_key(base, rng),
            (_, Request::Present { blob, certificate }) => self.present(base, blob, certificate),
            (_, Request::Unwrapped { ticket, envelopes }) => self.unwrapped(base, ticket, &envelopes),
            (Stage::Founding { .. } | Stage::Active(_), Request::Deliver { from, frame }) => {
                self.deliver(base, rng, from, &frame)
            }
            // What kept the signer key shut, as a KMS that was away, may outlast an order.
            (Stage::Reopening, Request::Start { order, policy }) => self.restart(base, &order, &policy),
            (Stage::Active(_), request) => self.handle_active(base, rng, request),
            (Stage::Founding { .. } | Stage::Reopening, _) => Err(Refusal::WrongPhase.into()),
        }
    }

    fn handle_active(&mut self, base: &mut Base, rng: &mut dyn CryptoRngCore, request: Request) -> Stepped {
        match request {
            Request::Start { order, policy } => self.restart(base, &order, &policy),
            Request::ApplyPolicy { policy } => self.apply_policy(base, &policy),
            Request::OpenKeygen { request } => self.open_keygen(base, rng, &request),
            Request::StartKeygen { nonces } => self.start_keygen(base, rng, &nonces),
            Request::Keygen { ceremony } => self.keygen(base, rng, ceremony),
            Request::Abandon { nonce } => {
                match self.presignings.knows(nonce) {
                    true => self.presignings.abandon(nonce),
                    false => self.ceremonies.abandon(nonce)?,
                }
                Ok(Step::Done(Body::Nothing))
            }
            Request::OpenPresigning { key, path, signers, count } => {
                self.open_presigning(base, rng, (key, path.as_slice(), signers.into_vec()), count)
            }
            Request::StartPresigning { nonces } => self.start_presigning(base, &nonces),
            Request::Presigning { ceremony } => self.presigning(ceremony),
            Request::Pair { peer } => self.pair(base, rng, peer),
            Request::Certify { certificate } => self.certify(base, &certificate),
            Request::Commit { key, count } => self.commit(base, rng, key, count),
            Request::Sign { items } => self.sign(base, &items),
            Request::Review { request, approvals } => self.review(base, &request, approvals.as_slice()),
            Request::Close { closing } => self.close(base, &closing),
            Request::Open { opening } => self.open(base, &opening),
            Request::Withdraw { request, withdrawal } => self.withdraw(base, &request, &withdrawal),
            Request::Revoke { delegation, withdrawal } => self.revoke(base, &delegation, &withdrawal),
            Request::Recover { recovery, approvals } => self.recover(base, &recovery, approvals.as_slice()),
            Request::CancelRecovery { recovery, by } => self.cancel_recovery(base, &recovery, &by),
            Request::Status { .. }
            | Request::Configure { .. }
            | Request::Attest { .. }
            | Request::Challenge
            | Request::Introduce { .. }
            | Request::SealSignerKey
            | Request::Present { .. }
            | Request::Unwrapped { .. }
            | Request::Deliver { .. } => Err(Refusal::WrongPhase.into()),
        }
    }

    fn signer_key(&self) -> Option<&SigningKey> {
        match &self.stage {
            Stage::Founding { key, .. } => Some(key),
            Stage::Active(identity) => Some(&identity.key),
            Stage::Reopening => None,
        }
    }

    fn identity(&self) -> Result<&Identity, Refusal> {
        match &self.stage {
            Stage::Active(identity) => Ok(identity),
            Stage::Founding { .. } | Stage::Reopening => Err(Refusal::WrongPhase),
        }
    }

    fn record(&self, base: &mut Base, event: Event) {
        let under = Under { image: self.measured.image, policy: self.standing.policy_version() };
        base.receipts.record(base.now, under, event);
    }

    fn record_start(&self, base: &mut Base) {
        let (order, incarnation) = (self.standing.order_hash(), self.standing.order().incarnation);
        self.record(base, Event::Started { order, incarnation });
    }
}

/// Authority: the roster and the policy change only by operators' orders.
impl Member {
    /// A later start order, which names this boot again beside others that are new.
    fn restart(&mut self, base: &mut Base, order: &Endorsed<StartOrder>, policy: &Endorsed<Policy>) -> Stepped {
        let standing = self.measured.admit(base.now, base.boot.id(), order, policy, Some(&self.standing))?;
        if let Stage::Active(identity) = &self.stage {
            identity.check_genesis(&standing)?;
        }
        self.peers = Peers::new(self.measured.signer, standing.order_hash());
        self.pairs.renew(standing.boots());
        self.standing = standing;
        self.ceremonies.clear();
        // A presignature needs every boot that made it.
        self.presignings.clear();
        self.keyring.flush_presignatures();
        self.record_start(base);
        self.end_recoveries(base);
        Ok(Step::Done(Body::Nothing))
    }

    /// Closes a kill switch; one that is closed or was lifted stays as it is.
    fn close(&mut self, base: &mut Base, closing: &Endorsed<Closing>) -> Stepped {
        let document = closing.verify_by_any(&self.measured.manifest).map_err(refuse_endorsement)?;
        self.measured.check_group(document.group, document.manifest)?;
        let (closing, scope, state) = (closing.hash(), document.scope, base.receipts.state());
        if !state.knows(&closing) {
            if !state.has_room_for_closing(&scope) {
                return Err(Refusal::Busy.into());
            }
            self.record(base, Event::SwitchClosed { closing, scope });
        }
        Ok(Step::Done(Body::Nothing))
    }

    /// Lifts the closings that the operators name.
    fn open(&mut self, base: &mut Base, opening: &Endorsed<Opening>) -> Stepped {
        let document = opening.verify(&self.measured.manifest).map_err(refuse_endorsement)?;
        self.measured.check_group(document.group, document.manifest)?;
        for closing in &document.closings {
            if let Some(scope) = base.receipts.state().closed(closing).cloned() {
                self.record(base, Event::SwitchOpened { closing: *closing, scope });
            }
        }
        Ok(Step::Done(Body::Nothing))
    }

    fn apply_policy(&mut self, base: &mut Base, policy: &Endorsed<Policy>) -> Stepped {
        let policy = self.standing.apply(&self.measured, policy)?;
        self.record(base, Event::PolicyChanged { policy });
        self.end_recoveries(base);
        Ok(Step::Done(Body::Nothing))
    }

    /// Has a member's new credential wait for its time.
    fn recover(&mut self, base: &mut Base, recovery: &Recovery, approvals: &[Approval]) -> Stepped {
        if let Some(event) = self.gate(base).recover(recovery, approvals)? {
            self.record(base, event);
        }
        Ok(Step::Done(Body::Nothing))
    }

    fn cancel_recovery(&mut self, base: &mut Base, recovery: &Recovery, by: &Canceller) -> Stepped {
        let cancelled = match by {
            Canceller::Holder(word) => self.gate(base).cancel_by_holder(recovery, word),
            Canceller::Operator(cancellation) => {
                let document = cancellation.verify_by_any(&self.measured.manifest).map_err(refuse_endorsement)?;
                self.measured.check_group(document.group, document.manifest)?;
                if document.recovery != recovery.hash() {
                    return Err(Refusal::RecoveryUnknown.into());
                }
                self.gate(base).cancel_by_operators(recovery)
            }
        };
        if let Some(event) = cancelled? {
            self.record(base, event);
        }
        Ok(Step::Done(Body::Nothing))
    }

    /// What the operators have ordered counts from now on: each recovery that it ends is in the receipt.
    fn end_recoveries(&self, base: &mut Base) {
        let ended = base.receipts.state().recoveries().ended_by(self.standing.policy(), base.now);
        for (recovery, not_after, tenant) in ended {
            self.record(base, Event::RecoveryCancelled { recovery, by: None, not_after, tenant });
        }
    }

    /// Takes in a peer: its document answers our challenge, its boot is the rostered one, its signer key the one that the group knows.
    fn introduce(&mut self, base: &mut Base, rng: &mut dyn CryptoRngCore, peer: &Introduction) -> Stepped {
        let now = AttestationTime(base.now.0);
        let mode = Mode::Live { now, max_age: Millis(PEER_DOCUMENT_AGE_MS), nonce: base.challenge.as_bytes() };
        let peer = Attested::verify(&self.measured.manifest, &base.root, peer, mode)?;
        let statement = peer.statement();
        if statement.signer == self.measured.signer
            || self.standing.order().boot_of(statement.signer) != Some(statement.boot())
        {
            return Err(Refusal::NotRostered.into());
        }
        let key = statement.proved_key().ok_or(Refusal::AttestationRejected)?;
        if let Stage::Active(identity) = &self.stage
            && identity.group.get(&statement.signer) != Some(&key)
        {
            return Err(Refusal::AttestationRejected.into());
        }
        base.outbox.extend(self.peers.introduce(&base.boot, rng, &peer, key)?);
        Ok(Step::Done(Body::Nothing))
    }
}

/// Signing.
impl Member {
    fn commit(&mut self, base: &Base, rng: &mut dyn CryptoRngCore, key: KeyId, count: u16) -> Stepped {
        if usize::from(count) > limits::COMMITMENTS {
            return Err(Refusal::PoolFull.into());
        }
        self.keyring.make_room(base.now, count.into())?;
        let key = self.keyring.get_mut(key).ok_or(Refusal::KeyUnknown)?;
        let commitments = key.share().commit(base.now, rng, count.into())?;
        Ok(Step::Done(Body::Commitments(commitments.try_into()?)))
    }

    fn sign(&mut self, base: &mut Base, items: &List<SignItem, { limits::BATCH }>) -> Stepped {
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            let gate = self.gate(base);
            let part = gate.part_of(limits::REQUEST_IDS);
            let authorized = gate.authorize_signing(&item.request, item.approvals.as_slice());
            let mut signing = Signing {
                me: self.measured.signer,
                now: base.now,
                keyring: &mut self.keyring,
                answers: &mut self.answers,
                requests: base.receipts.state().requests(),
                part,
            };
            let decision = signing::decide(item, authorized, &mut signing)?;
            if let Some(event) = decision.event {
                self.record(base, event);
            }
            outcomes.push(decision.outcome);
        }
        Ok(Step::Done(Body::Signed(outcomes.try_into()?)))
    }

    /// Says what the request comes to; a delay begins once it has its approvals.
    fn review(&mut self, base: &mut Base, request: &Requested, approvals: &[Approval]) -> Stepped {
        let reviewed = self.gate(base).review(request, approvals)?;
        if let Some(event) = reviewed.approved {
            self.record(base, event);
        }
        let policy = (self.standing.policy_version(), self.standing.policy_hash());
        let body = codec::encode(&reviewed.view.by(base.boot.id(), policy, base.now));
        let signature = base.boot.sign(Tag::REVIEW, &body);
        Ok(Step::Done(Body::Review(Review { body: body.try_into()?, signature })))
    }

    fn withdraw(&mut self, base: &mut Base, request: &Requested, withdrawal: &Approval) -> Stepped {
        if let Some(event) = self.gate(base).withdraw(request, withdrawal)? {
            self.record(base, event);
        }
        Ok(Step::Done(Body::Nothing))
    }

    fn revoke(&mut self, base: &mut Base, delegation: &Delegation, withdrawal: &Approval) -> Stepped {
        if let Some(event) = self.gate(base).revoke(delegation, withdrawal)? {
            self.record(base, event);
        }
        Ok(Step::Done(Body::Nothing))
    }

    fn gate<'a>(&'a self, base: &'a Base) -> Gate<'a> {
        Gate {
            group: self.measured.manifest.group,
            policy: self.standing.policy(),
            policy_hash: self.standing.policy_hash(),
            state: base.receipts.state(),
            threshold: self.measured.manifest.threshold,
            keyring: &self.keyring,
            now: base.now,
            started: self.standing.order().issued_at,
        }
    }
}
