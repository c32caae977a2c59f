//! Founding a group: everything that is made once.
//!
//! The order is design's: KMS keys first, then the manifest that names them, then the final key policies, which demand the
//! manifest's measurement and can never be changed again.

use std::{
    fs,
    num::NonZero,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use cloister_attestation::{Pcr, PcrIndex};
use cloister_client::{
    Secret, SecretFile,
    operator::{self, ManifestPlan, PolicyDraft},
};
use cloister_wire::{
    codec,
    ids::{self, SignerId},
    manifest::{KmsKey, Measurements, SignerSlot, ValidManifest},
};

use super::{
    GroupPlan, Progress,
    layout::{self, Layout},
    record::{Record, RequesterRecord},
};
use crate::{
    kms::{AccountId, Key, KeyFile, KeySpec, NewKey, PrincipalArn, policy},
    signer::image::{self, Image},
};

/// How many operators a simulated group has.
pub(super) const OPERATORS: u16 = 3;
/// How many of them have to sign.
const QUORUM: u16 = 2;
/// Each signer has one KMS key in each of these.
pub(super) const REGIONS: [&str; 2] = ["eu-central-1", "eu-west-1"];

/// The parent instance of a signer, with an AWS account of its own.
pub(super) struct Parent(SignerId);

impl Parent {
    pub(super) fn of(signer: SignerId) -> Self {
        Self(signer)
    }

    /// The IAM role of the instance, and of the host on it.
    pub(super) fn role(&self) -> PrincipalArn {
        PrincipalArn::role(self.account(), "cloister-host")
    }

    pub(super) fn instance(&self) -> String {
        format!("i-{:017x}", self.0.get())
    }

    fn admin(&self) -> PrincipalArn {
        PrincipalArn::role(self.account(), "cloister-admin")
    }

    fn account(&self) -> AccountId {
        format!("1111111111{:02}", self.0.get()).parse().expect("twelve digits")
    }

    fn kms_keys(&self) -> [NewKey; REGIONS.len()] {
        REGIONS.map(|region| NewKey {
            region: region.parse().expect("a region"),
            account: self.account(),
            spec: KeySpec::Rsa4096,
            description: format!("Cloister signer {}", self.0),
            policy: None,
        })
    }
}

/// Makes the group's folder, or leaves nothing. It is given up once nobody waits for it, which `progress` answers with an error; what
/// a killed process left is begun anew.
pub(super) fn found(
    plan: &GroupPlan,
    layout: &Layout,
    progress: &(impl Fn(Progress) -> anyhow::Result<()> + Sync),
) -> anyhow::Result<()> {
    if layout.dir().read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty and holds no simulated group: choose another folder", layout.dir().display());
    }
    let draft = layout.draft();
    layout::make_empty(draft.dir())?;
    let place =
        || fs::rename(draft.dir(), layout.dir()).with_context(|| format!("cannot make {}", layout.dir().display()));
    // What went wrong first is what has to be said.
    fill(plan, &draft, progress).and_then(|()| place()).inspect_err(|_| drop(fs::remove_dir_all(draft.dir())))?;
    // Whoever has gone away by now finds the group when coming back.
    drop(progress(Progress::Founded));
    Ok(())
}

fn fill(
    plan: &GroupPlan,
    layout: &Layout,
    progress: &(impl Fn(Progress) -> anyhow::Result<()> + Sync),
) -> anyhow::Result<()> {
    let ids = (1..=plan.signers).map(SignerId::try_from).collect::<Result<Vec<_>, _>>()?;
    let root = plan.programs.enclave.root()?;
    root.save(layout.dir())?;
    let image = install_image(plan, layout)?;
    let operators = make_secrets((0..OPERATORS).map(|number| layout.operator(number)))?;

    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut kms = KeyFile::open(&layout.kms_keys(), now)?;
    let wanted = ids.iter().flat_map(|id| Parent::of(*id).kms_keys()).collect();
    let keys = generate(wanted, now, progress)?;
    let slots = ids.iter().map(|id| slot(*id, &keys)).collect::<anyhow::Result<_>>()?;
    kms.insert(keys.into_iter().map(Into::into))?;

    let manifest = sign_manifest(plan, layout, slots, &image, &operators)?;
    for slot in &manifest.signers {
        close_to_others(&mut kms, layout, &manifest, slot, &image)?;
    }
    write_policy(layout, &manifest, &operators)?;
    let [group, hash] = [manifest.group.to_string(), manifest.hash().to_string()];
    let mut record = Record::new(group, hash, hex::encode(root.trust_root().fingerprint()), plan.threshold);
    record.operators = (0..OPERATORS).map(|number| format!("operator-{number}.key").into()).collect();
    record.write(&layout.record())
}

