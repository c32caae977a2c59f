//! Bytes that are no frames, and frames that are no requests.

use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    time::Duration,
};

use cloister_simulator::hostile::Frame;
use cloister_tests::stage::{Stage, signer};
use cloister_wire::{
    codec,
    frame::{Header, Kind},
    ids::Nonce,
    limits,
    message::{Outcome, Reply, Request},
};

use crate::{CALM, honest_key, play};

fn connect(stage: &Stage) -> UnixStream {
    let stream = UnixStream::connect(stage.group.signer_socket(signer(1))).expect("the signer listens");
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a timeout");
    stream
}

fn status() -> Frame {
    Frame::request(1, &Request::Status { nonce: Nonce::from_bytes([1; 32]) })
}

/// The signer has closed the connection without a word.
fn is_over(stream: &mut UnixStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn reply(stream: &mut UnixStream) -> Outcome {
    let mut header = [0; Header::LEN];
    stream.read_exact(&mut header).expect("a header");
    let mut payload = vec![0; Header::from_bytes(&header).expect("a header").length()];
    stream.read_exact(&mut payload).expect("a payload");
    codec::decode::<Reply>(&payload).expect("a reply").outcome
}

fn altered(place: usize, byte: u8) -> Vec<u8> {
    let mut bytes = status().bytes().to_vec();
    bytes[place] = byte;
    bytes
}

#[test]
fn a_frame_over_the_limit_of_an_unknown_kind_or_version_or_of_another_protocol_ends_its_connection_alone() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let cases = [
        ("oversized", 12, 0xff),
        ("another version", 4, 2),
        ("unknown kind", 5, 7),
        ("a reply", 5, 1),
        ("reserved bits", 6, 1),
        ("foreign", 0, b'G'),
    ];
    for (what, place, byte) in cases {
        let mut stream = connect(&stage);
        stream.write_all(&altered(place, byte)).expect("sent");
        assert!(is_over(&mut stream), "{what}");
    }
    stage.settle(&key);
}

#[test]
fn a_truncated_frame_ends_its_connection_alone() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let whole = status();
    for length in [1, Header::LEN - 1, Header::LEN, whole.bytes().len() - 1] {
        let mut stream = connect(&stage);
        stream.write_all(&whole.bytes()[..length]).expect("sent");
        stream.shutdown(Shutdown::Write).expect("shut");
        assert!(is_over(&mut stream), "after {length} bytes");
    }
    stage.settle(&key);
}

#[test]
fn unknown_unreadable_and_uncanonical_requests_are_malformed_and_the_connection_goes_on() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let mut stream = connect(&stage);
    let trailing = [codec::encode(&Request::Challenge), vec![0]].concat();
    let long_integer = b"\x82\x18\x04\x80";
    for payload in [b"".as_slice(), b"\xff", b"\x82\x18\x63\x80", &trailing, long_integer, &vec![0; limits::FRAME]] {
        let header = Header::new(Kind::Request, 7, payload).expect("within the limit").to_bytes();
        stream.write_all(&[&header, payload].concat()).expect("sent");
        let Outcome::Refused(refusal) = reply(&mut stream) else { panic!("taken") };
        assert_eq!(refusal.code(), "malformed");
    }
    stream.write_all(status().bytes()).expect("sent");
    assert!(matches!(reply(&mut stream), Outcome::Done(_)));
    stage.settle(&key);
}

#[test]
fn a_flood_of_silent_connections_keeps_nobody_else_out() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let silent: Vec<_> = (0..64).map(|_| connect(&stage)).collect();
    for mut stream in silent {
        // A byte of a frame that never comes. Those that were cut off already cannot be written to.
        drop(stream.write_all(b"C"));
    }
    stage.settle(&key);
}
