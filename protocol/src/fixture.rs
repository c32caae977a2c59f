//! A certificate for tests.

use cloister_wire::{
    bounded::Bytes,
    certificate::CertificateBody,
    ids::{CeremonyId, Epoch, GroupId, Hash, KeyId},
    request::Scheme,
};

/// What a key's certificate says, 2 of it signing; tests put in what they look at.
pub(crate) fn certificate(scheme: Scheme) -> CertificateBody {
    let hash = Hash::from_bytes([3; 32]);
    CertificateBody {
        group: GroupId::from_bytes([0; 16]),
        manifest: hash,
        key: KeyId::from_bytes([1; 32]),
        tenant: "tenant".parse().unwrap(),
        name: "name".parse().unwrap(),
        scheme,
        epoch: Epoch(0),
        threshold: 2,
        ceremony: CeremonyId::from_bytes([7; 32]),
        transcript: hash,
        public_key: Bytes::default(),
        public_package: Bytes::default(),
        chain_code: hash,
    }
}
