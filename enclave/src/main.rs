//! `cloister-enclave`: PID 1 of the enclave, and its only program.
//!
//! The root of peers' documents is AWS's, and the device is `/dev/nsm` as it is.

use cloister_attestation::TrustRoot;
use cloister_enclave::firmware;

fn main() {
    firmware::run(TrustRoot::aws(), |nsm| nsm)
}
