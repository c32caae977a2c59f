//! Documents that are correctly signed under a root of the tests and break exactly one rule each.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use cloister_attestation::{Mode, Pcr, Rejected, TrustRoot, Unverified};
use coset::{CborSerializable, CoseSign1Builder, HeaderBuilder, iana};
use minicbor::Encoder;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SignatureAlgorithm, date_time_ymd,
};

/// A document in the making: certificates from the root down, fields as encoded CBOR.
struct Forge {
    links: Vec<Link>,
    fields: Vec<(&'static str, Vec<u8>)>,
    /// What `cabundle` holds, given the authorities, root first.
    bundle: fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>,
}

struct Link {
    params: CertificateParams,
    algorithm: &'static SignatureAlgorithm,
    /// The name that this certificate's holder issues under, if it is not its own.
    issues_as: Option<&'static str>,
    /// Whether it signs with a key that is not its certificate's.
    issues_with_another_key: bool,
}

const ROOT: usize = 0;
const ZONAL: usize = 1;
const INSTANCE: usize = 2;
const LEAF: usize = 3;

impl Forge {
    /// Nothing wrong with it.
    fn honest() -> Forge {
        let links = vec![
            link("root", IsCa::Ca(BasicConstraints::Unconstrained), KeyUsagePurpose::KeyCertSign),
            link("zonal", IsCa::Ca(BasicConstraints::Constrained(1)), KeyUsagePurpose::KeyCertSign),
            link("instance", IsCa::Ca(BasicConstraints::Constrained(0)), KeyUsagePurpose::KeyCertSign),
            link("leaf", IsCa::ExplicitNoCa, KeyUsagePurpose::DigitalSignature),
        ];
        let fields = vec![
            ("module_id", cbor(|out| drop(out.str("i-0-enc0")))),
            ("digest", cbor(|out| drop(out.str("SHA384")))),
            ("timestamp", cbor(|out| drop(out.u64(NOW)))),
            ("pcrs", pcrs(0..16)),
            ("nonce", cbor(|out| drop(out.null()))),
        ];
        Forge { links, fields, bundle: |authorities| authorities }
    }

    fn params(mut self, link: usize, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        edit(&mut self.links[link].params);
        self
    }

    fn field(mut self, name: &'static str, value: Vec<u8>) -> Self {
        self.fields.retain(|(field, _)| *field != name);
        self.fields.push((name, value));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.fields.retain(|(field, _)| *field != name);
        self
    }

    fn verdict(self) -> Result<(), Rejected> {
        let (root, document) = self.finish();
        let root = TrustRoot::from_der(&root).expect("usable");
        Unverified::parse(&document)?.authenticate(&root, Mode::Archival).map(|_| ())
    }

    /// The root certificate and the document.
    fn finish(self) -> (Vec<u8>, Vec<u8>) {
        let keys: Vec<_> = self.links.iter().map(|link| KeyPair::generate_for(link.algorithm).expect("key")).collect();
        let mut certificates = vec![self.links[ROOT].params.self_signed(&keys[ROOT]).expect("root").der().to_vec()];
        for (above, below) in (0..).zip(1..self.links.len()) {
            let mut issuer = self.links[above].params.clone();
            if let Some(name) = self.links[above].issues_as {
                issuer.distinguished_name.push(DnType::CommonName, name);
            }
            let stranger = KeyPair::generate_for(self.links[above].algorithm).expect("key");
            let key = if self.links[above].issues_with_another_key { &stranger } else { &keys[above] };
            let certificate = self.links[below].params.signed_by(&keys[below], &Issuer::new(issuer, key));
            certificates.push(certificate.expect("certificate").der().to_vec());
        }
        let leaf = certificates.pop().expect("leaf");
        let root = certificates[ROOT].clone();
        let mut fields = self.fields;
        fields.push(("certificate", cbor(|out| drop(out.bytes(&leaf)))));
        fields.push(("cabundle", array(&(self.bundle)(certificates))));
        (root, sign(&keys[keys.len() - 1], &map(&fields)))
    }
}

fn link(name: &str, is_ca: IsCa, usage: KeyUsagePurpose) -> Link {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = is_ca;
    params.key_usages = vec![usage];
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    Link { params, algorithm: &PKCS_ECDSA_P384_SHA384, issues_as: None, issues_with_another_key: false }
}

fn sign(key: &KeyPair, payload: &[u8]) -> Vec<u8> {
    let signature =
        |bytes: &[u8]| match EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, key.serialized_der()) {
            Ok(key) => key.sign(&SystemRandom::new(), bytes).expect("signature").as_ref().to_vec(),
            Err(_) => vec![1; 96], // Another curve: the verifier must not come this far.
        };
    let header = HeaderBuilder::new().algorithm(iana::Algorithm::ES384).build();
    let sign1 =
        CoseSign1Builder::new().protected(header).payload(payload.to_vec()).create_signature(b"", signature).build();
    sign1.to_vec().expect("COSE")
}

