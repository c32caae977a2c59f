//! A whole group of real processes, every host of which is hostile.
//!
//! ```text
//!   test ──REST──▶ host ──▶ HostileProxy ──▶ signer ◀──frames── test, as the attacker
//!     │             │            │
//!     └─────────────┴────────────┴──▶ searched for every secret that a sealed blob holds
//! ```
//!
//! Hosts, signers and KMS are processes, started by the simulator's launcher. A proxy between each host and its signer records every
//! frame and does with it what the test's rule says; the test also connects to signers by itself. [`Stage::settle`] ends a case: what
//! an attacker did must leave no secret anywhere, and must not keep the next honest request from its answer.

mod rogue;
mod secrets;
mod template;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_sdk_kms::{
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata as _,
    primitives::Blob,
    types::{EncryptionAlgorithmSpec, KeyEncryptionMechanism, RecipientInfo},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_client::{
    Account, Client, Error, Key, Signed, SigningJob, operator::PolicyDraft, requester::Credential, scheme::Kind,
};
use cloister_simulator::{
    group::Group,
    hostile::{Action, Frame, HostileProxy, Rule, ask},
    nsm::TestRoot,
};
use cloister_wire::{
    blob::{SealedBlob, Wrap},
    codec,
    ids::{GroupId, KeyName, SignerId, UnixMillis},
    message::{Body, KeygenState, Outcome, Phase, Reply, Request},
    policy::{ForeignInputs, Permission},
    request::{Requested, Scheme},
};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::signature::verifies;
pub use rogue::{Mail, flipped};
use secrets::{Search, Secrets};

/// The group, its proxies, and everything that anybody was told.
pub struct Stage {
    proxies: BTreeMap<SignerId, HostileProxy>,
    past: BTreeMap<SignerId, Vec<Frame>>,
    /// The processes.
    pub group: Group,
    secrets: Secrets,
    heard: Vec<u8>,
    http: reqwest::Client,
    runtime: Runtime,
    _folder: Folder,
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body's JSON.
    pub body: serde_json::Value,
}

/// Signer `id`.
///
/// # Panics
/// If no group has it.
#[must_use]
pub fn signer(id: u16) -> SignerId {
    id.try_into().expect("1 to 32")
}

impl Stage {
    /// A started group with a policy that lets its requester make keys and sign anything with those called as [`name`] says.
    #[must_use]
    pub fn open(threshold: u16, signers: u16) -> Self {
        let mut stage = Self::up(threshold, signers);
        stage.start();
        stage.allow_keys();
        stage
    }

    /// A group whose processes run and which was never started.
    #[must_use]
    pub fn up(threshold: u16, signers: u16) -> Self {
        let folder = Folder::make();
        let dir = folder.0.join("g");
        let runtime = Runtime::new().expect("a runtime");
        let group = runtime.block_on(async {
            template::copy(signers, threshold, &dir).await.expect("a founded group");
            Group::up(template::plan(signers, threshold, &dir), &|_| {}).await.expect("processes")
        });
        let secrets = Secrets::of(&dir.join("kms-keys.json"));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut stage = Self {
            proxies: BTreeMap::new(),
            past: BTreeMap::new(),
            group,
            secrets,
            heard: Vec::new(),
            http,
            runtime,
            _folder: folder,
        };
        stage.proxies = stage.signers().map(|id| (id, stage.proxy(id, &stage.group.signer_socket(id)))).collect();
        stage
    }

    fn proxy(&self, id: SignerId, upstream: &Path) -> HostileProxy {
        HostileProxy::start(&self.group.host_socket(id), upstream, |_: &Frame| Action::Pass).expect("a socket")
    }

    /// Connects the host of signer `id` to whoever listens on `socket`.
    pub fn connect_host(&mut self, id: SignerId, socket: &Path) {
        if let Some(proxy) = self.proxies.remove(&id) {
            self.past.entry(id).or_default().extend(proxy.record());
        }
        self.proxies.insert(id, self.proxy(id, socket));
    }

