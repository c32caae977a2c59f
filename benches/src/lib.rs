//! What the appliance costs beside the bare library, measured in one run. `cargo bench -p cloister-benches` prints the table that
//! `docs/performance.md` explains.
//!
//! ```text
//!   bare        one process, one thread: two commitments, two shares, aggregation      the yardstick
//!   appliance   KMS stand-in, 3 signers, 3 hosts, each a process ◀──REST── load        load is this process and does not count
//!   live        memory of a signer while ceremonies are open
//!   meter       processor time and memory of any process
//!   report      the table
//! ```

pub mod appliance;
pub mod bare;
pub mod live;
pub mod load;
pub mod meter;
pub mod report;
pub mod transfer;
