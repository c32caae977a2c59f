//! What must be nowhere outside the signers, and where it is looked for.
//!
//! Signers show nobody their secrets; but whoever holds the private halves of the KMS keys can open every sealed blob. The test does,
//! and looks for what it finds in there wherever a host, an operator or a thief could look.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_wire::{
    blob::{Content, SealedBlob, Wrap},
    codec,
    ids::Hash,
    tag::Tag,
};

/// Opens blobs as KMS and signer together would.
pub(super) struct Secrets {
    kms: BTreeMap<String, OaepPrivateDecryptingKey>,
    opened: BTreeMap<Hash, Vec<Secret>>,
}

/// A secret, and what it is.
#[derive(Clone)]
pub(super) struct Secret {
    what: String,
    bytes: Vec<u8>,
}

impl Secret {
    pub(super) fn new(what: &str, bytes: &[u8]) -> Self {
        Self { what: what.into(), bytes: bytes.into() }
    }
}

impl Secrets {
    /// With the KMS stand-in's key file.
    pub(super) fn of(key_file: &Path) -> Self {
        let text = fs::read(key_file).expect("a key file");
        let file: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let key = |key: &serde_json::Value| {
            let material = STANDARD.decode(key["material"].as_str().expect("base64")).expect("base64");
            let private = PrivateDecryptingKey::from_pkcs8(&material).expect("PKCS#8");
            (key["arn"].as_str().expect("an ARN").to_owned(), OaepPrivateDecryptingKey::new(private).expect("RSA"))
        };
        Self { kms: file["keys"].as_array().expect("keys").iter().map(key).collect(), opened: BTreeMap::new() }
    }

    /// Learns what is in a blob.
    pub(super) fn open(&mut self, blob: &SealedBlob) {
        let hash = Tag::SEALED_BLOB.hash(&codec::encode(blob));
        if !self.opened.contains_key(&hash) {
            let secrets = self.secrets_of(blob);
            self.opened.insert(hash, secrets);
        }
    }

    fn secrets_of(&self, blob: &SealedBlob) -> Vec<Secret> {
        let wrap = &blob.wraps.as_slice()[0];
        let kms = &self.kms[wrap.arn.as_str()];
        let mut data_key = vec![0; kms.min_output_size()];
        let masked = kms
            .decrypt(&OAEP_SHA256_MGF1SHA256, wrap.ciphertext.as_slice(), &mut data_key, None)
            .expect("wrapped to this key");
        let data_key: Vec<_> =
            masked.iter().zip(Wrap::mask(&wrap.arn).as_bytes()).map(|(byte, mask)| byte ^ mask).collect();
        let mut plain = blob.ciphertext.as_slice().to_vec();
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &data_key).expect("32 bytes"));
        let (nonce, aad) = (Nonce::assume_unique_for_key(blob.nonce.0), blob.context.aad());
        let plain = cipher.open_in_place(nonce, Aad::from(aad.as_bytes()), &mut plain).expect("sealed under this key");
        let secret = |what: &str, bytes: &[u8]| Secret {
            what: format!("{what} of signer {}", blob.context.signer),
            bytes: bytes.into(),
        };
        let inner = match &blob.context.content {
            // Array of three, byte string of 32 first: the seed.
            Content::SignerKey => secret("the signer key", &plain[3..35]),
            Content::Share { .. } => secret("the share", plain),
        };
        vec![
            secret("a data key", &data_key),
            secret("a masked data key", masked),
            secret("a sealed content", plain),
            inner,
        ]
    }

    /// All that is known.
    pub(super) fn known(&self) -> Vec<Secret> {
        self.opened.values().flatten().cloned().collect()
    }
}

/// Looks for secrets: as they are, in hex, and in base64 at any alignment.
pub(super) struct Search<'a> {
    patterns: HashMap<[u8; PREFIX], Vec<(&'a Secret, Vec<u8>)>>,
    first: Box<[bool; 256]>,
}

impl<'a> Search<'a> {
    pub(super) fn of(secrets: &'a [Secret]) -> Self {
        let mut search = Self { patterns: HashMap::new(), first: Box::new([false; 256]) };
        for secret in secrets {
            let base64 = (0..3).map(|skip| {
                let rest = &secret.bytes[skip..];
                STANDARD.encode(&rest[..rest.len() - rest.len() % 3]).into_bytes()
            });
            for form in [secret.bytes.clone(), hex::encode(&secret.bytes).into_bytes()].into_iter().chain(base64) {
                let prefix = *form.first_chunk().expect("secrets are longer");
                search.first[usize::from(prefix[0])] = true;
                search.patterns.entry(prefix).or_default().push((secret, form));
            }
        }
        search
    }

    /// What of it is in `place`.
    pub(super) fn find(&self, place: &[u8]) -> Option<&'a str> {
        let at = |start: usize| {
            let rest = &place[start..];
            let candidates = self.patterns.get(rest.first_chunk::<PREFIX>()?)?;
            candidates.iter().find(|(_, form)| rest.starts_with(form)).map(|(secret, _)| secret.what.as_str())
        };
        (0..place.len()).filter(|start| self.first[usize::from(place[*start])]).find_map(at)
    }
}

const PREFIX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_secret_as_it_is_in_hex_and_in_base64_at_any_alignment() {
        let bytes: Vec<u8> = (100..132).collect();
        let secrets = [Secret { what: "it".into(), bytes: bytes.clone() }];
        let search = Search::of(&secrets);
        assert_eq!(search.find(b"nothing of the kind"), None);
        for before in 0..4 {
            let plain = [vec![1; before], bytes.clone(), vec![2; 5]].concat();
            for place in [plain.clone(), hex::encode(&plain).into_bytes(), STANDARD.encode(&plain).into_bytes()] {
                assert_eq!(search.find(&place), Some("it"), "after {before} bytes");
            }
        }
    }
}