    fn allow_keys(&mut self) {
        let requester = self.credential().name;
        let change = |draft: &mut PolicyDraft| {
            let own = Permission::Bitcoin { foreign: ForeignInputs::Refused };
            let allowed = [Permission::Message, Permission::Solana, own];
            (0..KEYS).try_for_each(|number| draft.allow_signing(&requester, &name(number), &allowed))
        };
        self.runtime.block_on(self.group.change_policy(change)).expect("a policy");
    }

    /// All signers.
    pub fn signers(&self) -> impl Iterator<Item = SignerId> + use<> {
        (1..=self.group.manifest().signers.len()).map(|id| signer(u16::try_from(id).expect("few")))
    }

    /// Has operators start the group, or start it again.
    pub fn start(&mut self) {
        self.runtime.block_on(self.group.start(&|_| {})).expect("started");
    }

    /// The same, which hosts or signers refuse with this code.
    pub fn start_refused(&mut self) -> String {
        let error = self.runtime.block_on(self.group.start(&|_| {})).expect_err("it should have been refused");
        self.heard.extend(format!("{error:?}").into_bytes());
        error.downcast_ref::<Error>().map_or_else(|| panic!("{error:?}"), |error| error.code().to_owned())
    }

    /// Kills signers as hard as can be.
    pub fn kill(&mut self, signers: impl IntoIterator<Item = SignerId>) {
        for id in signers {
            self.runtime.block_on(self.group.kill_signer(id)).expect("killed");
        }
    }

    /// Starts killed signers again: fresh boots that no order names yet.
    pub fn revive(&mut self, signers: impl IntoIterator<Item = SignerId>) {
        for id in signers {
            self.runtime.block_on(self.group.restart_signer(id)).expect("started");
        }
    }

    /// Kills all signers and starts the group again.
    pub fn restart_all(&mut self) {
        let all: Vec<_> = self.signers().collect();
        self.kill(all.clone());
        self.revive(all);
        self.start();
    }

    /// Waits for something that the test does with the launcher.
    pub fn wait<T>(&mut self, work: impl AsyncFnOnce(&mut Group) -> T) -> T {
        self.runtime.block_on(work(&mut self.group))
    }

    /// From now on, `rule` decides what becomes of frames between signer `id` and its host.
    pub fn rule(&self, id: SignerId, rule: impl Rule + 'static) {
        self.proxies[&id].set_rule(rule);
    }

    /// Every frame passes again.
    pub fn behave(&self) {
        self.proxies.values().for_each(|proxy| proxy.set_rule(|_: &Frame| Action::Pass));
    }

    /// Every frame so far between a signer and its host.
    #[must_use]
    pub fn record(&self, id: SignerId) -> Vec<Frame> {
        let past = self.past.get(&id).into_iter().flatten().cloned();
        past.chain(self.proxies[&id].record()).collect()
    }

    /// The newest request and reply of a signer's record that are of interest.
    #[must_use]
    pub fn last<T>(&self, id: SignerId, of_interest: impl Fn(&Frame) -> Option<T>) -> Option<T> {
        self.record(id).iter().rev().find_map(of_interest)
    }
}

/// As the attacker: frames put straight to a signer.
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

    /// A process of the signer's program with these registers.
    #[must_use]
    pub fn launch(&self, name: &str, registers: impl IntoIterator<Item = String>) -> Twin {
        let socket = self.group.dir().join(format!("{name}.sock"));
        let log = fs::File::create(self.group.dir().join(format!("{name}.log"))).expect("a log");
        let mut command = Command::new(self.group.dir().join("image"));
        command.arg("sim-signer").arg("--socket").arg(&socket).arg("--root").arg(self.group.dir());
        for register in registers {
            command.arg("--pcr").arg(register);
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().expect("a process");
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < deadline, "{name} does not listen");
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

/// As an honest caller.
impl Stage {
    /// The requester that the policy names.
    #[must_use]
    pub fn credential(&self) -> Credential {
        self.group.credential().expect("a key file")
    }

    /// The group's id.
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.group.manifest().group
    }

    /// A client that has verified everything, at the host of signer 1.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_at(signer(1)).expect("a verified group")
    }

    /// The same at any host.
    ///
    /// # Errors
    /// The client's.
    pub fn client_at(&self, id: SignerId) -> Result<Client, Error> {
        self.runtime.block_on(Client::connect(self.group.url(id), self.group.pin()))
    }

