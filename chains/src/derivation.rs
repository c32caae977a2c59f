//! Children of a public key (BIP-32, `CKDpub`), and how far each is from where it began.
//!
//! ```text
//! child key = key + tweak · G,   tweak = sum of the steps' tweaks modulo the order of the curve
//! ```
//!
//! A threshold key's shares move with it: add the tweak to the secret, and the group signs for the
//! child. Hardened steps need the secret in one place, so there are none.
//!
//! # Security
//! Whoever knows the public key, the chain code and *one* child's secret knows the root's secret.
//! No share of a child may leave its enclave unless the root's may.

use core::{fmt, str::FromStr};

use hmac::{Hmac, Mac};
use k256::{
    ProjectivePoint, PublicKey, Scalar,
    elliptic_curve::{ff::PrimeField, ops::MulByGenerator, sec1::ToEncodedPoint},
};
use sha2::Sha512;

use crate::{Rejected, bitcoin::Network, hash160, limits};

/// Why a key has no such child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Underivable {
    /// A step of the path that needs the secret key.
    #[error("step {step} of the path is hardened, which needs the whole secret key; use steps below 2147483648")]
    HardenedStep {
        /// Its position, from 1.
        step: usize,
    },
    /// The text is no path.
    #[error("step {step} of the path is not a number; write paths like m/0/5")]
    BadPath {
        /// Its position, from 1; 0 is the `m` in front.
        step: usize,
    },
    /// More steps than are taken.
    #[error("the path has more than {limit} steps; use a shorter one", limit = limits::DERIVATION_STEPS)]
    TooManySteps,
    /// The root is not a point of the curve in SEC1's compressed form.
    #[error("the public key is not a compressed point of secp256k1; give the 33 bytes that begin with 02 or 03")]
    BadKey,
    /// The key has 255 ancestors, as many as BIP-32 counts.
    #[error("the key is too far from its root; derive from one that is nearer")]
    TooDeep,
    /// The child that one in 2^127 keys does not have.
    #[error("step {step} of the path leads to no key, by bad luck; use the next number")]
    NoSuchChild {
        /// Its position, from 1.
        step: usize,
    },
}

impl Underivable {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::HardenedStep { .. } => "derivation_hardened_step",
            Self::BadPath { .. } => "derivation_bad_path",
            Self::TooManySteps => "derivation_too_many_steps",
            Self::BadKey => "derivation_bad_key",
            Self::TooDeep => "derivation_too_deep",
            Self::NoSuchChild { .. } => "derivation_no_such_child",
        }
    }
}

/// Where a child is from its root: at most [`limits::DERIVATION_STEPS`] steps, none hardened.
/// Shown, and read, as `m/0/5`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ChildPath(Vec<u32>);

impl ChildPath {
    /// The path of these steps.
    pub fn new(steps: &[u32]) -> Result<Self, Rejected> {
        if steps.len() > limits::DERIVATION_STEPS {
            return Err(Underivable::TooManySteps.into());
        }
        match (1..).zip(steps).find(|&(_, &child)| child >= HARDENED) {
            Some((step, _)) => Err(Underivable::HardenedStep { step }.into()),
            None => Ok(Self(steps.to_vec())),
        }
    }

    /// The steps, each below 2^31. No step leads to the root.
    pub fn steps(&self) -> &[u32] {
        &self.0
    }
}

impl FromStr for ChildPath {
    type Err = Rejected;

    /// Reads `m/0/5`: decimal numbers without signs or leading zeros.
    fn from_str(text: &str) -> Result<Self, Rejected> {
        let mut parts = text.split('/');
        if parts.next() != Some("m") {
            return Err(Underivable::BadPath { step: 0 }.into());
        }
        let mut steps = Vec::new();
        for (step, part) in (1..).zip(parts) {
            if step > limits::DERIVATION_STEPS {
                return Err(Underivable::TooManySteps.into());
            }
            steps.push(read_step(step, part)?);
        }
        Self::new(&steps)
    }
}

impl fmt::Display for ChildPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.0.iter().try_for_each(|child| write!(f, "/{child}"))
    }
}

