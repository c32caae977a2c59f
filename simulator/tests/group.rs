//! A whole group, through its hosts' API: founded, started, a signer killed, everything stopped and brought up again.

use std::time::{Duration, Instant};

use cloister_client::{
    Client, Error, SigningJob, Unverified,
    audit::Export,
    operator::{self, PolicyDraft, endorsed_by},
    scheme::Kind,
};
use cloister_simulator::group::{Enclave, Group, GroupPlan, Link, Program, Programs, Stage};
use cloister_wire::{
    ids::{Incarnation, KeyName, SignerId},
    policy::Permission,
    request::Scheme,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

fn plan(dir: std::path::PathBuf) -> GroupPlan {
    let program = |path: &str| Program { path: path.into(), arguments: Vec::new() };
    let programs = Programs {
        enclave: Enclave::Process(program(env!("CARGO_BIN_EXE_cloister-sim-signer"))),
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
        draft.allow_signing(&credential.name, &key.parse().unwrap(), &[Permission::Message]).unwrap();
        endorsed_by(&draft.build().unwrap(), attested.manifest(), &group.operators().unwrap()).unwrap()
    };
    let (first, second) = (next("one"), next("other"));
    attested.apply_policy(&first).await.unwrap();
    attested.apply_policy(&first).await.unwrap();
    let refused = attested.apply_policy(&second).await.unwrap_err();
    assert_eq!(refused.code(), "policy_mismatch", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_starts_have_one_number_whoever_took_part() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path().join("group"));
    let mut group = Group::up(plan.clone(), &|_| {}).await.unwrap();
    group.start(&|_| {}).await.unwrap();
    group.kill_signer(id(1)).await.unwrap();
    // Host 1 carries it out, and its own signer has no part in it.
    restart(&group, 2).await.unwrap();
    group.stop().await.unwrap();

    // Every signer has forgotten everything.
    let mut group = Group::up(plan, &|_| {}).await.unwrap();
    for taken in [1, 2] {
        let refused = restart(&group, taken).await.unwrap_err();
        assert_eq!(refused.code(), "plan_invalid", "{refused}");
    }
    assert_eq!(group.start(&|_| {}).await.unwrap(), Incarnation(3));
    let export = group.attest().await.unwrap().audit_export(None).await.unwrap();
    let audit = Export::parse(&export).unwrap().verify(&group.pin()).unwrap();
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_missed_a_start_learns_of_it_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut group = Group::up(plan(folder.path().join("group")), &|_| {}).await.unwrap();
    group.start(&|_| {}).await.unwrap();
    group.kill_host(id(1)).await.unwrap();
    group.kill_signer(id(1)).await.unwrap();
    restart(&group, 2).await.unwrap();
    let last = group.attest().await.unwrap().last_start().await.unwrap();
    assert_eq!((last.incarnation(), last.unreachable()), (Some(Incarnation(2)), &[id(1)][..]));

    group.restart_host(id(1)).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !get(group.url(id(1)), "/v1/group").await.contains(r#""incarnation":2"#) {
        assert!(Instant::now() < deadline, "host 1 does not learn of the start");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_host_costs_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let mut group = Group::up(plan(folder.path().join("group")), &|_| {}).await.unwrap();
    group.start(&|_| {}).await.unwrap();
    make_key(&group).await;
    let frozen = Frozen::new(group.record().signers[0].host_pid);

    let since = Instant::now();
    let refused = Unverified::new(group.url(id(1)), group.pin()).unwrap().attest().await.unwrap_err();
    assert_eq!(refused.code(), "host_no_answer", "{refused}");
    assert!(since.elapsed() < Duration::from_secs(6), "{:?}", since.elapsed());

    let since = Instant::now();
    let client = Client::connect(group.url(id(2)), group.pin()).await.unwrap();
    let statuses = client.attested().statuses().await.unwrap();
    let silent: Vec<_> = statuses.iter().filter(|status| status.status.is_none()).map(|status| status.signer).collect();
    assert_eq!(silent, [id(1)]);
    sign_by(&client, &group, "While one host hangs").await;
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    drop(frozen);
    sign(&group, "It goes on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_write_says_so_in_place_of_its_signers() {
    let folder = tempfile::tempdir().unwrap();
    let group = Group::up(plan(folder.path().join("group")), &|_| {}).await.unwrap();
    let full = r#"{"status":507,"title":"The host's disk is full.","detail":"the store is full","code":"storage_full","hint":"Make room."}"#;
    let shown = get(group.url(id(1)), "/v1/group").await;
    let url = stand_in(move |path| match path {
        "/v1/group" => ("200 OK", shown.clone()),
        path if path.ends_with("/attestation") => ("507 Full", full.to_owned()),
        _ => ("200 OK", format!(r#"[{{"signer":1,"problem":{full}}}]"#)),
    })
    .await;
    let attested = Unverified::new(&url, group.pin()).unwrap().attest().await.unwrap();
    assert_eq!(attested.faults().count(), 3);
    let statuses = attested.statuses().await.unwrap();
    assert_eq!(statuses[0].problem.as_ref().unwrap().code, "storage_full");
    let refused = attested.verified().unwrap_err();
    assert_eq!((refused.code(), refused.hint()), ("storage_full", "Make room."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_is_reaped() {
    let folder = tempfile::tempdir().unwrap();
    let mut group = Group::up(plan(folder.path().join("group")), &|_| {}).await.unwrap();
    let process = group.signer_pid(id(1)).unwrap();
    signal(process, "-KILL");
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::path::Path::new(&format!("/proc/{process}")).exists() {
        assert!(Instant::now() < deadline, "a zombie is left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    group.kill_signer(id(1)).await.unwrap();
    group.restart_signer(id(1)).await.unwrap();
    assert_eq!(group.start(&|_| {}).await.unwrap(), Incarnation(1));
}

/// The body that a host answers with.
async fn get(url: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Something that answers every path in a host's place with a status and a body; its address.
async fn stand_in(answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = [0; 4096];
            let length = stream.read(&mut question).await.unwrap();
            let question = String::from_utf8_lossy(&question[..length]);
            let path = question.split([' ', '?']).nth(1).unwrap();
            let (status, body) = answer(path);
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    format!("http://{address}")
}

/// A stopped process, which goes on when this is dropped.
struct Frozen(u32);

impl Frozen {
    fn new(process: u32) -> Self {
        signal(process, "-STOP");
        Self(process)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal(self.0, "-CONT");
    }
}

fn signal(process: u32, signal: &str) {
    let done = std::process::Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(done.success());
}

/// A restart of this number with all signers that attest, as operators make it by themselves.
async fn restart(group: &Group, number: u64) -> Result<(), Error> {
    let attested = group.attest().await.unwrap();
    let state = attested.state().await.unwrap();
    let (genesis, policy) = (state.genesis.unwrap(), state.policy.unwrap());
    let kind = operator::restart_of(group.manifest(), &genesis).unwrap();
    let number = Incarnation(number);
    let order = operator::start_order(group.manifest(), kind, number, attested.boots(), &policy).unwrap();
    attested.start(&endorsed_by(&order, group.manifest(), &group.operators().unwrap()).unwrap(), &policy).await
}

fn id(signer: u16) -> SignerId {
    SignerId::try_from(signer).unwrap()
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
    group.change_policy(|draft| draft.allow_signing(&credential.name, &name, &[Permission::Message])).await.unwrap();
    client(group).await.create_key(&credential, name, Scheme::Ed25519).await.unwrap();
}

/// Has the group sign; the client verifies.
async fn sign(group: &Group, text: &str) {
    sign_by(&client(group).await, group, text).await;
}

async fn sign_by(client: &Client, group: &Group, text: &str) {
    let credential = group.credential().unwrap();
    let key = client.key(&credential.tenant, &"treasury".parse().unwrap()).await.unwrap();
    let job = SigningJob::new(&key, Kind::Message, text.as_bytes()).unwrap();
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
