use proptest::prelude::*;

use super::{
    header::{CHECKSUM, HEADER, MAGIC, MOST_SECTIONS, SECTION_HEADER},
    *,
};

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
    let other = Image::parse(&image(&other)).unwrap();
    assert_eq!(other.measurements(), whole.measurements());
    assert_ne!(other.sha384(), whole.sha384());
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

/// Two images with a kernel that says its length: made by a program of its own, in which Python's hashlib measured them and OpenSSL signed.
/// `golden-ended.eif`, for others' tests, is the first with the signature of a certificate that ended with 2019.
const GOLDEN: &[u8] = include_bytes!("golden.eif");
const GOLDEN_SIGNED: &[u8] = include_bytes!("golden-signed.eif");

#[test]
fn golden_images_measure_what_another_program_measured() {
    let [plain, signed] = [GOLDEN, GOLDEN_SIGNED].map(|file| Image::parse(file).unwrap());
    for image in [&plain, &signed] {
        let Measurements { pcr0, pcr1, pcr2, .. } = image.measurements();
        let hex = [pcr0, pcr1, pcr2].map(ToString::to_string);
        assert_eq!(
            hex,
            [
                "a1fa92deeed13e3ccb2be22b6790f5170cf9f928a1c78b78c4149d3165d282823c448bf262507966079339f7a2401540",
                "e08e6148fb8a6f937cfbfb5b3aa45fdd0828c570cd463e8577a8e8e40dc0e6417295c1fee880f07e31359383b2b4d29a",
                "dfaa40ecfd1a10027bec62d76b715a42203846125cc96cc2ed8f24b2dc0a5080ccbf79258e9d170bc97002dccd22d0a8",
            ]
        );
        assert_eq!(image.command_line(), "reboot=k panic=-1 console=ttyS0");
    }
    assert_eq!((plain.measurements().pcr8, plain.signer(), plain.bytes()), (None, None, 1776));
    assert_eq!(
        hex::encode(plain.sha384()),
        "12d8029574e5ab6edbadacfe7962d0b763ba8779909afaeb321a40d6526e60cc269155be1f02e17696ffccae79a1b78f"
    );
    assert_eq!(
        signed.measurements().pcr8.unwrap().to_string(),
        "e9f2eb147a5747bf24200fdf1a3912a6f59a59bb27f02515ad58ba7c040d51209a73ef2d2872c3050b500efced0eb195"
    );
    let signer = signed.signer().unwrap();
    assert_eq!((Some(signer.register()), *signer.valid().end()), (signed.measurements().pcr8, 4_948_927_790));
    assert_eq!((signer.subject(), signed.bytes()), ("CN=golden", 3567));
}

/// The golden image's sections, of which all that is measured is `kernel ‖ command line ‖ ramdisks`.
fn golden() -> Vec<(u16, Vec<u8>)> {
    let sections = Header::parse(GOLDEN).unwrap().sections(GOLDEN).unwrap();
    sections.into_iter().map(|section| (section.kind, section.content.to_vec())).collect()
}

fn parse(sections: &[(u16, Vec<u8>)]) -> Result<Image, ImageRejected> {
    let sections: Vec<_> = sections.iter().map(|(kind, content)| (*kind, content.as_slice())).collect();
    Image::parse(&image(&sections))
}

/// The sections with the boundary moved by as many bytes: those of the later section's beginning, or else of the earlier one's end.
fn cut_elsewhere(earlier: usize, later: usize, by: isize) -> Vec<(u16, Vec<u8>)> {
    let mut sections = golden();
    let mut both = [&sections[earlier].1[..], &sections[later].1].concat();
    let boundary = sections[earlier].1.len().checked_add_signed(by).unwrap();
    sections[later].1 = both.split_off(boundary);
    sections[earlier].1 = both;
    sections
}

