//! The bytes that signers, hosts and clients agree on: frames, messages, signed documents and their limits. No policy, no I/O.
//!
//! ```text
//!   operators ── Endorsed<Manifest | StartOrder | Policy> ─┐
//!   requesters ─ SignRequest, KeyRequest ──────────────────┤
//!                                                          ▼
//!                 host ──── frame(Request) ──────────▶ enclave
//!                      ◀─── frame(Reply: body, outbox, receipt)
//! ```
//!
//! # Invariants
//! - **One encoding per value.** Everything is CBOR (RFC 8949) in definite-length arrays. [`codec::decode`] decodes, re-encodes and
//!   compares, so two different byte strings never mean the same thing and what was signed is what was read.
//! - **Every length is bounded** by the type that holds it ([`bounded`]); the numbers stand in [`limits`].
//! - **Every hash and signature carries a domain tag** from the one table in [`tag`].
//!
//! # Callers' duties
//! A decoded value is well-formed, not trusted: signatures, quorums and phases are checked by `cloister-protocol`.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)
)]

pub mod approval;
pub mod blob;
pub mod bounded;
pub mod certificate;
pub mod codec;
pub mod credential;
pub mod delegation;
pub mod endorsement;
pub mod frame;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod manifest;
pub mod message;
pub mod order;
pub mod p256;
pub mod peer;
pub mod policy;
pub mod receipt;
pub mod recovery;
pub mod refusal;
pub mod request;
pub mod review;
pub mod signature;
pub mod switch;
pub mod tag;
pub mod webauthn;
