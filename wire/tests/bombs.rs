//! Requests that are small to send and would be large to read: nesting, and lengths that nothing follows.

use std::{fs, thread};

use cloister_wire::{codec, limits, message::Request};

/// The stack of a signer's connection, bytes.
const STACK: usize = 512 * 1024;
/// What reading any of them may add to this process's memory, KiB.
const MEMORY: usize = 64 * 1024;

/// Where a bomb may stand: alone, in place of a variant's number or its fields, as a field, behind the last field, under an unknown
/// variant, and in lists.
const PLACES: [&[u8]; 10] = [
    b"",
    b"\x82",
    b"\x82\x00",
    b"\x82\x00\x81",
    b"\x82\x00\x82\x40",
    b"\x82\x18\x63",
    b"\x82\x18\x63\x81",
    b"\x82\x11\x81",
    b"\x82\x11\x81\x81",
    b"\x82\x11\x81\x81\x82\x82",
];

/// Array, map, tag, and their indefinite forms, each of which may hold itself.
const NESTING: [&[u8]; 8] =
    [b"\x81", b"\x82\x00", b"\xa1\x00", b"\xc1", b"\xd8\x18", b"\x9f", b"\xbf\x00", b"\x9f\x9f\xff"];

/// Byte strings, texts, arrays and maps of a declared or of no length.
fn lengths() -> Vec<Vec<u8>> {
    let declared = [0x40, 0x60, 0x80, 0xa0].into_iter().flat_map(|kind: u8| {
        [
            [&[kind | 26], u32::MAX.to_be_bytes().as_slice()].concat(),
            [&[kind | 27], (1_u64 << 40).to_be_bytes().as_slice()].concat(),
            [&[kind | 27], u64::MAX.to_be_bytes().as_slice()].concat(),
        ]
    });
    declared.chain([0x5f, 0x7f, 0x9f, 0xbf].map(|open| vec![open])).collect()
}

fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Reads a frame's worth of the bomb in every place.
fn refuses(bomb: &[u8]) {
    for place in PLACES {
        let bytes = [place, bomb].concat();
        let bytes = bytes.get(..limits::FRAME).unwrap_or(&bytes);
        assert!(codec::decode::<Request>(bytes).is_err(), "{:x?}…", &bytes[..bytes.len().min(32)]);
    }
}

/// Bombs of endless nesting, each a frame long.
fn nesting() -> impl Iterator<Item = Vec<u8>> {
    let full = |level: &&[u8]| level.repeat(limits::FRAME / level.len());
    let closed = NESTING.iter().map(move |level| [&full(level)[..limits::FRAME / 2], &[0; 64]].concat());
    NESTING.iter().map(full).chain(closed)
}

/// One test alone in this process, whose memory it measures.
#[test]
fn bombs_of_nesting_and_of_length_are_refused_on_a_signers_stack_before_memory_is_taken_for_them() {
    let followed = lengths().into_iter().map(|length| [length, vec![0; 1024]].concat());
    let bombs: Vec<_> = nesting().chain(lengths()).chain(followed).collect();
    let read = move || {
        let before = peak_memory();
        bombs.iter().for_each(|bomb| refuses(bomb));
        let grown = peak_memory() - before;
        assert!(grown < MEMORY, "{grown} KiB");
    };
    thread::Builder::new().stack_size(STACK).spawn(read).unwrap().join().unwrap();
}
