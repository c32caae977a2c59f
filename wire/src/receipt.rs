//! Receipts: what a signer did, numbered, chained and signed by its boot.
//!
//! A reply carries one receipt of everything that the request did, so that a batch of signatures costs one signature more, not as many again.
//!
//! What is signed and chained holds the digest of the events, which stand beside it. An event can therefore be withheld, its hash in its
//! place: a tenant's auditor follows the whole chain, and learns nothing of what concerns others. (Every event of a tenant names
//! something made with a random number, so that its hash cannot be guessed from outside.)

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List},
    codec,
    credential::Credential,
    ids::{
        BootId, CeremonyId, Hash, Incarnation, KeyId, LimitName, Pcr, PolicyVersion, Quantity, RequestId, Requester,
        RuleName, Sequence, SignerId, Tenant, UnixMillis,
    },
    limits,
    refusal::Refusal,
    signature::Signature,
    switch::Scope,
    tag::Tag,
};

/// One link of a boot's chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ReceiptBody {
    /// The boot.
    #[n(0)]
    pub boot: BootId,
    /// Position in its chain, from 0 without gaps.
    #[n(1)]
    pub sequence: Sequence,
    /// Hash of the receipt before; absent in the first.
    #[n(2)]
    pub previous: Option<Hash>,
    /// When, by the enclave's clock.
    #[n(3)]
    pub at: UnixMillis,
    /// PCR0: the image that the boot runs.
    #[n(4)]
    pub image: Pcr,
    /// The policy in force.
    #[n(5)]
    pub policy: PolicyVersion,
    /// Digest of what happened ([`Receipt::digest`]).
    #[n(6)]
    pub events: Hash,
}

/// One of the events of a receipt, in order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[expect(clippy::large_enum_variant, reason = "signers withhold none")]
pub enum Entry {
    /// For whoever reads the receipt.
    #[n(0)]
    Shown(#[n(0)] Event),
    /// For others: its tagged hash.
    #[n(1)]
    Withheld(#[n(0)] Hash),
}

/// Whom an event concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern<'a> {
    /// All tenants.
    Everybody,
    /// One of them.
    Tenant(&'a Tenant),
    /// The tenant whose key it is.
    Key(KeyId),
}

/// One of the things that a receipt records.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// The boot was named by a start order.
    #[n(0)]
    Started {
        /// Hash of the order.
        #[n(0)]
        order: Hash,
        /// Its incarnation.
        #[n(1)]
        incarnation: Incarnation,
    },
    /// A policy came into force.
    #[n(1)]
    PolicyChanged {
        /// Its hash.
        #[n(0)]
        policy: Hash,
    },
    /// A key generation was finished and its certificate completed.
    #[n(2)]
    KeyCreated {
        /// Hash of the request that asked for it.
        #[n(0)]
        request: Hash,
        /// The ceremony.
        #[n(1)]
        ceremony: CeremonyId,
        /// The key.
        #[n(2)]
        key: KeyId,
    },
    /// A share was opened after a restart.
    #[n(3)]
    ShareOpened {
        /// The key.
        #[n(0)]
        key: KeyId,
    },
    /// Signature shares were released.
    #[n(4)]
    Released {
        /// Hash of the request.
        #[n(0)]
        request: Hash,
        /// Its id.
        #[n(1)]
        id: RequestId,
        /// The key.
        #[n(2)]
        key: KeyId,
        /// Hash of the signing packages.
        #[n(3)]
        package: Hash,
        /// The tenant.
        #[n(4)]
        tenant: Tenant,
        /// The rule that let it through.
        #[n(5)]
        rule: RuleName,
        /// Who approved it, where the rule asks for that.
        #[n(6)]
        approved: List<Requester, { limits::APPROVALS }>,
        /// The effects digest: tagged hash of what people are shown of the request.
        #[n(7)]
        effects: Hash,
        /// What limits count of it.
        #[n(8)]
        charges: List<Charge, { limits::RULE_LIMITS }>,
        /// Hash of the delegation, where a session key asked.
        #[n(9)]
        session: Option<Hash>,
        /// In whose name.
        #[n(10)]
        requester: Requester,
        /// Which attempt at the request it is, from 1; an answer that is given again is none.
        #[n(11)]
        attempt: u8,
        /// When the request expires.
        #[n(12)]
        not_after: UnixMillis,
    },
    /// A well-formed request was refused.
    #[n(5)]
    Refused {
        /// Hash of the request.
        #[n(0)]
        request: Hash,
        /// Why.
        #[n(1)]
        refusal: Refusal,
        /// The requester's tenant.
        #[n(2)]
        tenant: Tenant,
    },
    /// A peer failed a check that must not be repeated: this boot will not sign with that one again.
    #[n(6)]
    PairBarred {
        /// The peer.
        #[n(0)]
        peer: SignerId,
    },
    /// A request has all the approvals that its rule asks for, and waits for the end of the rule's delay.
    #[n(7)]
    Approved {
        /// Hash of the request.
        #[n(0)]
        request: Hash,
        /// The rule.
        #[n(1)]
        rule: RuleName,
        /// When it may be signed.
        #[n(2)]
        signable_at: UnixMillis,
        /// When the request expires.
        #[n(3)]
        not_after: UnixMillis,
        /// The tenant.
        #[n(4)]
        tenant: Tenant,
        /// In whose name.
        #[n(5)]
        requester: Requester,
    },
    /// A request was rejected or cancelled.
    #[n(8)]
    Withdrawn {
        /// Hash of the request.
        #[n(0)]
        request: Hash,
        /// By whom.
        #[n(1)]
        by: Requester,
        /// When the request expires.
        #[n(2)]
        not_after: UnixMillis,
        /// The tenant.
        #[n(3)]
        tenant: Tenant,
    },
    /// An operator closed a kill switch.
    #[n(9)]
    SwitchClosed {
        /// Hash of the closing.
        #[n(0)]
        closing: Hash,
        /// What it stops.
        #[n(1)]
        scope: Scope,
    },
    /// The operators lifted a kill switch.
    #[n(10)]
    SwitchOpened {
        /// Hash of the closing.
        #[n(0)]
        closing: Hash,
        /// What it had stopped.
        #[n(1)]
        scope: Scope,
    },
    /// Guardians have given a member another credential, which counts once their delay is over. Stands alone in its receipt.
    #[n(11)]
    RecoveryBegun {
        /// Hash of the recovery.
        #[n(0)]
        recovery: Hash,
        /// The tenant.
        #[n(1)]
        tenant: Tenant,
        /// Whose credential is replaced.
        #[n(2)]
        member: Requester,
        /// Hash of the credential that the policy names: the recovery counts for as long as it is this one.
        #[n(3)]
        base: Hash,
        /// The new credential.
        #[n(4)]
        credential: Credential,
        /// When it takes the place of the one in force.
        #[n(5)]
        effective_at: UnixMillis,
        /// Who approved it.
        #[n(6)]
        approved: List<Requester, { limits::APPROVALS }>,
        /// By when it had to have begun.
        #[n(7)]
        not_after: UnixMillis,
    },
    /// A recovery has ended.
    #[n(12)]
    RecoveryCancelled {
        /// Hash of the recovery.
        #[n(0)]
        recovery: Hash,
        /// The holder of the credential that it would have replaced; absent if operators ended it: by a cancellation, or with the start
        /// order or policy in this receipt.
        #[n(1)]
        by: Option<Requester>,
        /// By when it has to have begun.
        #[n(2)]
        not_after: UnixMillis,
        /// The tenant.
        #[n(3)]
        tenant: Tenant,
    },
}

impl Event {
    /// Whom it concerns.
    #[must_use]
    pub fn concern(&self) -> Concern<'_> {
        match self {
            Event::Started { .. } | Event::PolicyChanged { .. } | Event::PairBarred { .. } => Concern::Everybody,
            Event::KeyCreated { key, .. } | Event::ShareOpened { key } => Concern::Key(*key),
            Event::Released { tenant, .. }
            | Event::Refused { tenant, .. }
            | Event::Approved { tenant, .. }
            | Event::Withdrawn { tenant, .. }
            | Event::RecoveryBegun { tenant, .. }
            | Event::RecoveryCancelled { tenant, .. } => Concern::Tenant(tenant),
            Event::SwitchClosed { scope, .. } | Event::SwitchOpened { scope, .. } => match scope {
                Scope::Group => Concern::Everybody,
                Scope::Tenant(tenant) => Concern::Tenant(tenant),
                Scope::Key(key) => Concern::Key(*key),
            },
        }
    }
}

