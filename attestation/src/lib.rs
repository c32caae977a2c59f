//! Attestation: decides whether a document comes from an enclave that its reader accepts, and opens what KMS encrypts to one.
//!
//! ```text
//!   bytes ──parse──▶ Unverified ──authenticate(root, mode)──▶ Authentic ──accept(expected)──▶ Verified
//!         structure,            chain, validity, signature,             release set, registers,
//!         size caps             time, nonce, no debug mode              user data
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
//! - Keep to [`TrustRoot::aws`] in production binaries and show everything else as SIMULATED ([`Authentic::root_kind`]).

mod chain;
mod document;
pub mod limits;
mod pcr;
mod rejected;
mod root;
mod time;
mod verify;

pub use pcr::{Pcr, PcrIndex, WrongPcrLength};
pub use rejected::Rejected;
pub use root::{RootKind, TrustRoot, UnusableRoot};
pub use time::{Millis, UnixMillis};
pub use verify::{Authentic, Expected, Mode, Release, Unverified, Verified};
