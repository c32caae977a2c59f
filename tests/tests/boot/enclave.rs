//! The booted image, as one of a group's signers.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use cloister_simulator::nsm::TestRoot;
use cloister_tests::{
    charter::{Charter, signer},
    impostor::Impostor,
    machine::{done, role},
    nitro::{BOOT, Memory, SERVING, Vm},
    stage::now,
};
use cloister_wire::{
    codec,
    identity::{BootStatement, Introduction},
    ids::{Nonce, SignerId},
    manifest::Measurements,
    message::{Body, Request, SignedStatus},
    order::StartKind,
};

use crate::image::Image;

/// What the first attestation document answers.
pub(crate) const NONCE: &[u8] = b"the first that anybody asks";

/// An enclave that has measured a manifest of the test and been attested.
pub(crate) struct Enclave {
    pub(crate) vm: Vm,
    pub(crate) charter: Charter,
    /// Of the blank signer, over [`Enclave::FIRST`].
    pub(crate) status: SignedStatus,
    pub(crate) introduction: Introduction,
}

impl Enclave {
    pub(crate) const FIRST: Nonce = Nonce::from_bytes([1; Nonce::LEN]);
    pub(crate) const MEMORY: Memory = Memory(512);
    /// The smallest guest that is promised to work.
    const SMALLEST: Memory = Memory(128);

    /// Boots it.
    pub(crate) fn boot(eif: &Path, measurements: Measurements, memory: Memory) -> Self {
        let me = signer(1);
        let vm = Vm::boot(eif, memory, &role(me)).unwrap_or_else(|error| panic!("{error:#}"));
        vm.wait_for_console(SERVING, BOOT).unwrap_or_else(|error| panic!("{error:#}"));
        let mut charter = Charter::new(2, 3);
        charter.manifest.release = measurements;
        let Body::Status(status) = ask(&vm, &Request::Status { nonce: Self::FIRST }) else { panic!("no status") };
        let configure = Request::Configure { manifest: charter.endorse(&charter.manifest), signer: me };
        assert_eq!(ask(&vm, &configure), Body::Nothing);
        let introduction = introduction(&vm, NONCE);
        Self { vm, charter, status, introduction }
    }

    /// The production image, which tests share.
    pub(crate) fn production() -> &'static Self {
        static SHARED: OnceLock<Enclave> = OnceLock::new();
        SHARED.get_or_init(|| {
            let Image { eif, measurements } = Image::production();
            Self::boot(&eif, measurements, Self::MEMORY)
        })
    }

    /// The production image in as little memory as it is promised to run in, for one test at a time.
    pub(crate) fn smallest() -> MutexGuard<'static, Self> {
        static SHARED: OnceLock<Mutex<Enclave>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            let Image { eif, measurements } = Image::production();
            Mutex::new(Self::boot(&eif, measurements, Self::SMALLEST))
        });
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the boot says of itself.
    pub(crate) fn statement(&self) -> BootStatement {
        codec::decode(self.introduction.statement.as_slice()).expect("canonical")
    }

    /// An impostor that is everything a peer has to be, but that its documents chain to another root.
    pub(crate) fn peer(&self, root: &TestRoot, id: SignerId) -> Impostor {
        let mut peer = Impostor::new(&self.charter, root, id);
        let release = &self.charter.manifest.release;
        for ((_, register), measured) in peer.registers.iter_mut().zip([release.pcr0, release.pcr1, release.pcr2]) {
            *register = (*measured.as_bytes()).into();
        }
        peer
    }

    /// Names this boot and the peers' in a start order.
    pub(crate) fn start(&self, kind: StartKind, peers: &[Impostor]) {
        let mut boots = vec![(signer(1), self.statement().boot())];
        boots.extend(peers.iter().map(|peer| (peer.statement.signer, peer.statement.boot())));
        let order = self.charter.endorse(&self.charter.order(kind, 1, now(), &boots));
        let policy = self.charter.endorse(&self.charter.policy());
        assert_eq!(ask(&self.vm, &Request::Start { order, policy }), Body::Nothing);
    }
}

/// What a request brings that is carried out.
pub(crate) fn ask(vm: &Vm, request: &Request) -> Body {
    done(vm.ask(request).unwrap_or_else(|error| panic!("{error:#}")))
}

/// The statement of an enclave that was configured, with a fresh document.
pub(crate) fn introduction(vm: &Vm, nonce: &[u8]) -> Introduction {
    match ask(vm, &Request::Attest { nonce: nonce.try_into().expect("short enough") }) {
        Body::Introduction(introduction) => introduction,
        other => panic!("no introduction: {other:?}"),
    }
}
