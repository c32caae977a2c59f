//! A whole group on one machine: what runs is production code, and only what AWS would provide is replaced.
//!
//! ```text
//!   group    starts everything, and plays hypervisor, administrators and operators
//!   signer   the enclave's library on a Unix socket, with the stand-in NSM
//!   nsm      signs real attestation documents, under a test root
//!   kms      speaks AWS's protocol and enforces key policies on attestation
//!   hostile  sits between a host and its signer and does what an attacker would
//! ```
//!
//! SIMULATED: nothing here rests on hardware, and whoever reads a group's folder holds all of its secrets. No production binary links
//! this crate, and none can be switched to the test root.

pub mod group;
pub mod hostile;
pub mod kms;
pub mod signer;

pub use cloister_stand_in_nsm as nsm;
