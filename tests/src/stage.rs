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

mod aftermath;
mod attacker;
mod caller;
mod folder;
mod presigning;
mod rogue;
mod secrets;
mod template;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_client::{Error, operator::PolicyDraft};
use cloister_simulator::{
    group::{Enclave, Group},
    hostile::{Action, Frame, HostileProxy, Rule},
};
use cloister_wire::{
    codec,
    ids::{KeyName, SignerId, UnixMillis},
    policy::{ForeignInputs, Permission},
};
use tokio::runtime::Runtime;

pub use aftermath::sealed_in;
pub use attacker::{Twin, done, refused};
pub use caller::Answer;
use folder::Folder;
pub use rogue::{Mail, flipped};
use secrets::Secrets;

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
        Self::open_with(threshold, signers, &[])
    }

    /// The same, with these options for every host.
    #[must_use]
    pub fn open_with(threshold: u16, signers: u16, host_options: &[&str]) -> Self {
        Self::open_in(template::processes(), threshold, signers, host_options)
    }

    /// The same with guests of the emulator for signers, and the image for rehearsals at `eif`.
    #[must_use]
    pub fn open_in_guests(eif: &Path, threshold: u16, signers: u16) -> Self {
        Self::open_in(template::guests(eif), threshold, signers, &[])
    }

    fn open_in(enclave: Enclave, threshold: u16, signers: u16, host_options: &[&str]) -> Self {
        let mut stage = Self::up_in(enclave, threshold, signers, host_options);
        stage.start();
        stage.allow_keys();
        stage
    }

    /// A group whose processes run and which was never started.
    #[must_use]
    pub fn up(threshold: u16, signers: u16) -> Self {
        Self::up_in(template::processes(), threshold, signers, &[])
    }

    fn up_in(enclave: Enclave, threshold: u16, signers: u16, host_options: &[&str]) -> Self {
        let folder = Folder::make();
        let dir = folder.0.join("g");
        let runtime = Runtime::new().expect("a runtime");
        let group = runtime.block_on(async {
            let mut plan = template::plan(signers, threshold, &dir, enclave);
            template::copy(&plan).await.expect("a founded group");
            plan.programs.host.arguments.extend(host_options.iter().map(Into::into));
            Group::up(plan, &|_| {}).await.expect("processes")
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

    /// The same, with an order that leaves these signers out.
    pub fn start_without(&mut self, absent: &[SignerId]) {
        self.runtime.block_on(self.group.start_without(absent, &|_| {})).expect("started");
    }

    /// Has operators start the group, which hosts or signers refuse with this code.
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
