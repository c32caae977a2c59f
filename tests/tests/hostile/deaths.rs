//! Hosts and signers that are killed while presignatures are made or used, and a host whose disk is full.

use std::{
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use cloister_client::Key;
use cloister_simulator::hostile::{Action, Frame};
use cloister_tests::stage::{Answer, Stage, signer};
use cloister_wire::{ids::SignerId, message::Request, request::Requested};
use tokio::task::JoinHandle;

use crate::{WILD, bad_input::Disk, ecdsa_key, fresh_child, play, settle_unbarred};

fn is_presigning(frame: &Frame) -> bool {
    matches!(frame.to_request(), Some(Request::StartPresigning { .. }))
}

fn is_sign(frame: &Frame) -> bool {
    matches!(frame.to_request(), Some(Request::Sign { .. }))
}

/// A request that is under way.
struct Caught {
    request: Requested,
    _posted: JoinHandle<()>,
}

/// Has signers 1 and 2 sign, until `victim` is to get a frame of this kind: it never does.
fn catch(stage: &mut Stage, key: &Key, victim: SignerId, which: fn(&Frame) -> bool) -> Caught {
    let (tell, told): (_, Receiver<()>) = channel();
    stage.rule(victim, move |frame: &Frame| {
        if !which(frame) {
            return Action::Pass;
        }
        // The first one is waited for.
        let _ignored = tell.send(());
        Action::Instead(Vec::new())
    });
    stage.rule(signer(3), |frame: &Frame| match frame.to_request() {
        Some(Request::OpenPresigning { .. }) => Action::Cut,
        _ => Action::Pass,
    });
    let request = stage.text_request(fresh_child(key), "while somebody dies");
    let posted = stage.post_in_background("/v1/sign", &request);
    told.recv_timeout(Duration::from_secs(60)).expect("the frame comes");
    Caught { request, _posted: posted }
}

/// Posts the same request until it is answered. The attempt that was under way has lost both signers, and says so.
fn answer(stage: &mut Stage, request: &Requested) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = stage.post("/v1/sign", request);
        if answer.status == 200 {
            return answer;
        }
        assert_eq!(answer.code(), "not_enough_signers", "{answer:?}");
        assert!(Instant::now() < deadline, "{answer:?}");
    }
}

#[test]
fn a_host_that_is_killed_while_presignatures_are_made_or_used_answers_the_same_request_afterwards() {
    let mut stage = play(&WILD);
    let key = ecdsa_key(&mut stage);
    for (victim, which) in [(1, is_presigning as fn(&Frame) -> bool), (1, is_sign), (2, is_presigning), (2, is_sign)] {
        let victim = signer(victim);
        let caught = catch(&mut stage, &key, victim, which);
        stage.wait(async |group| group.kill_host(victim).await.expect("killed"));
        stage.behave();
        stage.wait(async |group| group.restart_host(victim).await.expect("started"));
        stage.await_ready(victim);
        let _signed = answer(&mut stage, &caught.request);
        stage.assert_no_presignature_is_kept();
        settle_unbarred(&mut stage, &key);
    }
}

#[test]
fn while_a_signer_is_killed_the_others_sign_and_after_its_restart_it_does_again() {
    let mut stage = play(&WILD);
    let key = ecdsa_key(&mut stage);
    for (victim, which) in [(1, is_presigning as fn(&Frame) -> bool), (1, is_sign), (2, is_presigning), (2, is_sign)] {
        let victim = signer(victim);
        let caught = catch(&mut stage, &key, victim, which);
        stage.kill([victim]);
        stage.behave();
        let answer = answer(&mut stage, &caught.request);
        let signers = answer.body["signers"].as_array().expect("signers");
        assert!(!signers.contains(&victim.get().into()), "{signers:?}");
        stage.revive([victim]);
        stage.start();
        stage.assert_no_presignature_is_kept();
        settle_unbarred(&mut stage, &key);
    }
}

#[test]
fn a_host_whose_disk_is_full_presigns_and_gives_no_signature_before_there_is_room() {
    let mut stage = play(&WILD);
    let key = ecdsa_key(&mut stage);
    let Some(disk) = Disk::mount(&stage) else {
        eprintln!("NOT CHECKED: a small disk cannot be mounted here");
        return;
    };
    stage.wait(async |group| group.kill_host(signer(1)).await.expect("killed"));
    disk.take_in(&stage, "host-1.sqlite");
    stage.wait(async |group| group.restart_host(signer(1)).await.expect("started"));
    stage.await_ready(signer(1));
    disk.fill();
    let child = fresh_child(&key);
    let request = loop {
        // What the write-ahead log has room for still goes through.
        let request = stage.text_request(child.clone(), "while there is no room");
        if stage.post("/v1/sign", &request).status != 200 {
            break request;
        }
    };
    assert_eq!(stage.post("/v1/sign", &request).code(), "storage_full");
    disk.make_room();
    assert_eq!(stage.post("/v1/sign", &request).status, 200);
    stage.wait(async |group| group.kill_host(signer(1)).await.expect("killed"));
    disk.give_back(&stage, "host-1.sqlite");
    stage.wait(async |group| group.restart_host(signer(1)).await.expect("started"));
    stage.await_ready(signer(1));
    settle_unbarred(&mut stage, &key);
}