fn read_step(step: usize, part: &str) -> Result<u32, Underivable> {
    let (number, hardened) = match part.strip_suffix(['\'', 'h', 'H']) {
        Some(number) => (number, true),
        None => (part, false),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = number == "0" || !number.starts_with('0');
    match number.parse() {
        Ok(_) if hardened => Err(Underivable::HardenedStep { step }),
        Ok(child) if digits && shortest => Ok(child),
        _ => Err(Underivable::BadPath { step }),
    }
}

/// A public key that has children, and where it stands among its ancestors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedKey {
    key: PublicKey,
    chain_code: [u8; 32],
    depth: u8,
    parent: [u8; 4],
    child: u32,
}

impl ExtendedKey {
    /// A key without ancestors: a compressed point, and 32 bytes that make its children its own.
    pub fn root(public_key: &[u8; 33], chain_code: [u8; 32]) -> Result<Self, Rejected> {
        // SEC1's compact form (05) has 33 bytes too, and k256 reads it.
        let [0x02 | 0x03, ..] = public_key else { return Err(Underivable::BadKey.into()) };
        let key = PublicKey::from_sec1_bytes(public_key).map_err(|_| Underivable::BadKey)?;
        Ok(Self { key, chain_code, depth: 0, parent: [0; 4], child: 0 })
    }

    /// The child at `path` and its tweak: the big-endian scalar that makes this key's secret the
    /// child's when it is added.
    pub fn derive(&self, path: &ChildPath) -> Result<(Self, [u8; 32]), Rejected> {
        let mut key = self.clone();
        let mut sum = Scalar::ZERO;
        for (step, &child) in (1..).zip(path.steps()) {
            let (next, tweak) = key.child(step, child)?;
            key = next;
            sum = sum.add(&tweak);
        }
        Ok((key, sum.to_repr().into()))
    }

    /// `CKDpub` of BIP-32.
    fn child(&self, step: usize, child: u32) -> Result<(Self, Scalar), Underivable> {
        let mut hmac = Hmac::<Sha512>::new_from_slice(&self.chain_code).expect("HMAC takes keys of any length");
        hmac.update(&self.public_key());
        hmac.update(&child.to_be_bytes());
        let (tweak, chain_code) = halves(hmac.finalize().into_bytes().into());
        let depth = self.depth.checked_add(1).ok_or(Underivable::TooDeep)?;
        let tweak = Option::<Scalar>::from(Scalar::from_repr(tweak.into())).ok_or(Underivable::NoSuchChild { step })?;
        let key = shifted(&self.key, &tweak).ok_or(Underivable::NoSuchChild { step })?;
        Ok((Self { key, chain_code, depth, parent: self.fingerprint(), child }, tweak))
    }

    /// The key as a compressed point.
    pub fn public_key(&self) -> [u8; 33] {
        let point = self.key.to_encoded_point(true);
        point.as_bytes().try_into().expect("a compressed point has 33 bytes")
    }

    /// What makes the key's children its own. No secret, but see the module's security note.
    pub fn chain_code(&self) -> &[u8; 32] {
        &self.chain_code
    }

    /// The first four bytes of the key's HASH160, by which children and PSBTs name it.
    pub fn fingerprint(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = hash160(&self.public_key());
        [a, b, c, d]
    }

    /// BIP-32's serialisation, `xpub…` or (for all test networks) `tpub…`.
    pub fn xpub(&self, network: Network) -> String {
        let version = match network {
            Network::Bitcoin => [0x04, 0x88, 0xb2, 0x1e],
            Network::Testnet | Network::Signet | Network::Regtest => [0x04, 0x35, 0x87, 0xcf],
        };
        let child = self.child.to_be_bytes();
        let parts: [&[u8]; 6] = [&version, &[self.depth], &self.parent, &child, &self.chain_code, &self.public_key()];
        bs58::encode(parts.concat()).with_check().into_string()
    }
}

/// `key + tweak · G`, unless that is the point at infinity.
#[expect(clippy::arithmetic_side_effects, reason = "points of a group do not overflow")]
fn shifted(key: &PublicKey, tweak: &Scalar) -> Option<PublicKey> {
    let point = ProjectivePoint::mul_by_generator(tweak) + key.as_affine();
    PublicKey::from_affine(point.to_affine()).ok()
}

