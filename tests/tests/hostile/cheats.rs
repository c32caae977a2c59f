//! One signer of three that cheats in ECDSA signing, behind honest hosts: it is found out where it can be, and the group goes on.

use std::fs;

use cloister_client::{Client, Error, Key, Signed, SigningJob, scheme::Kind};
use cloister_simulator::hostile::{Action, Frame};
use cloister_tests::{
    cheat::Trick,
    stage::{Stage, signer},
};
use cloister_wire::ids::SignerId;

use crate::{CALM, ecdsa_key, fresh_child, play, settle_unbarred, transport::with_flipped_share};

/// Signs for one fresh child after another, until it is so.
fn sign_until(stage: &mut Stage, key: &Key, what: &str, is_so: impl Fn(&Stage) -> bool) {
    for _ in 0..12 {
        stage.sign_text(fresh_child(key), "with a cheat among us").expect("two are honest");
        if is_so(stage) {
            return;
        }
    }
    panic!("{what}");
}

/// Who signs for fresh children, three times.
fn signers(stage: &mut Stage, key: &Key) -> Vec<Vec<SignerId>> {
    (0..3).map(|_| stage.sign_text(fresh_child(key), "afterwards").expect("a signature").signers).collect()
}

/// What the host of signer 1 has told its operator.
fn log(stage: &Stage) -> String {
    fs::read_to_string(stage.group.dir().join("host-1.log")).expect("a log")
}

#[test]
fn a_signer_that_fails_a_check_is_barred_with_a_receipt_and_the_others_go_on_without_it() {
    let mut stage = Stage::open(2, 3);
    let key = ecdsa_key(&mut stage);
    let (cheat, socket) = stage.cheat(signer(3), "cheat");
    stage.connect_host(signer(3), &socket);
    stage.start();

    // A commitment that does not fit names its signer, and harms nobody.
    cheat.play(Trick::Extension(40));
    let is_named = |stage: &Stage| log(stage).contains("found fault with its message");
    sign_until(&mut stage, &key, "the commitment was not looked at", is_named);
    assert_eq!(stage.barred(), []);
    cheat.play(Trick::None);
    settle_unbarred(&mut stage, &key);

    // A failed check of the oblivious transfer does.
    cheat.play(Trick::Extension(20_000));
    sign_until(&mut stage, &key, "nobody barred the cheat", |stage| !stage.barred().is_empty());
    cheat.play(Trick::None);
    assert!(stage.barred().iter().all(|peer| *peer == signer(3)));
    let bars = stage.bars(key.id());
    assert!(!bars.is_empty() && bars.iter().all(|(_, peer)| *peer == signer(3)), "{bars:?}");
    let honest =
        |signers: &Vec<SignerId>| !bars.iter().any(|(by, peer)| signers.contains(by) && signers.contains(peer));
    let sets = signers(&mut stage, &key);
    assert!(sets.iter().all(honest), "{sets:?} in spite of {bars:?}");
    // Another start order does not lift the bar, nor does one that leaves the cheat out.
    stage.start();
    assert_eq!(stage.bars(key.id()), bars);
    stage.start_without(&[signer(3)]);
    stage.start();
    assert_eq!(stage.bars(key.id()), bars);
    stage.settle(&key);

    // Operators name a boot of a genuine image.
    let genuine = stage.group.signer_socket(signer(3));
    stage.connect_host(signer(3), &genuine);
    stage.start();
    assert_eq!(stage.bars(key.id()), []);
    stage.settle(&key);
}

#[test]
fn a_bar_that_a_new_boot_has_lifted_is_lifted_at_every_host() {
    let mut stage = Stage::open(2, 2);
    let key = ecdsa_key(&mut stage);
    let (cheat, socket) = stage.cheat(signer(2), "cheat");
    stage.connect_host(signer(2), &socket);
    stage.start();
    cheat.play(Trick::Extension(20_000));
    for host in [1, 2] {
        let barred = sign_at(&mut stage, host, &key).expect_err("nobody is left to sign with");
        assert_eq!(barred.code(), "pair_barred");
    }
    let genuine = stage.group.signer_socket(signer(2));
    stage.connect_host(signer(2), &genuine);
    stage.start();
    for host in [1, 2] {
        sign_at(&mut stage, host, &key).expect("the cheat is gone");
    }
    assert_eq!(stage.bars(key.id()), []);
    stage.settle(&key);
}

/// Has any host sign for a fresh child.
fn sign_at(stage: &mut Stage, host: u16, key: &Key) -> Result<Signed, Error> {
    let job = SigningJob::new(fresh_child(key), Kind::Message, b"at any host").expect("a text");
    stage.wait(async |group| {
        let client = Client::connect(group.url(signer(host)), group.pin()).await?;
        client.sign(&group.credential().expect("a key file"), &job).await
    })
}

#[test]
fn a_signer_that_sends_bad_ecdsa_shares_is_found_by_exchange_and_named_to_the_operator() {
    let mut stage = play(&CALM);
    let key = ecdsa_key(&mut stage);
    // Another byte each: of u, and of w.
    for byte in [40, 90] {
        let before = log(&stage).len();
        stage.rule(signer(2), move |frame: &Frame| {
            with_flipped_share(frame, byte).map_or(Action::Pass, Action::Instead)
        });
        for signers in signers(&mut stage, &key) {
            assert_eq!(signers, [signer(1), signer(3)]);
        }
        stage.behave();
        let log = log(&stage)[before..].to_owned();
        let named = |line: &str| line.contains("a signer sends bad shares") && line.contains("signer=2");
        assert!(log.lines().any(named), "{log}");
        assert!(!log.contains("signer=1 ") && !log.contains("signer=3 "), "{log}");
    }
    settle_unbarred(&mut stage, &key);
}
