//! Texts that people sign, kept apart from everything that a chain would accept.
//!
//! ```text
//! signing bytes = 0xff "Cloister Signed Message:\n" decimal-length "\n" text
//! digest        = SHA256(SHA256(tag) || SHA256(tag) || signing bytes),  tag = "Cloister/message"
//! ```
//!
//! An Ed25519 key signs the signing bytes, a secp256k1 key the digest. Why neither can be taken
//! for a transaction:
//!
//! - **Solana.** A message whose first byte has its top bit set is versioned, and the other seven
//!   bits are the version: `0xff` is version 127. Validators know versions 0 and 1 (and so does
//!   [`crate::solana`], which takes 0 alone); Solana's own off-chain messages start with `0xff` for
//!   the same reason, and go on with `solana offchain`, where ours go on with `C`.
//! - **Bitcoin.** BIP-340 keys sign 32-byte hashes under the tag `TapSighash`; ours have another
//!   tag, so that equal digests would be a collision of SHA-256.
//! - **Cosmos.** Keys sign the SHA-256 of a sign document, which begins with `0x0a`; what is hashed
//!   for a text begins with the SHA-256 of the tag, which does not.
//!
//! The length in front and the newline after it make the encoding injective.

use sha2::Digest;

use crate::{Rejected, limits, tagged_hash};

/// Why a text may not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// Longer than [`limits::MESSAGE_TEXT`].
    #[error("{length} bytes, at most {limit} are taken; sign a hash of the document instead", limit = limits::MESSAGE_TEXT)]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at byte {at}; texts only: encode binary data as hex")]
    NotUtf8 {
        /// Where the first bad sequence begins.
        at: usize,
    },
    /// A control character or a change of direction, which a terminal would not show as it is.
    #[error("control character U+{character:04X} at byte {at}; only newline and tab are taken", character = u32::from(*.character))]
    ControlCharacter {
        /// The character.
        character: char,
        /// Its offset.
        at: usize,
    },
}

impl Unsignable {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "message_too_long",
            Self::NotUtf8 { .. } => "message_not_utf8",
            Self::ControlCharacter { .. } => "message_control_character",
        }
    }
}

/// The bytes that an Ed25519 key signs for `text`: at most [`limits::MESSAGE_TEXT`] bytes of UTF-8
/// without changes of direction (U+202A to 202E, U+2066 to 2069) or control characters other than
/// newline and tab.
pub fn signing_bytes(text: &[u8]) -> Result<Vec<u8>, Rejected> {
    let text = check(text)?;
    Ok([PREFIX, text.len().to_string().as_bytes(), b"\n", text.as_bytes()].concat())
}

/// The digest that a secp256k1 key signs for `text`, under [`signing_bytes`]'s conditions.
pub fn digest(text: &[u8]) -> Result<[u8; 32], Rejected> {
    let bytes = signing_bytes(text)?;
    Ok(tagged_hash(DIGEST_TAG).chain_update(bytes).finalize().into())
}

fn check(text: &[u8]) -> Result<&str, Unsignable> {
    if text.len() > limits::MESSAGE_TEXT {
        return Err(Unsignable::TooLong { length: text.len() });
    }
    let text = core::str::from_utf8(text).map_err(|error| Unsignable::NotUtf8 { at: error.valid_up_to() })?;
    match text.char_indices().find(|&(_, character)| misleads(character)) {
        Some((at, character)) => Err(Unsignable::ControlCharacter { character, at }),
        None => Ok(text),
    }
}

/// Control characters, and those that change the direction of the text after them: either shows
/// another text than the one that is signed.
pub(crate) fn misleads(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

const PREFIX: &[u8] = b"\xffCloister Signed Message:\n";
const DIGEST_TAG: &[u8] = b"Cloister/message";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bitcoin::Psbt, solana};

    #[test]
    fn signs_the_length_and_the_text_behind_the_prefix() {
        let expected = b"\xffCloister Signed Message:\n12\nGr\xc3\xbc\xc3\x9fe, A\tB";
        assert_eq!(signing_bytes("Grüße, A\tB".as_bytes()).unwrap(), expected);
    }

    #[test]
    fn digest_is_the_tagged_sha_256_of_the_signing_bytes() {
        // python3: t=sha256(b"Cloister/message").digest(); sha256(t+t+b"\xffCloister Signed Message:\n2\nhi")
        let expected = "321b2bed32cc4bc9070b666e186ff481329c70d21f872980478fcc4cb435ae89";
        assert_eq!(hex::encode(digest(b"hi").unwrap()), expected);
    }

    #[test]
    fn no_text_makes_a_solana_message_or_transaction_or_a_psbt() {
        for text in [&b""[..], b"hi", &[b'a'; 200], &[b'\n'; 1000]] {
            let bytes = signing_bytes(text).unwrap();
            let version = solana::Unsignable::UnknownVersion { version: 127 };
            assert_eq!(solana::Message::parse(&bytes), Err(version.into()));
            assert!(solana::Transaction::parse(&bytes).is_err());
            assert!(Psbt::parse(&bytes).is_err());
            assert!(!bytes.starts_with(b"\xffsolana offchain"));
        }
    }

    #[test]
    fn a_digest_is_never_a_bitcoin_sighash_of_the_same_bytes() {
        let bytes = signing_bytes(b"hi").unwrap();
        let sighash: [u8; 32] = tagged_hash(b"TapSighash").chain_update(bytes).finalize().into();
        assert_ne!(digest(b"hi").unwrap(), sighash);
    }

    #[test]
    fn texts_of_other_lengths_never_make_the_same_bytes() {
        assert_ne!(signing_bytes(b"1\n2").unwrap(), signing_bytes(b"3\n1\n2").unwrap());
        assert_ne!(signing_bytes(b"").unwrap(), signing_bytes(b"\n").unwrap());
    }

    #[test]
    fn refuses_what_a_person_could_not_read() {
        let refused = |text: &[u8]| signing_bytes(text).unwrap_err();
        let control = |character, at| Unsignable::ControlCharacter { character, at }.into();
        assert_eq!(refused(b"a\x00"), control('\0', 1));
        assert_eq!(refused(b"\r\n"), control('\r', 0));
        assert_eq!(refused(b"ab\x1b[2J"), control('\x1b', 2));
        assert_eq!(refused("\u{85}".as_bytes()), control('\u{85}', 0));
        assert_eq!(refused("\u{202e}".as_bytes()), control('\u{202e}', 0));
        assert_eq!(refused(b"ab\xff"), Unsignable::NotUtf8 { at: 2 }.into());
        assert!(signing_bytes(&[b'a'; limits::MESSAGE_TEXT]).is_ok());
        let length = limits::MESSAGE_TEXT + 1;
        assert_eq!(refused(&vec![b'a'; length]), Unsignable::TooLong { length }.into());
    }
}
