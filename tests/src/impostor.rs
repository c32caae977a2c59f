//! An enclave that says what a test wants: real documents, boot keys that the test holds, and any claims. What a broken or foreign
//! image could do, and no honest one does.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    encoding::{AsDer, PublicKeyX509Der},
    rand,
    rsa::{KeySize, PrivateDecryptingKey},
};
use cloister_attestation::Pcr;
use cloister_simulator::nsm::{StandInNsm, TestRoot};
use cloister_wire::{
    blob::{BlobContext, GcmNonce, SealedBlob, Wrap},
    codec,
    identity::{BootKeys, BootStatement, Introduction, SignerProof},
    ids::{Hash, SignerId, UnixMillis},
    manifest::ValidManifest,
    signature::{PublicKey, Signature},
    tag::Tag,
};
use ed25519_dalek::SigningKey;

use crate::{
    charter::{Charter, list, secret},
    kms, machine,
};

/// The enclave. Made to be believed; tests change what they want to see refused.
pub struct Impostor {
    /// What signs blobs, receipts and certificates.
    pub identity: SigningKey,
    /// What it says is the signer key.
    pub signer_key: SigningKey,
    /// What it says of itself; [`Impostor::introduction`] adds the proof.
    pub statement: BootStatement,
    /// PCR0 to 3, 16 and 17.
    pub registers: [(u8, Pcr); 6],
    /// The root that its documents chain to.
    pub root: TestRoot,
    manifest: ValidManifest,
    recipient: Vec<u8>,
}

impl Impostor {
    /// A boot on the parent of `signer` with the released image, the group's manifest and that signer's place.
    #[must_use]
    pub fn new(charter: &Charter, root: &TestRoot, signer: SignerId) -> Self {
        let (identity, signer_key) = (secret("impostor's identity"), secret("impostor's signer key"));
        let recipient = PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("RSA");
        let recipient: PublicKeyX509Der<'_> = recipient.public_key().as_der().expect("DER");
        let recipient = recipient.as_ref().to_vec();
        let manifest = ValidManifest::try_from(charter.manifest.clone()).expect("a possible group");
        let keys = BootKeys {
            identity: PublicKey::of(&identity),
            channel: Hash::from_bytes([9; 32]),
            recipient: BootKeys::recipient_hash(&recipient),
        };
        let statement = BootStatement { group: manifest.group, manifest: manifest.hash(), signer, keys, proof: None };
        let registers = registers(&manifest, signer);
        Self { identity, signer_key, statement, registers, root: root.clone(), manifest, recipient }
    }

    /// Moves into another signer's place: statement, parent and PCR17.
    pub fn pose_as(&mut self, signer: SignerId) {
        self.statement.signer = signer;
        self.registers = registers(&self.manifest, signer);
    }

    /// The statement, proved by its signer key.
    #[must_use]
    pub fn proved(&self) -> BootStatement {
        let signature = Signature::sign(&self.signer_key, Tag::SIGNER_PROOF, &self.statement.unproved());
        BootStatement {
            proof: Some(SignerProof { key: PublicKey::of(&self.signer_key), signature }),
            ..self.statement.clone()
        }
    }

    /// An introduction with the proof, attested at `now` over `nonce`.
    #[must_use]
    pub fn introduction(&self, now: UnixMillis, nonce: &[u8]) -> Introduction {
        self.attest(&self.proved(), now, nonce)
    }

    /// An attested statement.
    #[must_use]
    pub fn attest(&self, statement: &BootStatement, now: UnixMillis, nonce: &[u8]) -> Introduction {
        let mut nsm = StandInNsm::new(self.root.clone(), &self.registers).expect("registers in range");
        nsm.lock_pcr(16).and_then(|()| nsm.lock_pcr(17)).expect("open registers");
        let user_data = statement.user_data();
        let document =
            nsm.attest(Some(user_data.as_bytes()), Some(nonce), Some(&self.recipient), now.0).expect("signed");
        let statement = codec::encode(statement).try_into().expect("short enough");
        Introduction { statement, document: document.try_into().expect("short enough") }
    }

    /// A blob of anything: anyone can wrap to a public key.
    #[must_use]
    pub fn seal(&self, context: BlobContext, secret: &[u8], now: UnixMillis) -> SealedBlob {
        let (mut data_key, mut nonce, mut ciphertext) = ([0; 32], [0; 12], secret.to_vec());
        rand::fill(&mut data_key).and_then(|()| rand::fill(&mut nonce)).expect("randomness");
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &data_key).expect("32 bytes"));
        let aad = context.aad();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad.as_bytes()), &mut ciphertext)
            .expect("sealed");
        let slot = self.manifest.slot(context.signer).expect("a signer of the group");
        let wrap = |kms: &cloister_wire::manifest::KmsKey| {
            let mask = Wrap::mask(&kms.arn);
            let masked: Vec<_> = data_key.iter().zip(mask.as_bytes()).map(|(byte, mask)| byte ^ mask).collect();
            let ciphertext = kms::encrypt(kms.spki.as_slice(), &masked).try_into().expect("short enough");
            Wrap { arn: kms.arn.clone(), ciphertext }
        };
        let blob = SealedBlob {
            wraps: list(slot.kms.iter().map(wrap)),
            nonce: GcmNonce(nonce),
            ciphertext: ciphertext.try_into().expect("short enough"),
            sealer: self.introduction(now, b"of its own accord"),
            signature: Signature::from_bytes([0; 64]),
            context,
        };
        self.sign(blob)
    }

    /// Puts its signature on a blob.
    #[must_use]
    pub fn sign(&self, blob: SealedBlob) -> SealedBlob {
        SealedBlob { signature: Signature::sign(&self.identity, Tag::SEALED_BLOB, &blob.signed_bytes()), ..blob }
    }
}

fn registers(manifest: &ValidManifest, signer: SignerId) -> [(u8, Pcr); 6] {
    let release = machine::release();
    let [pcr0, pcr1, pcr2] = [release.pcr0, release.pcr1, release.pcr2].map(|pcr| Pcr::from(*pcr.as_bytes()));
    let measured = |hash: Hash| Pcr::ZERO.extended(hash.as_bytes());
    [
        (0, pcr0),
        (1, pcr1),
        (2, pcr2),
        (3, machine::parent_role(signer)),
        (16, measured(manifest.hash())),
        (17, measured(manifest.slot_hash(signer))),
    ]
}