/// Copies what is measured, so that it stays the image that the manifest accepts.
fn install_image(plan: &GroupPlan, layout: &Layout) -> anyhow::Result<Image> {
    let image = plan.programs.enclave.file();
    fs::copy(image, layout.image()).with_context(|| format!("cannot copy {}", image.display()))?;
    fs::set_permissions(layout.image(), fs::Permissions::from_mode(0o500))?;
    plan.programs.enclave.measure(&layout.image())
}

fn make_secrets(paths: impl Iterator<Item = PathBuf>) -> anyhow::Result<Vec<Secret>> {
    let make = |path: PathBuf| {
        let secret = Secret::generate()?;
        SecretFile::create(&path, &secret)?;
        Ok(secret)
    };
    paths.map(make).collect()
}

/// Makes RSA keys on all processors. They are most of what founding a group takes.
fn generate(
    wanted: Vec<NewKey>,
    now: u64,
    progress: &(impl Fn(Progress) -> anyhow::Result<()> + Sync),
) -> anyhow::Result<Vec<Key>> {
    let (of, made) = (wanted.len(), AtomicUsize::new(0));
    let queue = Mutex::new(wanted.into_iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> anyhow::Result<Vec<Key>> {
        let make = |new: NewKey| {
            let key = new.generate(now)?;
            progress(Progress::KmsKey { made: made.fetch_add(1, Ordering::Relaxed) + 1, of })?;
            Ok(key)
        };
        std::iter::from_fn(next).map(make).collect()
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut keys = Vec::new();
        for worker in workers {
            keys.extend(worker.join().ok().context("a thread panicked")??);
        }
        Ok(keys)
    })
}

fn slot(id: SignerId, keys: &[Key]) -> anyhow::Result<SignerSlot> {
    let parent = Parent::of(id);
    let kms_key = |key: &Key| {
        let spki = key.public_key().context("an RSA key has a public half")?;
        Ok(KmsKey { arn: key.arn().to_string().parse()?, spki: spki.try_into()? })
    };
    let own = keys.iter().filter(|key| *key.arn().account() == parent.account());
    let kms = own.map(kms_key).collect::<anyhow::Result<Vec<_>>>()?.try_into()?;
    Ok(SignerSlot { id, pcr3: wire(image::parent_role(&parent.role().to_string())), kms })
}

fn sign_manifest(
    plan: &GroupPlan,
    layout: &Layout,
    signers: Vec<SignerSlot>,
    image: &Image,
    operators: &[Secret],
) -> anyhow::Result<ValidManifest> {
    let [pcr0, pcr1, pcr2] = [image.pcr0, image.pcr1, image.pcr2].map(wire);
    let plan = ManifestPlan {
        group: operator::new_group()?,
        threshold: plan.threshold,
        signers,
        operators: operators.iter().map(Secret::public).collect(),
        quorum: QUORUM,
        release: Measurements { pcr0, pcr1, pcr2, pcr8: None },
    };
    let (mut endorsed, manifest) = plan.build()?;
    for operator in operators {
        operator::endorse(&mut endorsed, &manifest, operator)?;
    }
    layout::write(&layout.manifest(), &codec::encode(&endorsed))?;
    Ok(manifest)
}

