//! What the appliance costs beside the bare library, measured in one run for each scheme. `cargo bench -p cloister-benches` prints the
//! tables that `docs/performance.md` explains.
//!
//! ```text
//!   bare        one process, one thread: whole ceremonies, nothing around them        the yardstick
//!   appliance   KMS stand-in, 3 signers, 3 hosts, each a process ◀──REST── load        load is this process and does not count
//!   pools       presignatures that the host keeps ready, and whether any are being made
//!   live        memory of a signer for what it keeps, from ceremonies that are driven step by step
//!   meter       processor time and memory of any process
//!   sampling    Criterion
//!   report      the tables
//! ```

pub mod appliance;
pub mod bare;
mod ceremony;
pub mod live;
pub mod load;
pub mod meter;
pub mod pools;
pub mod report;
pub mod sampling;
pub mod table;
pub mod taken;
pub mod transfer;
