//! Members' credentials.

use cloister_wire::{
    credential::Credential,
    ids::{Origin, Requester, RpId},
    p256::P256Key,
    policy::Member,
    signature::PublicKey,
    webauthn::{Passkey, PasskeyKey},
};
use serde::{Deserialize, Serialize};

use super::text::{Text, Written};
use crate::operator::{PlanError, list};

/// `{ ed25519 = "HEX" }`, `{ p256 = "HEX" }` or `{ passkey = { key = "HEX", rp_id = "…", origins = ["…"] } }`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MemberForm {
    Ed25519(Text<PublicKey>),
    P256(Text<P256Key>),
    Passkey(PasskeyForm),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeyForm {
    key: Text<PasskeyKey>,
    rp_id: Text<RpId>,
    origins: Vec<Text<Origin>>,
}

impl Written for PublicKey {
    const WHAT: &'static str = "an Ed25519 public key: 64 hex digits";

    fn read(text: &str) -> Result<Self, String> {
        let bytes = hex::decode(text).unwrap_or_default();
        Self::from_bytes(&bytes).map_err(|_| format!("expected {}", Self::WHAT))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Written for P256Key {
    const WHAT: &'static str = "a compressed P-256 point: 66 hex digits";

    fn read(text: &str) -> Result<Self, String> {
        let bytes = hex::decode(text).unwrap_or_default();
        Self::from_bytes(&bytes).map_err(|_| format!("expected {}", Self::WHAT))
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Written for PasskeyKey {
    const WHAT: &'static str = "a compressed P-256 point (66 hex digits) or an Ed25519 public key (64)";

    fn read(text: &str) -> Result<Self, String> {
        let key = P256Key::read(text).map(Self::P256).or_else(|_| PublicKey::read(text).map(Self::Ed25519));
        key.map_err(|_| format!("expected {}", Self::WHAT))
    }

    fn write(&self) -> String {
        match self {
            Self::P256(key) => key.to_string(),
            Self::Ed25519(key) => key.to_string(),
        }
    }
}

impl MemberForm {
    pub(super) fn into_member(self, name: Requester) -> Result<Member, PlanError> {
        let credential = match self {
            Self::Ed25519(key) => Credential::Ed25519(key.0),
            Self::P256(key) => Credential::P256(key.0),
            Self::Passkey(passkey) => Credential::WebAuthn(passkey.read()?),
        };
        Ok(Member { name, credential })
    }
}

impl PasskeyForm {
    fn read(self) -> Result<Passkey, PlanError> {
        let origins = list("origins of a passkey", self.origins.into_iter().map(|origin| origin.0).collect())?;
        Ok(Passkey { key: self.key.0, rp_id: self.rp_id.0, origins })
    }
}

impl From<&Member> for MemberForm {
    fn from(member: &Member) -> Self {
        match &member.credential {
            Credential::Ed25519(key) => Self::Ed25519(Text(*key)),
            Credential::P256(key) => Self::P256(Text(*key)),
            Credential::WebAuthn(Passkey { key, rp_id, origins }) => Self::Passkey(PasskeyForm {
                key: Text(key.clone()),
                rp_id: Text(rp_id.clone()),
                origins: origins.iter().cloned().map(Text).collect(),
            }),
        }
    }
}
