use std::{cell::RefCell, fs, os::unix::fs::symlink, path::Path, time::Duration};

use cloister_host::nitro::{NitroCli, Start};
use cloister_wire::{ids::Pcr, manifest::Measurements};
use tokio::time::sleep;

use super::{
    lock::Lock,
    supervisor::{Event, Pace, Stranger, Supervisor},
};
use crate::failure::Failure;

/// The checked-in stand-in for `nitro-cli`, in a folder of its own.
pub(crate) struct StandIn(tempfile::TempDir);

impl StandIn {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Not copied: a file that another thread's child still holds open for writing cannot be run.
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nitro-cli");
        symlink(program, folder.path().join("nitro-cli")).unwrap();
        let stand_in = Self(folder);
        stand_in.put("pcr", &PCR.repeat(48));
        stand_in
    }

    pub(crate) fn cli(&self) -> NitroCli {
        NitroCli::at(self.0.path().join("nitro-cli"), Duration::from_secs(30))
    }

    pub(crate) fn put(&self, file: &str, content: &str) {
        fs::write(self.0.path().join(file), content).unwrap();
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.0.path().join(file)).unwrap();
    }

    fn runs(&self) -> bool {
        self.0.path().join("cid").exists()
    }

    fn said(&self, command: &str) -> usize {
        let said = fs::read_to_string(self.0.path().join("said")).unwrap_or_default();
        said.lines().filter(|line| line.starts_with(command)).count()
    }
}

const PCR: &str = "ab";

fn release() -> Measurements {
    let pcr = Pcr::from_bytes([0xab; 48]);
    Measurements { pcr0: pcr, pcr1: pcr, pcr2: pcr, pcr8: None }
}

fn start() -> Start<'static> {
    Start { name: "cloister", eif: Path::new("/cloister.eif"), cpus: 2, memory_mib: 128, cid: None }
}

fn pace() -> Pace {
    let millis = Duration::from_millis;
    Pace { between_looks: millis(20), shortest_pause: millis(10), longest_pause: millis(40) }
}

async fn watch(nitro: &StandIn, tell: impl FnMut(Event<'_>)) -> Failure {
    let cli = nitro.cli();
    Supervisor::new(&cli, start(), release(), Stranger::IsLeft, pace()).watch(tell).await.unwrap_err()
}

#[tokio::test]
async fn an_enclave_that_ends_is_started_again_wherever_it_comes_up() {
    let nitro = StandIn::new();
    let seen = RefCell::new(Vec::new());
    let tell = |event: Event<'_>| match event {
        Event::Running(enclave) => {
            seen.borrow_mut().push(enclave.cid);
            // A crash: twice, and then nothing works any more.
            if seen.borrow().len() < 3 { nitro.remove("cid") } else { nitro.put("mute", "") }
        }
        Event::NotStarted(why, _) => panic!("{}", why.message),
        Event::Ended(_) | Event::Unanswered(_) | Event::Elsewhere(..) => {}
    };
    assert_eq!(watch(&nitro, tell).await.code, "nitro_cli_failed");
    assert_eq!(*seen.borrow(), [16, 17, 18]);
}

#[tokio::test]
async fn an_enclave_that_cannot_be_started_again_is_tried_with_longer_and_longer_pauses() {
    let nitro = StandIn::new();
    let pauses = RefCell::new(Vec::new());
    let tell = |event: Event<'_>| match event {
        Event::Running(_) if nitro.said("run-enclave") == 1 => {
            nitro.put("refuse", "");
            nitro.remove("cid");
        }
        Event::Running(_) => nitro.put("mute", ""),
        Event::NotStarted(why, pause) => {
            assert!(why.message.contains("E26"), "{}", why.message);
            pauses.borrow_mut().push(pause.as_millis());
            if pauses.borrow().len() == 3 {
                nitro.remove("refuse");
            }
        }
        Event::Ended(_) | Event::Unanswered(_) | Event::Elsewhere(..) => {}
    };
    watch(&nitro, tell).await;
    assert_eq!(*pauses.borrow(), [20, 40, 40]);
}

#[tokio::test]
async fn an_enclave_of_another_image_or_in_debug_mode_is_ended_and_not_used() {
    for (file, content, code) in
        [("pcr", "cd".repeat(48), "enclave_differs"), ("flags", "DEBUG_MODE".into(), "enclave_debug")]
    {
        let nitro = StandIn::new();
        nitro.put(file, &content);
        let why = watch(&nitro, |_| panic!("used")).await;
        assert_eq!((why.code.as_str(), why.exit), (code, crate::failure::Exit::Unverified));
        assert!(!nitro.runs());
        // Also where the first attempts to end it fail.
        nitro.put("keep", "2");
        watch(&nitro, |_| panic!("used")).await;
        assert!(!nitro.runs());
        nitro.put("keep", "99");
        let why = watch(&nitro, |_| panic!("used")).await;
        assert!(why.code == code && why.message.contains("still runs") && why.hint.contains("enclave stop"), "{why:?}");
    }
}

