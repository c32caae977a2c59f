use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use cloister_attestation::TrustRoot;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384,
    date_time_ymd,
};
use zeroize::Zeroizing;

/// The root of a simulated world: a P-384 key and its self-signed certificate. Clones share one key.
#[derive(Clone)]
pub struct TestRoot(Arc<Inner>);

struct Inner {
    key: KeyPair,
    der: Vec<u8>,
}

/// A test root could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum TestRootError {
    /// Reading or writing its files failed.
    #[error("cannot read or write the test root: {0}")]
    Io(#[from] io::Error),
    /// The files hold no key and certificate that belong together.
    #[error("{KEY_FILE} and {CERTIFICATE_FILE} are no test root: delete both and start again")]
    Damaged,
    /// No key could be made.
    #[error("cannot make a test root: the operating system gives no randomness")]
    Generation,
}

impl TestRoot {
    /// A new root, valid from 2020 to 2050.
    pub fn generate() -> Result<TestRoot, TestRootError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(|_| TestRootError::Generation)?;
        let certificate = params().self_signed(&key).map_err(|_| TestRootError::Generation)?;
        Ok(TestRoot(Arc::new(Inner { der: certificate.der().to_vec(), key })))
    }

    /// The root of rehearsal images, whose key is public: it stands in the repository, and in every such image.
    #[must_use]
    pub fn of_rehearsals() -> TestRoot {
        let der = include_bytes!("../rehearsal/test-root.der");
        Self::of(include_bytes!("../rehearsal/test-root.pkcs8"), der).expect("they belong together: a test reads them")
    }

    /// Reads the root that [`TestRoot::save`] left in `folder`.
    pub fn load(folder: &Path) -> Result<TestRoot, TestRootError> {
        let pkcs8 = Zeroizing::new(fs::read(folder.join(KEY_FILE))?);
        Self::of(&pkcs8, &fs::read(folder.join(CERTIFICATE_FILE))?)
    }

    fn of(pkcs8: &[u8], der: &[u8]) -> Result<TestRoot, TestRootError> {
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.into(), &PKCS_ECDSA_P384_SHA384)
            .map_err(|_| TestRootError::Damaged)?;
        let belong_together = der.windows(key.public_key_raw().len()).any(|window| window == key.public_key_raw());
        if !belong_together || TrustRoot::from_der(der).is_err() {
            return Err(TestRootError::Damaged);
        }
        Ok(TestRoot(Arc::new(Inner { key, der: der.to_vec() })))
    }

    /// Writes `test-root.pkcs8`, readable by its owner alone, and `test-root.der`, which clients name as their root.
    pub fn save(&self, folder: &Path) -> Result<(), TestRootError> {
        let pkcs8 = Zeroizing::new(self.0.key.serialize_der());
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(folder.join(KEY_FILE))?.write_all(&pkcs8)?;
        fs::write(folder.join(CERTIFICATE_FILE), &self.0.der)?;
        Ok(())
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The root as verifiers pin it.
    pub fn trust_root(&self) -> TrustRoot {
        TrustRoot::from_der(&self.0.der).expect("made by this module")
    }

    pub(super) fn issuer(&self) -> Issuer<'static, &KeyPair> {
        Issuer::new(params(), &self.0.key)
    }
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CountryName, "US");
    params.distinguished_name.push(DnType::OrganizationName, "Cloister simulator");
    params.distinguished_name.push(DnType::CommonName, "simulated.nitro-enclaves");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2050, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Names of the two files.
const KEY_FILE: &str = "test-root.pkcs8";
const CERTIFICATE_FILE: &str = "test-root.der";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_root_is_read_back_with_the_same_certificate() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = TestRoot::generate().expect("keys");
        root.save(folder.path()).expect("written");
        assert_eq!(TestRoot::load(folder.path()).expect("read").der(), root.der());
        assert!(root.save(folder.path()).is_err(), "an existing root is never overwritten");
    }

    #[test]
    fn refuses_a_key_beside_another_roots_certificate() {
        let folder = tempfile::tempdir().expect("temporary folder");
        TestRoot::generate().expect("keys").save(folder.path()).expect("written");
        fs::write(folder.path().join(CERTIFICATE_FILE), TestRoot::generate().expect("keys").der()).expect("written");
        assert!(matches!(TestRoot::load(folder.path()), Err(TestRootError::Damaged)));
    }
}
