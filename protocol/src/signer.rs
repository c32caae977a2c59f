//! The signer: dispatches requests by phase, and keeps what every phase has.

use cloister_attestation::{TrustRoot, WrappingKey};
use cloister_wire::{
    bounded::Bytes,
    codec,
    endorsement::Endorsed,
    identity::{BootStatement, Introduction, SignerProof},
    ids::{Nonce, SignerId, UnixMillis},
    limits,
    manifest::{Manifest, ValidManifest},
    message::{Body, Outcome, Phase, Reply, Request, SignedStatus, StatusBody},
    peer::Envelope,
    refusal::Refusal,
    signature::{PublicKey, Signature},
    tag::Tag,
};
use ed25519_dalek::SigningKey;
use rand_core::{CryptoRng, CryptoRngCore, RngCore};

use crate::{
    authority::{Measured, refuse_endorsement},
    boot::{Boot, BootFailed},
    ceremony::fresh_nonce,
    device::{DeviceAnswer, DeviceCall, Output},
    fault::Fault,
    member::Member,
    receipts::Receipts,
    unwrapping::Unwrapping,
};

/// One signer of a group, from boot to halt.
pub struct Signer {
    base: Base,
    state: State,
    pending: Option<Pending>,
}

/// What every phase has.
pub(crate) struct Base {
    pub(crate) root: TrustRoot,
    pub(crate) boot: Boot,
    /// The highest time that was passed in: time never goes backwards.
    pub(crate) now: UnixMillis,
    /// What peers' attestation documents have to answer.
    pub(crate) challenge: Nonce,
    pub(crate) receipts: Receipts,
    pub(crate) outbox: Vec<Envelope>,
}

enum State {
    Blank,
    Measured(Measured),
    Member(Box<Member>),
    Halted,
}

/// A request that waits for the device.
pub(crate) enum Pending {
    /// The registers are being extended.
    Measuring(ValidManifest, SignerId),
    /// The caller gets an introduction with this statement.
    Introducing(BootStatement),
    /// The boot's own introduction, which its sealed blobs will carry; the request is done then.
    Enrolling(BootStatement),
    /// KMS orders need a document for this unwrapping.
    Unwrapping(Unwrapping),
}

/// How a step ends.
pub(crate) enum Step {
    Done(Body),
    Device(DeviceCall, Pending),
}

pub(crate) type Stepped = Result<Step, Fault>;

impl Signer {
    /// Boots: makes this boot's keys. `root` is what attestation documents of peers and blobs have to chain to.
    ///
    /// # Errors
    /// If the RSA key cannot be made.
    pub fn new(root: TrustRoot, rng: &mut (impl RngCore + CryptoRng)) -> Result<Self, BootFailed> {
        let challenge = fresh_nonce(rng);
        let base = Base {
            root,
            boot: Boot::new(rng)?,
            now: UnixMillis(0),
            challenge,
            receipts: Receipts::default(),
            outbox: Vec::new(),
        };
        Ok(Self { base, state: State::Blank, pending: None })
    }

    /// Carries out a request.
    pub fn handle(&mut self, now: UnixMillis, rng: &mut (impl RngCore + CryptoRng), request: Request) -> Output {
        self.base.now = self.base.now.max(now);
        self.pending = None;
        self.base.receipts.forget_expired(self.base.now);
        if let State::Member(member) = &mut self.state {
            member.forget_expired(self.base.now);
        }
        let stepped = self.dispatch(rng, request);
        self.conclude(stepped)
    }

    /// Goes on with a request after its [`DeviceCall`].
    pub fn resume(&mut self, now: UnixMillis, answer: DeviceAnswer) -> Output {
        self.base.now = self.base.now.max(now);
        let stepped = self.pending.take().ok_or(Fault::Fatal).and_then(|pending| self.continue_with(pending, answer));
        self.conclude(stepped)
    }

    fn dispatch(&mut self, rng: &mut dyn CryptoRngCore, request: Request) -> Stepped {
        match (&mut self.state, request) {
            (_, Request::Status { nonce }) => self.status(nonce).map(|status| Step::Done(Body::Status(status))),
            (State::Halted, _) => Err(Refusal::Halted.into()),
            (State::Blank, Request::Configure { manifest, signer }) => configure(&manifest, signer),
            (State::Measured(measured), Request::Attest { nonce }) => {
                let statement = self.base.statement(measured, None);
                Ok(self.base.attest(Some(nonce.into_vec()), Pending::Introducing, statement))
            }
            (State::Measured(measured), Request::Start { order, policy }) => {
                let standing = measured.admit(self.base.now, self.base.boot.id(), &order, &policy, None)?;
                let member = Member::new(measured.clone(), standing, &mut self.base, rng)?;
                let stepped = member.enrol(&self.base);
                self.state = State::Member(Box::new(member));
                stepped
            }
            (State::Member(member), request) => member.handle(&mut self.base, rng, request),
            (State::Blank | State::Measured(_), _) => Err(Refusal::WrongPhase.into()),
        }
    }

