//! The one gate: who asks, for what, and whether the policy in force allows it (P3).
//!
//! [`Authorized`] has no other constructor, and neither signing nor key generation takes anything else. Nothing here weakens a check by
//! feature, environment or configuration.

use cloister_wire::{
    codec,
    ids::{GroupId, Hash, Requester, Tenant, UnixMillis},
    limits,
    policy::{Policy, RequesterKey},
    refusal::Refusal,
    request::{KeyRequest, Requestable, Requested, Scheme, SignRequest},
};

use crate::{child::Child, keyring::Keyring, payload};

/// How far a requester's clock may be ahead of ours, milliseconds.
const CLOCK_SKEW_MS: u64 = 60 * 1000;

/// A request that its requester signed and the policy allows.
#[derive(Debug)]
pub(crate) struct Authorized<T: Ask> {
    body: T,
    hash: Hash,
    decided: T::Decided,
}

/// What an authorized request to sign comes to.
#[derive(Debug)]
pub(crate) struct Signable {
    child: Child,
    digests: Vec<Vec<u8>>,
}

/// A request that was refused, and whether a known requester stands behind it: only such refusals leave a receipt, since anybody can
/// send the others without end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    pub(crate) signed: Option<Hash>,
}

/// What a request is measured against.
pub(crate) struct Gate<'a> {
    pub(crate) group: GroupId,
    pub(crate) policy: &'a Policy,
    /// *t*.
    pub(crate) threshold: u16,
    pub(crate) keyring: &'a Keyring,
    pub(crate) now: UnixMillis,
    /// When the group was last started: older requests may have been answered by boots that have forgotten it.
    pub(crate) started: UnixMillis,
}

impl<T: Ask> Authorized<T> {
    pub(crate) fn body(&self) -> &T {
        &self.body
    }

    /// The request's hash: what the requester signed.
    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }
}

impl Authorized<SignRequest> {
    /// The messages to be signed, computed here from the parsed payload: one, or one for each Bitcoin input.
    pub(crate) fn digests(&self) -> &[Vec<u8>] {
        &self.decided.digests
    }

    /// Whose signatures they will be: the key, or a child of it.
    pub(crate) fn child(&self) -> &Child {
        &self.decided.child
    }
}

impl Gate<'_> {
    /// Authorizes a signature.
    pub(crate) fn authorize_signing(&self, requested: &Requested) -> Result<Authorized<SignRequest>, Denied> {
        let (body, hash) = self.authenticate::<SignRequest>(requested)?;
        let decided = self.decide_signing(&body).map_err(|refusal| Denied { refusal, signed: Some(hash) })?;
        Ok(Authorized { body, hash, decided })
    }

    /// Authorizes the making of a key.
    pub(crate) fn authorize_key(&self, requested: &Requested) -> Result<Authorized<KeyRequest>, Denied> {
        let (body, hash) = self.authenticate::<KeyRequest>(requested)?;
        self.decide_key(&body).map_err(|refusal| Denied { refusal, signed: Some(hash) })?;
        Ok(Authorized { body, hash, decided: () })
    }

    /// Who signed these bytes, and are they for this group?
    fn authenticate<T: Requestable + Ask>(&self, requested: &Requested) -> Result<(T, Hash), Denied> {
        let unsigned = |refusal| Denied { refusal, signed: None };
        let body: T = codec::decode(requested.body.as_slice()).map_err(|_| unsigned(Refusal::Malformed))?;
        let requester = self.policy.requester(body.requester()).ok_or(unsigned(Refusal::RequesterUnknown))?;
        let hash = requested.hash::<T>();
        requester.key.verify_hash(&hash, &requested.signature).map_err(|_| unsigned(Refusal::RequestSignature))?;
        self.admit(&body, requester).map_err(|refusal| Denied { refusal, signed: Some(hash) })?;
        Ok((body, hash))
    }

    /// What holds for every request: group, tenant and time.
    fn admit(&self, body: &impl Ask, requester: &RequesterKey) -> Result<(), Refusal> {
        let (issued_at, not_after) = body.lifetime();
        if body.group() != self.group {
            return Err(Refusal::WrongGroup);
        }
        if *body.tenant() != requester.tenant {
            return Err(Refusal::TenantMismatch);
        }
        if issued_at > self.now.plus(CLOCK_SKEW_MS) {
            return Err(Refusal::NotYetValid);
        }
        if not_after <= issued_at || not_after > issued_at.plus(limits::REQUEST_LIFE_MS) {
            return Err(Refusal::LifeTooLong);
        }
        if self.now >= not_after {
            return Err(Refusal::Expired);
        }
        if issued_at < self.started {
            return Err(Refusal::BeforeStart);
        }
        Ok(())
    }

    fn decide_signing(&self, body: &SignRequest) -> Result<Signable, Refusal> {
        let key = self.keyring.get(body.key).ok_or(Refusal::KeyUnknown)?;
        if *key.tenant() != body.tenant {
            return Err(Refusal::TenantMismatch);
        }
        let rule = self.policy.rule(key.tenant(), key.name()).filter(|rule| rule.names(&body.requester));
        let rule = rule.filter(|rule| rule.concerns(body.chain)).ok_or(Refusal::ChainNotAllowed)?;
        let child = key.child(body.path.as_slice())?;
        let payload = payload::read(key, &child, body)?;
        rule.permits(&payload.needs)?;
        Ok(Signable { child, digests: payload.digests })
    }

    fn decide_key(&self, body: &KeyRequest) -> Result<(), Refusal> {
        if !self.policy.key_creators.iter().any(|name| *name == body.requester) {
            return Err(Refusal::CreationNotAllowed);
        }
        if body.scheme == Scheme::Secp256k1Ecdsa && usize::from(self.threshold) > limits::ECDSA_SIGNERS {
            return Err(Refusal::ThresholdTooHigh);
        }
        if self.keyring.has_name(&body.tenant, &body.name) { Err(Refusal::KeyNameTaken) } else { Ok(()) }
    }
}

/// What every request says.
pub(crate) trait Ask {
    /// What an authorized one comes to.
    type Decided: core::fmt::Debug;
    fn group(&self) -> GroupId;
    fn tenant(&self) -> &Tenant;
    fn requester(&self) -> &Requester;
    fn lifetime(&self) -> (UnixMillis, UnixMillis);
}

macro_rules! ask {
    ($($request:ty => $decided:ty),+) => {$(
        impl Ask for $request {
            type Decided = $decided;
            fn group(&self) -> GroupId {
                self.group
            }
            fn tenant(&self) -> &Tenant {
                &self.tenant
            }
            fn requester(&self) -> &Requester {
                &self.requester
            }
            fn lifetime(&self) -> (UnixMillis, UnixMillis) {
                (self.issued_at, self.not_after)
            }
        }
    )+};
}

ask!(SignRequest => Signable, KeyRequest => ());
