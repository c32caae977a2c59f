use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use cloister_attestation::{Millis, UnixMillis};
use coset::iana::Algorithm;
use coset::{CborSerializable, CoseSign1Builder, HeaderBuilder};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384,
    date_time_ymd,
};

use super::{ModuleId, NsmError, TestRoot, document::Fields};

/// A signing key with its certificates, good for a few hours.
pub(super) struct Chain {
    key: EcdsaKeyPair,
    certificate: Vec<u8>,
    /// The authorities, root first.
    bundle: Vec<Vec<u8>>,
    issued: UnixMillis,
}

impl Chain {
    /// The chain in `place`, made anew if it does not serve `now` any longer.
    pub(super) fn serving<'a>(
        place: &'a mut Option<Chain>,
        root: &TestRoot,
        module: &ModuleId,
        now: UnixMillis,
    ) -> Result<&'a Chain, NsmError> {
        let chain = match place.take().filter(|chain| chain.serves(now)) {
            Some(chain) => chain,
            None => Chain::issue(root, module, now)?,
        };
        Ok(place.insert(chain))
    }

    /// Root, zonal and instance authority and leaf, with the names, usages, path lengths and lifetimes of Nitro's.
    fn issue(root: &TestRoot, module: &ModuleId, now: UnixMillis) -> Result<Chain, NsmError> {
        let internal = |_| NsmError::InternalError;
        let [zonal_key, instance_key, leaf_key] = [key_pair()?, key_pair()?, key_pair()?];

        let zonal = authority("simulated.zonal.nitro-enclaves", 1, now, DAYS_6);
        let zonal_der = zonal.signed_by(&zonal_key, &root.issuer()).map_err(internal)?;
        let zonal = Issuer::new(zonal, &zonal_key);

        let instance = authority(&format!("{}.simulated.nitro-enclaves", module.instance()), 0, now, DAY);
        let instance_der = instance.signed_by(&instance_key, &zonal).map_err(internal)?;
        let instance = Issuer::new(instance, &instance_key);

        let leaf_der = leaf(&module.0, now).signed_by(&leaf_key, &instance).map_err(internal)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, leaf_key.serialized_der());
        Ok(Chain {
            key: key.map_err(|_| NsmError::InternalError)?,
            certificate: leaf_der.der().to_vec(),
            bundle: vec![root.der().to_vec(), zonal_der.der().to_vec(), instance_der.der().to_vec()],
            issued: now,
        })
    }

    /// Whether a document dated `now` stays verifiable for a while.
    fn serves(&self, now: UnixMillis) -> bool {
        (self.issued.0..self.issued.0.saturating_add(RENEWAL.0)).contains(&now.0)
    }

    /// A document: COSE_Sign1 with ES384 over the fields, untagged.
    pub(super) fn sign(&self, fields: &Fields<'_>) -> Result<Vec<u8>, NsmError> {
        let signer =
            |bytes: &[u8]| self.key.sign(&SystemRandom::new(), bytes).map(|signature| signature.as_ref().to_vec());
        CoseSign1Builder::new()
            .protected(HeaderBuilder::new().algorithm(Algorithm::ES384).build())
            .payload(fields.encode(&self.certificate, &self.bundle))
            .try_create_signature(b"", signer)
            .map_err(|_| NsmError::InternalError)?
            .build()
            .to_vec()
            .map_err(|_| NsmError::InternalError)
    }
}

fn key_pair() -> Result<KeyPair, NsmError> {
    KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).map_err(|_| NsmError::InternalError)
}

fn authority(name: &str, path_length: u8, now: UnixMillis, lifetime: Millis) -> CertificateParams {
    let mut params = named(name, now, lifetime);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(name: &str, now: UnixMillis) -> CertificateParams {
    let mut params = named(name, now, LEAF_LIFETIME);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
    params
}

fn named(name: &str, now: UnixMillis, lifetime: Millis) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CountryName, "US");
    params.distinguished_name.push(DnType::OrganizationName, "Cloister simulator");
    params.distinguished_name.push(DnType::CommonName, name);
    let moment = |millis: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(millis / 1000);
    params.not_before = moment(now.0.saturating_sub(BACKDATED.0));
    params.not_after = moment(now.0.saturating_add(lifetime.0));
    params.use_authority_key_identifier_extension = true;
    params
}

const HOUR: u64 = 60 * 60 * 1000;
const DAY: Millis = Millis(24 * HOUR);
const DAYS_6: Millis = Millis(6 * 24 * HOUR);
const LEAF_LIFETIME: Millis = Millis(3 * HOUR);
/// A chain is replaced this long after it was issued.
const RENEWAL: Millis = Millis(2 * HOUR + HOUR / 2);
/// Nitro's leaf begins three seconds before its first document.
const BACKDATED: Millis = Millis(3000);
