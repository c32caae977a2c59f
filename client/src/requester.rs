//! What requesters make: requests for keys and for signatures, with the proof that they are their own.
//!
//! ```text
//!   KeyRequest, SignRequest ──Unproved::new──▶ Unproved ──assemble(proof)──▶ Requested ──▶ Client
//!                                                 │            ▲
//!                                             challenge ──▶ a key in a file, a security module, a person's passkey
//! ```

use cloister_wire::{
    bounded::Bytes,
    codec,
    credential::Proof,
    delegation::Delegation,
    ids::{GroupId, Hash, KeyName, RequestId, Requester, Tenant, UnixMillis},
    limits,
    request::{KeyRequest, Requestable, Requested, Scheme, SignRequest},
};

use crate::{account::Account, boot, error::Error, scheme::Kind, secret::RequesterSecret};

/// Who asks: a requester that the policy names, for its tenant, with its secret key at hand.
pub struct Credential {
    /// The name in the policy.
    pub name: Requester,
    /// The tenant in the policy.
    pub tenant: Tenant,
    /// Signs the requests: the requester's own, or a session key's.
    pub secret: RequesterSecret,
    /// Under which a session key asks in the requester's name.
    pub session: Option<Delegation>,
}

/// A request without its requester's proof.
pub struct Unproved {
    body: Bytes<{ limits::REQUEST }>,
    challenge: Hash,
}

impl Unproved {
    /// Encodes a request.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn new<T: Requestable>(request: &T) -> Result<Self, Error> {
        let body: Bytes<_> =
            codec::encode(request).try_into().map_err(|why| Error::TooLarge { what: "request", why })?;
        Ok(Self { challenge: T::TAG.hash(body.as_slice()), body })
    }

    /// What has to be proved: the request's hash. A passkey gets it as its challenge ([`crate::passkey::challenge`]).
    #[must_use]
    pub fn challenge(&self) -> Hash {
        self.challenge
    }

    /// The request with its proof. Signers refuse one that is for another challenge;
    /// [`cloister_wire::credential::Credential::verify`] tells before they are asked.
    #[must_use]
    pub fn assemble(self, proof: Proof) -> Requested {
        Requested { body: self.body, proof, delegation: None }
    }
}

impl Credential {
    /// A signed request for a new key, good for [`LIFE_MS`].
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn request_key(&self, group: GroupId, name: KeyName, scheme: Scheme) -> Result<Requested, Error> {
        self.secret.request(&key_request(group, &self.name, &self.tenant, name, scheme, LIFE_MS)?)
    }

    /// A signed request to sign `payload` with a key or child, good for [`LIFE_MS`].
    ///
    /// # Errors
    /// [`Error::NoRandomness`]; [`Error::TooLarge`] for payloads over [`cloister_wire::limits::PAYLOAD`] and paths over
    /// [`cloister_wire::limits::PATH`].
    pub fn request_signature(
        &self,
        group: GroupId,
        account: &Account,
        kind: Kind,
        payload: &[u8],
    ) -> Result<Requested, Error> {
        self.request_signature_within(group, account, (kind, payload), LIFE_MS)
    }

    /// The same, good for so many milliseconds: people who have to approve it need longer.
    ///
    /// # Errors
    /// As [`Credential::request_signature`].
    pub fn request_signature_within(
        &self,
        group: GroupId,
        account: &Account,
        what: (Kind, &[u8]),
        life_ms: u64,
    ) -> Result<Requested, Error> {
        let session = self.session.as_ref().map(Delegation::hash);
        let request = sign_request(group, &self.name, &self.tenant, account, what, life_ms)?;
        let requested = self.secret.request(&SignRequest { session, ..request })?;
        Ok(Requested { delegation: self.session.clone(), ..requested })
    }
}

/// A request for a new key, good for so many milliseconds, for whoever proves it elsewhere.
///
/// # Errors
/// [`Error::NoRandomness`].
pub fn key_request(
    group: GroupId,
    requester: &Requester,
    tenant: &Tenant,
    name: KeyName,
    scheme: Scheme,
    life_ms: u64,
) -> Result<KeyRequest, Error> {
    let (issued_at, not_after) = life(life_ms);
    let (tenant, requester) = (tenant.clone(), requester.clone());
    Ok(KeyRequest { group, tenant, name, scheme, requester, id: new_id()?, issued_at, not_after })
}

/// A request to sign a payload of this kind with a key or child, good for so many milliseconds, for whoever proves it elsewhere.
///
/// # Errors
/// As [`Credential::request_signature`].
pub fn sign_request(
    group: GroupId,
    requester: &Requester,
    tenant: &Tenant,
    account: &Account,
    (kind, payload): (Kind, &[u8]),
    life_ms: u64,
) -> Result<SignRequest, Error> {
    let (issued_at, not_after) = life(life_ms);
    Ok(SignRequest {
        group,
        tenant: tenant.clone(),
        key: account.key().id(),
        path: account.path().steps().to_vec().try_into().map_err(|why| Error::TooLarge { what: "path", why })?,
        chain: kind.chain(),
        purpose: kind.purpose(),
        payload: payload.try_into().map_err(|why| Error::TooLarge { what: "payload", why })?,
        requester: requester.clone(),
        id: new_id()?,
        issued_at,
        not_after,
        session: None,
    })
}

/// How long requests made here live, milliseconds. Sending one again within that time is safe: a request is answered once.
pub const LIFE_MS: u64 = 2 * 60 * 1000;

/// How long a person has to confirm one, milliseconds.
pub const PERSON_LIFE_MS: u64 = 15 * 60 * 1000;

fn life(millis: u64) -> (UnixMillis, UnixMillis) {
    let now = boot::now();
    (now, now.plus(millis))
}

fn new_id() -> Result<RequestId, Error> {
    let mut id = [0; RequestId::LEN];
    getrandom::fill(&mut id)?;
    Ok(RequestId::from_bytes(id))
}
