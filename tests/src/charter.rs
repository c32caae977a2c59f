//! What operators and requesters sign: the manifest, start orders, policies and requests of one group.

use cloister_wire::{
    bounded::{Bytes, List},
    endorsement::{Endorsable, Endorsed},
    ids::{
        BootId, GroupId, Hash, Incarnation, KeyId, KeyName, Pcr, PolicyVersion, Quantity, RequestId, Requester,
        SignerId, Tenant, UnixMillis,
    },
    manifest::{Manifest, SignerSlot, ValidManifest},
    order::{RosterEntry, StartKind, StartOrder},
    policy::{
        EffectKind, Effects, ForeignInputs, Member, Paths, Pattern, Permission, Policy, Quantifier, Rule, TenantPolicy,
        Verdict,
    },
    request::{Chain, KeyRequest, Purpose, Requestable, Requested, Scheme, SignRequest},
    signature::PublicKey,
};
use ed25519_dalek::SigningKey;

use crate::{hardware, kms::Kms, machine};

/// When tests begin: 2026-01-01T00:00:00Z.
pub const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
/// The tenant of the keys that tests make.
pub const TENANT: &str = "acme";
/// May make keys, and sign with every key that the policy names.
pub const TREASURER: &str = "treasurer";
/// May do nothing, and is of the same tenant.
pub const CLERK: &str = "clerk";
/// May make keys, and is of another tenant.
pub const RIVAL: &str = "rival";
/// A security module that may sign as [`TREASURER`] may ([`hardware::module`]).
pub const MODULE: &str = "module";
/// A person with a passkey who may, too ([`hardware::person`]).
pub const PERSON: &str = "person";
/// Names that the policy lets sign for every chain: one for a key of each scheme.
pub const ANY_CHAIN: [(&str, Scheme); 3] =
    [("ed25519", Scheme::Ed25519), ("taproot", Scheme::Secp256k1Taproot), ("schnorr", Scheme::Secp256k1Schnorr)];
/// An ECDSA key that the policy lets sign everything on Ethereum's [`CHAIN_ID`] and on [`COSMOS`], Bitcoin and texts.
pub const ECDSA: &str = "ecdsa";
/// Polygon.
pub const CHAIN_ID: u64 = 137;
/// A Cosmos chain.
pub const COSMOS: &str = "cosmoshub-4";
/// A key that the policy lets sign Solana transactions alone.
pub const SOLANA_ONLY: &str = "solana-only";

/// A group's documents, with the secrets that sign them.
pub struct Charter {
    /// What the manifest says.
    pub manifest: Manifest,
    /// Operators, by their position in the manifest. Two are a quorum.
    pub operators: Vec<SigningKey>,
}

impl Charter {
    /// A `threshold`-of-`signers` group with three operators.
    #[must_use]
    pub fn new(threshold: u16, signers: u16) -> Self {
        let operators: Vec<_> = ["operator 0", "operator 1", "operator 2"].map(secret).into();
        let slot = |id: u16| {
            let id = signer(id);
            let pcr3 = Pcr::from_bytes(*machine::parent_role(id).as_bytes());
            SignerSlot { id, pcr3, kms: list(Kms::public_keys(id)) }
        };
        let manifest = Manifest {
            group: GroupId::from_bytes(*b"a group of tests"),
            threshold,
            signers: list((1..=signers).map(slot)),
            operators: list(operators.iter().map(PublicKey::of)),
            quorum: 2,
            release: machine::release(),
        };
        Self { manifest, operators }
    }

    /// Signed by the quorum.
    #[must_use]
    pub fn endorse<T: Endorsable>(&self, document: &T) -> Endorsed<T> {
        self.endorse_by(document, &[0, 1])
    }

    /// Signed by these operators.
    #[must_use]
    pub fn endorse_by<T: Endorsable>(&self, document: &T, operators: &[u16]) -> Endorsed<T> {
        let mut endorsed = Endorsed::new(document).expect("short enough");
        for &operator in operators {
            endorsed.sign(operator, &self.operators[usize::from(operator)]).expect("few");
        }
        endorsed
    }

