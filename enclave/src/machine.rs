//! The signer with what it is given: time, randomness and the NSM.

use std::sync::{Mutex, PoisonError};

use cloister_attestation::TrustRoot;
use cloister_protocol::{BootFailed, Output, Signer};
use cloister_wire::{
    message::{Outcome, Reply, Request},
    refusal::Refusal,
};

use crate::{
    clock::Clock,
    console::{self, Event},
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

    /// Answers one request, device calls included. A signer that cannot go on ends the process, and so does a lock that a panic has poisoned.
    pub fn answer(&self, request: Request) -> Reply {
        let mut inner = self.0.lock().unwrap_or_else(|PoisonError { .. }| fatal::end());
        let Inner { signer, nsm, clock } = &mut *inner;
        let mut output = signer.handle(clock.now(), &mut KernelRng, request);
        loop {
            match output {
                Output::Reply(Reply { outcome: Outcome::Refused(Refusal::Halted), .. }) => give_up(),
                Output::Reply(reply) => return reply,
                Output::Device(call) => {
                    let answer = device::perform(nsm, &call);
                    output = signer.resume(clock.now(), answer);
                }
            }
        }
    }
}

/// Nothing is lost that its sealed blobs don't hold, and whoever runs the enclave sees that it is gone.
fn give_up() -> ! {
    console::say(Event::SignerHalted);
    fatal::end();
}

#[cfg(test)]
mod tests {
    use cloister_wire::{
        ids::{Nonce, Pcr},
        message::{Body, Phase, StatusBody},
    };

    use super::*;
    use crate::device::DeviceFailed;

    /// No module at all.
    struct Absent;

    impl Nsm for Absent {
        fn image(&mut self) -> Result<Pcr, DeviceFailed> {
            Err(DeviceFailed)
        }

        fn measure(&mut self, _: u8, _: &[u8]) -> Result<(), DeviceFailed> {
            Err(DeviceFailed)
        }

        fn attest(&mut self, _: &[u8], _: Option<&[u8]>, _: &[u8]) -> Result<Vec<u8>, DeviceFailed> {
            Err(DeviceFailed)
        }
    }

    #[test]
    fn a_fresh_signer_says_that_it_is_blank_and_refuses_everything_else() {
        let machine = Machine::boot(TrustRoot::aws(), Absent).unwrap();
        let nonce = Nonce::from_bytes([7; 32]);
        let Outcome::Done(Body::Status(status)) = machine.answer(Request::Status { nonce }).outcome else { panic!() };
        let status: StatusBody = cloister_wire::codec::decode(status.body.as_slice()).unwrap();
        assert_eq!((status.nonce, status.phase), (nonce, Phase::Blank));
        assert_eq!(machine.answer(Request::Challenge).outcome, Outcome::Refused(Refusal::WrongPhase));
    }
}
