//! Every bound in one table. A length is compared with one of these before anything is allocated for it.
//!
//! Where a number comes from outside, its source is named; the others are chosen so that a signer with all queues full stays within
//! its memory budget.

/// Payload of one frame, bytes: a batch of [`BATCH`] Solana requests, or one request carrying a PSBT of [`PAYLOAD`] bytes.
pub const FRAME: usize = 512 * 1024;
/// One write to a socket, bytes: larger vsock writes were corrupted silently on newer kernels (cloud-hypervisor#7672).
pub const WRITE: usize = 16 * 1024;
/// Requests that one connection may have outstanding.
pub const PIPELINE: usize = 64;

/// Signers of a group.
pub const SIGNERS: usize = 32;
/// Operators of a group.
pub const OPERATORS: usize = 32;
/// KMS keys of one signer.
pub const KMS_KEYS: usize = 8;
/// A KMS key's SubjectPublicKeyInfo in DER, bytes (RSA-4096 takes 550).
pub const SPKI: usize = 1024;
/// An Amazon Resource Name, characters (AWS allows 2048; key ARNs take 76).
pub const ARN: usize = 256;
/// Names of keys, tenants and requesters, characters.
pub const NAME: usize = 64;

/// Body of an operator-signed document, bytes.
pub const ENDORSED: usize = 128 * 1024;
/// Requesters that a policy names.
pub const REQUESTERS: usize = 256;
/// Key rules of a policy.
pub const KEY_RULES: usize = 256;
/// Permissions of one key rule.
pub const PERMISSIONS: usize = 64;

/// A WebAuthn relying party's id, characters (RFC 1035, section 2.3.4: a domain name without its final dot).
pub const RP_ID: usize = 253;
/// A web page's origin, characters: a scheme, the longest domain name and a port would take 272, and no real one takes half.
pub const ORIGIN: usize = 256;
/// Origins of one passkey.
pub const ORIGINS: usize = 8;
/// A WebAuthn assertion's authenticator data, bytes: 37, and what extensions add.
pub const AUTHENTICATOR_DATA: usize = 1024;
/// A WebAuthn assertion's client data, bytes: about 120, the origin, and what browsers add.
pub const CLIENT_DATA: usize = 2048;
/// A WebAuthn assertion's signature, bytes: ECDSA over P-256 in DER.
pub const ASSERTION_SIGNATURE: usize = 72;

/// Steps of a child key path.
pub const PATH: usize = 8;
/// A transaction or message to sign, bytes.
pub const PAYLOAD: usize = 256 * 1024;
/// A canonical `SignRequest` or `KeyRequest`, bytes.
pub const REQUEST: usize = PAYLOAD + 1024;
/// Digests that one request may ask for: Bitcoin inputs.
pub const DIGESTS: usize = 512;
/// Sign requests in one frame.
pub const BATCH: usize = 128;
/// Request ids that a signer remembers until their requests expire: about 12 MiB when full, and over 1000 a second for requests that live
/// two minutes.
pub const REQUEST_IDS: usize = 131_072;
/// Those of one requester: a quarter, so that none can starve the others alone.
pub const REQUESTER_IDS: usize = REQUEST_IDS / 4;
/// The longest life of a request, milliseconds: one day.
pub const REQUEST_LIFE_MS: u64 = 24 * 60 * 60 * 1000;

/// An attestation document, bytes (NSM specification).
pub const DOCUMENT: usize = 16 * 1024;
/// A caller's nonce for an attestation document, bytes (NSM specification).
pub const NONCE: usize = 512;
/// A boot statement, bytes.
pub const STATEMENT: usize = 1024;

/// A FROST commitment or signature share as the library serialises it, bytes (seen: 71).
pub const COMMITMENT: usize = 128;
/// A scalar as the FROST libraries serialise it, or an Ed25519 secret key, bytes.
pub const SECRET: usize = 32;
/// Commitments handed out by one request.
pub const COMMITMENTS: usize = 256;
/// Envelopes to other signers in one reply.
pub const OUTBOX: usize = 128;
/// Events in one receipt.
pub const EVENTS: usize = 2 * BATCH;
/// A receipt's body, bytes: its events take up to 128 each.
pub const RECEIPT: usize = 256 + 128 * EVENTS;
/// A piece of a message between two signers: a Noise message (Noise specification, section 3).
pub const PEER_MESSAGE: usize = 65_535;
/// A message's part in one of them: without the tag, and the nonce and number in front.
pub const PIECE: usize = PEER_MESSAGE - 16 - 9;
/// Pieces of one message: the largest carries [`PAIRWISE`] bytes.
pub const PIECES: usize = 7;

/// What one signer sends another in one round, bytes: eight presignatures of 55,385, or a pair's set-up of about 143,000.
pub const PAIRWISE: usize = 440 * 1024;

/// A KMS ciphertext, bytes (RSA-4096 gives 512; the KMS API allows 6144).
pub const WRAP: usize = 1024;
/// A `CiphertextForRecipient`, bytes (the KMS API allows 6144).
pub const ENVELOPE: usize = 6144;
/// The encrypted part of a sealed blob, bytes.
pub const SEALED: usize = 16 * 1024;
/// A whole sealed blob, bytes: ciphertext, wraps, statement and attestation document.
pub const BLOB: usize = 48 * 1024;
/// A key certificate, bytes.
pub const CERTIFICATE: usize = 16 * 1024;
/// Verifying shares and public keys as the library serialises them, bytes.
pub const PUBLIC_PACKAGE: usize = 4 * 1024;
/// Keys whose shares a signer holds in memory.
pub const KEYS: usize = 1024;
/// Requests whose key a signer has certified, remembered until they expire: under 1 MiB.
pub const CERTIFIED: usize = 4 * KEYS;
/// Those of one requester: a quarter, so that none can starve the others alone, and as many as there can be keys.
pub const REQUESTER_CERTIFIED: usize = CERTIFIED / 4;
/// Commitments that a signer keeps for one key.
pub const POOL: usize = 4096;
/// Commitments that it keeps for all keys together: about 36 MiB.
pub const POOLS: usize = 16 * POOL;
/// Signers that sign with ECDSA together: a round's messages to all others, 55,385 bytes each, have to fit a frame.
pub const ECDSA_SIGNERS: usize = 9;
/// Presignatures made by one ceremony of two signers; with more signers fewer, one at least.
pub const PRESIGNING_BATCH: usize = 8;
/// Presignings under way at once.
pub const PRESIGNINGS: usize = 16;
/// Key generations under way at once.
pub const CEREMONIES: usize = 16;
/// Blobs whose unwrapping is under way at once.
pub const UNWRAPS: usize = 32;