fn cbor(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Encoder::new(&mut bytes));
    bytes
}

fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = cbor(|out| drop(out.map(fields.len() as u64)));
    for (name, value) in fields {
        bytes.extend(cbor(|out| drop(out.str(name))));
        bytes.extend(value);
    }
    bytes
}

fn array(items: &[Vec<u8>]) -> Vec<u8> {
    cbor(|out| {
        let _ = out.array(items.len() as u64);
        items.iter().for_each(|item| drop(out.bytes(item)));
    })
}

fn pcrs(indices: impl Iterator<Item = u8>) -> Vec<u8> {
    pcrs_of(indices.map(|index| (index, Pcr::ZERO.extended(b"measured").as_bytes().to_vec())).collect())
}

fn pcrs_of(entries: Vec<(u8, Vec<u8>)>) -> Vec<u8> {
    cbor(|out| {
        let _ = out.map(entries.len() as u64);
        entries.iter().for_each(|(index, value)| drop(out.u8(*index).expect("Vec").bytes(value)));
    })
}

fn bytes(length: usize) -> Vec<u8> {
    cbor(|out| drop(out.bytes(&vec![7; length])))
}

/// 2026-01-01T00:00:00Z.
const NOW: u64 = 1_767_225_600_000;

#[test]
fn an_honest_forgery_passes_so_that_the_others_fail_for_their_own_reason() {
    assert_eq!(Forge::honest().verdict(), Ok(()));
}

#[test]
fn refuses_a_chain_that_breaks_one_rule() {
    let broken = |forge: Forge, rule| assert_eq!(forge.verdict(), Err(Rejected::UntrustedChain(rule)));
    let honest = Forge::honest;
    let constrained =
        |most| move |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(most));
    let no_usage = |params: &mut CertificateParams| params.key_usages.clear();
    let only = |usage| move |params: &mut CertificateParams| params.key_usages = vec![usage];
    let unknown = |params: &mut CertificateParams| {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    };
    let no_authority = "certificate of the bundle is no authority";
    let no_leaf = "document is not signed by an end certificate for signatures";
    broken(honest().params(ZONAL, constrained(0)), "chain is longer than an authority allows");
    broken(honest().params(ZONAL, |params| params.is_ca = IsCa::ExplicitNoCa), no_authority);
    broken(honest().params(INSTANCE, |params| params.is_ca = IsCa::NoCa), no_authority);
    broken(honest().params(ZONAL, only(KeyUsagePurpose::DigitalSignature)), no_authority);
    broken(honest().params(INSTANCE, only(KeyUsagePurpose::CrlSign)), no_authority);
    broken(honest().params(LEAF, constrained(0)), no_leaf);
    broken(honest().params(LEAF, only(KeyUsagePurpose::KeyAgreement)), no_leaf);
    for link in [ZONAL, INSTANCE, LEAF] {
        broken(honest().params(link, no_usage), "certificate without key usage");
        broken(honest().params(link, unknown), "unknown critical extension");
        let mut other_curve = honest();
        other_curve.links[link].algorithm = &PKCS_ECDSA_P256_SHA256;
        broken(other_curve, "key of a certificate is not on P-384");
        let mut other_name = honest();
        other_name.links[link - 1].issues_as = Some("somebody else");
        broken(other_name, "issuer and subject differ");
        let mut other_key = honest();
        other_key.links[link - 1].issues_with_another_key = true;
        broken(other_key, "signature of a certificate is wrong");
    }
}

#[test]
fn refuses_a_chain_that_is_not_valid_at_the_documents_time() {
    let moment = date_time_ymd(2026, 1, 1);
    for link in [ROOT, ZONAL, INSTANCE, LEAF] {
        let expired = Forge::honest().params(link, |params| params.not_after = moment - Duration::from_secs(1));
        assert_eq!(expired.verdict(), Err(Rejected::CertificateNotValidNow));
        let early = Forge::honest().params(link, |params| params.not_before = moment + Duration::from_secs(1));
        assert_eq!(early.verdict(), Err(Rejected::CertificateNotValidNow));
        let just = Forge::honest().params(link, |params| (params.not_before, params.not_after) = (moment, moment));
        assert_eq!(just.verdict(), Ok(()), "both ends count");
    }
}

