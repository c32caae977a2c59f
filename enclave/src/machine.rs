//! The signer with what it is given: time, randomness and the NSM.

use std::sync::{Mutex, PoisonError};

use cloister_attestation::TrustRoot;
use cloister_protocol::{BootFailed, Output, Signer};
use cloister_wire::message::{Reply, Request};

use crate::{
    clock::Clock,
    device::{self, Nsm},
    entropy::KernelRng,
    fatal,
};

/// The one signer of this process. Requests of all connections go through it one after another.
pub struct Machine<N>(Mutex<Inner<N>>);

struct Inner<N> {
    signer: Signer,
    nsm: N,
    clock: Clock,
}

impl<N: Nsm> Machine<N> {
    /// Makes the boot keys, which takes on the order of a hundred milliseconds. Peers' documents will have to end at `root`.
    ///
    /// # Errors
    /// [`BootFailed`].
    pub fn boot(root: TrustRoot, nsm: N) -> Result<Self, BootFailed> {
        let signer = Signer::new(root, &mut KernelRng)?;
        Ok(Self(Mutex::new(Inner { signer, nsm, clock: Clock::default() })))
    }

    /// Answers one request, device calls included. A lock that a panic has poisoned ends the process.
    pub fn answer(&self, request: Request) -> Reply {
        let mut inner = self.0.lock().unwrap_or_else(|PoisonError { .. }| fatal::end());
        let Inner { signer, nsm, clock } = &mut *inner;
        let mut output = signer.handle(clock.now(), &mut KernelRng, request);
        loop {
            match output {
                Output::Reply(reply) => return reply,
                Output::Device(call) => {
                    let answer = device::perform(nsm, &call);
                    output = signer.resume(clock.now(), &mut KernelRng, answer);
                }
            }
        }
    }
}
