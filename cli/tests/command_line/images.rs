//! `image verify` on small images whose registers are known.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::world::{Answer, folder, run_in, said};

const PLAIN: &[u8] = include_bytes!("../../../client/src/image/golden.eif");
const SIGNED: &[u8] = include_bytes!("../../../client/src/image/golden-signed.eif");
/// The same image, signed by a certificate that ended with 2019.
pub(crate) const ENDED: &[u8] = include_bytes!("../../../client/src/image/golden-ended.eif");

/// A folder with an image and what is said of it.
struct Shelf(PathBuf);

impl Shelf {
    fn new(name: &str) -> Self {
        let dir = folder(name);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn put(&self, name: &str, content: &[u8]) -> String {
        let file = self.0.join(name);
        fs::write(&file, content).unwrap();
        file.display().to_string()
    }

    fn verify(&self, image: &[u8], against: &Value) -> Answer {
        let (eif, pcrs) = (self.put("image.eif", image), self.put("pcr.json", against.to_string().as_bytes()));
        run_in(&self.0, &["image", "verify", "--eif", &eif, "--against", &pcrs], b"")
    }

    /// What a release would say of this image.
    fn described(&self, image: &[u8]) -> Value {
        let shown = run_in(&self.0, &["image", "verify", "--eif", &self.put("image.eif", image)], b"");
        assert_eq!(shown.exit, 0, "{:#}", shown.json);
        json!({"format": "cloister-image-v1", "Measurements": shown.json["Measurements"], "image": shown.json["image"]})
    }
}

#[test]
fn an_image_is_compared_by_its_registers_and_byte_for_byte_where_the_release_says_so() {
    let shelf = Shelf::new("image-verify");
    let (plain, signed) = (shelf.described(PLAIN), shelf.described(SIGNED));
    for (image, described) in [(PLAIN, &plain), (SIGNED, &signed)] {
        let equal = shelf.verify(image, described);
        assert_eq!((equal.exit, &equal.json["equal"], &equal.json["file_compared"]), (0, &true.into(), &true.into()));
        let registers = json!({"Measurements": described["Measurements"]});
        let equal = shelf.verify(image, &registers);
        assert_eq!((equal.exit, &equal.json["equal"], &equal.json["file_compared"]), (0, &true.into(), &false.into()));
    }
    for (image, described) in [(PLAIN, &signed), (SIGNED, &plain)] {
        let other = shelf.verify(image, described);
        other.fails(4, "image_differs");
        let message = other.json["error"]["message"].as_str().unwrap();
        assert!(message.ends_with(": PCR8 differ") && other.json["file_compared"] == false, "{message}");
    }
}

#[test]
fn what_is_not_measured_differs_in_the_file_alone() {
    let shelf = Shelf::new("image-verify-file");
    let described = shelf.described(PLAIN);
    // The header's memory, which Nitro does not ask for, with the checksum that this makes.
    let mut other = PLAIN.to_vec();
    other[15] ^= 1;
    let sum = checksum(&other);
    other[544..548].copy_from_slice(&sum);
    let found = shelf.verify(&other, &described);
    found.fails(4, "image_differs");
    assert!(
        found.json["error"]["message"].as_str().unwrap().ends_with(": the file's SHA-384 differ"),
        "{:#}",
        found.json
    );
    let mut shorter = described.clone();
    shorter["image"]["bytes"] = 1.into();
    shelf.verify(PLAIN, &shorter).fails(4, "image_differs");
    let mut wrong = described;
    wrong["image"] = "x".into();
    shelf.verify(PLAIN, &wrong).fails(2, "file_invalid");
}

#[test]
fn people_are_told_whether_the_file_was_compared() {
    let shelf = Shelf::new("image-verify-people");
    let described = shelf.described(SIGNED);
    let (eif, pcrs) = (shelf.put("image.eif", SIGNED), shelf.put("pcr.json", described.to_string().as_bytes()));
    let shown = said(&["image", "verify", "--eif", &eif, "--against", &pcrs]);
    for words in [
        "reboot=k panic=-1 console=ttyS0",
        "3567 bytes, SHA-384 b5457d",
        "byte for byte",
        "by CN=golden; certificate valid from 20",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    shelf.put("pcr.json", json!({"Measurements": described["Measurements"]}).to_string().as_bytes());
    let shown = said(&["image", "verify", "--eif", &eif, "--against", &pcrs]);
    assert!(shown.contains("measures what was named; its SHA-384 as a file was not named"), "{shown}");
}

#[test]
fn an_image_whose_certificate_has_ended_is_told_although_everything_else_is_right() {
    let shelf = Shelf::new("image-verify-ended");
    let shown = run_in(&shelf.0, &["image", "verify", "--eif", &shelf.put("image.eif", ENDED)], b"");
    shown.fails(4, "image_certificate");
    assert_eq!((&shown.json["signed_until"], &shown.json["expired"]), (&"2020-01-01T00:00:00Z".into(), &true.into()));
    let described = json!({"Measurements": shown.json["Measurements"], "image": shown.json["image"]});
    let compared = shelf.verify(ENDED, &described);
    compared.fails(4, "image_certificate");
    assert_eq!(compared.json["equal"], true);
}

/// CRC-32 of all but itself, as the header has it.
fn checksum(file: &[u8]) -> [u8; 4] {
    let covered = file[..544].iter().chain(&file[548..]);
    let sum = covered.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    });
    (!sum).to_be_bytes()
}