impl Entry {
    /// The event's tagged hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        match self {
            Entry::Shown(event) => Tag::EVENT.hash(&codec::encode(event)),
            Entry::Withheld(hash) => *hash,
        }
    }
}

/// What one limit counts of a request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Charge {
    /// The limit.
    #[n(0)]
    pub limit: LimitName,
    /// What counts together: tagged hash of tenant, limit, and key or requester where it is per key or requester.
    #[n(1)]
    pub window: Hash,
    /// What counts once: the request, or the one place (account nonce, inputs) that it and its replacements compete for.
    #[n(2)]
    pub same: Hash,
    /// How much.
    #[n(3)]
    pub amount: Quantity,
    /// Until then it counts.
    #[n(4)]
    pub until: UnixMillis,
}

/// A receipt's exact bytes with the boot identity's signature, and its events.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Receipt {
    /// Canonical encoding of a [`ReceiptBody`].
    #[n(0)]
    pub body: Bytes<{ limits::RECEIPT }>,
    /// Over the tagged hash of the body.
    #[n(1)]
    pub signature: Signature,
    /// What happened, in order; what is withheld is told to others only.
    #[n(2)]
    pub entries: List<Entry, { limits::EVENTS }>,
}

impl Receipt {
    /// What the body says of these events: the tagged hash of all their tagged hashes.
    #[must_use]
    pub fn digest(entries: &[Entry]) -> Hash {
        let hashes: Vec<u8> = entries.iter().flat_map(|entry| *entry.hash().as_bytes()).collect();
        Tag::EVENTS.hash(&hashes)
    }

    /// Withholds every event that is not for its reader.
    #[must_use]
    pub fn showing(self, shows: impl Fn(&Event) -> bool) -> Self {
        let keep = |entry| match entry {
            Entry::Shown(event) if shows(&event) => Entry::Shown(event),
            other @ (Entry::Shown(_) | Entry::Withheld(_)) => Entry::Withheld(other.hash()),
        };
        let entries: Vec<_> = self.entries.into_vec().into_iter().map(keep).collect();
        Self { entries: entries.try_into().expect("as many as there were"), ..self }
    }

    /// The events that are shown.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Shown(event) => Some(event),
            Entry::Withheld(_) => None,
        })
    }

    /// The link that the next receipt names.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Tag::RECEIPT.hash(self.body.as_slice())
    }

    /// What it says, without regard to the signature.
    ///
    /// # Errors
    /// [`codec::DecodeError`].
    pub fn unverified(&self) -> Result<ReceiptBody, codec::DecodeError> {
        codec::decode(self.body.as_slice())
    }
}
