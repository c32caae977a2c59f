//! A whole group, through its hosts' API: founded, started, a signer killed, everything stopped and brought up again.

use cloister_client::{
    Client, SigningJob,
    operator::{PolicyDraft, endorsed_by},
};
use cloister_simulator::group::{Group, GroupPlan, Link, Program, Programs, Stage};
use cloister_wire::{
    ids::{Incarnation, KeyName, SignerId},
    request::{Chain, Scheme},
};

fn plan(dir: std::path::PathBuf) -> GroupPlan {
    let program = |path: &str| Program { path: path.into(), arguments: Vec::new() };
    let programs = Programs {
        signer: program(env!("CARGO_BIN_EXE_cloister-sim-signer")),
        kms: program(env!("CARGO_BIN_EXE_cloister-sim-kms")),
        host: program(env!("CARGO_BIN_EXE_cloister-sim-host")),
    };
    GroupPlan { dir, signers: 3, threshold: 2, programs, link: Link::Direct }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_survives_the_death_of_a_signer_and_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path().join("group"));
    let mut group = Group::up(plan.clone(), &|_| {}).await.unwrap();
    assert!(Group::up(plan.clone(), &|_| {}).await.is_err(), "one folder was brought up twice");
    assert_eq!(group.start(&|_| {}).await.unwrap(), Incarnation(1));
    assert_eq!(group.record().stage(), Stage::Started);
    let keys = signer_keys(&group).await;
    assert_eq!(keys.len(), 3);
    let text = "I hold this key";
    make_key(&group).await;
    sign(&group, text).await;
    assert_small(&group);

    let second = SignerId::try_from(2).unwrap();
    group.kill_signer(second).await.unwrap();
    group.restart_signer(second).await.unwrap();
    assert_eq!(group.start(&|_| {}).await.unwrap(), Incarnation(2));
    assert_eq!(signer_keys(&group).await, keys);

    group.stop().await.unwrap();
    let mut group = Group::up(plan, &|_| {}).await.unwrap();
    assert_eq!(group.start(&|_| {}).await.unwrap(), Incarnation(3));
    assert_eq!(signer_keys(&group).await, keys);
    sign(&group, text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_policies_of_one_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut group = Group::up(plan(folder.path().join("group")), &|_| {}).await.unwrap();
    group.start(&|_| {}).await.unwrap();
    let credential = group.credential().unwrap();
    let attested = group.attest().await.unwrap();
    let current = attested.state().await.unwrap().policy.unwrap();
    let next = |key: &str| {
        let mut draft = PolicyDraft::following(attested.manifest(), &current).unwrap();
        draft.allow_signing(&credential.name, &key.parse().unwrap(), &[Chain::Message]).unwrap();
        endorsed_by(&draft.build().unwrap(), attested.manifest(), &group.operators().unwrap()).unwrap()
    };
    let (first, second) = (next("one"), next("other"));
    attested.apply_policy(&first).await.unwrap();
    attested.apply_policy(&first).await.unwrap();
    let refused = attested.apply_policy(&second).await.unwrap_err();
    assert_eq!(refused.code(), "policy_mismatch", "{refused}");
}

/// No signer takes more than 24 MiB.
fn assert_small(group: &Group) {
    for signer in &group.record().signers {
        let status = std::fs::read_to_string(format!("/proc/{}/status", signer.signer_pid.unwrap())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        println!("signer {} has {kib} KiB resident", signer.signer);
        assert!(kib <= 24 * 1024, "signer {} has {kib} KiB resident", signer.signer);
    }
}

/// A key that the requester may sign messages with.
async fn make_key(group: &Group) {
    let credential = group.credential().unwrap();
    let name: KeyName = "treasury".parse().unwrap();
    group.change_policy(|draft| draft.allow_signing(&credential.name, &name, &[Chain::Message])).await.unwrap();
    client(group).await.create_key(&credential, name, Scheme::Ed25519).await.unwrap();
}

/// Has the group sign; the client verifies.
async fn sign(group: &Group, text: &str) {
    let (client, credential) = (client(group).await, group.credential().unwrap());
    let key = client.key(&credential.tenant, &"treasury".parse().unwrap()).await.unwrap();
    let job = SigningJob::new(&key, Chain::Message, text.as_bytes()).unwrap();
    client.sign(&credential, &job).await.unwrap();
}

async fn client(group: &Group) -> Client {
    Client::connect(group.url(SignerId::try_from(1).unwrap()), group.pin()).await.unwrap()
}

/// The signer keys that attested boots prove, in order.
async fn signer_keys(group: &Group) -> Vec<String> {
    let attested = group.attest().await.unwrap();
    attested.boots().iter().map(|boot| boot.signer_key().expect("proved").to_string()).collect()
}
