//! The real binary against real groups: every command, its fields and its exit codes.

mod answers;
mod ecdsa;
mod enclaves;
mod images;
mod keys_and_signatures;
mod kms_keys;
mod kms_policies;
mod members;
mod operators;
mod policies;
mod processes;
mod recoveries;
mod verification;
mod world;
