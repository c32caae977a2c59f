//! A whole simulated group, each part a process, with keys to sign with.

use std::{
    env,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context;
use cloister_chains::derivation::ChildPath;
use cloister_client::{Account, Client, Key, requester::Credential};
use cloister_simulator::group::{Enclave, Group, GroupPlan, Link, Program, Programs};
use cloister_wire::ids::{GroupId, KeyName, SignerId};
use tempfile::TempDir;

use crate::{
    meter::{self, Memory},
    taken::{Part, Processor},
    transfer::Transfers,
};

/// A 2-of-3 group that runs.
pub struct Appliance {
    pub(crate) http: reqwest::Client,
    pub(crate) credential: Credential,
    client: Client,
    group: Group,
    transfers: Transfers,
    /// Keys and children that were made so far.
    made: AtomicU32,
    signing: Key,
    spare: Key,
    _folder: TempDir,
}

impl Appliance {
    /// Founds and starts a group and has it make two keys for such transfers. `signer` is the signer's program; the other parts are
    /// this one ([`cloister_simulator::group::run_hidden`]).
    ///
    /// # Errors
    /// What the group's processes bring.
    pub async fn up(signer: PathBuf, transfers: Transfers) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let programs = Programs {
            enclave: Enclave::Process(Program { path: signer, arguments: Vec::new() }),
            ..Programs::within(&env::current_exe()?)
        };
        let dir = folder.path().join("group");
        let plan = GroupPlan { dir, signers: 3, threshold: 2, programs, link: Link::Direct };
        let mut group = Group::up(plan, &|_| {}).await?;
        group.start(&|_| {}).await?;
        let credential = group.credential()?;
        let names: [KeyName; 2] = ["signing".parse()?, "spare".parse()?];
        group
            .change_policy(|policy| {
                let allowed = [transfers.permission()];
                names.iter().try_for_each(|name| policy.allow_signing(&credential.name, name, &allowed))
            })
            .await?;
        let client = Client::connect(group.url(1.try_into()?), group.pin()).await?;
        let [signing, spare] = names.map(|name| client.create_key(&credential, name, transfers.scheme()));
        let (signing, spare) = (signing.await?, spare.await?);
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            credential,
            client,
            group,
            transfers,
            made: AtomicU32::default(),
            signing,
            spare,
            _folder: folder,
        })
    }

    /// The key that requests are for.
    #[must_use]
    pub fn signing_key(&self) -> &Key {
        &self.signing
    }

    /// A key that nothing else uses.
    #[must_use]
    pub fn spare_key(&self) -> &Key {
        &self.spare
    }

    /// A child of the spare key that was never used.
    ///
    /// # Errors
    /// If the key has no children.
    pub fn fresh_child(&self) -> anyhow::Result<Account> {
        Ok(Account::new(&self.spare, ChildPath::new(&[self.number()])?)?)
    }

    /// Has the group make another key.
    ///
    /// # Errors
    /// If it does not.
    pub async fn create_key(&self) -> anyhow::Result<Key> {
        let name = format!("made-{}", self.number()).parse()?;
        Ok(self.client.create_key(&self.credential, name, self.transfers.scheme()).await?)
    }

    fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// What its keys are for.
    #[must_use]
    pub fn transfers(&self) -> Transfers {
        self.transfers
    }

    /// The group's id.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group.manifest().group
    }

    /// All signers.
    pub fn signers(&self) -> impl Iterator<Item = SignerId> {
        self.group.manifest().signers.iter().map(|slot| slot.id)
    }

    /// Base URL of a signer's host.
    #[must_use]
    pub fn url(&self, signer: SignerId) -> &str {
        self.group.url(signer)
    }

    /// Base URL of the host that requests are posted to.
    #[must_use]
    pub fn coordinator(&self) -> &str {
        &self.group.record().signers[0].url
    }

    /// Memory of a signer's process.
    ///
    /// # Errors
    /// If it doesn't run.
    pub fn memory(&self, signer: SignerId) -> anyhow::Result<Memory> {
        Memory::of(self.group.signer_pid(signer).context("the signer has ended")?)
    }

    /// The most of some memory that a signer has, KiB.
    ///
    /// # Errors
    /// If one doesn't run.
    pub fn largest(&self, of: impl Fn(Memory) -> u64) -> anyhow::Result<u64> {
        let sizes = self.signers().map(|signer| Ok(of(self.memory(signer)?)));
        Ok(sizes.collect::<anyhow::Result<Vec<_>>>()?.into_iter().max().unwrap_or_default())
    }

    /// Processor time that each part has used so far.
    ///
    /// # Errors
    /// If the kernel doesn't tell.
    pub fn processor(&self) -> anyhow::Result<Processor> {
        let mut used = Processor::new();
        for (part, process) in self.processes()? {
            *used.entry(part).or_default() += meter::processor_time(process)?;
        }
        Ok(used)
    }

    fn processes(&self) -> anyhow::Result<Vec<(Part, u32)>> {
        let part = |process: &u32| {
            let of = |record: &&cloister_simulator::group::SignerRecord| {
                record.host_pid == *process || record.signer_pid == Some(*process)
            };
            match self.group.record().signers.iter().find(of) {
                Some(record) if record.signer_pid == Some(*process) => Part::Signers,
                Some(record) if record.url == self.coordinator() => Part::Coordinator,
                Some(_) => Part::Hosts,
                None => Part::Kms,
            }
        };
        Ok(meter::children()?.into_iter().map(|process| (part(&process), process)).collect())
    }

    /// Ends all processes.
    ///
    /// # Errors
    /// If one can't be killed.
    pub async fn down(self) -> anyhow::Result<()> {
        self.group.stop().await
    }
}
