//! Proofs by requesters and approvers: whatever is decoded is encoded again to the same bytes, and no credential panics at any.
#![no_main]

use cloister_wire::{
    codec,
    credential::{Credential, Proof},
    ids::Hash,
    p256::P256Key,
    signature::PublicKey,
    webauthn::{Passkey, PasskeyKey},
};
use libfuzzer_sys::fuzz_target;

/// The challenge of the seeds.
const HASH: Hash = Hash::from_bytes([7; 32]);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(credential) = codec::decode::<Credential>(bytes) {
        assert_eq!(codec::encode(&credential), bytes);
    }
    let Ok(proof) = codec::decode::<Proof>(bytes) else { return };
    assert_eq!(codec::encode(&proof), bytes);
    for credential in credentials() {
        let _ = credential.verify(&HASH, &proof);
    }
});

/// One of each kind; the points are the bases of the curves.
fn credentials() -> [Credential; 4] {
    let ed25519 = [&[0x58_u8][..], &[0x66; 31]].concat();
    let ed25519 = PublicKey::from_bytes(&ed25519).expect("a point");
    let p256 = [
        0x03, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
        0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    ];
    let p256 = P256Key::from_bytes(&p256).expect("a point");
    let passkey = |key| {
        Credential::WebAuthn(Passkey {
            key,
            rp_id: "example.org".parse().expect("a domain"),
            origins: vec!["https://example.org".parse().expect("an origin")].try_into().expect("one"),
        })
    };
    [
        Credential::Ed25519(ed25519),
        Credential::P256(p256),
        passkey(PasskeyKey::P256(p256)),
        passkey(PasskeyKey::Ed25519(ed25519)),
    ]
}
