use core::fmt;

use sha2::{Digest, Sha256};

use crate::chain::Certificate;

/// The certificate that every chain has to begin at, pinned byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustRoot {
    der: Box<[u8]>,
    fingerprint: [u8; 32],
}

/// Whose word a document rests on. Show it: everything under another root is SIMULATED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RootKind {
    /// The Nitro Enclaves root G1 of AWS.
    Aws,
    /// Any other, such as a simulator's test root.
    Other,
}

/// Bytes that cannot serve as a root: no X.509 CA certificate with a P-384 key, or longer than 1,024 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a root for attestation documents: give one DER certificate of a P-384 certificate authority")]
pub struct UnusableRoot;

impl TrustRoot {
    /// The AWS Nitro Enclaves root G1, the only root of production signers and hosts.
    pub fn aws() -> TrustRoot {
        TrustRoot::pin(AWS_NITRO_ROOT_G1)
    }

    /// Pins the DER certificate of another root. Whoever holds its key can pose as any enclave.
    pub fn from_der(der: &[u8]) -> Result<TrustRoot, UnusableRoot> {
        let certificate = Certificate::parse(der).map_err(|_| UnusableRoot)?;
        certificate.check_authority(0).map_err(|_| UnusableRoot)?;
        Ok(TrustRoot::pin(der))
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate's DER bytes.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// Whether this is AWS's root.
    pub fn kind(&self) -> RootKind {
        if self.fingerprint == AWS_FINGERPRINT { RootKind::Aws } else { RootKind::Other }
    }

    fn pin(der: &[u8]) -> TrustRoot {
        TrustRoot { der: der.into(), fingerprint: Sha256::digest(der).into() }
    }
}

impl fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustRoot({:?})", self.kind())
    }
}

/// <https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip>, valid until 2049-10-28.
const AWS_NITRO_ROOT_G1: &[u8] = include_bytes!("aws-nitro-root-g1.der");

/// As AWS publishes it in the Nitro Enclaves user guide.
const AWS_FINGERPRINT: [u8; 32] = [
    0x64, 0x1a, 0x03, 0x21, 0xa3, 0xe2, 0x44, 0xef, 0xe4, 0x56, 0x46, 0x31, 0x95, 0xd6, 0x06, 0x31, //
    0x7e, 0xd7, 0xcd, 0xcc, 0x3c, 0x17, 0x56, 0xe0, 0x98, 0x93, 0xf3, 0xc6, 0x8f, 0x79, 0xbb, 0x5b,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_root_is_the_one_aws_publishes() {
        assert_eq!(TrustRoot::aws().fingerprint(), AWS_FINGERPRINT);
        assert_eq!(TrustRoot::aws().kind(), RootKind::Aws);
        assert_eq!(TrustRoot::from_der(AWS_NITRO_ROOT_G1), Ok(TrustRoot::aws()));
    }

    #[test]
    fn refuses_a_root_that_is_no_certificate_or_has_bytes_behind_it() {
        assert_eq!(TrustRoot::from_der(b""), Err(UnusableRoot));
        assert_eq!(TrustRoot::from_der(&[AWS_NITRO_ROOT_G1, &[0]].concat()), Err(UnusableRoot));
    }
}
