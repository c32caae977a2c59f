//! The shell around the signer: sockets, threads, clock, randomness and the Nitro Secure Module. It decides nothing.
//!
//! ```text
//!            Listener (vsock)
//!                 │  at most Bounds::connections at once, a thread each
//!                 ▼
//!   frame ─▶ connection ── Request ──▶ Machine ── now, rng, Request ──▶ Signer (cloister-protocol)
//!   frame ◀─    │       ◀── Reply ───  one lock  ◀── Reply │ DeviceCall ──┘
//!                                        └── DeviceCall ──▶ Nsm (/dev/nsm)
//! ```
//!
//! # Invariants
//! - Nothing is allocated for a length before it was compared with its bound, and then no faster than bytes arrive.
//! - A connection ends when a frame takes too long in either direction, and when it is silent while another waits for its place.
//! - Time passed to the signer never runs backwards.
//! - A broken invariant ends the process ([`fatal`]); no half-changed state is ever served.
//! - What serves makes no system call but those in `syscalls`.
//!
//! # Callers' duties
//! None of [`firmware::run`], which is all that the program does. The simulator, another binary, calls [`fatal::end_on_panic`] before
//! anything else and passes its own device and sockets behind the same two traits.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)
)]

mod clock;
mod clock_source;
mod connection;
mod console;
pub mod device;
mod entropy;
pub mod fatal;
pub mod firmware;
pub mod hardening;
mod heartbeat;
mod machine;
mod mounts;
pub mod nsm;
mod places;
pub mod privileges;
mod randomness;
mod server;
pub mod syscalls;
pub mod transport;

pub use machine::Machine;
pub use server::{Bounds, serve};
