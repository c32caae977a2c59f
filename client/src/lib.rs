//! The client of a Cloister group: it verifies first and talks afterwards.
//!
//! ```text
//!   Pin{manifest hash, trust root}
//!        │
//!   Unverified ──attest──▶ Attested ──verified──▶ Client
//!    can only ask           manifest, operators'    t or more signers proved who they are:
//!    for the manifest       quorum and every boot   keys, signatures, audit
//!                           checked: operators
//!                           name boots and start
//! ```
//!
//! # Invariants
//! - Nothing is sent to a group before its manifest has the pinned hash and every signer that answers has shown, over our own nonce,
//!   an accepted release, its place in the manifest and its keys. The types allow no other order.
//! - No answer of a host is believed: keys are read from certificates that the signers signed, signatures are verified against our
//!   own payload under the certificate's key, and finished transactions are put together here.
//! - Secret keys leave this crate only into files that their owner alone can read.
//!
//! # Callers' duties
//! Get the manifest's hash from the operators by a way that no host controls. Keep the newest policy version: hosts may show older ones.

mod account;
mod api;
pub mod audit;
pub mod authorization_json;
mod boot;
pub mod credential;
pub mod delegation;
mod ecdsa;
mod error;
pub mod image;
mod json_value;
mod key;
mod last_start;
mod misfit;
pub mod operator;
pub mod passkey;
pub mod permission;
pub mod policy_cases;
pub mod policy_file;
pub mod policy_question;
pub mod pools;
mod problem;
pub mod recoveries;
pub mod requester;
pub mod requests;
pub mod scheme;
mod schnorr;
mod secret;
mod session;
mod signature;
mod signed;
pub mod switches;
mod taproot;
pub mod transaction_json;
pub mod typed_data;
pub mod user_operation_json;

pub use account::Account;
pub use boot::{AttestedBoot, BootRejected, Challenge};
pub use error::{Blame, Error};
pub use json_value::Misfit;
pub use key::{CertificateRejected, Key};
pub use last_start::LastStart;
pub use problem::Problem;
pub use secret::{P256Secret, RequesterSecret, Secret, SecretFile};
pub use session::{Attested, Client, GroupState, Pin, SignerStatus, Unverified};
pub use signature::{SignatureRejected, verify_signature};
pub use signed::{Finished, Signed, SigningJob};
