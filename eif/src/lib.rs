//! Cloister's enclave image, from a checkout and without Docker.
//!
//! ```text
//!   Debian's kernel source ──configuration──▶ bzImage ─────────────┐
//!   command line ──────────────────────────────────────────────────┤
//!   two empty folders ─────▶ ramdisk 1                             ├──▶ cloister.eif, pcr.json, sbom.json
//!   enclave/ ──static build─▶ /init ──────▶ ramdisk 2 ─────────────┘
//!                                                  PCR0 = all of it, PCR1 = without ramdisk 2, PCR2 = ramdisk 2
//! ```
//!
//! # Invariants
//! - The same checkout, kernel source, compilers and linker give the same bytes, whoever builds, where and when: nothing of the
//!   surroundings reaches a compiler but what [`surroundings`] lets through, and paths are mapped to fixed ones.
//! - An input that is pinned by digest is checked before it is opened. A result is put in place whole or not at all.
//! - `pcr.json` holds what AWS's library, which puts the image together, and a reader that shares no code with it both measure.

pub mod cache;
pub mod failure;
pub mod image;
pub mod kernel;
pub mod program;
pub mod progress;
pub mod ramdisk;
pub mod recipe;
mod sbom;
pub mod signature;
pub mod surroundings;
