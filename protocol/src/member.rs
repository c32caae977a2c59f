//! A signer whose boot operators have named: founding, reopening, active.

use std::collections::BTreeMap;

use cloister_attestation::{Millis, Mode, UnixMillis as AttestationTime};
use cloister_wire::{
    blob::{Content, SealedBlob},
    bounded::List,
    certificate::Certificate,
    codec,
    endorsement::Endorsed,
    identity::Introduction,
    ids::{KeyId, SignerId},
    limits,
    message::{Body, KeygenState, Phase, Request, SignItem},
    order::{StartKind, StartOrder},
    peer::PeerFrame,
    policy::Policy,
    receipt::Event,
    refusal::Refusal,
    signature::PublicKey,
};
use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};
use rand_core::CryptoRngCore;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    authority::{Measured, Standing},
    ceremony::{Ceremonies, Sealing, Sent, State as CeremonyState},
    certification::{self, Certified, SignerKeys},
    fault::Fault,
    gate::Gate,
    introduction::Attested,
    keyring::Keyring,
    ledger::Ledger,
    peers::{Peers, Received},
    sealing::{Author, Sealer},
    share,
    signer::{Base, Pending, Step, Stepped},
    signing::{self, Signing},
    unwrapping::{Envelopes, Intent, Unwrapping, Unwraps},
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
    keyring: Keyring,
    ledger: Ledger,
}

enum Stage {
    /// Genesis: the signer key is made, and sealed once all peers are known.
    Founding { key: SigningKey, sealed: Option<Box<SealedBlob>> },
    /// A restart: the signer key is in a blob.
    Reopening,
    /// The signer key is here, and every peer's public one is known.
    Active(Identity),
}

/// The signer key, and the public ones of the whole group.
struct Identity {
    key: SigningKey,
    group: SignerKeys,
}

/// What the signer key's blob holds. Erased when dropped.
#[derive(Encode, Decode)]
#[cbor(array)]
struct SealedIdentity {
    #[cbor(n(0), with = "minicbor::bytes")]
    secret: [u8; 32],
    #[n(1)]
    group: List<GroupKey, { limits::SIGNERS }>,
}

/// One signer's public signer key.
#[derive(Encode, Decode)]
#[cbor(array)]
struct GroupKey {
    #[n(0)]
    signer: SignerId,
    #[n(1)]
    key: PublicKey,
}

impl Drop for SealedIdentity {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
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
            StartKind::Restart => Stage::Reopening,
        };
        let peers = Peers::new(measured.signer, measured.manifest.hash());
        let member = Self {
            measured,
            standing,
            stage,
            introduction: None,
            peers,
            sealer: Sealer::default(),
            unwraps: Unwraps::default(),
            ceremonies: Ceremonies::default(),
            keyring: Keyring::default(),
            ledger: Ledger::default(),
        };
        member.record_start(base)?;
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
            Request::AbandonKeygen { nonce } => {
                self.ceremonies.abandon(nonce)?;
                Ok(Step::Done(Body::Nothing))
            }
            Request::Certify { certificate } => self.certify(base, &certificate),
            Request::Commit { key, count } => self.commit(base, rng, key, count),
            Request::Sign { items } => self.sign(base, &items),
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

    fn record(&self, base: &mut Base, event: Event) -> Result<(), Fault> {
        base.receipts.record(&base.boot, base.now, self.standing.policy_version(), event)
    }

    fn record_start(&self, base: &mut Base) -> Result<(), Fault> {
        let (order, incarnation) = (self.standing.order_hash(), self.standing.order().incarnation);
        self.record(base, Event::Started { order, incarnation })
    }
}

/// Authority: the roster and the policy change only by operators' orders.
impl Member {
    /// A later start order, which names this boot again beside others that are new.
    fn restart(&mut self, base: &mut Base, order: &Endorsed<StartOrder>, policy: &Endorsed<Policy>) -> Stepped {
        self.standing = self.measured.admit(base.boot.id(), order, policy, Some(&self.standing))?;
        self.peers = Peers::new(self.measured.signer, self.measured.manifest.hash());
        self.ceremonies.clear();
        self.record_start(base)?;
        Ok(Step::Done(Body::Nothing))
    }

