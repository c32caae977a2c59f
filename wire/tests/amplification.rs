//! What a frame takes in memory once it is read, if it is as long as a frame may be and of the smallest parts that there are many of.

use std::fs;

use cloister_wire::{
    bounded::List,
    codec,
    credential::Proof,
    limits,
    message::{Request, SignItem},
    request::Requested,
    signature::Signature,
};

/// Values to a frame's bytes, at most.
const RATIO: usize = 4;

/// A batch of requests with as many packages as they may have, of commitments of so many bytes.
fn batch(commitment: u8) -> Vec<u8> {
    let entry = [&[0x82, 0x01, 0x58, commitment][..], &vec![7; commitment.into()]].concat();
    let package = [&[0x98, 32][..], &entry.repeat(limits::SIGNERS)].concat();
    let proof = Proof::Ed25519(Signature::from_bytes([0; 64]));
    let request = Requested { body: vec![0; 64].try_into().unwrap(), proof, delegation: None };
    let empty = codec::encode(&SignItem { request, packages: List::new(), approvals: List::new() });
    let [start @ .., 0x80, 0x80] = &empty[..] else { panic!("two empty lists at its end") };
    let item = [start, &[0x99, 0x02, 0x00], &package.repeat(limits::DIGESTS), &[0x80]].concat();
    let empty = codec::encode(&Request::Sign { items: List::new() });
    let [start @ .., 0x80] = &empty[..] else { panic!("an empty list at its end") };
    let items = (limits::FRAME - 64) / item.len();
    assert!((1..24).contains(&items), "{items}");
    [start, &[0x80 | u8::try_from(items).unwrap()], &item.repeat(items)].concat()
}

/// KiB of this process that were in memory at once.
fn most_resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// One test alone in this process, whose memory it measures.
#[test]
fn a_batch_of_the_smallest_commitments_takes_a_few_times_its_length_and_one_of_smaller_ones_is_refused() {
    let (least, frame) = (u8::try_from(limits::COMMITMENT_LEAST).unwrap(), batch(32));
    assert!(least == 32 && frame.len() > limits::FRAME * 3 / 4, "{} bytes", frame.len());
    let before = most_resident();
    let request = codec::decode::<Request>(&frame).unwrap();
    let grown = most_resident() - before;
    println!("{} KiB of a frame take {grown} KiB", frame.len() / 1024);
    assert!(grown < RATIO * frame.len() / 1024, "{grown} KiB");
    drop(request);
    assert!(codec::decode::<Request>(&batch(least - 1)).is_err());
}
