//! Presignatures in the group in memory, and signatures out of them.

use cloister_wire::{
    bounded::Bytes,
    ids::{CeremonyId, KeyId, SignerId},
    message::{Body, Contribution, Package, PresigningState, Request, SignerCommitment},
    request::SignRequest,
};
use k256::{
    FieldBytes, Scalar, U256,
    elliptic_curve::{PrimeField as _, ops::Reduce, scalar::IsHigh as _},
};

use crate::{
    charter::{TREASURER, list, requested},
    group::{Group, released},
};

impl Group {
    /// Sets every pair of these signers up.
    pub fn pair(&mut self, signers: &[SignerId]) {
        for (position, low) in signers.iter().enumerate() {
            for high in &signers[position + 1..] {
                self.done(*low, Request::Pair { peer: *high });
                self.deliver_all();
            }
        }
    }

    /// The request that opens a presigning.
    #[must_use]
    pub fn open_presigning(&self, key: KeyId, path: &[u32], signers: &[SignerId], count: u16) -> Request {
        let (path, signers) = (list(path.iter().copied()), list(signers.iter().copied()));
        Request::OpenPresigning { key, path, signers, count }
    }

    /// Opens and starts a presigning at all of its signers: round 1 is in the post.
    pub fn start_presigning(&mut self, key: KeyId, path: &[u32], signers: &[SignerId], count: u16) -> CeremonyId {
        let open = self.open_presigning(key, path, signers, count);
        let nonce = |signer: &SignerId| match self.done(*signer, open.clone()) {
            Body::CeremonyNonce(nonce) => Contribution { signer: *signer, nonce },
            other => panic!("no nonce: {other:?}"),
        };
        let nonces: Vec<_> = signers.iter().map(nonce).collect();
        let start = Request::StartPresigning { nonces: list(nonces) };
        let started = |signer: &SignerId| match self.done(*signer, start.clone()) {
            Body::CeremonyStarted(ceremony) => ceremony,
            other => panic!("not started: {other:?}"),
        };
        let ids: Vec<_> = signers.iter().map(started).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "one ceremony, one id");
        ids[0]
    }

    /// Makes presignatures: a package for each.
    pub fn presign(&mut self, key: KeyId, path: &[u32], signers: &[SignerId], count: u16) -> Vec<Package> {
        let ceremony = self.start_presigning(key, path, signers, count);
        self.deliver_all();
        for signer in signers {
            assert_eq!(self.presigning(*signer, ceremony), PresigningState::Made, "signer {signer}");
        }
        (0..count).map(|number| package(ceremony, number, signers)).collect()
    }

    /// How far a signer is with a presigning.
    pub fn presigning(&mut self, signer: SignerId, ceremony: CeremonyId) -> PresigningState {
        match self.done(signer, Request::Presigning { ceremony }) {
            Body::Presigning(state) => state,
            other => panic!("no state: {other:?}"),
        }
    }

    /// Signs `count` digests with these signers, who are set up; each signature is `r ‖ s`.
    pub fn ecdsa_signatures(&mut self, request: &SignRequest, signers: &[SignerId], count: u16) -> Vec<Vec<u8>> {
        let path = request.path.as_slice().to_vec();
        let packages: Vec<_> = (0..count).flat_map(|_| self.presign(request.key, &path, signers, 1)).collect();
        let posted = requested(request, TREASURER);
        let shares: Vec<_> = signers.iter().map(|signer| released(self.sign(*signer, &posted, &packages))).collect();
        let of_digest = |digest: usize| -> Vec<_> { shares.iter().map(|shares| shares[digest].as_slice()).collect() };
        (0..packages.len()).map(|digest| combine(&of_digest(digest))).collect()
    }
}

/// The package that names one presignature.
#[must_use]
pub fn package(ceremony: CeremonyId, number: u16, signers: &[SignerId]) -> Package {
    let id = ceremony.presignature(number);
    let commitment: Bytes<_> = id.as_bytes().as_slice().try_into().expect("32 bytes");
    list(signers.iter().map(|signer| SignerCommitment { signer: *signer, commitment: commitment.clone() }))
}

/// `s = Σw / Σu`, low; `r ‖ s` (ePrint 2023/765, protocol 3.6, step 10).
#[must_use]
pub fn combine(shares: &[&[u8]]) -> Vec<u8> {
    let point = &shares[0][..33];
    assert!(shares.iter().all(|share| &share[..33] == point), "the signers know one R");
    let scalar = |bytes: &[u8]| Scalar::from_repr(*FieldBytes::from_slice(bytes)).expect("a scalar");
    let u: Scalar = shares.iter().map(|share| scalar(&share[33..65])).sum();
    let w: Scalar = shares.iter().map(|share| scalar(&share[65..])).sum();
    let r = <Scalar as Reduce<U256>>::reduce_bytes(FieldBytes::from_slice(&point[1..]));
    let s = w * u.invert().expect("not zero");
    let s = if s.is_high().into() { -s } else { s };
    [r.to_bytes(), s.to_bytes()].concat()
}
