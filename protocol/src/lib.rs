//! The signer as a state machine: requests, time and randomness in; replies and device calls out. No I/O, no clock, no generator of
//! its own (but for `aws-lc-rs`, which draws the RSA recipient key and OAEP padding from the kernel by itself).
//!
//! ```text
//!            Configure           Start(genesis)            signer key read back
//!   Blank ──────────▶ Measured ────────────────▶ Founding ─────────────────────▶ Active
//!                        │       Start(restart)             signer key opened      ▲ │ Start (higher incarnation)
//!                        └─────────────────────▶ Reopening ────────────────────────┘ └──▶ Active
//!   any ──▶ Halted: the device failed half-way, or an invariant broke. A request in the wrong phase is refused and changes nothing.
//! ```
//!
//! # Invariants, and where they are kept
//! - **One gate**: `gate` alone makes an `Authorized` value, and `signing` takes nothing else (P3).
//! - **One use**: a nonce leaves its `pool` by value before a byte of the share is computed, and its type can be neither copied nor
//!   serialised (P4).
//! - **Sealed or nothing**: secrets leave through `sealing` alone, which takes types that nothing else sends (P2).
//! - **Named boots only**: nothing but status and attestation is answered before a quorum of operators has named this boot.
//!
//! # Callers' duties
//! Carry out a [`Output::Device`] at once and give its result to [`Signer::resume`]; pass time that does not run backwards; pass a
//! generator that the NSM has seeded.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)
)]

mod answers;
mod authority;
mod boot;
mod ceremony;
mod certification;
mod channel;
mod child;
mod device;
mod ecdsa;
mod fault;
#[cfg(test)]
mod fixture;
mod gate;
mod introduction;
mod keygen;
mod keyring;
mod member;
mod peers;
mod pool;
mod presignings;
mod receipts;
mod sealing;
mod share;
mod signer;
mod signing;
mod state;
mod suite;
mod unwrapping;

pub use boot::BootFailed;
pub use device::{DeviceAnswer, DeviceCall, Output};
pub use signer::Signer;
