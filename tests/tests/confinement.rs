//! What a serving enclave may ask of its kernel: a program that restricts itself in the same way tries all of it.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus},
};

use nix::{sys::signal::Signal, unistd::Uid};

/// Runs it; how it ended and what it said.
fn confined(deed: &str) -> (ExitStatus, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cloister-test-confined")).arg(deed).output().unwrap();
    (output.status, String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_system_call_that_is_not_on_the_list_ends_the_enclave() {
    let forbidden = [
        "write a file",
        "make a file",
        "remove a file",
        "look at a file",
        "duplicate a descriptor",
        "listen on TCP",
        "send by UDP",
        "make a socket to itself",
        "make another vsock",
        "change a connection",
        "become a program",
        "start a program",
        "trace",
        "mount",
        "change the user",
        "make memory executable",
        "name a thread",
        "sleep",
        "handle a signal",
        "another way to restart",
        "in a thread that was there before",
    ];
    for deed in forbidden {
        let (status, said) = confined(deed);
        assert_eq!(status.signal(), Some(Signal::SIGSYS as i32), "{deed}: {status}, {said}");
    }
}

#[test]
fn threads_memory_locks_time_randomness_and_connections_need_no_call_beyond_the_list() {
    let (status, said) = confined("what a signer does");
    assert_eq!((status.code(), said.as_str()), (Some(0), "done\n"), "{status}");
}

#[test]
fn a_file_cannot_be_read_though_the_allocator_may_try() {
    let (status, said) = confined("read a file");
    assert_eq!((status.code(), said.as_str()), (Some(1), "Function not implemented (os error 38)\n"));
}

#[test]
fn a_fatal_error_ends_the_process_when_it_is_confined_too() {
    let (status, _) = confined("end");
    assert_eq!(status.code(), Some(cloister_enclave::fatal::STATUS));
}

#[test]
fn a_server_that_can_accept_nothing_more_ends_although_a_connection_is_open() {
    let (status, said) = confined("serve, though no second connection can be accepted");
    let sentence = "cloister: stopped: no more connections can be accepted\n";
    assert_eq!((status.code(), said.as_str()), (Some(cloister_enclave::fatal::STATUS), sentence));
}

#[test]
fn a_signer_that_cannot_go_on_ends_and_does_not_serve_on_as_a_refusal() {
    let (status, said) = confined("lose the module");
    let sentence = "cloister: stopped: the NSM failed, or the signer met a state that it should never be in\n";
    assert_eq!((status.code(), said.as_str()), (Some(cloister_enclave::fatal::STATUS), sentence));
}

#[test]
fn of_roots_privileges_the_right_to_end_the_enclave_alone_is_left() {
    let (status, said) = confined("give up privileges");
    if !Uid::current().is_root() {
        // Others have none to give up, and a firmware that is not root does not start.
        assert_eq!((status.code(), said.as_str()), (Some(1), "Operation not permitted (os error 1)\n"));
        return;
    }
    let restart = format!("{:016x}", 1 << 22);
    let none = format!("{:016x}", 0);
    let lines = [
        ("Uid", "65534\t65534\t65534\t65534"),
        ("Gid", "65534\t65534\t65534\t65534"),
        ("Groups", ""),
        ("CapInh", &none),
        ("CapPrm", &restart),
        ("CapEff", &restart),
        ("CapBnd", &none),
        ("CapAmb", &none),
        ("NoNewPrivs", "1"),
    ];
    for (name, value) in lines {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        assert_eq!(line.map(str::trim), Some(value), "{name}");
    }
    let (status, said) = confined("give up privileges, then take one back");
    assert_eq!((status.code(), said.as_str()), (Some(1), "Operation not permitted (os error 1)\n"));
}
