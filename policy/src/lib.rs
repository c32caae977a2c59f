//! What a request does, and what the policy makes of it. Pure: the same bytes, policy, spending and time give the same decision in every
//! signer and in the tools that explain it.
//!
//! ```text
//!   payload ──▶ facts: kind, effects, fee ──▶ decide ──▶ the first rule that fits, and what it charges ──▶ verdict
//!                       │                       ▲
//!                       └──▶ rendering          └── spending: what limits have counted
//! ```
//!
//! # Invariants
//! - What is judged, shown and signed comes from one parse of one payload ([`payload::read`]).
//! - A rule that does not mention a condition leaves it open, with two exceptions unless it denies: a rule that does not mention payloads is
//!   for transactions alone, and one that does not mention effects lets transfers and allowances through and nothing else. What is not
//!   understood needs a pattern that names it.
//! - Amounts never wrap: a sum that does not fit refuses the request.
//! - What a limit counts is never too little ([`Spending`]).
//!
//! # Callers' duties
//! The policy has passed [`cloister_wire::policy::Policy::check`]; the requester's signature was verified. What [`decide`] charges goes to
//! [`Spending::charge`] before anything else is decided. The time does not go back.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)
)]

mod decision;
mod facts;
mod fit;
mod limit;
mod listed;
pub mod payload;
mod rendering;
mod seen;
mod spending;
mod spent;

pub use decision::{Decision, Explained, approving_sets, decide, explain};
pub use facts::{Asked, Facts};
pub use fit::Misfit;
pub use rendering::digest;
pub use spending::Spending;