    fn continue_with(&mut self, pending: Pending, answer: DeviceAnswer) -> Stepped {
        match (pending, answer) {
            (Pending::Measuring(manifest, signer), DeviceAnswer::Measured { image }) => {
                self.state = State::Measured(Measured { manifest, signer, image });
                Ok(Step::Done(Body::Nothing))
            }
            (Pending::Introducing(statement), DeviceAnswer::Document(document)) => {
                Ok(Step::Done(Body::Introduction(introduction(&statement, document)?)))
            }
            (Pending::Enrolling(statement), DeviceAnswer::Document(document)) => {
                self.member()?.enrolled(introduction(&statement, document)?);
                Ok(Step::Done(Body::Nothing))
            }
            (Pending::Unwrapping(unwrapping), DeviceAnswer::Document(document)) => {
                self.member()?.unwrap(unwrapping, document)
            }
            // A register that was extended but not locked, or a device that says nothing: there is no way on from here.
            (_, DeviceAnswer::Measured { .. } | DeviceAnswer::Document(_) | DeviceAnswer::Failed) => Err(Fault::Fatal),
        }
    }

    fn member(&mut self) -> Result<&mut Member, Fault> {
        match &mut self.state {
            State::Member(member) => Ok(member),
            State::Blank | State::Measured(_) | State::Halted => Err(Fault::Fatal),
        }
    }

    fn conclude(&mut self, stepped: Stepped) -> Output {
        let outcome = match stepped {
            Ok(Step::Device(call, pending)) => {
                self.pending = Some(pending);
                return Output::Device(call);
            }
            Ok(Step::Done(body)) => Outcome::Done(body),
            Err(Fault::Refused(refusal)) => Outcome::Refused(refusal),
            Err(Fault::Fatal) => self.halt(),
        };
        let outbox = core::mem::take(&mut self.base.outbox).try_into();
        let receipt = self.base.receipts.take(&self.base.boot, self.base.now);
        Output::Reply(match (outbox, receipt) {
            (Ok(outbox), Ok(receipt)) => Reply { outcome, outbox, receipt },
            _ => Reply { outcome: self.halt(), outbox: Default::default(), receipt: None },
        })
    }

    /// Erases everything and stays refused.
    fn halt(&mut self) -> Outcome {
        self.state = State::Halted;
        Outcome::Refused(Refusal::Halted)
    }

    fn status(&self, nonce: Nonce) -> Result<SignedStatus, Fault> {
        let (phase, measured, member) = match &self.state {
            State::Blank => (Phase::Blank, None, None),
            State::Measured(measured) => (Phase::Measured, Some(measured), None),
            State::Member(member) => (member.phase(), Some(member.measured()), Some(member)),
            State::Halted => (Phase::Halted, None, None),
        };
        let (receipts, head) = self.base.receipts.head();
        let body = codec::encode(&StatusBody {
            nonce,
            boot: self.base.boot.id(),
            phase,
            signer: measured.map(|measured| measured.signer),
            manifest: measured.map(|measured| measured.manifest.hash()),
            incarnation: member.map(|member| member.standing().order().incarnation),
            policy: member.map(|member| member.standing().policy_version()),
            receipts,
            head,
            at: self.base.now,
            keys: member.map_or(0, |member| u16::try_from(member.keys()).unwrap_or(u16::MAX)),
            policy_hash: member.map(|member| member.standing().policy_hash()),
        });
        Ok(SignedStatus { signature: self.base.boot.sign(Tag::STATUS, &body), body: body.try_into()? })
    }
}

impl Base {
    /// What this boot says of itself, proved by the signer key where there is one.
    pub(crate) fn statement(&self, measured: &Measured, signer_key: Option<&SigningKey>) -> BootStatement {
        let mut statement = BootStatement {
            group: measured.manifest.group,
            manifest: measured.manifest.hash(),
            signer: measured.signer,
            keys: self.boot.keys().clone(),
            proof: None,
        };
        statement.proof = signer_key.map(|secret| SignerProof {
            key: PublicKey::of(secret),
            signature: Signature::sign(secret, Tag::SIGNER_PROOF, &statement.unproved()),
        });
        statement
    }

    /// Asks the device for a document that carries the statement's hash.
    pub(crate) fn attest(
        &self,
        nonce: Option<Vec<u8>>,
        then: impl FnOnce(BootStatement) -> Pending,
        statement: BootStatement,
    ) -> Step {
        let user_data = statement.user_data();
        let public_key = self.boot.recipient().public_key_der().to_vec();
        Step::Device(DeviceCall::Attest { user_data, nonce, public_key }, then(statement))
    }
}

/// Checks the manifest, then measures it and the signer's number, before any secret exists that depends on them.
fn configure(manifest: &Endorsed<Manifest>, signer: SignerId) -> Stepped {
    let valid = ValidManifest::from_bytes(manifest.body.as_slice()).map_err(|_| Refusal::ManifestInvalid)?;
    manifest.verify(&valid).map_err(refuse_endorsement)?;
    let kms_keys = valid.signers.iter().flat_map(|slot| &slot.kms);
    if kms_keys.into_iter().any(|key| WrappingKey::from_spki_der(key.spki.as_slice()).is_err()) {
        return Err(Refusal::ManifestInvalid.into());
    }
    valid.slot(signer).ok_or(Refusal::UnknownSigner)?;
    let pcrs = [(16, valid.hash()), (17, valid.slot_hash(signer))];
    Ok(Step::Device(DeviceCall::Measure { pcrs }, Pending::Measuring(valid, signer)))
}

fn introduction(statement: &BootStatement, document: Vec<u8>) -> Result<Introduction, Fault> {
    let statement: Bytes<{ limits::STATEMENT }> = codec::encode(statement).try_into()?;
    Ok(Introduction { statement, document: document.try_into()? })
}