fn halves(bytes: [u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (left, right) = bytes.split_at(32);
    (left.try_into().expect("half of 64 bytes"), right.try_into().expect("half of 64 bytes"))
}

/// Child numbers from here on are hardened.
const HARDENED: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Result<ChildPath, Rejected> {
        text.parse()
    }

    /// An extended key with its ancestry from BIP-32's serialisation.
    fn extended(xpub: &str) -> ExtendedKey {
        let bytes = bs58::decode(xpub).with_check(None).into_vec().unwrap();
        let chain_code = bytes[13..45].try_into().unwrap();
        let root = ExtendedKey::root(&bytes[45..].try_into().unwrap(), chain_code).unwrap();
        let child = u32::from_be_bytes(bytes[9..13].try_into().unwrap());
        ExtendedKey { depth: bytes[4], parent: bytes[5..9].try_into().unwrap(), child, ..root }
    }

    /// BIP-32, test vectors 1 and 2: extended public keys and the children that need no secret.
    const CHILDREN: [(&str, &str, &str); 5] = [
        (
            "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9xv5ski8PX9rL2dZXvgGDnw",
            "m/1",
            "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ",
        ),
        (
            "xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJPMM3No2dFDFGTsxxpG5uJh7n7epu4trkrX7x7DogT5Uv6fcLW5",
            "m/2/1000000000",
            "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
        ),
        (
            "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB",
            "m/0",
            "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH",
        ),
        (
            "xpub6ASAVgeehLbnwdqV6UKMHVzgqAG8Gr6riv3Fxxpj8ksbH9ebxaEyBLZ85ySDhKiLDBrQSARLq1uNRts8RuJiHjaDMBU4Zn9h8LZNnBC5y4a",
            "m/1",
            "xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVvmdMVCQcoNJxGoWaU9DCWh89LojfZ537wTfunKau47EL2dhHKon",
        ),
        (
            "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL",
            "m/2",
            "xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5agb9rXpVGyy3bdW6EEgAtqt",
        ),
    ];

    /// BIP-32, test vector 3, whose leading zeros have to stay.
    const LEADING_ZEROS: [&str; 2] = [
        "xpub661MyMwAqRbcEZVB4dScxMAdx6d4nFc9nvyvH3v4gJL378CSRZiYmhRoP7mBy6gSPSCYk6SzXPTf3ND1cZAceL7SfJ1Z3GC8vBgp2epUt13",
        "xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y",
    ];

    #[test]
    fn derives_the_children_of_bip_32() {
        for (parent, steps, child) in CHILDREN {
            let (derived, _) = extended(parent).derive(&path(steps).unwrap()).unwrap();
            assert_eq!(derived.xpub(Network::Bitcoin), child);
        }
    }

    #[test]
    fn writes_the_extended_keys_of_bip_32_as_they_are() {
        let pairs = CHILDREN.iter().flat_map(|&(parent, _, child)| [parent, child]);
        for xpub in pairs.chain(LEADING_ZEROS) {
            assert_eq!(extended(xpub).xpub(Network::Bitcoin), xpub);
        }
        assert!(extended(LEADING_ZEROS[0]).xpub(Network::Signet).starts_with("tpub"));
    }

    /// `vectors/derivation.mjs` wrote the file, with @scure/bip32.
    #[test]
    fn derives_what_scure_derives_from_the_private_keys() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/derivation.json")).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 21);
        for case in cases {
            let field = |name: &str| case[name].as_str().unwrap();
            let bytes = |name: &str| hex::decode(field(name)).unwrap();
            let chain_code = bytes("root_chain_code").try_into().unwrap();
            let root = ExtendedKey::root(&bytes("root_public_key").try_into().unwrap(), chain_code).unwrap();
            let (key, tweak) = root.derive(&path(field("path")).unwrap()).unwrap();
            assert_eq!(key.public_key()[..], bytes("public_key"));
            assert_eq!(key.chain_code()[..], bytes("chain_code"));
            assert_eq!(key.fingerprint()[..], bytes("fingerprint"));
            assert_eq!(key.xpub(Network::Bitcoin), field("xpub"));
            assert_eq!(tweak[..], bytes("tweak"));
        }
    }

    #[test]
    fn no_steps_lead_to_the_root_itself_with_a_tweak_of_zero() {
        let root = extended(CHILDREN[2].0);
        assert_eq!(root.derive(&path("m").unwrap()).unwrap(), (root, [0; 32]));
    }

    #[test]
    fn a_tweak_that_leads_to_infinity_leads_to_no_key() {
        let secret = Scalar::from(7u64);
        let key = PublicKey::from_affine((ProjectivePoint::GENERATOR * secret).to_affine()).unwrap();
        assert_eq!(shifted(&key, &-secret), None);
        assert_eq!(shifted(&key, &Scalar::ZERO), Some(key));
    }

    #[test]
    fn refuses_roots_that_are_not_compressed_points() {
        let good = extended(CHILDREN[0].0).public_key();
        for first in [0, 1, 4, 5, 6, 0xff] {
            let mut bad = good;
            bad[0] = first;
            assert_eq!(ExtendedKey::root(&bad, [0; 32]).unwrap_err().code(), "derivation_bad_key", "{first}");
        }
        let mut off_curve = [0; 33];
        (off_curve[0], off_curve[32]) = (2, 5);
        assert!(ExtendedKey::root(&off_curve, [0; 32]).is_err());
        assert!(ExtendedKey::root(&[[2].as_slice(), &[0xff; 32]].concat().try_into().unwrap(), [0; 32]).is_err());
    }

    #[test]
    fn refuses_a_generation_that_bip_32_cannot_count() {
        let key = ExtendedKey { depth: 254, ..extended(CHILDREN[0].0) };
        let (last, _) = key.derive(&path("m/0").unwrap()).unwrap();
        assert_eq!(last.derive(&path("m/0").unwrap()), Err(Underivable::TooDeep.into()));
    }

    #[test]
    fn refuses_hardened_steps_however_they_are_written() {
        for (text, step) in [("m/0'", 1), ("m/0/1h", 2), ("m/0/1/2H/3", 3), ("m/2147483648", 1), ("m/4294967295", 1)] {
            assert_eq!(path(text), Err(Underivable::HardenedStep { step }.into()), "{text}");
        }
        assert_eq!(ChildPath::new(&[0, 1 << 31]), Err(Underivable::HardenedStep { step: 2 }.into()));
        assert!(ChildPath::new(&[(1 << 31) - 1]).is_ok());
    }

    #[test]
    fn refuses_texts_that_are_no_paths() {
        for (text, step) in [
            ("", 0),
            ("0/1", 0),
            ("M/0", 0),
            ("/0", 0),
            ("m/", 1),
            ("m//1", 1),
            ("m/0/", 2),
            ("m/+1", 1),
            ("m/-1", 1),
            ("m/01", 1),
            ("m/00", 1),
            ("m/ 1", 1),
            ("m/1 ", 1),
            ("m/0x1", 1),
            ("m/4294967296", 1),
            ("m/\u{661}", 1),
            ("m/h", 1),
        ] {
            assert_eq!(path(text), Err(Underivable::BadPath { step }.into()), "{text:?}");
        }
    }

    #[test]
    fn refuses_more_steps_than_the_limit() {
        let steps = [1; limits::DERIVATION_STEPS + 1];
        let most = ChildPath::new(&steps[1..]).unwrap();
        assert_eq!(path(&most.to_string()), Ok(most));
        assert_eq!(ChildPath::new(&steps), Err(Underivable::TooManySteps.into()));
        assert_eq!(path(&format!("m{}", "/1".repeat(1000))), Err(Underivable::TooManySteps.into()));
    }

    proptest! {
        #[test]
        fn reads_every_path_as_it_is_shown(steps in prop::collection::vec(0..HARDENED, 0..=limits::DERIVATION_STEPS)) {
            let shown = ChildPath::new(&steps).unwrap();
            prop_assert_eq!(path(&shown.to_string()), Ok(shown));
        }

        #[test]
        fn the_child_is_the_key_and_the_tweak_times_the_generator(
            secret in 1u64.., chain_code: [u8; 32], steps in prop::collection::vec(0..HARDENED, 0..4),
        ) {
            let secret = Scalar::from(secret);
            let key = PublicKey::from_affine((ProjectivePoint::GENERATOR * secret).to_affine()).unwrap();
            let root = ExtendedKey { key, ..extended(CHILDREN[0].0) };
            let root = ExtendedKey { chain_code, ..root };
            let (child, tweak) = root.derive(&ChildPath::new(&steps).unwrap()).unwrap();
            let moved = secret + Scalar::from_repr(tweak.into()).unwrap();
            prop_assert_eq!(child.key.to_projective(), ProjectivePoint::GENERATOR * moved);
        }
    }
}
