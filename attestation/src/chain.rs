//! The certificate chain of a document: pinned root, regional, zonal and instance authority, enclave certificate.
//! RFC 5280 section 6 for this one shape: no revocation, no policies, no name constraints (an unknown critical extension refuses).

use core::time::Duration;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1, UnparsedPublicKey};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::rfc5912::{ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, SECP_384_R_1};
use x509_cert::der::{Decode, Header, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::{TbsCertificate, Version};

use crate::{Rejected, TrustRoot, UnixMillis, limits};

/// The P-384 key that signed a document, as an uncompressed point, reached from the pinned root.
pub(crate) struct SigningKey(Vec<u8>);

impl SigningKey {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Walks from `root` over `bundle` (root first) to `leaf`; every certificate has to be valid at each of `times`.
pub(crate) fn verify(
    root: &TrustRoot,
    bundle: &[Vec<u8>],
    leaf: &[u8],
    times: &[UnixMillis],
) -> Result<SigningKey, Rejected> {
    let (first, authorities) = bundle.split_first().ok_or(Rejected::Malformed("cabundle is empty"))?;
    if first.as_slice() != root.der() {
        return Err(Rejected::WrongRoot);
    }
    let mut issuer = Certificate::parse(first)?;
    let mut below = authorities.len();
    issuer.check_authority(below)?;
    issuer.check_times(times)?;
    for der in authorities {
        let authority = Certificate::parse(der)?;
        below = below.saturating_sub(1);
        authority.check_issued_by(&issuer)?;
        authority.check_authority(below)?;
        authority.check_times(times)?;
        issuer = authority;
    }
    let leaf = Certificate::parse(leaf)?;
    leaf.check_issued_by(&issuer)?;
    leaf.check_leaf()?;
    leaf.check_times(times)?;
    Ok(SigningKey(leaf.public_key()?.to_vec()))
}

/// One certificate with the exact bytes that its issuer signed.
pub(crate) struct Certificate<'a> {
    signed: &'a [u8],
    signature: Vec<u8>,
    tbs: TbsCertificate,
}

impl<'a> Certificate<'a> {
    /// A bounded X.509 v3 certificate, ECDSA P-384 throughout, without unknown critical extensions; nothing of it is trusted yet.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Rejected> {
        if der.len() > limits::CERTIFICATE {
            return Err(Rejected::Malformed("certificate is too large"));
        }
        let certificate = x509_cert::Certificate::from_der(der).map_err(|_| NOT_X509)?;
        let signed = signed_bytes(der).map_err(|_| NOT_X509)?;
        let tbs = certificate.tbs_certificate;
        if tbs.version != Version::V3
            || tbs.signature != certificate.signature_algorithm
            || !is_ecdsa_sha384(&tbs.signature)
        {
            return Err(Rejected::UntrustedChain("not X.509 v3 signed with ECDSA and SHA-384"));
        }
        if tbs.extensions.iter().flatten().any(|extension| extension.critical && !KNOWN.contains(&extension.extn_id)) {
            return Err(Rejected::UntrustedChain("unknown critical extension"));
        }
        let signature = certificate.signature.as_bytes().ok_or(NOT_X509)?.to_vec();
        Ok(Certificate { signed, signature, tbs })
    }

    /// May this certificate issue others, with `below` more authorities between it and the leaf?
    pub(crate) fn check_authority(&self, below: usize) -> Result<(), Rejected> {
        let constraints = self.basic_constraints()?.ok_or(NOT_AUTHORITY)?;
        if !constraints.ca || !self.key_usage()?.key_cert_sign() {
            return Err(NOT_AUTHORITY);
        }
        if constraints.path_len_constraint.is_some_and(|most| below > usize::from(most)) {
            return Err(Rejected::UntrustedChain("chain is longer than an authority allows"));
        }
        self.public_key().map(|_| ())
    }

    fn check_leaf(&self) -> Result<(), Rejected> {
        let is_authority = self.basic_constraints()?.is_some_and(|constraints| constraints.ca);
        if is_authority || !self.key_usage()?.digital_signature() {
            return Err(Rejected::UntrustedChain("document is not signed by an end certificate for signatures"));
        }
        Ok(())
    }

    fn check_issued_by(&self, issuer: &Certificate<'_>) -> Result<(), Rejected> {
        if self.tbs.issuer != issuer.tbs.subject || self.tbs.issuer.is_empty() {
            return Err(Rejected::UntrustedChain("issuer and subject differ"));
        }
        UnparsedPublicKey::new(&ECDSA_P384_SHA384_ASN1, issuer.public_key()?)
            .verify(self.signed, &self.signature)
            .map_err(|_| Rejected::UntrustedChain("signature of a certificate is wrong"))
    }

    fn check_times(&self, times: &[UnixMillis]) -> Result<(), Rejected> {
        let not_before = self.tbs.validity.not_before.to_unix_duration().as_secs();
        let not_after = self.tbs.validity.not_after.to_unix_duration().as_secs();
        let valid_at = |time: &UnixMillis| (not_before..=not_after).contains(&Duration::from_millis(time.0).as_secs());
        if times.iter().all(valid_at) { Ok(()) } else { Err(Rejected::CertificateNotValidNow) }
    }

    fn public_key(&self) -> Result<&[u8], Rejected> {
        let info = &self.tbs.subject_public_key_info;
        let curve = info.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        match info.subject_public_key.as_bytes() {
            Some(point @ [UNCOMPRESSED, ..])
                if info.algorithm.oid == ID_EC_PUBLIC_KEY
                    && curve == Some(SECP_384_R_1)
                    && point.len() == POINT_LEN =>
            {
                Ok(point)
            }
            _ => Err(Rejected::UntrustedChain("key of a certificate is not on P-384")),
        }
    }

    fn basic_constraints(&self) -> Result<Option<BasicConstraints>, Rejected> {
        Ok(self.tbs.get::<BasicConstraints>().map_err(|_| NOT_X509)?.map(|(_, constraints)| constraints))
    }

    fn key_usage(&self) -> Result<KeyUsage, Rejected> {
        let found = self.tbs.get::<KeyUsage>().map_err(|_| NOT_X509)?;
        found.map(|(_, usage)| usage).ok_or(Rejected::UntrustedChain("certificate without key usage"))
    }
}

/// The first element of the outer sequence, untouched: a re-encoding could differ from what was signed.
fn signed_bytes(der: &[u8]) -> x509_cert::der::Result<&[u8]> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    reader.tlv_bytes()
}

fn is_ecdsa_sha384(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.oid == ECDSA_WITH_SHA_384 && algorithm.parameters.is_none()
}

const NOT_X509: Rejected = Rejected::Malformed("certificate is not DER X.509");
const NOT_AUTHORITY: Rejected = Rejected::UntrustedChain("certificate of the bundle is no authority");
/// Critical extensions that this module enforces.
const KNOWN: [ObjectIdentifier; 2] = [BasicConstraints::OID, KeyUsage::OID];
/// SEC 1 section 2.3.3: tag of an uncompressed point, and its length on P-384.
const UNCOMPRESSED: u8 = 4;
const POINT_LEN: usize = 97;
