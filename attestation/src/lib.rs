//! Attestation: decides whether a document comes from an enclave that its reader accepts, and opens what KMS encrypts to one.
//!
//! ```text
//!   bytes ──parse──▶ Unverified ──authenticate(root, mode)──▶ Authentic ──accept(expected)──▶ Verified
//!         structure,            chain, validity, signature,             release set, registers,
//!         size caps             time, nonce, no debug mode              user data
//!
//!   secret ──WrappingKey::wrap──▶ kept by the host ──KMS Decrypt──▶ CiphertextForRecipient ──RecipientKey──▶ secret
//!            to a KMS key's                 for an attested       CMS envelope          one a boot
//!            public half                    measurement only
//! ```
//!
//! # Invariants
//! - A [`Verified`] exists only behind all checks, and there is no other path: no feature, flag or mock weakens one.
//! - What is checked is what was signed: one encoding of the envelope, certificates over their exact bytes.
//! - Every length is compared with [`limits`] before anything is allocated for it.
//! - Time and trust root come in as arguments.
//!
//! # Callers' duties
//! - For [`Mode::Live`], draw the nonce at random and use it once.
//! - Use the attested key: a channel that does not depend on `user_data` or `public_key` of the [`Verified`] proves nothing.
//! - Check what an envelope held against something else: anyone can make one ([`RecipientKey`]).
//! - Keep to [`TrustRoot::aws`] in production binaries and show everything else as SIMULATED ([`Authentic::root_kind`]).

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)
)]

mod ber;
mod chain;
mod document;
mod envelope;
pub mod limits;
mod pcr;
mod recipient;
mod rejected;
mod root;
mod time;
#[cfg(test)]
#[path = "../tests/vectors/mod.rs"]
mod vectors;
mod verify;
mod wrapping;

pub use pcr::{Pcr, PcrIndex, WrongPcrLength};
pub use recipient::{EnvelopeRejected, RecipientKey};
pub use rejected::Rejected;
pub use root::{RootKind, TrustRoot, UnusableRoot};
pub use time::{Millis, UnixMillis};
pub use verify::{Authentic, Expected, Mode, Release, Unverified, Verified};
pub use wrapping::{KeyError, WrappingKey};
