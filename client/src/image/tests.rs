use proptest::prelude::*;

use super::*;

/// A file of these sections, with a header that fits.
fn image(sections: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut offsets, mut lengths) = ([0_u64; MOST_SECTIONS], [0_u64; MOST_SECTIONS]);
    for (position, (kind, content)) in sections.iter().enumerate() {
        offsets[position] = (HEADER + body.len()) as u64;
        lengths[position] = content.len() as u64;
        body.extend([&kind.to_be_bytes()[..], &[0; 2], &(content.len() as u64).to_be_bytes(), content].concat());
    }
    let mut file = [MAGIC, &4_u16.to_be_bytes(), &[0; 2 + 8 + 8 + 2]].concat();
    file.extend(u16::try_from(sections.len()).unwrap().to_be_bytes());
    offsets.into_iter().chain(lengths).for_each(|number| file.extend(number.to_be_bytes()));
    file.extend([0; 8]);
    file.extend(body);
    with_checksum(file)
}

fn with_checksum(mut file: Vec<u8>) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&file[..HEADER - CHECKSUM]);
    crc.update(&file[HEADER..]);
    file[HEADER - CHECKSUM..HEADER].copy_from_slice(&crc.finalize().to_be_bytes());
    file
}

const SECTIONS: [(u16, &[u8]); 5] =
    [(KERNEL, b"kernel"), (COMMAND_LINE, b"console=ttyS0"), (METADATA, b"{}"), (RAMDISK, b"one"), (RAMDISK, b"two")];

#[test]
fn measures_kernel_and_ramdisks_and_not_the_metadata() {
    let whole = Image::parse(&image(&SECTIONS)).unwrap();
    let expected = |content: &[u8]| register([content]);
    assert_eq!(whole.measurements().pcr0, expected(b"kernelconsole=ttyS0onetwo"));
    assert_eq!(whole.measurements().pcr1, expected(b"kernelconsole=ttyS0one"));
    assert_eq!(whole.measurements().pcr2, expected(b"two"));
    assert_eq!((whole.measurements().pcr8, whole.command_line()), (None, "console=ttyS0"));
    let mut other = SECTIONS;
    other[2].1 = b"{\"other\": true}";
    assert_eq!(Image::parse(&image(&other)).unwrap(), whole);
}

#[test]
fn a_boundary_that_moved_shows_in_pcr1_and_pcr2_although_pcr0_stays() {
    let mut moved = SECTIONS;
    (moved[3].1, moved[4].1) = (b"onet", b"wo");
    let [before, after] =
        [SECTIONS, moved].map(|sections| Image::parse(&image(&sections)).unwrap().measurements().clone());
    assert_eq!(before.pcr0, after.pcr0);
    assert!(before.pcr1 != after.pcr1 && before.pcr2 != after.pcr2);
}

#[test]
fn a_foreign_file_is_called_foreign() {
    for file in [b"".as_slice(), b"\x7fELF and more", b".eig"] {
        assert_eq!(Image::parse(file), Err(ImageRejected::Foreign));
    }
}

#[test]
fn every_truncation_is_refused() {
    let file = image(&SECTIONS);
    for length in 0..file.len() {
        assert!(Image::parse(&file[..length]).is_err(), "{length}");
    }
    assert!(matches!(Image::parse(&file[..file.len() - 1]), Err(ImageRejected::Truncated { what: "a section", .. })));
}

#[test]
fn every_flipped_bit_is_refused() {
    let file = image(&SECTIONS);
    for position in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[position] ^= 1 << bit;
            assert!(Image::parse(&damaged).is_err(), "byte {position}, bit {bit}");
        }
    }
}

#[test]
fn a_length_of_4_gib_is_refused_without_a_buffer_of_that_size() {
    let mut file = image(&SECTIONS);
    let last = HEADER + SECTIONS[..4].iter().map(|(_, content)| SECTION_HEADER + content.len()).sum::<usize>();
    let length = (4_u64 << 30).to_be_bytes();
    file[last + 4..last + 12].copy_from_slice(&length);
    let table = 4 + 2 + 2 + 8 + 8 + 2 + 2 + 8 * (MOST_SECTIONS + 4);
    file[table..table + 8].copy_from_slice(&length);
    let rejected = Image::parse(&with_checksum(file));
    assert!(matches!(rejected, Err(ImageRejected::Truncated { what: "a section", .. })), "{rejected:?}");
}

#[test]
fn sections_that_are_missing_doubled_unknown_or_out_of_order_are_refused() {
    let without = |kind: u16| image(&SECTIONS.into_iter().filter(|section| section.0 != kind).collect::<Vec<_>>());
    assert_eq!(Image::parse(&without(KERNEL)), Err(ImageRejected::Missing("kernel")));
    assert_eq!(Image::parse(&without(COMMAND_LINE)), Err(ImageRejected::Missing("command line")));
    assert_eq!(Image::parse(&without(RAMDISK)), Err(ImageRejected::Missing("ramdisk")));
    for extra in [(KERNEL, b"again".as_slice()), (COMMAND_LINE, b"again"), (METADATA, b"again"), (0, b""), (6, b"")] {
        let sections: Vec<_> = SECTIONS.into_iter().chain([extra]).collect();
        assert_eq!(Image::parse(&image(&sections)), Err(ImageRejected::Section { position: 5, found: extra.0 }));
    }
}

#[test]
fn bytes_behind_the_last_section_are_refused() {
    let mut file = image(&SECTIONS);
    file.push(0);
    assert_eq!(Image::parse(&with_checksum(file)), Err(ImageRejected::Trailing(1)));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut file in proptest::collection::vec(any::<u8>(), 0..4096), valid in any::<bool>()) {
        if valid && file.len() > 8 {
            file[..8].copy_from_slice(b".eif\0\x04\0\0");
        }
        prop_assert!(Image::parse(&file).is_err());
    }
}
