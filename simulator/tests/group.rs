//! A whole group, through its hosts' API: founded, started, a signer killed, everything stopped and brought up again.

use cloister_simulator::group::{Group, GroupPlan, Link, Program, Programs, Stage};
use cloister_wire::ids::{Incarnation, SignerId};

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

    let second = SignerId::try_from(2).unwrap();
    group.kill_signer(second).await.unwrap();
    group.restart_signer(second).await.unwrap();
    assert_eq!(group.start(&|_| {}).await.unwrap(), Incarnation(2));
    assert_eq!(signer_keys(&group).await, keys);

    group.stop().await.unwrap();
    let mut group = Group::up(plan, &|_| {}).await.unwrap();
    assert_eq!(group.start(&|_| {}).await.unwrap(), Incarnation(3));
    assert_eq!(signer_keys(&group).await, keys);
}

/// The signer keys that attested boots prove, in order.
async fn signer_keys(group: &Group) -> Vec<String> {
    let attested = group.attest().await.unwrap();
    attested.boots().iter().map(|boot| boot.signer_key().expect("proved").to_string()).collect()
}
