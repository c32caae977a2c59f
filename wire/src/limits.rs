//! Every bound in one table. A length is compared with one of these before anything is allocated for it.
//!
//! Where a number comes from outside, its source is named; the others are chosen so that a signer with all queues full stays within
//! its memory budget.

/// Payload of one frame, bytes: a start with a policy of [`ENDORSED`] bytes and its order.
pub const FRAME: usize = ENDORSED + 128 * 1024;
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

/// Body of an operator-signed document, bytes: a policy of 10,000 rules and 100,000 listed accounts. It is decoded only once a quorum's
/// signatures have been verified.
pub const ENDORSED: usize = 4 * 1024 * 1024;
/// Tenants of a group.
pub const TENANTS: usize = 64;
/// Members of one tenant.
pub const MEMBERS: usize = 1024;
/// Sets of members of one tenant.
pub const SETS: usize = 64;
/// Members of one set.
pub const SET_MEMBERS: usize = 64;
/// Lists of accounts of one tenant.
pub const LISTS: usize = 256;
/// Accounts on one list.
pub const ACCOUNTS: usize = 131_072;
/// Spending limits of one tenant.
pub const SPENDING_LIMITS: usize = 256;
/// The longest window of a limit, milliseconds: 366 days.
pub const WINDOW_MS: u64 = 366 * 24 * 60 * 60 * 1000;
/// A rule's name, characters: that of a grant begins with `key:` and names its key.
pub const RULE_NAME: usize = NAME + 8;
/// Solana address lookup tables that one tenant's policy pins.
pub const LOOKUP_TABLES: usize = 64;
/// Addresses of a lookup table (`LOOKUP_TABLE_MAX_ADDRESSES`).
pub const TABLE_ADDRESSES: usize = 256;
/// Rules of one tenant.
pub const RULES: usize = 16_384;
/// Requesters that one rule names.
pub const RULE_MEMBERS: usize = 256;
/// Keys that one rule names.
pub const RULE_KEYS: usize = 256;
/// Kinds of payload that one rule names.
pub const PERMISSIONS: usize = 64;
/// Amounts that one rule bounds.
pub const SPENDS: usize = 32;
/// Limits that one rule counts against.
pub const RULE_LIMITS: usize = 8;
/// Patterns of effects of one rule.
pub const PATTERNS: usize = 32;
/// Assets of one pattern.
pub const PATTERN_ASSETS: usize = 64;
/// Counterparties of one pattern; lists are longer.
pub const COUNTERPARTIES: usize = 64;
/// Functions of one pattern.
pub const FUNCTIONS: usize = 64;
/// Arguments of a function that a pattern judges.
pub const ARGUMENTS: usize = 16;
/// A script that a policy names, bytes (witness programs and the hash forms have up to 42).
pub const SCRIPT: usize = 64;
/// A bech32 address, characters (BIP-173 allows 90).
pub const BECH32: usize = 90;
/// A channel's name (ICS-24 allows 64), a slash and a receiver, characters.
pub const CHANNEL_ACCOUNT: usize = 64 + 1 + 128;
/// A denomination, characters (the Cosmos SDK allows 128).
pub const DENOMINATION: usize = 128;
/// Approvals of one request.
pub const APPROVALS: usize = 16;
/// Kill switches that are closed at once, and that one order lifts.
pub const CLOSINGS: usize = 256;
/// Lifted kill switches that a signer remembers, so that a host cannot close them again: 32 bytes each.
pub const LIFTED: usize = 4096;
/// Requests that a signer remembers as withdrawn or waiting for a delay, ended sessions, and recoveries that began or were cancelled, until
/// they expire: about 6 MiB. Each tenant of the policy has the same part of the room, and a member a quarter of its tenant's, as operators
/// have: none can take that of the others alone.
pub const REMEMBERED: usize = 16_384;
/// How long the holder of a credential and the operators have to cancel its recovery, milliseconds: an hour at least.
pub const RECOVERY_DELAY_LEAST_MS: u64 = 60 * 60 * 1000;
/// Thirty days at most.
pub const RECOVERY_DELAY_MOST_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// A recovery's body, bytes: a passkey with all its pages takes 2371.
pub const RECOVERY: usize = 2816;
/// Members whose recovery waits or is in force, two recoveries each at most: about 500 KiB. The end of all of them fits one receipt.
pub const RECOVERIES: usize = 96;
/// Those of one tenant: a quarter, and no more than each tenant's same part.
pub const TENANT_RECOVERIES: usize = RECOVERIES / 4;
/// An approval's body, bytes.
pub const APPROVAL: usize = 512;
/// What people are shown of one request, bytes.
pub const RENDERING: usize = 64 * 1024;
/// A review's body, bytes.
pub const REVIEW: usize = RENDERING + 4096;
/// What the limits of one tenant remember, charges of about 160 bytes: when there are more, charges that end at about the same time are
/// joined.
pub const SPENDING_ENTRIES: usize = 4096;
/// What the limits of one tenant count apart (a limit per key once for each key), about 1.5 KiB for each and its first charges. Seven joined
/// charges of each have room among [`SPENDING_ENTRIES`].
pub const SPENDING_WINDOWS: usize = 512;

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
/// A requester's proof, bytes: a WebAuthn assertion.
pub const PROOF: usize = 16 + AUTHENTICATOR_DATA + CLIENT_DATA + ASSERTION_SIGNATURE;

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
/// two minutes. Each tenant of the policy has the same part of the room, and a requester a quarter of its tenant's: none can starve the
/// others alone.
pub const REQUEST_IDS: usize = 131_072;
/// The longest life of a request, milliseconds: one day.
pub const REQUEST_LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// How long after it was issued a start order is taken, milliseconds: seven days. One that hosts kept back would bring back its policy.
pub const START_LIFE_MS: u64 = 7 * REQUEST_LIFE_MS;
/// The longest life of a session key, milliseconds: thirty days.
pub const SESSION_LIFE_MS: u64 = 30 * REQUEST_LIFE_MS;
/// What a member lets a session key ask for, bytes.
pub const DELEGATION: usize = 16 * 1024;

/// An attestation document, bytes (NSM specification).
pub const DOCUMENT: usize = 16 * 1024;
/// A caller's nonce for an attestation document, bytes (NSM specification).
pub const NONCE: usize = 512;
/// A boot statement, bytes.
pub const STATEMENT: usize = 1024;

/// A FROST commitment or signature share as the library serialises it, bytes (seen: 71).
pub const COMMITMENT: usize = 128;
/// The id of a presignature, bytes: the shortest of them.
pub const COMMITMENT_LEAST: usize = 32;
/// A scalar as the FROST libraries serialise it, or an Ed25519 secret key, bytes.
pub const SECRET: usize = 32;
/// Commitments handed out by one request.
pub const COMMITMENTS: usize = 256;
/// Envelopes to other signers in one reply.
pub const OUTBOX: usize = 128;
/// Events in one receipt.
pub const EVENTS: usize = 2 * BATCH;
/// An event, bytes: a release with the names of its rule, its approvers and its limits (under 2900).
pub const EVENT: usize = 3072;
/// A receipt's body, without its events, bytes.
pub const RECEIPT: usize = 256;
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
