//! What requesters make: signed requests for keys and for signatures.

use cloister_wire::{
    bounded::List,
    ids::{GroupId, KeyId, KeyName, RequestId, Requester, Tenant, UnixMillis},
    request::{Chain, KeyRequest, Purpose, Requested, Scheme, SignRequest},
};

use crate::{boot, error::Error, secret::Secret};

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

    /// A signed request to sign `payload`, good for [`LIFE_MS`].
    ///
    /// # Errors
    /// [`Error::NoRandomness`]; [`Error::TooLarge`] for payloads over [`cloister_wire::limits::PAYLOAD`].
    pub fn request_signature(
        &self,
        group: GroupId,
        key: KeyId,
        chain: Chain,
        payload: &[u8],
    ) -> Result<Requested, Error> {
        let (issued_at, not_after) = life();
        self.secret.request(&SignRequest {
            group,
            tenant: self.tenant.clone(),
            key,
            path: List::new(),
            chain,
            purpose: purpose(chain),
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

fn purpose(chain: Chain) -> Purpose {
    match chain {
        Chain::Message => Purpose::Message,
        Chain::Solana | Chain::Bitcoin => Purpose::Transaction,
    }
}
