//! Placeholder.

pub mod nsm;