    fn apply_policy(&mut self, base: &mut Base, policy: &Endorsed<Policy>) -> Stepped {
        let policy = self.standing.apply(&self.measured, policy)?;
        self.record(base, Event::PolicyChanged { policy })?;
        Ok(Step::Done(Body::Nothing))
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

/// Sealing and opening.
impl Member {
    /// Seals the signer key with the public ones of everybody; the same blob again when asked again.
    fn seal_signer_key(&mut self, base: &mut Base, rng: &mut dyn CryptoRngCore) -> Stepped {
        let group = self.founders()?;
        let Stage::Founding { key, sealed } = &mut self.stage else {
            return Err(Refusal::WrongPhase.into());
        };
        if let Some(blob) = sealed {
            return Ok(Step::Done(Body::Sealed(blob.as_ref().clone())));
        }
        let group = group.into_iter().map(|(signer, key)| GroupKey { signer, key }).collect::<Vec<_>>().try_into()?;
        let secret = Zeroizing::new(codec::encode(&SealedIdentity { secret: key.to_bytes(), group }));
        let introduction = self.introduction.as_ref().ok_or(Fault::Fatal)?;
        let author = Author { boot: &base.boot, measured: &self.measured, introduction };
        let blob = self.sealer.seal(&author, rng, None, Content::SignerKey, &secret)?;
        *sealed = Some(Box::new(blob.clone()));
        Ok(Step::Done(Body::Sealed(blob)))
    }

    /// Everybody's signer key, once all peers are introduced.
    fn founders(&self) -> Result<SignerKeys, Refusal> {
        let own = self.signer_key().map(|key| (self.measured.signer, PublicKey::of(key)));
        let all: SignerKeys = self.peers.signer_keys().chain(own).collect();
        if all.len() == self.measured.manifest.signers.len() { Ok(all) } else { Err(Refusal::WrongPhase) }
    }

    /// Decides what a blob is presented for, checks its origin, and asks KMS unless its data key is known.
    fn present(&mut self, base: &mut Base, blob: SealedBlob, certificate: Option<Certificate>) -> Stepped {
        let intent = self.intent(base, &blob, certificate)?;
        let unwrapping = Unwrapping { blob: Box::new(blob), intent };
        if let (Intent::OpenShare(certified), Some(key)) = (&unwrapping.intent, self.sealer.known(&unwrapping.blob)) {
            let secret = key.open(&unwrapping.blob)?;
            return self.open_share(base, certified, &secret);
        }
        let statement = base.statement(&self.measured, self.signer_key());
        Ok(base.attest(None, |_| Pending::Unwrapping(unwrapping), statement))
    }

    fn intent(&mut self, base: &Base, blob: &SealedBlob, certificate: Option<Certificate>) -> Result<Intent, Fault> {
        match (&self.stage, &blob.context.content) {
            (Stage::Founding { sealed: Some(sealed), .. }, Content::SignerKey) if **sealed == *blob => {
                Ok(Intent::ReadBackSignerKey)
            }
            (Stage::Reopening, Content::SignerKey) => {
                Ok(Intent::OpenSignerKey(self.measured.verify_origin(&base.root, blob)?))
            }
            (Stage::Active(identity), Content::Share { key, .. }) => match (self.ceremonies.made(*key), certificate) {
                (Some(new), None) if new.sealing.is_blob(blob) => Ok(Intent::ReadBackShare(*key)),
                (None, Some(certificate)) => {
                    if self.measured.verify_origin(&base.root, blob)? != PublicKey::of(&identity.key) {
                        return Err(Refusal::BlobForged.into());
                    }
                    let certified = Certified::verify(&self.measured, &identity.group, &certificate, |_, _| None)?;
                    let fits = certified.content() == blob.context.content;
                    fits.then(|| Intent::OpenShare(Box::new(certified))).ok_or(Refusal::BlobForeign.into())
                }
                (Some(_) | None, _) => Err(Refusal::BlobForeign.into()),
            },
            (Stage::Founding { .. } | Stage::Active(_), Content::SignerKey) => Err(Refusal::BlobForeign.into()),
            (Stage::Founding { .. } | Stage::Reopening, Content::Share { .. }) => Err(Refusal::WrongPhase.into()),
        }
    }

    /// Hands out the order for KMS, with the document that KMS's policy looks at.
    pub(crate) fn unwrap(&mut self, unwrapping: Unwrapping, document: Vec<u8>) -> Stepped {
        let wraps = unwrapping.blob.wraps.clone();
        let ticket = self.unwraps.insert(unwrapping);
        Ok(Step::Done(Body::Unwrap { ticket, document: document.try_into()?, wraps }))
    }

    fn unwrapped(&mut self, base: &mut Base, ticket: u64, envelopes: &Envelopes) -> Stepped {
        let unwrapping = self.unwraps.take(ticket)?;
        let (data_key, secret) = unwrapping.open(base.boot.recipient(), envelopes)?;
        match unwrapping.intent {
            Intent::ReadBackSignerKey => self.found(&secret),
            Intent::OpenSignerKey(sealer) => self.reopen(base, sealer, &secret),
            Intent::ReadBackShare(key) => self.certify_own(base, key),
            Intent::OpenShare(certified) => {
                let stepped = self.open_share(base, &certified, &secret)?;
                self.sealer.remember(&unwrapping.blob, data_key);
                Ok(stepped)
            }
        }
    }

    /// Genesis is over for this signer: its key is safe.
    fn found(&mut self, secret: &[u8]) -> Stepped {
        if matches!(self.stage, Stage::Founding { .. }) {
            self.stage = Stage::Active(Identity::read(secret)?);
        }
        Ok(Step::Done(Body::Nothing))
    }

    /// The opened signer key has to be the one that the sealing boot had proved.
    fn reopen(&mut self, base: &Base, sealer: PublicKey, secret: &[u8]) -> Stepped {
        // A signer has one identity: a blob of another genesis that was presented before has come too late.
        if !matches!(self.stage, Stage::Reopening) {
            return Err(Refusal::WrongPhase.into());
        }
        let identity = Identity::read(secret)?;
        if PublicKey::of(&identity.key) != sealer || identity.group.get(&self.measured.signer) != Some(&sealer) {
            return Err(Refusal::BlobForged.into());
        }
        self.stage = Stage::Active(identity);
        self.enrol(base)
    }

    fn open_share(&mut self, base: &mut Base, certified: &Certified, secret: &[u8]) -> Stepped {
        let body = certified.body();
        let share = share::open(self.measured.signer, secret, body)?;
        self.keyring.insert(body.clone(), share)?;
        self.record(base, Event::ShareOpened { key: body.key })?;
        Ok(Step::Done(Body::Nothing))
    }
}

/// Key generation.
impl Member {
    fn open_keygen(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        request: &cloister_wire::request::Requested,
    ) -> Stepped {
        let authorized = match self.gate(base).authorize_key(request) {
            Ok(authorized) => authorized,
            Err(denied) => {
                if let Some(request) = denied.signed {
                    self.record(base, Event::Refused { request, refusal: denied.refusal })?;
                }
                return Err(denied.refusal.into());
            }
        };
        if self.ceremonies.has_name(authorized.body()) {
            return Err(Refusal::KeyNameTaken.into());
        }
        Ok(Step::Done(Body::KeygenNonce(self.ceremonies.open(base.now, authorized, rng)?)))
    }

    fn start_keygen(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        nonces: &List<cloister_wire::message::Contribution, { limits::SIGNERS }>,
    ) -> Stepped {
        if self.peers.open_channels().saturating_add(1) != self.measured.manifest.signers.len() {
            return Err(Refusal::ChannelFailed.into());
        }
        let (ceremony, sent) = self.ceremonies.start(&self.measured, self.standing.order(), nonces, rng)?;
        self.send(base, sent)?;
        Ok(Step::Done(Body::KeygenStarted(ceremony)))
    }

    fn deliver(&mut self, base: &mut Base, rng: &mut dyn CryptoRngCore, from: SignerId, frame: &PeerFrame) -> Stepped {
        match self.peers.receive(&base.boot, rng, from, frame)? {
            Received::Answer(envelope) => base.outbox.push(envelope),
            Received::Nothing => {}
            Received::Message(message) => {
                let sent = self.ceremonies.receive(&self.measured, from, message)?;
                self.send(base, sent)?;
            }
        }
        Ok(Step::Done(Body::Nothing))
    }

    fn send(&mut self, base: &mut Base, messages: Sent) -> Result<(), Fault> {
        for (to, message) in messages {
            base.outbox.push(self.peers.seal(to, &message)?);
        }
        Ok(())
    }

    /// Says how far a ceremony is; seals the share when it has just been made.
    fn keygen(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        ceremony: cloister_wire::ids::CeremonyId,
    ) -> Stepped {
        let state = match self.ceremonies.state(ceremony).ok_or(Refusal::CeremonyUnknown)? {
            CeremonyState::Running => KeygenState::Running,
            CeremonyState::Failed(blame) => KeygenState::Failed { refusal: blame.refusal, culprit: blame.culprit },
            CeremonyState::Made(new) => {
                if let Sealing::Secret(secret) = &new.sealing {
                    let introduction = self.introduction.as_ref().ok_or(Fault::Fatal)?;
                    let author = Author { boot: &base.boot, measured: &self.measured, introduction };
                    let content = certification::content(&new.certificate);
                    let blob = self.sealer.seal(&author, rng, Some(&new.certificate.tenant), content, secret)?;
                    new.sealing = Sealing::Blob(Box::new(blob));
                }
                let blob = new.sealing.blob().ok_or(Fault::Fatal)?.clone();
                KeygenState::Sealed { blob, certificate: new.certificate.clone() }
            }
        };
        Ok(Step::Done(Body::Keygen(state)))
    }

    /// The new share was read back through every KMS key: sign the certificate.
    fn certify_own(&mut self, base: &Base, key: KeyId) -> Stepped {
        let new = self.ceremonies.made(key).ok_or(Refusal::CeremonyUnknown)?;
        new.sealing.read_back();
        let body = new.certificate.clone();
        let signature = certification::sign(&body, self.measured.signer, &base.boot, &self.identity()?.key);
        Ok(Step::Done(Body::Certified(signature)))
    }

    /// Everybody signed: the key can be used.
    fn certify(&mut self, base: &mut Base, certificate: &Certificate) -> Stepped {
        let own = (self.measured.signer, base.boot.id());
        let identity = |signer, boot| {
            if (signer, boot) == own { Some(base.boot.keys().identity) } else { self.peers.identity(signer, boot) }
        };
        let certified = Certified::verify(&self.measured, &self.identity()?.group, certificate, identity)?;
        let body = certified.body().clone();
        if self.keyring.get(body.key).is_some() {
            return Ok(Step::Done(Body::Nothing));
        }
        let by_known_boots = certificate.signatures.iter().all(|entry| identity(entry.signer, entry.boot).is_some());
        if !by_known_boots || self.ceremonies.made(body.key).is_none_or(|new| new.certificate != body) {
            return Err(Refusal::CertificateInvalid.into());
        }
        // One request may have opened two ceremonies: the first to end has the name.
        if self.keyring.has_name(&body.tenant, &body.name) {
            return Err(Refusal::KeyNameTaken.into());
        }
        let new = self.ceremonies.take(body.key).ok_or(Refusal::WrongPhase)?;
        let event = Event::KeyCreated { request: new.request, ceremony: body.ceremony, key: body.key };
        self.keyring.insert(body, new.share)?;
        self.record(base, event)?;
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
            let authorized = self.gate(base).authorize_signing(&item.request);
            let mut signing = Signing {
                me: self.measured.signer,
                now: base.now,
                keyring: &mut self.keyring,
                ledger: &mut self.ledger,
            };
            let decision = signing::decide(item, authorized, &mut signing)?;
            if let Some(event) = decision.event {
                self.record(base, event)?;
            }
            outcomes.push(decision.outcome);
        }
        Ok(Step::Done(Body::Signed(outcomes.try_into()?)))
    }

    fn gate(&self, base: &Base) -> Gate<'_> {
        Gate {
            group: self.measured.manifest.group,
            policy: self.standing.policy(),
            keyring: &self.keyring,
            now: base.now,
            started: self.standing.order().issued_at,
        }
    }
}

impl Identity {
    fn read(secret: &[u8]) -> Result<Self, Refusal> {
        let sealed: SealedIdentity = codec::decode(secret).map_err(|_| Refusal::BlobForged)?;
        let group: BTreeMap<_, _> = sealed.group.iter().map(|entry| (entry.signer, entry.key)).collect();
        Ok(Self { key: SigningKey::from_bytes(&sealed.secret), group })
    }
}

impl Sealing {
    fn blob(&self) -> Option<&SealedBlob> {
        match self {
            Sealing::Secret(_) => None,
            Sealing::Blob(blob) | Sealing::ReadBack(blob) => Some(blob),
        }
    }

    fn is_blob(&self, blob: &SealedBlob) -> bool {
        self.blob() == Some(blob)
    }

    fn read_back(&mut self) {
        if let Sealing::Blob(blob) = self {
            *self = Sealing::ReadBack(blob.clone());
        }
    }
}