#[tokio::test]
async fn an_enclave_that_can_never_be_started_again_is_a_failure_in_the_end() {
    let nitro = StandIn::new();
    let failed = RefCell::new(0);
    let why = watch(&nitro, |event| match event {
        Event::Running(_) => {
            nitro.put("refuse", "");
            nitro.remove("cid");
        }
        Event::NotStarted(..) => *failed.borrow_mut() += 1,
        Event::Ended(_) | Event::Unanswered(_) | Event::Elsewhere(..) => {}
    })
    .await;
    assert!(why.code == "nitro_cli_failed" && why.message.contains("E26"), "{why:?}");
    assert_eq!((*failed.borrow(), nitro.said("run-enclave")), (9, 11));
}

#[tokio::test]
async fn a_first_start_that_fails_is_a_failure_and_an_enclave_that_runs_already_is_taken_over() {
    let nitro = StandIn::new();
    nitro.put("refuse", "");
    let why = watch(&nitro, |_| panic!("used")).await;
    assert!(why.code == "nitro_cli_failed" && why.message.contains("E26"), "{why:?}");
    nitro.put("cid", "99");
    let starts = nitro.said("run-enclave");
    watch(&nitro, |event| {
        if let Event::Running(enclave) = event {
            assert_eq!(enclave.cid, 99);
            nitro.put("mute", "");
        }
    })
    .await;
    assert_eq!(nitro.said("run-enclave"), starts);
}

#[tokio::test]
async fn a_supervisor_that_is_told_to_stop_ends_its_enclave() {
    let nitro = StandIn::new();
    let cli = nitro.cli();
    let supervisor = Supervisor::new(&cli, start(), release(), Stranger::IsLeft, pace());
    tokio::select! {
        ended = supervisor.watch(|_| {}) => panic!("{ended:?}"),
        () = async { while !nitro.runs() { sleep(Duration::from_millis(10)).await } } => {}
    }
    supervisor.stop().await.unwrap();
    assert!(!nitro.runs() && nitro.said("terminate-enclave") == 1);
    supervisor.stop().await.unwrap();
}

#[tokio::test]
async fn an_enclave_of_another_image_that_was_not_started_here_is_left_alone_and_the_supervisor_gives_up() {
    let nitro = StandIn::new();
    nitro.put("cid", "99");
    nitro.put("pcr", &"cd".repeat(48));
    let cli = nitro.cli();
    let supervisor = Supervisor::new(&cli, start(), release(), Stranger::IsLeft, pace());
    let why = supervisor.watch(|_| panic!("used")).await.unwrap_err();
    assert_eq!((why.code.as_str(), why.exit), ("enclave_differs", crate::failure::Exit::Unverified));
    assert!(why.message.contains("left alone") && why.hint.contains("--replace"), "{why:?}");
    supervisor.stop().await.unwrap();
    assert!(nitro.runs() && nitro.said("terminate-enclave") == 0);
}

#[tokio::test]
async fn an_enclave_that_is_to_be_replaced_is_ended_and_the_image_started_in_its_place() {
    let nitro = StandIn::new();
    nitro.put("cid", "99");
    nitro.put("flags", "DEBUG_MODE");
    let cli = nitro.cli();
    let supervisor = Supervisor::new(&cli, start(), release(), Stranger::IsReplaced, pace());
    // The one that takes its place is in debug mode too here, and is ended again.
    assert_eq!(supervisor.watch(|_| panic!("used")).await.unwrap_err().code, "enclave_debug");
    assert_eq!((nitro.said("run-enclave"), nitro.said("terminate-enclave")), (1, 2));
}

#[tokio::test]
async fn an_enclave_that_is_taken_over_at_another_address_than_asked_for_is_told_of() {
    let nitro = StandIn::new();
    nitro.put("cid", "99");
    let (cli, told) = (nitro.cli(), RefCell::new(Vec::new()));
    let start = Start { cid: Some(16), ..start() };
    let tell = |event: Event<'_>| {
        if let Event::Elsewhere(enclave, cid) = event {
            told.borrow_mut().push((enclave.cid, cid));
            nitro.put("mute", "");
        }
    };
    Supervisor::new(&cli, start, release(), Stranger::IsLeft, pace()).watch(tell).await.unwrap_err();
    assert_eq!(*told.borrow(), [(99, 16)]);
}

#[test]
fn a_name_has_one_supervisor_until_that_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let take = |name| Lock::take_in(folder.path(), name);
    let first = take("a/signer").unwrap();
    assert_eq!(take("a/signer").map(drop).unwrap_err().code, "enclave_supervised");
    take("another").unwrap();
    drop(first);
    take("a/signer").unwrap();
}
