//! Domain tags: the one table of what is hashed and signed, and for which purpose.
//!
//! A tagged hash is that of BIP-340: `SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ data)`. Bytes hashed for one purpose can thereby never
//! stand for another. Signatures are over the tagged hash, never over bare bytes.

use sha2::{Digest as _, Sha256};

use crate::ids::Hash;

/// What a hash or signature is for. The text is part of every format and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(&'static str);

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        impl Tag {
            $($(#[$doc])* pub const $name: Tag = Tag($text);)+
            #[cfg(test)]
            const ALL: &'static [Tag] = &[$(Tag::$name),+];
        }
    };
}

tags! {
    /// The manifest: what PCR16 measures and operators sign.
    MANIFEST = "cloister/1/manifest";
    /// Group and signer id: what PCR17 measures.
    SIGNER_SLOT = "cloister/1/signer-slot";
    /// A boot's public keys: its boot id.
    BOOT_ID = "cloister/1/boot-id";
    /// A recipient key's SubjectPublicKeyInfo.
    RECIPIENT_KEY = "cloister/1/recipient-key";
    /// A boot statement: the attestation document's `user_data`.
    BOOT_STATEMENT = "cloister/1/boot-statement";
    /// The signer key's signature over a boot statement.
    SIGNER_PROOF = "cloister/1/signer-proof";
    /// A start order, signed by operators.
    START_ORDER = "cloister/1/start-order";
    /// A policy version, signed by operators.
    POLICY = "cloister/1/policy";
    /// A request to sign, signed by a requester.
    SIGN_REQUEST = "cloister/1/sign-request";
    /// A request to make a key, signed by a requester.
    KEY_REQUEST = "cloister/1/key-request";
    /// An approval, rejection or cancellation of a request, signed by a member.
    APPROVAL = "cloister/1/approval";
    /// What a member lets a session key ask for, signed by the member.
    DELEGATION = "cloister/1/delegation";
    /// A kill switch, closed by an operator; also its name when it is lifted.
    CLOSING = "cloister/1/closing";
    /// Kill switches, lifted by operators.
    OPENING = "cloister/1/opening";
    /// A new credential for a member, approved by its guardians.
    RECOVERY = "cloister/1/recovery";
    /// The end of a recovery that waits, signed by an operator.
    CANCELLATION = "cloister/1/cancellation";
    /// A credential: what a recovery says that it replaces.
    CREDENTIAL = "cloister/1/credential";
    /// What a signer makes of a request, signed by the boot identity.
    REVIEW = "cloister/1/review";
    /// What people are shown of a request: the effects digest of receipts.
    RENDERING = "cloister/1/rendering";
    /// What a spending counts as: a replacement of it counts as the same.
    SPENDING = "cloister/1/spending";
    /// A ceremony id, from every participant's boot id and nonce.
    CEREMONY = "cloister/1/ceremony";
    /// The commitment to a broadcast of key generation.
    BROADCAST = "cloister/1/broadcast";
    /// The echo: all broadcasts of a ceremony's first round.
    ECHO = "cloister/1/echo";
    /// The whole public transcript of a ceremony.
    TRANSCRIPT = "cloister/1/transcript";
    /// The joint chain code of a key, from its transcript (BIP-32 derivation starts here).
    CHAIN_CODE = "cloister/1/chain-code";
    /// A key id, from its ceremony and group public key.
    KEY_ID = "cloister/1/key-id";
    /// A key's certificate, signed by every signer of the ceremony.
    CERTIFICATE = "cloister/1/certificate";
    /// The sealing boot's signature over a sealed blob.
    SEALED_BLOB = "cloister/1/sealed-blob";
    /// What a data key is masked with for one KMS key.
    WRAP = "cloister/1/wrap";
    /// The associated data of a sealed blob.
    BLOB_CONTEXT = "cloister/1/blob-context";
    /// The prologue of the Noise channel between two boots.
    CHANNEL = "cloister/1/channel";
    /// A receipt, signed by the boot identity; also the link of the chain.
    RECEIPT = "cloister/1/receipt";
    /// An event of a receipt: what stands in its place where it is withheld.
    EVENT = "cloister/1/event";
    /// All events of a receipt, by their hashes.
    EVENTS = "cloister/1/events";
    /// A status, signed by the boot identity over the caller's nonce.
    STATUS = "cloister/1/status";
    /// The session of a pair's set-up.
    PAIR = "cloister/1/pair";
    /// The session id of an ECDSA key.
    KEY_SESSION = "cloister/1/key-session";
    /// What a presigning is about, and each presignature's session.
    PRESIGNING = "cloister/1/presigning";
    /// A presignature's id, from its ceremony.
    PRESIGNATURE = "cloister/1/presignature";
    /// The signing packages of a request: what a cached share is bound to.
    SIGNING_PACKAGE = "cloister/1/signing-package";
}

impl Tag {
    /// `SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ data)`.
    #[must_use]
    pub fn hash(self, data: &[u8]) -> Hash {
        let tag = Sha256::digest(self.0.as_bytes());
        let digest = Sha256::new().chain_update(tag).chain_update(tag).chain_update(data).finalize();
        Hash::from_bytes(digest.into())
    }

    /// The tag's text, for documentation and other implementations.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tags_are_equal() {
        for (i, a) in Tag::ALL.iter().enumerate() {
            assert!(Tag::ALL.iter().skip(i + 1).all(|b| a != b), "{a:?} stands twice");
        }
    }

    #[test]
    fn agrees_with_the_tagged_hash_of_bip_340() {
        // SHA256(SHA256("BIP0340/challenge") || SHA256("BIP0340/challenge")) of no data, computed with Python's hashlib.
        let hash = Tag("BIP0340/challenge").hash(b"");
        assert_eq!(hash.to_string(), "c216d352f5818b7b4beacd4ae0a26fe888080823d2a598856661bcd54f1b3713");
    }
}