/// Puts the final policy on a signer's KMS keys, and gives its host the access key that the policy speaks of.
fn close_to_others(
    kms: &mut KeyFile,
    layout: &Layout,
    manifest: &ValidManifest,
    slot: &SignerSlot,
    image: &Image,
) -> anyhow::Result<()> {
    let parent = Parent::of(slot.id);
    let registers = [
        (PcrIndex::IMAGE, image.pcr0),
        (PcrIndex::KERNEL, image.pcr1),
        (PcrIndex::APPLICATION, image.pcr2),
        (PcrIndex::PARENT_ROLE, Pcr::from(*slot.pcr3.as_bytes())),
        (PcrIndex::MANIFEST, Pcr::ZERO.extended(manifest.hash().as_bytes())),
        (PcrIndex::SIGNER, Pcr::ZERO.extended(manifest.slot_hash(slot.id).as_bytes())),
    ];
    let text = policy::for_signer(&parent.admin(), &parent.role(), &registers);
    for key in &slot.kms {
        kms.put_policy(&key.arn.as_str().parse()?, &text)?;
    }
    let credential = kms.add_credential(parent.role())?;
    layout::write(&layout.credential(slot.id), &serde_json::to_vec(&credential)?)
}

/// The first policy: one requester, who may create keys. What it may sign, later versions say.
fn write_policy(layout: &Layout, manifest: &ValidManifest, operators: &[Secret]) -> anyhow::Result<()> {
    let first = RequesterRecord::first();
    let [secret] = make_secrets(std::iter::once(layout.dir().join(&first.key_file)))?.try_into().ok().context("one")?;
    let name = first.name.parse()?;
    let mut draft = PolicyDraft::first(manifest);
    draft.add_requester(first.name.parse()?, first.tenant.parse()?, secret.public())?;
    draft.allow_key_creation(&name)?;
    let policy = operator::endorsed_by(&draft.build()?, manifest, operators)?;
    layout::write(&layout.policy(), &codec::encode(&policy))
}

fn wire(pcr: Pcr) -> ids::Pcr {
    ids::Pcr::from_bytes(*pcr.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cloister_wire::{endorsement::Endorsed, manifest::Manifest, policy::Policy};

    use super::*;
    use crate::group::{Enclave, Link, Program, Programs, Stage, read};

    fn plan(dir: &Path) -> GroupPlan {
        let program = Program { path: std::env::current_exe().unwrap(), arguments: vec![] };
        let programs = Programs { enclave: Enclave::Process(program.clone()), kms: program.clone(), host: program };
        GroupPlan { dir: dir.to_owned(), signers: 2, threshold: 2, programs, link: Link::Direct }
    }

    #[test]
    fn a_founded_group_has_what_a_quorum_signed_and_keys_that_only_its_signers_open() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("group");
        let plan = plan(&dir);
        let layout = Layout::new(&dir).unwrap();
        let seen = Mutex::new(Vec::new());
        let record = |progress| {
            seen.lock().unwrap().push(progress);
            Ok(())
        };
        found(&plan, &layout, &record).unwrap();

        let last = [Progress::KmsKey { made: 4, of: 4 }, Progress::Founded];
        assert!(seen.into_inner().unwrap().ends_with(&last));
        let manifest: Endorsed<Manifest> = read(&layout.manifest()).unwrap();
        let valid = operator::read_manifest(&manifest).unwrap();
        assert!(manifest.verify(&valid).is_ok());
        assert!(read::<Endorsed<Policy>>(&layout.policy()).unwrap().verify(&valid).is_ok());
        let kms = KeyFile::open(&layout.kms_keys(), 0).unwrap();
        for key in kms.keys() {
            let text = key.policy().text();
            let pcr16 = Pcr::ZERO.extended(valid.hash().as_bytes()).to_string();
            assert!(text.contains(&pcr16) && text.contains("NeverAnotherPolicy"), "{text}");
        }
        assert_eq!(Record::read(&layout.record()).unwrap().stage(), Stage::Founded);
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(found(&plan, &layout, &|_| Ok(())).is_err(), "a group was founded over another");
    }

    #[test]
    fn a_founding_that_nobody_waits_for_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("group");
        let given_up = found(&plan(&dir), &Layout::new(&dir).unwrap(), &|_| bail!("gone")).unwrap_err();
        assert_eq!(given_up.to_string(), "gone");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
