//! As the attacker: frames put straight to a signer, processes that nobody's order names, and KMS asked behind the hosts' back.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_kms::{
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata as _,
    primitives::Blob,
    types::{EncryptionAlgorithmSpec, KeyEncryptionMechanism, RecipientInfo},
};
use cloister_attestation::Pcr;
use cloister_simulator::{hostile::ask, nsm::TestRoot};
use cloister_wire::{
    blob::Wrap,
    codec,
    ids::SignerId,
    message::{Body, Outcome, Reply, Request},
};

use super::{
    Stage,
    template::{self, CONFINED},
};
use crate::{cheat::Cheat, machine::Machine, nitro::BOOT};

/// What a cheat draws its keys from.
const CHEAT: u64 = 0xc4ea7;

impl Stage {
    /// Asks a signer.
    pub fn ask(&mut self, id: SignerId, request: &Request) -> Reply {
        self.ask_at(&self.group.signer_socket(id), request)
    }

    /// Asks whoever listens on `socket`.
    pub fn ask_at(&mut self, socket: &Path, request: &Request) -> Reply {
        let reply = ask(socket, request).expect("a reply");
        self.heard.extend(codec::encode(&reply));
        reply
    }

    /// What a signer does.
    pub fn done(&mut self, id: SignerId, request: &Request) -> Body {
        done(self.ask(id, request))
    }

    /// The code with which a signer refuses.
    pub fn refused(&mut self, id: SignerId, request: &Request) -> &'static str {
        refused(self.ask(id, request))
    }

    /// A second process: the genuine image on the parent of `parent`, as a hypervisor would start it. It listens in the group's folder.
    #[must_use]
    pub fn clone_of(&self, parent: SignerId, name: &str) -> Twin {
        let manifest = self.group.manifest();
        let (release, slot) = (manifest.release, manifest.slot(parent).expect("a signer of the group"));
        let registers = [(0, release.pcr0), (1, release.pcr1), (2, release.pcr2), (3, slot.pcr3)];
        self.launch(name, registers.map(|(index, value)| format!("{index}={value}")))
    }

    /// A signer on the parent of `parent` that cheats as the test says. It has the genuine measurements: its enclave is broken.
    #[must_use]
    pub fn cheat(&self, parent: SignerId, name: &str) -> (Cheat, PathBuf) {
        let manifest = self.group.manifest();
        let (release, slot) = (manifest.release, manifest.slot(parent).expect("a signer of the group"));
        let registers = [(0, release.pcr0), (1, release.pcr1), (2, release.pcr2), (3, slot.pcr3)];
        let registers = registers.map(|(index, value)| (index, Pcr::from(*value.as_bytes())));
        let socket = self.group.dir().join(format!("{name}.sock"));
        let cheat = Cheat::serve(parent, Machine::measured(&self.root(), registers, CHEAT), &socket);
        (cheat, socket)
    }

    /// A process of the signer's program with these registers.
    #[must_use]
    pub fn launch(&self, name: &str, registers: impl IntoIterator<Item = String>) -> Twin {
        let mut command = Command::new(self.group.dir().join("image"));
        command.args(["sim-signer", CONFINED]).arg("--root").arg(self.group.dir());
        for register in registers {
            command.arg("--pcr").arg(register);
        }
        self.start_twin(name, &mut command)
    }

    /// A guest of any image on the parent of `parent`.
    #[must_use]
    pub fn launch_guest(&self, name: &str, eif: &Path, parent: SignerId) -> Twin {
        let of_parent = self.group.record().signers.iter().find(|record| record.signer == parent.get());
        let role = &of_parent.expect("a signer of the group").parent_role;
        let mut command = Command::new(template::guest());
        self.start_twin(name, command.arg("--image").arg(eif).args(["--role", role]))
    }

    fn start_twin(&self, name: &str, command: &mut Command) -> Twin {
        let socket = self.group.dir().join(format!("{name}.sock"));
        let log = fs::File::create(self.group.dir().join(format!("{name}.log"))).expect("a log");
        command.arg("--socket").arg(&socket);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().expect("a process");
        let deadline = Instant::now() + BOOT;
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            let ended = child.try_wait().expect("its state");
            assert!(ended.is_none() && Instant::now() < deadline, "{name} does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        Twin { child, socket }
    }

    /// Has KMS decrypt a wrap as the host of `id` would; the code of its error.
    ///
    /// # Errors
    /// KMS's exception.
    pub fn kms_decrypt(&self, id: SignerId, wrap: &Wrap, document: &[u8]) -> Result<Vec<u8>, String> {
        let text = fs::read(self.group.dir().join(format!("host-{id}.aws.json"))).expect("a credential");
        let login: cloister_simulator::kms::Credential = serde_json::from_slice(&text).expect("a credential");
        let region = wrap.arn.as_str().split(':').nth(3).expect("a region").to_owned();
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(Credentials::new(login.access_key_id(), login.secret(), None, None, "test"))
            .endpoint_url(self.group.record().kms.clone().expect("KMS runs"))
            .build();
        let recipient = RecipientInfo::builder()
            .key_encryption_algorithm(KeyEncryptionMechanism::RsaesOaepSha256)
            .attestation_document(Blob::new(document))
            .build();
        let decrypt = aws_sdk_kms::Client::from_conf(config)
            .decrypt()
            .key_id(wrap.arn.as_str())
            .encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256)
            .ciphertext_blob(Blob::new(wrap.ciphertext.as_slice()))
            .recipient(recipient);
        match self.runtime.block_on(decrypt.send()) {
            Ok(answer) => Ok(answer.ciphertext_for_recipient.map(Blob::into_inner).unwrap_or_default()),
            Err(error) => Err(error.code().unwrap_or("no answer").to_owned()),
        }
    }

    /// The root of all simulated attestation.
    #[must_use]
    pub fn root(&self) -> TestRoot {
        TestRoot::load(self.group.dir()).expect("the group's root")
    }
}

/// A process that the group's launcher knows nothing of. Killed when dropped.
pub struct Twin {
    child: Child,
    /// Where it listens.
    pub socket: PathBuf,
}

impl Drop for Twin {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What was done.
///
/// # Panics
/// If it was refused.
#[must_use]
pub fn done(reply: Reply) -> Body {
    match reply.outcome {
        Outcome::Done(body) => body,
        Outcome::Refused(refusal) => panic!("refused: {}", refusal.code()),
    }
}

/// The stable code of a refusal.
///
/// # Panics
/// If it was done.
#[must_use]
pub fn refused(reply: Reply) -> &'static str {
    match reply.outcome {
        Outcome::Refused(refusal) => refusal.code(),
        Outcome::Done(body) => panic!("not refused: {body:?}"),
    }
}
