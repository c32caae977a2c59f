//! What requesters make: signed requests for keys and for signatures.

use cloister_wire::{
    ids::{GroupId, KeyName, RequestId, Requester, Tenant, UnixMillis},
    request::{KeyRequest, Requested, Scheme, SignRequest},
};

use crate::{account::Account, boot, error::Error, scheme::Kind, secret::Secret};

/// Who asks: a requester that the policy names, for its tenant.
pub struct Credential {
    /// The name in the policy.
    pub name: Requester,
    /// The tenant in the policy.
    pub tenant: Tenant,
    /// Signs the requests.
    pub secret: Secret,
}

impl Credential {
    /// A signed request for a new key, good for [`LIFE_MS`].
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn request_key(&self, group: GroupId, name: KeyName, scheme: Scheme) -> Result<Requested, Error> {
        let (issued_at, not_after) = life();
        self.secret.request(&KeyRequest {
            group,
            tenant: self.tenant.clone(),
            name,
            scheme,
            requester: self.name.clone(),
            id: new_id()?,
            issued_at,
            not_after,
        })
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
        let (issued_at, not_after) = life();
        self.secret.request(&SignRequest {
            group,
            tenant: self.tenant.clone(),
            key: account.key().id(),
            path: account.path().steps().to_vec().try_into().map_err(|why| Error::TooLarge { what: "path", why })?,
            chain: kind.chain(),
            purpose: kind.purpose(),
            payload: payload.try_into().map_err(|why| Error::TooLarge { what: "payload", why })?,
            requester: self.name.clone(),
            id: new_id()?,
            issued_at,
            not_after,
        })
    }
}

/// How long requests made here live, milliseconds. Sending one again within that time is safe: a request is answered once.
pub const LIFE_MS: u64 = 2 * 60 * 1000;

fn life() -> (UnixMillis, UnixMillis) {
    let now = boot::now();
    (now, now.plus(LIFE_MS))
}

fn new_id() -> Result<RequestId, Error> {
    let mut id = [0; RequestId::LEN];
    getrandom::fill(&mut id)?;
    Ok(RequestId::from_bytes(id))
}