#[test]
fn refuses_a_bundle_in_another_order_or_with_more_or_fewer_certificates() {
    let with = |bundle: fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>| Forge { bundle, ..Forge::honest() }.verdict();
    assert_eq!(with(|authorities| authorities.into_iter().rev().collect()), Err(Rejected::WrongRoot));
    assert_eq!(with(|authorities| authorities[1..].to_vec()), Err(Rejected::WrongRoot));
    assert!(matches!(with(|authorities| authorities[..2].to_vec()), Err(Rejected::UntrustedChain(_))));
    assert!(matches!(
        with(|authorities| vec![authorities[0].clone(), authorities[2].clone()]),
        Err(Rejected::UntrustedChain(_))
    ));
    let repeated = with(|authorities| {
        vec![authorities[0].clone(), authorities[1].clone(), authorities[1].clone(), authorities[2].clone()]
    });
    assert!(matches!(repeated, Err(Rejected::UntrustedChain(_))));
    assert!(matches!(with(|_| vec![]), Err(Rejected::Malformed(_))));
    assert!(matches!(with(|authorities| vec![authorities[0].clone(); 9]), Err(Rejected::Malformed(_))));
    assert!(matches!(with(|authorities| [authorities, vec![vec![]]].concat()), Err(Rejected::Malformed(_))));
    assert!(matches!(with(|authorities| [authorities, vec![vec![0; 1025]]].concat()), Err(Rejected::Malformed(_))));
}

#[test]
fn takes_every_field_up_to_its_limit_and_nothing_beyond() {
    for (name, most) in [("user_data", 512), ("nonce", 512), ("public_key", 1024)] {
        assert_eq!(Forge::honest().field(name, bytes(most)).verdict(), Ok(()), "{name}");
        assert_eq!(Forge::honest().field(name, bytes(most + 1)).verdict(), Err(Rejected::Malformed(name)));
        assert_eq!(Forge::honest().without(name).verdict(), Ok(()), "{name} may be absent");
    }
    let text = |value: &str| cbor(|out| drop(out.str(value)));
    assert_eq!(Forge::honest().field("module_id", text("")).verdict(), Err(Rejected::Malformed("module_id")));
    assert_eq!(
        Forge::honest().field("module_id", text(&"i".repeat(257))).verdict(),
        Err(Rejected::Malformed("module_id"))
    );
    assert_eq!(Forge::honest().field("timestamp", vec![0]).verdict(), Err(Rejected::Malformed("timestamp")));
    for digest in ["SHA256", "SHA512", "sha384", ""] {
        assert_eq!(
            Forge::honest().field("digest", text(digest)).verdict(),
            Err(Rejected::Malformed("digest is not SHA384"))
        );
    }
    for required in ["module_id", "digest", "timestamp", "pcrs"] {
        assert!(matches!(Forge::honest().without(required).verdict(), Err(Rejected::Malformed(_))), "{required}");
    }
}

#[test]
fn refuses_fields_that_are_unknown_repeated_or_of_another_type() {
    let malformed = |forge: Forge| matches!(forge.verdict(), Err(Rejected::Malformed(_)));
    assert!(malformed(Forge::honest().field("surprise", bytes(1))));
    let mut repeated = Forge::honest();
    repeated.fields.push(("timestamp", cbor(|out| drop(out.u64(NOW)))));
    assert!(malformed(repeated));
    let mut repeated_null = Forge::honest();
    repeated_null.fields.push(("nonce", bytes(8)));
    assert!(malformed(repeated_null), "even where the first was null");
    for (name, value) in [("nonce", "text"), ("pcrs", "text"), ("timestamp", "text")] {
        assert!(malformed(Forge::honest().field(name, cbor(|out| drop(out.str(value))))), "{name}");
    }
    let chunked = vec![0x5f, 0x41, 7, 0x41, 7, 0xff];
    assert!(malformed(Forge::honest().field("nonce", chunked)), "strings of indefinite length");
}

#[test]
fn refuses_registers_of_another_number_length_or_count() {
    let measured = |length: usize| vec![7; length];
    let malformed =
        |value: Vec<u8>| matches!(Forge::honest().field("pcrs", value).verdict(), Err(Rejected::Malformed(_)));
    assert_eq!(Forge::honest().field("pcrs", pcrs(0..32)).verdict(), Ok(()));
    assert!(malformed(pcrs(0..33)), "thirty-three, the last with index 32");
    assert!(malformed(pcrs((0..16).chain([32]))), "index 32");
    assert!(malformed(pcrs((0..16).chain([255]))), "index 255");
    assert!(malformed(pcrs((0..16).chain([3]))), "repeated");
    assert!(malformed(pcrs(0..0)), "none");
    for missing in 0..3 {
        assert!(malformed(pcrs((0..16).filter(|index| *index != missing))), "PCR{missing} is missing");
    }
    for length in [0, 32, 47, 49, 64] {
        assert!(malformed(pcrs_of(
            (0..16).map(|index| (index, measured(if index == 9 { length } else { 48 }))).collect()
        )));
    }
    for zeroed in 0..3 {
        let value =
            pcrs_of((0..16).map(|index| (index, if index == zeroed { vec![0; 48] } else { measured(48) })).collect());
        assert_eq!(Forge::honest().field("pcrs", value).verdict(), Err(Rejected::DebugMode));
    }
}
