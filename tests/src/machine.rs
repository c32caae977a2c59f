//! One signer with its security module.

use cloister_attestation::Pcr;
use cloister_protocol::{DeviceAnswer, DeviceCall, Output, Signer};
use cloister_simulator::nsm::{StandInNsm, TestRoot};
use cloister_wire::{
    codec,
    ids::{BootId, Nonce, SignerId, UnixMillis},
    manifest::Measurements,
    message::{Body, Outcome, Reply, Request, StatusBody},
    refusal::Refusal,
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{CryptoRng, RngCore, SeedableRng as _},
};

/// A signer, and the device that its requests may call.
pub struct Machine {
    /// The state machine under test.
    pub signer: Signer,
    /// The module that answers its device calls.
    pub nsm: StandInNsm,
    /// Whether the module answers.
    pub device: Device,
    rng: Remembering,
}

/// A generator that remembers every 32 bytes that were drawn at once: keys, mostly.
struct Remembering {
    rng: ChaCha20Rng,
    drawn: Vec<[u8; 32]>,
}

/// Whether a security module does as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// It does.
    Works,
    /// It fails every call.
    Fails,
}

impl Machine {
    /// Boots a signer on the parent of `signer`, with the released image.
    #[must_use]
    pub fn boot(root: &TestRoot, signer: SignerId, seed: u64) -> Self {
        let registers = [(0, pcr("image")), (1, pcr("kernel")), (2, pcr("application")), (3, parent_role(signer))];
        Self::measured(root, registers, seed)
    }

    /// Boots whatever has these measurements.
    #[must_use]
    pub fn measured(root: &TestRoot, registers: [(u8, Pcr); 4], seed: u64) -> Self {
        let mut rng = Remembering { rng: ChaCha20Rng::seed_from_u64(seed), drawn: Vec::new() };
        let nsm = StandInNsm::new(root.clone(), &registers).expect("registers in range");
        let signer = Signer::new(root.trust_root(), &mut rng).expect("boot keys");
        Self { signer, nsm, device: Device::Works, rng }
    }

    /// Carries a request out, device calls included. Request and reply take the way over the wire format.
    pub fn ask(&mut self, now: UnixMillis, request: Request) -> Reply {
        let request = codec::decode(&codec::encode(&request)).expect("a request is canonical");
        let mut output = self.signer.handle(now, &mut self.rng, request);
        loop {
            match output {
                Output::Reply(reply) => return codec::decode(&codec::encode(&reply)).expect("a reply is canonical"),
                Output::Device(call) => {
                    let answer = self.perform(now, call);
                    output = self.signer.resume(now, answer);
                }
            }
        }
    }

    /// Does what the signer asks of its module.
    pub fn perform(&mut self, now: UnixMillis, call: DeviceCall) -> DeviceAnswer {
        if self.device == Device::Fails {
            return DeviceAnswer::Failed;
        }
        match call {
            DeviceCall::Measure { pcrs } => {
                for (index, hash) in pcrs {
                    self.nsm.extend_pcr(index, hash.as_bytes()).expect("open register");
                    self.nsm.lock_pcr(index).expect("open register");
                }
                let (image, _) = self.nsm.describe_pcr(0).expect("a register");
                DeviceAnswer::Measured { image: cloister_wire::ids::Pcr::from_bytes(*image.as_bytes()) }
            }
            DeviceCall::Attest { user_data, nonce, public_key } => {
                let (user_data, nonce) = (Some(user_data.as_bytes().as_slice()), nonce.as_deref());
                DeviceAnswer::Document(self.nsm.attest(user_data, nonce, Some(&public_key), now.0).expect("signed"))
            }
        }
    }

    /// Every 32 bytes that the signer has drawn at once.
    #[must_use]
    pub fn drawn(&self) -> &[[u8; 32]] {
        &self.rng.drawn
    }

    /// What the signer says of itself, without a look at the signature.
    pub fn status(&mut self, now: UnixMillis) -> StatusBody {
        match self.ask(now, Request::Status { nonce: Nonce::from_bytes([7; 32]) }).outcome {
            Outcome::Done(Body::Status(status)) => codec::decode(status.body.as_slice()).expect("canonical"),
            other => panic!("no status: {other:?}"),
        }
    }

    /// Which boot this is.
    pub fn boot_id(&mut self, now: UnixMillis) -> BootId {
        self.status(now).boot
    }
}

impl RngCore for Remembering {
    fn next_u32(&mut self) -> u32 {
        self.rng.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    fn fill_bytes(&mut self, destination: &mut [u8]) {
        self.rng.fill_bytes(destination);
        self.drawn.extend(<[u8; 32]>::try_from(&*destination));
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), rand_chacha::rand_core::Error> {
        self.fill_bytes(destination);
        Ok(())
    }
}

impl CryptoRng for Remembering {}

/// What the reply brings; panics if the request was refused.
pub fn done(reply: Reply) -> Body {
    match reply.outcome {
        Outcome::Done(body) => body,
        Outcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

/// Why the request was refused; `None` if it was carried out.
#[must_use]
pub fn refusal(reply: &Reply) -> Option<Refusal> {
    match reply.outcome {
        Outcome::Done(_) => None,
        Outcome::Refused(refusal) => Some(refusal),
    }
}

/// The measurements of the released image.
#[must_use]
pub fn release() -> Measurements {
    let wire = |pcr: Pcr| cloister_wire::ids::Pcr::from_bytes(*pcr.as_bytes());
    Measurements { pcr0: wire(pcr("image")), pcr1: wire(pcr("kernel")), pcr2: wire(pcr("application")), pcr8: None }
}

/// PCR3 of a signer's parent.
#[must_use]
pub fn parent_role(signer: SignerId) -> Pcr {
    pcr(&role(signer))
}

/// The role of a signer's parent.
#[must_use]
pub fn role(signer: SignerId) -> String {
    format!("arn:aws:iam::00000000000{signer}:role/signer")
}

fn pcr(measured: &str) -> Pcr {
    Pcr::ZERO.extended(measured.as_bytes())
}
