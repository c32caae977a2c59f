//! What requesters sign: requests to sign, and requests to make a key.
//!
//! # `SignRequest`, byte for byte
//! A CBOR array (RFC 8949, definite length, shortest integers) of eleven elements, or twelve where a session key asks:
//!
//! | # | field | CBOR |
//! |---|---|---|
//! | 0 | group | byte string, 16 |
//! | 1 | tenant | text, 1–64 printable ASCII |
//! | 2 | key id | byte string, 32 |
//! | 3 | path | array of unsigned integers, at most 8, each below 2^31: the steps of a child key (BIP-32); empty for the key itself |
//! | 4 | chain | 0 message, 1 Solana, 2 Bitcoin, 3 Ethereum, 4 Cosmos |
//! | 5 | purpose | 0 transaction, 1 message, 2 typed data, 3 authorisation (EIP-7702), 4 user operation (ERC-4337) |
//! | 6 | payload | byte string: UTF-8 text, Solana message, PSBT, unsigned Ethereum transaction, Ethereum message, canonical typed data, `rlp([chain id, address, nonce])` of an authorisation, `abi.encode` of a user operation, its entry point and chain id, or Cosmos `SignDoc` |
//! | 7 | requester | text, 1–64 printable ASCII |
//! | 8 | request id | byte string, 16, random |
//! | 9 | issued at | unsigned, milliseconds since the Unix epoch |
//! | 10 | not after | unsigned, the same; at most a day later |
//! | 11 | session | byte string, 32: hash of the [delegation](crate::delegation) under which a session key asks; left out otherwise |
//!
//! The requester's credential proves the tagged hash of these bytes: with `T = SHA-256("cloister/1/sign-request")`, it is
//! `SHA-256(T ‖ T ‖ bytes)`. That hash is also the request's hash, which receipts name. What is sent is a CBOR array of these bytes, as
//! a byte string, the [proof](crate::credential), and the delegation where there is one. `docs/sign_request.py` makes one without our code.

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List},
    codec,
    credential::Proof,
    delegation::Delegation,
    ids::{GroupId, Hash, KeyId, KeyName, RequestId, Requester, Tenant, UnixMillis},
    limits,
    signature::Signature,
    tag::Tag,
};

/// What kind of bytes the payload is, and so which parser reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Chain {
    /// A text, signed under a mandatory domain prefix.
    #[n(0)]
    Message,
    /// A Solana transaction message.
    #[n(1)]
    Solana,
    /// A Bitcoin PSBT.
    #[n(2)]
    Bitcoin,
    /// An Ethereum transaction, a message (EIP-191), typed data (EIP-712), an authorisation (EIP-7702) or a user operation (ERC-4337).
    #[n(3)]
    Ethereum,
    /// A Cosmos `SignDoc`.
    #[n(4)]
    Cosmos,
}

/// What the signature is for. It has to fit the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// A transaction that moves something.
    #[n(0)]
    Transaction,
    /// A text that proves who holds the key.
    #[n(1)]
    Message,
    /// EIP-712 typed data, which a contract may take as an order.
    #[n(2)]
    TypedData,
    /// An EIP-7702 authorisation: another contract's code becomes the account's own.
    #[n(3)]
    Authorization,
    /// An ERC-4337 user operation: what an account that is a contract is asked to do.
    #[n(4)]
    UserOperation,
}

/// A request for one signed transaction or message. The module's header gives its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignRequest {
    /// The group that is asked.
    #[n(0)]
    pub group: GroupId,
    /// The key's tenant.
    #[n(1)]
    pub tenant: Tenant,
    /// The key.
    #[n(2)]
    pub key: KeyId,
    /// Child key path (BIP-32, not hardened); has to be empty for `ed25519` and `secp256k1-schnorr`.
    #[n(3)]
    pub path: List<u32, { limits::PATH }>,
    /// Which parser reads the payload.
    #[n(4)]
    pub chain: Chain,
    /// What the signature is for.
    #[n(5)]
    pub purpose: Purpose,
    /// The transaction or text.
    #[n(6)]
    pub payload: Bytes<{ limits::PAYLOAD }>,
    /// Who asks.
    #[n(7)]
    pub requester: Requester,
    /// Names this request for ever.
    #[n(8)]
    pub id: RequestId,
    /// When it was made, by the requester's clock.
    #[n(9)]
    pub issued_at: UnixMillis,
    /// When it ends.
    #[n(10)]
    pub not_after: UnixMillis,
    /// Hash of the delegation under which a session key asks in the requester's name.
    #[n(11)]
    pub session: Option<Hash>,
}

/// The key schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Scheme {
    /// FROST(Ed25519, SHA-512), RFC 9591 section 6.1: Solana.
    #[n(0)]
    Ed25519,
    /// FROST over secp256k1 with BIP-340 signatures: Bitcoin Taproot.
    #[n(1)]
    Secp256k1Taproot,
    /// FROST(secp256k1, SHA-256), RFC 9591 section 6.5: plain Schnorr.
    #[n(2)]
    Secp256k1Schnorr,
    /// DKLs23 (ePrint 2023/765): ECDSA for Ethereum, Bitcoin SegWit and Cosmos.
    #[n(3)]
    Secp256k1Ecdsa,
}

/// A request to make a key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KeyRequest {
    /// The group that is asked.
    #[n(0)]
    pub group: GroupId,
    /// The key's tenant.
    #[n(1)]
    pub tenant: Tenant,
    /// Its name, not in use yet.
    #[n(2)]
    pub name: KeyName,
    /// Its scheme.
    #[n(3)]
    pub scheme: Scheme,
    /// Who asks.
    #[n(4)]
    pub requester: Requester,
    /// Names this request for ever.
    #[n(5)]
    pub id: RequestId,
    /// When it was made, by the requester's clock.
    #[n(6)]
    pub issued_at: UnixMillis,
    /// When it ends.
    #[n(7)]
    pub not_after: UnixMillis,
}

/// A document that a requester signs.
pub trait Requestable: Encode<()> + for<'b> Decode<'b, ()> {
    /// The domain of the requester's signature.
    const TAG: Tag;
}

impl Requestable for SignRequest {
    const TAG: Tag = Tag::SIGN_REQUEST;
}

impl Requestable for KeyRequest {
    const TAG: Tag = Tag::KEY_REQUEST;
}

/// A request's exact bytes with the requester's proof that it is its own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Requested {
    /// Canonical encoding of a [`SignRequest`] or [`KeyRequest`].
    #[n(0)]
    pub body: Bytes<{ limits::REQUEST }>,
    /// By the credential of the requester, or of its session key, of the tagged hash of the body.
    #[n(1)]
    pub proof: Proof,
    /// What the request's session is, where it names one.
    #[n(2)]
    pub delegation: Option<Delegation>,
}

impl Requested {
    /// Encodes a request and signs it with Ed25519.
    ///
    /// # Errors
    /// If it is larger than [`limits::REQUEST`].
    pub fn sign<T: Requestable>(request: &T, secret: &SigningKey) -> Result<Self, crate::bounded::TooLong> {
        let body: Bytes<_> = codec::encode(request).try_into()?;
        let proof = Proof::Ed25519(Signature::sign(secret, T::TAG, body.as_slice()));
        Ok(Self { body, proof, delegation: None })
    }

    /// The request's hash, for the purpose that `T` is.
    #[must_use]
    pub fn hash<T: Requestable>(&self) -> Hash {
        T::TAG.hash(self.body.as_slice())
    }
}
