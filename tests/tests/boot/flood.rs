//! A host that floods the enclave, in as little memory as it is promised to run in.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    iter,
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use cloister_tests::nitro::{PORT, Vm, ask_over};
use cloister_wire::{
    codec,
    frame::{Header, Kind},
    ids::Nonce,
    message::{Body, Outcome, Request},
};

use crate::enclave::Enclave;

const CONNECTIONS: usize = 200;
/// Enough for what a guest with a long queue has no memory for.
const STUFFING: Duration = Duration::from_secs(60);
/// When nothing was taken for so long, nothing will be.
const STUFFED: Duration = Duration::from_secs(2);
/// Long enough for a queue of silent connections, four at a time and five seconds each, on a slow machine.
const QUEUE_IS_SERVED: Duration = Duration::from_secs(300);

/// The guest answers. While connections of a flood still fill its queue, it turns away others, and hosts connect again.
fn goes_on(vm: &Vm) {
    let nonce = Nonce::from_bytes([9; Nonce::LEN]);
    let started = Instant::now();
    let reply = loop {
        match vm.ask(&Request::Status { nonce }) {
            Ok(reply) => break reply,
            Err(error) if started.elapsed() > QUEUE_IS_SERVED => panic!("{error:#}"),
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    };
    assert!(matches!(reply.outcome, Outcome::Done(Body::Status(_))), "{reply:?}");
    assert!(!vm.exited());
    for sign in ["Out of memory", "oom-kill", "Kernel panic", "cloister: stopped"] {
        assert!(!vm.console().contains(sign), "the console says {sign:?}:\n{}", vm.console());
    }
}

fn status() -> Vec<u8> {
    let payload = codec::encode(&Request::Status { nonce: Nonce::from_bytes([8; Nonce::LEN]) });
    [Header::new(Kind::Request, 1, &payload).expect("short").to_bytes().as_slice(), &payload].concat()
}

/// The guest has closed the connection without a word. Silence is none.
fn is_over(mut stream: UnixStream) -> bool {
    // The guest counts ten seconds of its own, which an emulator on a busy machine draws out.
    stream.set_read_timeout(Some(QUEUE_IS_SERVED)).expect("a socket");
    match stream.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(why) => !matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn boots_and_is_attested_in_128_mib() {
    goes_on(&Enclave::smallest().vm);
}

#[test]
fn outlives_two_hundred_connections_of_which_half_have_begun_a_frame() {
    let enclave = Enclave::smallest();
    // The guest's queue is shorter than that, so some are turned away.
    let held: Vec<_> = (0..CONNECTIONS).filter_map(|_| enclave.vm.connect(PORT).ok()).collect();
    println!("{} of {CONNECTIONS} connections were taken", held.len());
    for mut stream in held.iter().step_by(2) {
        drop(stream.write_all(&status()[..7]));
    }
    drop(held);
    goes_on(&enclave.vm);
}

#[test]
fn outlives_connections_full_of_small_packets_that_nobody_reads() {
    let enclave = Enclave::smallest();
    let held: Vec<_> = (0..CONNECTIONS).filter_map(|_| enclave.vm.connect(PORT).ok()).collect();
    held.iter().for_each(|stream| stream.set_nonblocking(true).expect("a socket"));
    // Those that are served are asked until they wait for somebody to take their replies; nobody reads what the others get meanwhile. The
    // guest's kernel copies packets of up to 128 bytes together; these take a buffer of a page each.
    let (packet, started) = (status().repeat(3), Instant::now());
    assert!(packet.len() > 128);
    let (mut sent, mut last) = (0, started);
    while started.elapsed() < STUFFING && last.elapsed() < STUFFED {
        let taken = held.iter().map(|mut stream| stream.write(&packet).unwrap_or_default()).sum::<usize>();
        if taken > 0 {
            (sent, last) = (sent + taken, Instant::now());
        }
        // Written faster than they are carried, they would be joined on their way.
        thread::sleep(Duration::from_millis(10));
    }
    println!("{} connections took {sent} bytes", held.len());
    drop(held);
    goes_on(&enclave.vm);
}

#[test]
fn silent_connections_make_way_for_one_with_something_to_say() {
    let enclave = Enclave::smallest();
    // A busy guest takes them more slowly than they come, and its queue is short.
    let started = Instant::now();
    let attempts =
        iter::repeat_with(|| enclave.vm.connect(PORT).ok()).take_while(|_| started.elapsed() < QUEUE_IS_SERVED);
    let held: Vec<_> = attempts.flatten().take(6).collect();
    assert_eq!(held.len(), 6);
    goes_on(&enclave.vm);
    drop(held);
}

#[test]
fn a_frame_that_comes_in_single_bytes_is_read_and_one_that_stays_incomplete_is_cut_off() {
    let enclave = Enclave::smallest();
    let mut stream = enclave.vm.connect(PORT).expect("a connection");
    let (last, first) = status().split_last().map(|(last, first)| (*last, first.to_vec())).expect("bytes");
    for byte in first {
        stream.write_all(&[byte]).expect("taken");
    }
    stream.write_all(&[last]).expect("taken");
    let mut header = [0; Header::LEN];
    stream.read_exact(&mut header).expect("a reply");
    assert!(Header::from_bytes(&header).is_ok_and(|header| header.kind == Kind::Reply));

    let mut slow = enclave.vm.connect(PORT).expect("a connection");
    slow.write_all(&status()[..20]).expect("taken");
    assert!(is_over(slow));
    goes_on(&enclave.vm);
}

#[test]
fn a_length_of_4_gib_and_garbage_end_the_connection_that_brings_them() {
    let enclave = Enclave::smallest();
    let mut long = status();
    long[12..16].copy_from_slice(&u32::MAX.to_be_bytes());
    for bytes in [long, b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0xa5; 64 * 1024]] {
        let mut stream = enclave.vm.connect(PORT).expect("a connection");
        // The guest may close before it has read all of it.
        drop(stream.write_all(&bytes));
        assert!(is_over(stream));
    }
    let mut stream = enclave.vm.connect(PORT).expect("a connection");
    assert!(ask_over(&mut stream, &Request::Challenge).is_ok());
    goes_on(&enclave.vm);
}