    /// The manifest's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        ValidManifest::try_from(self.manifest.clone()).expect("a possible group").hash()
    }

    /// The signers' ids.
    #[must_use]
    pub fn signers(&self) -> Vec<SignerId> {
        self.manifest.signers.iter().map(|slot| slot.id).collect()
    }

    /// An order that names these boots and the first policy.
    #[must_use]
    pub fn order(
        &self,
        kind: StartKind,
        incarnation: u64,
        issued_at: UnixMillis,
        boots: &[(SignerId, BootId)],
    ) -> StartOrder {
        StartOrder {
            group: self.manifest.group,
            manifest: self.hash(),
            kind,
            incarnation: Incarnation(incarnation),
            roster: list(boots.iter().map(|&(signer, boot)| RosterEntry { signer, boot })),
            policy: self.endorse(&self.policy()).hash(),
            issued_at,
        }
    }

    /// The first policy: [`TREASURER`] of [`TENANT`] may make keys, and sign with those of [`ANY_CHAIN`], [`ECDSA`] and [`SOLANA_ONLY`].
    #[must_use]
    pub fn policy(&self) -> Policy {
        let bitcoin = Permission::Bitcoin { foreign: ForeignInputs::Refused };
        let every = [Permission::Message, Permission::Solana, bitcoin.clone()];
        let ecdsa = [
            Permission::Message,
            bitcoin,
            Permission::Ethereum { chain_id: CHAIN_ID },
            Permission::EthereumMessage,
            Permission::Cosmos { chain_id: COSMOS.parse().expect("a chain") },
        ];
        let alone = [grant(SOLANA_ONLY, &[Permission::Solana]), grant(ECDSA, &ecdsa)];
        let module = Member { credential: hardware::module().credential(), ..member(MODULE) };
        let person = Member { credential: hardware::person().credential(), ..member(PERSON) };
        let mut members = [member(CLERK), member(TREASURER), module, person];
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let tenant = TenantPolicy {
            members: list(members),
            key_creators: list([requester(TREASURER)]),
            rules: list(ANY_CHAIN.iter().map(|(name, _)| grant(name, &every)).chain(alone)),
            ..TenantPolicy::new(tenant_named(TENANT))
        };
        let rivals = TenantPolicy {
            members: list([member(RIVAL)]),
            key_creators: list([requester(RIVAL)]),
            ..TenantPolicy::new(tenant_named("rivals"))
        };
        Policy {
            group: self.manifest.group,
            manifest: self.hash(),
            version: PolicyVersion(1),
            previous: None,
            tenants: list([tenant, rivals]),
        }
    }

    /// [`TREASURER`]'s request for a key, good for an hour. Its id is its name's beginning.
    #[must_use]
    pub fn key_request(&self, name: &str, scheme: Scheme, now: UnixMillis) -> KeyRequest {
        let mut id = [0; RequestId::LEN];
        id.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte = letter);
        KeyRequest {
            group: self.manifest.group,
            tenant: tenant_named(TENANT),
            name: key_name(name),
            scheme,
            requester: requester(TREASURER),
            id: RequestId::from_bytes(id),
            issued_at: now,
            not_after: now.plus(HOUR),
        }
    }

    /// [`TREASURER`]'s request number `id` for a signature, good for an hour.
    #[must_use]
    pub fn sign_request(&self, key: KeyId, chain: Chain, payload: &[u8], id: u8, now: UnixMillis) -> SignRequest {
        let purpose = if chain == Chain::Message { Purpose::Message } else { Purpose::Transaction };
        SignRequest {
            group: self.manifest.group,
            tenant: tenant_named(TENANT),
            key,
            path: List::new(),
            chain,
            purpose,
            payload: payload.try_into().expect("short enough"),
            requester: requester(TREASURER),
            id: RequestId::from_bytes([id; 16]),
            issued_at: now,
            not_after: now.plus(HOUR),
            session: None,
        }
    }
}

/// A member whose key is [`secret`] of its name.
#[must_use]
pub fn member(name: &str) -> Member {
    Member { name: requester(name), credential: PublicKey::of(&secret(name)).into(), guardians: None }
}

/// The rule `key:NAME`: [`TREASURER`], [`MODULE`] and [`PERSON`] may sign such payloads with this key, whatever they do.
#[must_use]
pub fn grant(name: &str, payloads: &[Permission]) -> Rule {
    let mut requesters = [TREASURER, MODULE, PERSON].map(requester);
    requesters.sort();
    let anything = Pattern { kind: EffectKind::Anything, assets: None, with: None, most: None, functions: None };
    Rule {
        name: format!("key:{name}").parse().expect("a name"),
        requesters: Some(list(requesters)),
        keys: Some(list([key_name(name)])),
        paths: Paths::Any,
        payloads: Some(list(payloads.iter().cloned())),
        effects: Some(Effects { quantifier: Quantifier::Every, patterns: list([anything]) }),
        spends: None,
        fee: None,
        fee_rate: None,
        hours: None,
        within: List::new(),
        verdict: Verdict::Allow,
    }
}

/// An hour, in milliseconds.
pub const HOUR: u64 = 60 * 60 * 1000;

/// Signed by the requester called `by`, whoever the request names.
#[must_use]
pub fn requested<T: Requestable>(request: &T, by: &str) -> Requested {
    Requested::sign(request, &secret(by)).expect("short enough")
}

/// The secret key of whoever is called `name`.
#[must_use]
pub fn secret(name: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_bytes(&seed)
}

/// A signer's number.
#[must_use]
pub fn signer(id: u16) -> SignerId {
    id.try_into().expect("1 to 32")
}

/// A requester's name.
#[must_use]
pub fn requester(name: &str) -> Requester {
    name.parse().expect("a name")
}

/// A key's name.
#[must_use]
pub fn key_name(name: &str) -> KeyName {
    name.parse().expect("a name")
}

/// A tenant's name.
#[must_use]
pub fn tenant_named(name: &str) -> Tenant {
    name.parse().expect("a name")
}

/// An amount in the smallest unit.
#[must_use]
pub fn quantity(number: u64) -> Quantity {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    Quantity::from_be_bytes(bytes)
}

/// A bounded list.
#[must_use]
pub fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> List<T, MAX> {
    items.into_iter().collect::<Vec<_>>().try_into().expect("few enough")
}

/// Bounded bytes.
#[must_use]
pub fn bytes<const MAX: usize>(bytes: &[u8]) -> Bytes<MAX> {
    bytes.try_into().expect("short enough")
}
