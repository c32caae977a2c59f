//! What the state machine asks of the Nitro Secure Module, as values.

use cloister_wire::{
    ids::{Hash, Pcr},
    message::Reply,
};

/// What comes out of the signer.
#[derive(Debug)]
pub enum Output {
    /// The answer to the request.
    Reply(Reply),
    /// A call to carry out before there is an answer: give its result to [`crate::Signer::resume`].
    Device(DeviceCall),
}

/// A call of the NSM.
#[derive(Debug, PartialEq, Eq)]
pub enum DeviceCall {
    /// Extend each register with the hash, then lock it, and read PCR0.
    Measure {
        /// Register and what to extend it with: PCR16 and PCR17.
        pcrs: [(u8, Hash); 2],
    },
    /// Make an attestation document.
    Attest {
        /// Its `user_data`: the hash of the boot statement.
        user_data: Hash,
        /// Its `nonce`: the caller's.
        nonce: Option<Vec<u8>>,
        /// Its `public_key`: the recipient key, SubjectPublicKeyInfo in DER.
        public_key: Vec<u8>,
    },
}

/// What the NSM answered.
#[derive(Debug)]
pub enum DeviceAnswer {
    /// Both registers are extended and locked.
    Measured {
        /// PCR0: which image runs.
        image: Pcr,
    },
    /// The document.
    Document(Vec<u8>),
    /// It did not do what was asked.
    Failed,
}
