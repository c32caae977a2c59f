//! `cloister-rehearsal`: PID 1 of the rehearsal image, in which groups are tried out in an emulator. SIMULATED.
//!
//! It differs from `cloister-enclave` in the root that it believes and in who signs its module's documents, and in nothing else. The
//! key of that root is in the repository: nobody who counts pins it, and no release contains this program.

use cloister_enclave::firmware;
use cloister_stand_in_nsm::{Rehearsal, TestRoot};

fn main() {
    let root = TestRoot::of_rehearsals();
    firmware::run(root.trust_root(), |nsm| Rehearsal::new(nsm, root))
}