    /// Makes the key [`name`]`(number)`.
    ///
    /// # Errors
    /// The client's.
    pub fn make_key(&mut self, number: usize, scheme: Scheme) -> Result<Key, Error> {
        let made = self.runtime.block_on(self.client().create_key(&self.credential(), name(number), scheme));
        self.hear(made)
    }

    /// The key [`name`]`(number)`, made now if it was not before.
    pub fn key(&mut self, number: usize, scheme: Scheme) -> Key {
        let client = self.client();
        let found = self.runtime.block_on(client.key(&self.credential().tenant, &name(number)));
        found.unwrap_or_else(|_| self.make_key(number, scheme).expect("a key"))
    }

    /// Signs, and verifies what comes back by libraries that had no part in it.
    ///
    /// # Errors
    /// The client's.
    pub fn sign(&mut self, key: &Key, kind: Kind, payload: &[u8]) -> Result<Signed, Error> {
        let signed = self.runtime.block_on(async {
            let client = Client::connect(self.group.url(signer(1)), self.group.pin()).await?;
            let job = SigningJob::new(key, kind, payload)?;
            let signed = client.sign(&self.credential(), &job).await?;
            let verifying = key.output_key().map_or(key.public_key().to_vec(), Vec::from);
            let pairs = job.messages().iter().zip(&signed.signatures);
            assert!(pairs.clone().count() == job.messages().len(), "a signature for each message");
            for (message, signature) in pairs {
                assert!(verifies(key.body().scheme, &verifying, message, signature), "a judge rejects the signature");
            }
            Ok(signed)
        });
        self.hear(signed)
    }

    /// Signs a text.
    ///
    /// # Errors
    /// The client's.
    pub fn sign_text(&mut self, key: &Key, text: &str) -> Result<Signed, Error> {
        self.sign(key, Kind::Message, text.as_bytes())
    }

    /// A signed request for a text.
    #[must_use]
    pub fn text_request(&self, key: &Key, text: &str) -> Requested {
        self.credential()
            .request_signature(self.id(), &Account::from(key), Kind::Message, text.as_bytes())
            .expect("short enough")
    }

    /// Posts a signed request as it is.
    pub fn post(&mut self, path: &str, requested: &Requested) -> Answer {
        self.post_json(path, &serde_json::json!({ "request": STANDARD.encode(codec::encode(requested)) }))
    }

