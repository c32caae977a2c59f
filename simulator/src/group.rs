//! A whole group on one machine: a KMS stand-in, signers and hosts, each a process of its own, in one folder.
//!
//! ```text
//!   Group::up ──▶ folder exists? ──no──▶ founding: test root, image, KMS keys, manifest, key policies, first policy
//!        │                                         │ renamed into place when complete
//!        ├◀────────────────────────────────────────┘
//!        ├──▶ cloister-sim-kms      one
//!        ├──▶ cloister-sim-signer   one a signer ── Unix socket ──┐
//!        ├──▶ cloister-sim-host     one a signer ◀────────────────┘
//!        └──▶ group.json            where everything is
//!   Group::start ──▶ verify every boot, build and sign the start order (cloister-client), hand it to a host
//! ```
//!
//! The launcher plays three parts that nobody plays at once in production: the hypervisor, which measures images; the
//! administrators of every KMS account; and a quorum of operators. Whoever can read the folder holds all of that.
//!
//! Bringing a folder up again continues with the same keys: the image is copied into it, so that a newer build of the launcher
//! doesn't change what the signers measure.

mod founding;
mod host;
mod layout;
mod process;
mod programs;
mod record;

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use cloister_client::{
    Attested, Pin, Secret, SecretFile, Unverified,
    operator::{self, PolicyDraft},
    requester::Credential,
};
use cloister_wire::{
    codec,
    endorsement::Endorsed,
    ids::{Incarnation, SignerId},
    manifest::{Manifest, ValidManifest},
    order::StartKind,
    policy::Policy,
};

use crate::{nsm::TestRoot, signer::image::Image};
use founding::Parent;
pub use host::run as run_host;
use layout::Layout;
use process::Process;
pub use programs::{Enclave, Program, Programs, run_hidden};
pub use record::{Record, RequesterRecord, SignerRecord, Stage};
use tokio::sync::mpsc;

/// What to bring up.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// Where everything is kept. A group that is there already is brought up as it is.
    pub dir: PathBuf,
    /// *n*, of a new group.
    pub signers: u16,
    /// *t*, of a new group.
    pub threshold: u16,
    /// How to start processes.
    pub programs: Programs,
    /// What hosts connect to.
    pub link: Link,
}

/// What a host connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Its signer's socket.
    Direct,
    /// [`Group::host_socket`], where a [`crate::hostile::HostileProxy`] is to listen.
    Proxied,
}

/// How far [`Group::up`] and [`Group::start`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another KMS key is made.
    KmsKey {
        /// So many are.
        made: usize,
        /// So many will be.
        of: usize,
    },
    /// Manifest, policies and credentials are written.
    Founded,
    /// The KMS stand-in serves.
    KmsServes,
    /// A signer serves.
    SignerServes(SignerId),
    /// A host serves.
    HostServes(SignerId),
    /// So many signers' attestations are verified.
    Attested(usize),
    /// The group is started.
    Started(Incarnation),
}

/// A group whose processes run. They end when this is dropped, or when its process ends, however it does.
pub struct Group {
    layout: Layout,
    programs: Programs,
    image: Image,
    root: TestRoot,
    endorsed: Endorsed<Manifest>,
    manifest: ValidManifest,
    record: Record,
    link: Link,
    kms_url: String,
    kms: Option<Process>,
    signers: BTreeMap<SignerId, Process>,
    hosts: BTreeMap<SignerId, Process>,
    _lock: File,
}

impl Group {
    /// Founds the group if it is new, and starts its processes. [`Group::start`] then makes it a group that can sign.
    ///
    /// # Errors
    /// With what to do about it: a folder of something else, a group that is up already, or a process that doesn't start (its log
    /// lies in the folder).
    pub async fn up(plan: GroupPlan, progress: &impl Fn(Progress)) -> anyhow::Result<Self> {
        let layout = Layout::new(&plan.dir)?;
        if !layout.record().exists() {
            found(plan.clone(), layout.clone(), progress).await?;
        }
        let lock = layout.lock()?;
        let record = Record::read(&layout.record())?;
        let root = TestRoot::load(layout.dir())?;
        let endorsed: Endorsed<Manifest> = read(&layout.manifest())?;
        let manifest = operator::read_manifest(&endorsed)?;
        let image = plan.programs.enclave.measure(&layout.image())?;
        let kms = process::kms(&plan.programs, &layout, None)?.serving().await?;
        progress(Progress::KmsServes);
        let mut group = Self {
            programs: plan.programs,
            image,
            root,
            endorsed,
            manifest,
            record,
            link: plan.link,
            kms_url: kms.listening().to_owned(),
            kms: Some(kms),
            signers: BTreeMap::new(),
            hosts: BTreeMap::new(),
            _lock: lock,
            layout,
        };
        group.start_processes(progress).await?;
        Ok(group)
    }

    /// The operators' part: verifies every running boot, and has a start order for these boots signed and carried out. Repeat it
    /// after a signer was restarted.
    ///
    /// # Errors
    /// If a boot doesn't verify, or the hosts refuse.
    pub async fn start(&mut self, progress: &impl Fn(Progress)) -> anyhow::Result<Incarnation> {
        self.start_without(&[], progress).await
    }