#[test]
fn an_image_that_is_cut_elsewhere_is_refused_wherever_that_is() {
    let golden = golden();
    assert!(parse(&golden).is_ok());
    let (kernel, command_line, first) = (golden[0].1.len(), golden[1].1.len(), golden[3].1.len());
    let len = |number: usize| isize::try_from(number).unwrap();
    // Kernel and command line; command line and first ramdisk.
    for by in (-len(kernel)..=len(command_line)).filter(|by| *by != 0) {
        assert!(parse(&cut_elsewhere(0, 1, by)).is_err(), "the kernel by {by}");
    }
    for by in (-len(command_line)..=len(first)).filter(|by| *by != 0) {
        assert!(parse(&cut_elsewhere(1, 3, by)).is_err(), "the command line by {by}");
    }
    // Both at once: a short kernel, the shortest printable command line behind it, and all the rest as ramdisk.
    let measured = [&golden[0].1[..], &golden[1].1, &golden[3].1].concat();
    for start in 0..measured.len() - 1 {
        for length in 1..measured.len() - start {
            let (boundary, end) = (start, start + length);
            if (boundary, end) == (kernel, kernel + command_line) || !(b' '..=b'~').contains(&measured[end - 1]) {
                break;
            }
            let mut sections = golden.clone();
            sections[0].1 = measured[..boundary].to_vec();
            sections[1].1 = measured[boundary..end].to_vec();
            sections[3].1 = measured[end..].to_vec();
            assert!(parse(&sections).is_err(), "{boundary} to {end}");
        }
    }
}

#[test]
fn the_kernel_ends_where_it_says_itself_and_the_command_line_and_ramdisks_are_what_they_have_to_be() {
    let command_line = isize::try_from(golden()[1].1.len()).unwrap();
    assert_eq!(parse(&cut_elsewhere(0, 1, 9)), Err(ImageRejected::Kernel { found: 1065, said: 1056 }));
    assert_eq!(parse(&cut_elsewhere(0, 1, command_line)), Err(ImageRejected::CommandLine));
    assert_eq!(parse(&cut_elsewhere(1, 3, 1)), Err(ImageRejected::CommandLine));
    assert_eq!(parse(&cut_elsewhere(1, 3, -1)), Err(ImageRejected::Ramdisk(0)));
    for text in ["", "a\nb", "a\0", "\u{1b}[2K", "\u{fc}"] {
        let mut sections = SECTIONS;
        sections[1].1 = text.as_bytes();
        assert_eq!(Image::parse(&image(&sections)), Err(ImageRejected::CommandLine), "{text:?}");
    }
    let with_empty: Vec<_> = SECTIONS.into_iter().chain([(RAMDISK, b"".as_slice())]).collect();
    assert_eq!(Image::parse(&image(&with_empty)), Err(ImageRejected::Ramdisk(2)));
}

#[test]
fn a_kernel_without_a_count_of_setup_sectors_has_four() {
    let mut start = vec![0; KERNEL_HEADER];
    start[0x202..].copy_from_slice(b"HdrS");
    start[0x1f4] = 3;
    assert_eq!(kernel_length(&start), Some(5 * 512 + 48));
    assert_eq!(kernel_length(&start[..KERNEL_HEADER - 1]), None);
}

#[test]
fn what_has_no_meaning_has_to_be_zero() {
    let reserved = 4 + 2 + 2 + 8 + 8;
    let table = reserved + 4;
    for position in [
        reserved + 1,
        table + 8 * SECTIONS.len(),
        table + 8 * MOST_SECTIONS - 1,
        table + 8 * (MOST_SECTIONS + SECTIONS.len()),
        HEADER - CHECKSUM - 1,
        HEADER + 3,
    ] {
        let mut file = image(&SECTIONS);
        file[position] = 1;
        let rejected = Image::parse(&with_checksum(file));
        assert!(matches!(rejected, Err(ImageRejected::NotZero(_))), "byte {position}: {rejected:?}");
    }
    let mut file = image(&SECTIONS);
    file[7] = 1;
    assert_eq!(Image::parse(&with_checksum(file)), Err(ImageRejected::Flags(1)));
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