    /// Posts any JSON to the host of signer 1.
    pub fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.group.url(signer(1)))).json(body);
        let (status, bytes) = self.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            (answer.status().as_u16(), answer.bytes().await.expect("a body"))
        });
        self.heard.extend_from_slice(&bytes);
        Answer { status, body: serde_json::from_slice(&bytes).expect("JSON") }
    }

    /// Posts a signed request and does not wait for the answer.
    pub fn post_in_background(&self, path: &str, requested: &Requested) -> JoinHandle<()> {
        let body = serde_json::json!({ "request": STANDARD.encode(codec::encode(requested)) });
        let request = self.http.post(format!("{}{path}", self.group.url(signer(1)))).json(&body);
        // Whatever comes back, or nothing: nobody reads it.
        self.runtime.spawn(async { drop(request.send().await) })
    }

    /// Waits until a host says that its signer is active.
    pub fn await_ready(&self, id: SignerId) {
        let url = format!("{}/v1/ready", self.group.url(id));
        let deadline = Instant::now() + Duration::from_secs(20);
        self.runtime.block_on(async {
            while !self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                assert!(Instant::now() < deadline, "the host of signer {id} does not become ready");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }

    /// Waits until hosts whose connections were cut have connected again.
    pub fn await_links(&self) {
        let url = format!("{}/v1/signers?nonce={}", self.group.url(signer(1)), "00".repeat(32));
        let deadline = Instant::now() + Duration::from_secs(10);
        self.runtime.block_on(async {
            loop {
                let answer = self.http.get(&url).send().await.expect("an answer").bytes().await.expect("a body");
                let signers: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
                if signers.as_array().expect("signers").iter().all(|signer| signer["reachable"] == true) {
                    return;
                }
                assert!(Instant::now() < deadline, "not all signers can be reached: {signers}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }

    /// Where each signer stands, as its attested boot says; nothing of those that do not answer.
    #[must_use]
    pub fn phases(&self) -> BTreeMap<SignerId, Option<Phase>> {
        let statuses = self.runtime.block_on(async { self.group.attest().await.expect("attested").statuses().await });
        let statuses = statuses.expect("signed by the boots");
        statuses.into_iter().map(|status| (status.signer, status.status.map(|body| body.phase))).collect()
    }

    fn hear<T: std::fmt::Debug>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        self.heard.extend(format!("{outcome:?}").into_bytes());
        outcome
    }
}

impl Answer {
    /// A problem's code. The problem says what happened and what to do.
    #[must_use]
    pub fn code(&self) -> &str {
        let text = |field: &str| self.body[field].as_str().unwrap_or_default();
        assert!(self.status >= 400 && self.body["status"] == self.status, "{self:?}");
        assert!(!text("hint").is_empty() && !text("detail").is_empty() && !text("title").is_empty(), "{self:?}");
        text("code")
    }
}

/// After an attack.
impl Stage {
    /// Ends a case: frames pass again, the next honest request is answered, and no secret is anywhere.
    pub fn settle(&mut self, key: &Key) {
        self.behave();
        self.await_links();
        let signed = self.sign_text(key, "an honest request");
        assert!(signed.is_ok(), "the next honest request failed: {:?}", signed.err());
        self.assert_nothing_leaked();
    }

    /// Looks for the content of every sealed blob, for data keys, shares and signer keys, in every frame, file, log, answer and error.
    pub fn assert_nothing_leaked(&mut self) {
        let records: Vec<_> = self.signers().flat_map(|id| self.record(id)).collect();
        for blob in records.iter().filter_map(sealed_in) {
            self.secrets.open(&blob);
        }
        let known = self.secrets.known();
        assert!(known.len() >= 3 * self.proxies.len(), "every signer key has been sealed, at least");
        let search = Search::of(&known);
        for frame in &records {
            assert_eq!(search.find(frame.bytes()), None, "in a frame {:?}", frame.direction());
        }
        assert_eq!(search.find(&self.heard), None, "in an answer");
        for entry in fs::read_dir(self.group.dir()).expect("the group's folder").flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name() != "image" {
                let content = fs::read(entry.path()).unwrap_or_default();
                assert_eq!(search.find(&content), None, "in {}", entry.path().display());
            }
        }
    }

    /// Every blob that signers have sealed so far, oldest first.
    #[must_use]
    pub fn blobs(&self, id: SignerId) -> Vec<SealedBlob> {
        self.record(id).iter().filter_map(sealed_in).collect()
    }
}

/// The blob that a reply brings.
#[must_use]
pub fn sealed_in(frame: &Frame) -> Option<SealedBlob> {
    match frame.to_reply()?.outcome {
        Outcome::Done(Body::Sealed(blob) | Body::Keygen(KeygenState::Sealed { blob, .. })) => Some(blob),
        Outcome::Done(_) | Outcome::Refused(_) => None,
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

/// This machine's clock.
#[must_use]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    UnixMillis(since.as_millis().try_into().expect("before the end of time"))
}

/// A document as the REST API takes it.
#[must_use]
pub fn base64<T: minicbor::Encode<()>>(document: &T) -> String {
    STANDARD.encode(codec::encode(document))
}

/// A folder with a short path, since sockets lie in it. Test programs don't drop what their tests share: the next one removes it.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        for old in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
            let name = old.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix(STAGES)?.split_once('-'));
            if owner.is_some_and(|(process, _)| !Path::new("/proc").join(process).exists()) {
                drop(fs::remove_dir_all(old.path()));
            }
        }
        let name = format!("{STAGES}{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

const STAGES: &str = "cloister-stage-";

/// The name of the key of this number.
///
/// # Panics
/// If the policy has no rule for it.
#[must_use]
pub fn name(number: usize) -> KeyName {
    assert!(number < KEYS, "the policy speaks of {KEYS} keys");
    format!("key-{number}").parse().expect("a name")
}

/// Keys that the policy speaks of.
pub const KEYS: usize = 64;