    /// The same, with an order that leaves these signers out.
    ///
    /// # Errors
    /// If a boot doesn't verify, or the hosts refuse.
    pub async fn start_without(
        &mut self,
        absent: &[SignerId],
        progress: &impl Fn(Progress),
    ) -> anyhow::Result<Incarnation> {
        let attested = self.attest().await?;
        let boots: Vec<_> = attested.boots().iter().filter(|boot| !absent.contains(&boot.signer())).cloned().collect();
        progress(Progress::Attested(boots.len()));
        let policy = self.newest_policy(attested.state().await?.policy)?;
        let last = attested.last_start().await?.incarnation();
        let last = self.record.incarnation().max(last.unwrap_or_default());
        let incarnation = last.next().context("incarnations have run out")?;
        let kind = match self.record.stage() {
            Stage::Founded => StartKind::Genesis,
            Stage::Started => operator::restart_of(&self.manifest, &read(&self.layout.genesis())?)?,
        };
        let order = operator::start_order(&self.manifest, kind, incarnation, &boots, &policy)?;
        let order = operator::endorsed_by(&order, &self.manifest, &self.operators()?)?;
        self.record.set_incarnation(incarnation);
        self.record.write(&self.layout.record())?;
        attested.start(&order, &policy).await?;
        if kind == StartKind::Genesis {
            layout::write(&self.layout.genesis(), &codec::encode(&order))?;
        }
        self.record.set_stage(Stage::Started);
        self.record.write(&self.layout.record())?;
        progress(Progress::Started(incarnation));
        Ok(incarnation)
    }

    /// Has operators sign the next version of the policy and hosts put it into force.
    ///
    /// # Errors
    /// If the change cannot be made, or the hosts refuse.
    pub async fn change_policy(
        &self,
        change: impl FnOnce(&mut PolicyDraft) -> Result<(), operator::PlanError>,
    ) -> anyhow::Result<()> {
        let attested = self.attest().await?;
        let current = self.newest_policy(attested.state().await?.policy)?;
        let mut draft = PolicyDraft::following(&self.manifest, &current)?;
        change(&mut draft)?;
        let next = operator::endorsed_by(&draft.build()?, &self.manifest, &self.operators()?)?;
        attested.apply_policy(&next).await?;
        layout::write(&self.layout.policy(), &codec::encode(&next))
    }

    /// Kills a signer's process as hard as can be. Its host stays.
    pub async fn kill_signer(&mut self, signer: SignerId) -> anyhow::Result<()> {
        self.signers.remove(&signer).context("this signer does not run")?.kill().await
    }

    /// Starts a killed signer again: a new boot, which takes no part before the next [`Group::start`].
    pub async fn restart_signer(&mut self, signer: SignerId) -> anyhow::Result<()> {
        ensure!(!self.signers.contains_key(&signer), "signer {signer} runs");
        let process = process::signer(&self.programs, &self.layout, &self.image, signer)?.serving().await?;
        self.signers.insert(signer, process);
        self.write_record()
    }

    /// Kills a host's process as hard as can be. Its signer stays, with all that it remembers.
    pub async fn kill_host(&mut self, signer: SignerId) -> anyhow::Result<()> {
        self.hosts.remove(&signer).context("this host does not run")?.kill().await
    }

    /// Starts a killed host again, on the store that it left.
    pub async fn restart_host(&mut self, signer: SignerId) -> anyhow::Result<()> {
        ensure!(!self.hosts.contains_key(&signer), "the host of signer {signer} runs");
        let host = process::host(&self.programs, &self.layout, self.link, &self.kms_url, signer)?;
        self.hosts.insert(signer, host.serving().await?);
        self.write_peers()?;
        self.write_record()
    }

    /// Kills the KMS stand-in as hard as can be.
    pub async fn kill_kms(&mut self) -> anyhow::Result<()> {
        self.kms.take().context("KMS does not run")?.kill().await
    }

    /// Starts a killed KMS stand-in again, at the address where hosts look for it.
    pub async fn restart_kms(&mut self) -> anyhow::Result<()> {
        ensure!(self.kms.is_none(), "KMS runs");
        self.kms = Some(process::kms(&self.programs, &self.layout, Some(&self.kms_url))?.serving().await?);
        Ok(())
    }

