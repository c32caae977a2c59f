//! The untrusted host beside one signer: the API, the coordinator of what signers do together, the store, the relay to KMS.
//!
//! ```text
//!   clients ──REST──▶ api ──▶ coordinator ──▶ signers ─┬─▶ desk ──▶ link ──▶ own signer (Unix socket or vsock)
//!                                                      │    ├─▶ store (SQLite)
//!                                                      │    └─▶ kms
//!                                                      └─▶ peers ──HTTP──▶ the other hosts' desks
//! ```
//!
//! Nothing here is trusted for anything but staying up. What it must not lose, it stores before it is acknowledged; what it must not
//! decide, signers and clients decide for themselves.

mod aggregate;
mod api;
mod child;
pub mod config;
mod coordinator;
mod desk;
mod encoding;
mod keyring;
mod kms;
mod link;
pub mod nitro;
mod peers;
pub mod problem;
mod serving;
mod signers;
mod store;

pub use kms::{KeyDescription, KeyReader};
pub use serving::{Running, StartError, serve};
