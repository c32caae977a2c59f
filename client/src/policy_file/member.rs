//! Members' credentials, and who can replace them.

use cloister_wire::{
    credential::Credential,
    ids::{Origin, Requester, RpId},
    p256::P256Key,
    policy::{Member, Quorum},
    signature::PublicKey,
    webauthn::{Passkey, PasskeyKey},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    rule::{QuorumForm, list},
    text::{Text, Written, formed},
};

/// A member of a file, without its name.
pub(super) struct MemberEntry {
    credential: Credential,
    guardians: Option<Quorum>,
}

/// One of `ed25519 = "HEX"`, `p256 = "HEX"` and `passkey = { key = "HEX", rp_id = "…", origins = ["…"] }`; and
/// `guardians = { approve = 2, of = "family", delay = "48h" }`.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ed25519: Option<Text<PublicKey>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p256: Option<Text<P256Key>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guardians: Option<QuorumForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PasskeyForm {
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

impl MemberEntry {
    pub(super) fn into_member(self, name: Requester) -> Member {
        Member { name, credential: self.credential, guardians: self.guardians }
    }
}

impl<'de> Deserialize<'de> for MemberEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        formed::<D, MemberForm, Self>(deserializer)
    }
}

impl Serialize for MemberEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MemberForm::from(self).serialize(serializer)
    }
}

impl TryFrom<MemberForm> for MemberEntry {
    type Error = String;

    fn try_from(form: MemberForm) -> Result<Self, String> {
        let credential = match (form.ed25519, form.p256, form.passkey) {
            (Some(key), None, None) => Credential::Ed25519(key.0),
            (None, Some(key), None) => Credential::P256(key.0),
            (None, None, Some(passkey)) => Credential::WebAuthn(passkey.read()?),
            _ => return Err("a member has one credential: ed25519, p256 or passkey".to_owned()),
        };
        Ok(Self { credential, guardians: form.guardians.map(Into::into) })
    }
}

impl PasskeyForm {
    fn read(self) -> Result<Passkey, String> {
        let origins = list("origins of a passkey", self.origins.into_iter().map(|origin| origin.0).collect())?;
        Ok(Passkey { key: self.key.0, rp_id: self.rp_id.0, origins })
    }
}

impl From<&Member> for MemberEntry {
    fn from(member: &Member) -> Self {
        Self { credential: member.credential.clone(), guardians: member.guardians.clone() }
    }
}

impl From<&MemberEntry> for MemberForm {
    fn from(member: &MemberEntry) -> Self {
        let form = Self { guardians: member.guardians.as_ref().map(Into::into), ..Self::default() };
        match &member.credential {
            Credential::Ed25519(key) => Self { ed25519: Some(Text(*key)), ..form },
            Credential::P256(key) => Self { p256: Some(Text(*key)), ..form },
            Credential::WebAuthn(Passkey { key, rp_id, origins }) => Self {
                passkey: Some(PasskeyForm {
                    key: Text(key.clone()),
                    rp_id: Text(rp_id.clone()),
                    origins: origins.iter().cloned().map(Text).collect(),
                }),
                ..form
            },
        }
    }
}
