//! A tiny KMS: decrypts what was wrapped to its keys, for whoever shows a document. The real stand-in has tests of its own.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, OnceLock},
};

use aws_lc_rs::{
    cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand,
    rsa::{
        KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
        PublicEncryptingKey,
    },
};
use cloister_attestation::{Mode, Unverified};
use cloister_simulator::nsm::TestRoot;
use cloister_wire::{
    blob::Wrap,
    bounded::Bytes,
    ids::{Arn, SignerId},
    limits,
    manifest::KmsKey,
};

/// What KMS answers: `CiphertextForRecipient`.
pub type Envelope = Bytes<{ limits::ENVELOPE }>;

/// The KMS keys of a group, two for each signer.
pub struct Kms {
    root: TestRoot,
    keys: BTreeMap<Arn, OaepPrivateDecryptingKey>,
    /// How many wraps it has decrypted.
    pub calls: usize,
}

impl Kms {
    /// Keys for signers 1 to `signers`.
    #[must_use]
    pub fn new(root: TestRoot, signers: u16) -> Self {
        let names =
            (1..=signers).flat_map(|signer| [0, 1].map(|region| (arn(signer, region), private(signer, region))));
        let keys = names.map(|(arn, key)| (arn, OaepPrivateDecryptingKey::new(key).expect("RSA"))).collect();
        Self { root, keys, calls: 0 }
    }

    /// The public halves of a signer's keys, as the manifest names them.
    #[must_use]
    pub fn public_keys(signer: SignerId) -> Vec<KmsKey> {
        let key = |region| {
            let private = private(signer.get(), region);
            let spki: PublicKeyX509Der<'_> = private.public_key().as_der().expect("DER");
            KmsKey { arn: arn(signer.get(), region), spki: spki.as_ref().try_into().expect("short enough") }
        };
        [0, 1].map(key).into()
    }

    /// `Decrypt` with the document as `Recipient`.
    pub fn decrypt(&mut self, wrap: &Wrap, document: &[u8]) -> Envelope {
        self.calls += 1;
        let document =
            Unverified::parse(document).expect("a document").authenticate(&self.root.trust_root(), Mode::Archival);
        let recipient = document.expect("authentic").public_key().expect("a recipient key").to_vec();
        let key = &self.keys[&wrap.arn];
        let mut data_key = vec![0; key.min_output_size()];
        let data_key = key.decrypt(&OAEP_SHA256_MGF1SHA256, wrap.ciphertext.as_slice(), &mut data_key, None);
        envelope(&recipient, data_key.expect("wrapped to this key"))
    }
}

/// CMS EnvelopedData in DER, version 0, as emulators of KMS write it: anyone can make one for a public key.
#[must_use]
pub fn envelope(recipient: &[u8], secret: &[u8]) -> Envelope {
    let mut content_key = [0; 32];
    rand::fill(&mut content_key).expect("randomness");
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, &content_key).expect("32 bytes"));
    let mut content = secret.to_vec();
    let DecryptionContext::Iv128(iv) = cipher.expect("CBC").encrypt(&mut content).expect("encrypted") else {
        panic!("CBC takes an IV of 16 bytes");
    };
    let sha256 = der(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01", &[5, 0]]);
    let mgf1 = der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08", &sha256]);
    let oaep = der(0x30, &[&der(0xa0, &[&sha256]), &der(0xa1, &[&mgf1])]);
    let algorithm = der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07", &oaep]);
    let name = der(0x30, &[&der(0x30, &[]), &[2, 1, 1]]);
    let recipient = der(0x30, &[&[2, 1, 0], &name, &algorithm, &der(4, &[&encrypt(recipient, &content_key)])]);
    let cipher = der(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a", &der(4, &[iv.as_ref()])]);
    let content = der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", &cipher, &der(0x80, &[&content])]);
    let enveloped = der(0x30, &[&[2, 1, 0], &der(0x31, &[&recipient]), &content]);
    let info = der(0x30, &[b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", &der(0xa0, &[&enveloped])]);
    info.try_into().expect("short enough")
}

/// RSAES-OAEP with SHA-256 to any RSA public key (SubjectPublicKeyInfo, DER).
#[must_use]
pub fn encrypt(spki: &[u8], secret: &[u8]) -> Vec<u8> {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(spki).expect("SPKI")).expect("RSA");
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let length = key.encrypt(&OAEP_SHA256_MGF1SHA256, secret, &mut ciphertext, None).expect("fits").len();
    ciphertext.truncate(length);
    ciphertext
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).expect("small").to_be_bytes();
    let header = if content.len() < 128 { vec![tag, length[1]] } else { vec![tag, 0x82, length[0], length[1]] };
    [header, content].concat()
}

fn arn(signer: u16, region: u16) -> Arn {
    let region_name = ["eu-central-1", "eu-west-1"][usize::from(region)];
    let text = format!("arn:aws:kms:{region_name}:{signer:012}:key/00000000-0000-4000-8000-{signer:04}0000000{region}");
    text.parse().expect("an ARN")
}

/// One of the RSA-4096 keys that all groups of all tests share: made once, since that takes seconds, and kept in the target folder.
/// They protect nothing.
fn private(signer: u16, region: u16) -> PrivateDecryptingKey {
    static KEYS: OnceLock<Mutex<BTreeMap<(u16, u16), PrivateDecryptingKey>>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().expect("no key generation has panicked");
    keys.entry((signer, region)).or_insert_with(|| load(signer, region)).clone()
}

fn load(signer: u16, region: u16) -> PrivateDecryptingKey {
    let path = folder().join(format!("{signer}-{region}.pkcs8"));
    if let Ok(pkcs8) = fs::read(&path) {
        return PrivateDecryptingKey::from_pkcs8(&pkcs8).expect("our own file; remove the folder if it is damaged");
    }
    let key = PrivateDecryptingKey::generate(KeySize::Rsa4096).expect("RSA");
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().expect("DER");
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    fs::write(&draft, pkcs8.as_ref())
        .and_then(|()| fs::rename(&draft, &path))
        .expect("the target folder can be written");
    key
}

/// `target/tmp/kms-keys`.
fn folder() -> PathBuf {
    let folder = crate::profile().with_file_name("tmp").join("kms-keys");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}
