//! The real binary against real groups: every command, its fields and its exit codes.

mod answers;
mod ecdsa;
mod enclaves;
mod keys_and_signatures;
mod kms_policies;
mod kms_keys;
mod members;
mod operators;
mod policies;
mod processes;
mod recoveries;
mod verification;
mod world;