    /// Kills every process.
    ///
    /// # Errors
    /// If one can't be killed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for process in self.hosts.into_values().chain(std::mem::take(&mut self.signers).into_values()) {
            process.kill().await?;
        }
        match self.kms {
            Some(kms) => kms.kill().await,
            None => Ok(()),
        }
    }

    /// What clients pin.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin { manifest_hash: self.manifest.hash(), root: self.root.trust_root() }
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &ValidManifest {
        &self.manifest
    }

    /// The manifest with the operators' signatures.
    #[must_use]
    pub fn endorsed_manifest(&self) -> &Endorsed<Manifest> {
        &self.endorsed
    }

    /// Where everything is.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The group's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// A host's base URL.
    ///
    /// # Panics
    /// If the group has no such signer.
    #[must_use]
    pub fn url(&self, signer: SignerId) -> &str {
        self.hosts[&signer].listening()
    }

    /// The socket that a signer listens on.
    #[must_use]
    pub fn signer_socket(&self, signer: SignerId) -> PathBuf {
        self.layout.signer_socket(signer)
    }

    /// The socket that its host connects to under [`Link::Proxied`].
    #[must_use]
    pub fn host_socket(&self, signer: SignerId) -> PathBuf {
        self.layout.host_socket(signer)
    }

    /// The process of a running signer.
    #[must_use]
    pub fn signer_pid(&self, signer: SignerId) -> Option<u32> {
        self.signers.get(&signer).map(Process::id)
    }

    /// The requester that the first policy names.
    ///
    /// # Errors
    /// If its key file is gone.
    pub fn credential(&self) -> anyhow::Result<Credential> {
        self.record.requester.credential(self.layout.dir())
    }

    /// The secret keys of all operators.
    ///
    /// # Errors
    /// If a key file is gone.
    pub fn operators(&self) -> anyhow::Result<Vec<Secret>> {
        (0..founding::OPERATORS).map(|number| Ok(SecretFile::read(&self.layout.operator(number))?)).collect()
    }

    /// Verifies the boots of all signers that run, and waits for those whose hosts have not found them yet.
    ///
    /// # Errors
    /// If a boot doesn't verify or stays away.
    pub async fn attest(&self) -> anyhow::Result<Attested> {
        let (_, host) = self.hosts.first_key_value().context("no host runs")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let attested = Unverified::new(host.listening(), self.pin())?.attest().await?;
            let present = |signer: &SignerId| attested.boots().iter().any(|boot| boot.signer() == *signer);
            if self.signers.keys().all(present) {
                return Ok(attested);
            }
            if let Some((signer, why)) = attested.absent().iter().find(|_| Instant::now() > deadline) {
                bail!("signer {signer} does not attest its boot: {why}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn start_processes(&mut self, progress: &impl Fn(Progress)) -> anyhow::Result<()> {
        let ids: Vec<_> = self.manifest.signers.iter().map(|slot| slot.id).collect();
        let signer = |id: &SignerId| process::signer(&self.programs, &self.layout, &self.image, *id);
        let signers = ids.iter().map(signer).collect::<anyhow::Result<Vec<_>>>()?;
        for (id, signer) in ids.iter().zip(signers) {
            self.signers.insert(*id, signer.serving().await?);
            progress(Progress::SignerServes(*id));
        }
        // A host that came first would look for its signer in vain, and be without it for a moment longer.
        let host = |id: &SignerId| process::host(&self.programs, &self.layout, self.link, &self.kms_url, *id);
        let hosts = ids.iter().map(host).collect::<anyhow::Result<Vec<_>>>()?;
        for (id, host) in ids.into_iter().zip(hosts) {
            self.hosts.insert(id, host.serving().await?);
            progress(Progress::HostServes(id));
        }
        self.write_peers()?;
        self.write_record()
    }

    fn write_peers(&self) -> anyhow::Result<()> {
        let urls: BTreeMap<_, _> = self.hosts.iter().map(|(id, host)| (id.to_string(), host.listening())).collect();
        layout::write(&self.layout.peers(), &serde_json::to_vec_pretty(&urls)?)
    }

    fn write_record(&mut self) -> anyhow::Result<()> {
        let signers = self.hosts.iter().map(|(id, host)| SignerRecord {
            signer: id.get(),
            url: host.listening().to_owned(),
            parent_role: Parent::of(*id).role().to_string(),
            host_pid: host.id(),
            socket: self.layout.signer_socket(*id),
            signer_pid: self.signers.get(id).map(Process::id),
        });
        self.record.set_processes(&self.kms_url, signers.collect());
        self.record.write(&self.layout.record())
    }

    /// The version with the highest number of ours and the hosts'; both are signed by a quorum.
    fn newest_policy(&self, of_hosts: Option<Endorsed<Policy>>) -> anyhow::Result<Endorsed<Policy>> {
        let ours: Endorsed<Policy> = read(&self.layout.policy())?;
        match of_hosts {
            Some(theirs) if theirs.verify(&self.manifest)?.version > ours.unverified()?.version => Ok(theirs),
            _ => Ok(ours),
        }
    }
}

/// Founds the group on a thread of its own, so that whoever waits for it can do something else. It is given up when this is dropped.
async fn found(plan: GroupPlan, layout: Layout, progress: &impl Fn(Progress)) -> anyhow::Result<()> {
    let (steps, mut seen) = mpsc::unbounded_channel();
    let report = move |step| steps.send(step).ok().context("interrupted");
    let founding = tokio::task::spawn_blocking(move || founding::found(&plan, &layout, &report));
    while let Some(step) = seen.recv().await {
        progress(step);
    }
    founding.await?
}

fn read<T>(path: &Path) -> anyhow::Result<T>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    codec::decode(&bytes).with_context(|| format!("{} is damaged", path.display()))
}

/// How long a signer may take to be found by its host and to attest its boot.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
