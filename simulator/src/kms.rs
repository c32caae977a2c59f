//! A stand-in for AWS KMS that speaks its protocol and enforces its key policies on attestation.
//!
//! ```text
//!   HTTP ──▶ server ──▶ sigv4: who calls? ──▶ operations ──▶ recipient: is the document authentic and fresh?
//!                                                 │     └──▶ policy: may this caller, with these PCRs?
//!                                                 └──▶ key, material ──▶ envelope: readable by that enclave alone
//!   store: one JSON file, written whole
//! ```
//!
//! An unchanged `aws-sdk-kms`, `boto3` or `aws` talks to it. What it does not provide it refuses by name: an unknown
//! operation, parameter, policy element, operator or condition key is an error, never ignored.
//!
//! # Invariants
//! - No key is used before its policy has allowed this caller, this action and these registers; an explicit Deny wins.
//! - Registers come from documents that `cloister-attestation` authenticated under the configured root, and from nowhere else.
//! - A change is on disk before it is acknowledged.
//!
//! # Not the real thing
//! Keys lie unencrypted in a file; there are no IAM policies, grants, aliases or multi-region keys; which error AWS gives
//! for a document that it refuses is not documented, and none of this has been compared with AWS.

mod arn;
mod blob;
mod command;
mod envelope;
mod errors;
mod key;
mod material;
mod operations;
pub mod policy;
mod recipient;
mod server;
mod sigv4;
mod store;

pub use arn::{AccountId, BadName, KeyArn, PrincipalArn, Region};
pub use command::run;
pub use envelope::EnvelopeForm;
pub use errors::{Fault, FaultKind};
pub use key::{Key, KeyState, NewKey};
pub use material::KeySpec;
pub use server::{KmsConfig, Running, StartError, serve};
pub use store::{Credential, KeyFile, KeyFileError};
