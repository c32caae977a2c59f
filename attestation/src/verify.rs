use core::ops::Deref;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use coset::{CborSerializable, CoseSign1};
use subtle::ConstantTimeEq;

use crate::document::{Claims, Payload};
use crate::{Millis, Pcr, PcrIndex, Rejected, RootKind, TrustRoot, UnixMillis, chain, limits};

/// A document as it arrived: well-formed and within bounds, worth nothing until authenticated.
#[derive(Debug)]
pub struct Unverified {
    sign1: CoseSign1,
    payload: Payload,
}

impl Unverified {
    /// Parses an untagged COSE_Sign1 (RFC 9052 section 4.2) of at most 16 KiB, as the NSM emits it.
    ///
    /// Exactly one encoding is taken: shortest lengths, the protected header {alg: ES384}, an empty unprotected header.
    pub fn parse(bytes: &[u8]) -> Result<Unverified, Rejected> {
        if bytes.len() > limits::DOCUMENT {
            return Err(Rejected::Malformed("larger than 16 KiB"));
        }
        if !bytes.starts_with(ENVELOPE_PREFIX) {
            return Err(Rejected::Malformed("not a COSE_Sign1 with ES384"));
        }
        let sign1 = CoseSign1::from_slice(bytes).map_err(|_| NOT_COSE)?;
        if sign1.clone().to_vec().map_err(|_| NOT_COSE)?.as_slice() != bytes {
            return Err(NOT_COSE);
        }
        let payload = Payload::parse(sign1.payload.as_deref().ok_or(NOT_COSE)?)?;
        Ok(Unverified { sign1, payload })
    }

    /// Checks that a Nitro Secure Module under `root` signed exactly these bytes, at an acceptable time, for an enclave
    /// that is not in debug mode.
    ///
    /// # Security
    /// The result says that *some* enclave exists. Only [`Authentic::accept`] says whether it is one of ours.
    pub fn authenticate(self, root: &TrustRoot, mode: Mode<'_>) -> Result<Authentic, Rejected> {
        let Unverified { sign1, payload } = self;
        let key = chain::verify(
            root,
            &payload.cabundle,
            &payload.certificate,
            &mode.certificate_times(payload.claims.timestamp),
        )?;
        sign1
            .verify_signature(b"", |signature, signed| {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key.as_bytes()).verify(signed, signature)
            })
            .map_err(|_| Rejected::BadSignature)?;
        mode.check(&payload.claims)?;
        let authentic = Authentic { claims: payload.claims, root: root.kind() };
        authentic.refuse_debug_mode()?;
        Ok(authentic)
    }
}

/// What makes a document current enough. The caller brings the clock.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// The answer to the caller's own challenge: the nonce is the caller's, not empty, and the document is at most `max_age`
    /// old. The only mode for deciding whom to talk to.
    Live {
        /// The caller's time.
        now: UnixMillis,
        /// Oldest acceptable document.
        max_age: Millis,
        /// The challenge, 1 to 512 bytes, unpredictable and used once.
        nonce: &'a [u8],
    },
    /// A recent document with any nonce, for a party that did not pose the challenge, such as KMS and its stand-in.
    ///
    /// # Security
    /// Whoever saw the document can show it again until it is `max_age` old: never enough to accept a peer.
    Fresh {
        /// The verifier's time.
        now: UnixMillis,
        /// Oldest acceptable document.
        max_age: Millis,
    },
    /// As of the document's own time, for what was archived with it.
    ///
    /// # Security
    /// Says that the enclave existed once. It proves neither that it still does nor that the document is not being replayed, and
    /// whoever steals an expired certificate's key can date documents back.
    Archival,
}

impl Mode<'_> {
    /// When the certificates have to be valid: at the document's time, and where there is a clock also now. A clock that is
    /// behind the document by the tolerated skew counts as the document's time.
    fn certificate_times(&self, timestamp: UnixMillis) -> [UnixMillis; 2] {
        match self {
            Mode::Live { now, .. } | Mode::Fresh { now, .. } => [timestamp, timestamp.max(*now)],
            Mode::Archival => [timestamp, timestamp],
        }
    }

    fn check(&self, claims: &Claims) -> Result<(), Rejected> {
        match *self {
            Mode::Live { now, max_age, nonce } => {
                check_age(claims.timestamp, now, max_age)?;
                check_nonce(claims.nonce.as_deref(), nonce)
            }
            Mode::Fresh { now, max_age } => check_age(claims.timestamp, now, max_age),
            Mode::Archival => Ok(()),
        }
    }
}

fn check_age(timestamp: UnixMillis, now: UnixMillis, max_age: Millis) -> Result<(), Rejected> {
    if timestamp > now.later(Millis(limits::CLOCK_SKEW_MS)) {
        return Err(Rejected::FromTheFuture);
    }
    if now > timestamp.later(max_age) {
        return Err(Rejected::Stale);
    }
    Ok(())
}

fn check_nonce(found: Option<&[u8]>, ours: &[u8]) -> Result<(), Rejected> {
    let same = found.unwrap_or_default().ct_eq(ours);
    if ours.is_empty() || !bool::from(same) { Err(Rejected::WrongNonce) } else { Ok(()) }
}

/// A document that a Nitro Secure Module under the pinned root signed, not in debug mode. Whose enclave it is, is still open.
#[derive(Debug, Clone)]
pub struct Authentic {
    claims: Claims,
    root: RootKind,
}

impl Authentic {
    /// The module that issued the document, such as `i-0827e799ec9232d44-enc019b55a68bd2ed4b`.
    pub fn module_id(&self) -> &str {
        &self.claims.module_id
    }

    /// When the hypervisor made the document.
    pub fn timestamp(&self) -> UnixMillis {
        self.claims.timestamp
    }

    /// One register, if the document has it.
    pub fn pcr(&self, index: PcrIndex) -> Option<Pcr> {
        self.claims.pcrs.get(index)
    }

    /// The registers of the document in ascending order.
    pub fn pcrs(&self) -> impl Iterator<Item = (PcrIndex, Pcr)> + '_ {
        self.claims.pcrs.iter()
    }

    /// What the enclave chose to attest, at most 512 bytes.
    pub fn user_data(&self) -> Option<&[u8]> {
        self.claims.user_data.as_deref()
    }

    /// The challenge that the document answers, at most 512 bytes.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.claims.nonce.as_deref()
    }

    /// The key to encrypt to the enclave with, at most 1,024 bytes.
    pub fn public_key(&self) -> Option<&[u8]> {
        self.claims.public_key.as_deref()
    }

    /// Whose root the document was checked against.
    pub fn root_kind(&self) -> RootKind {
        self.root
    }

    /// Accepts the enclave if it runs one of the expected releases with the expected registers and user data.
    pub fn accept(self, expected: &Expected<'_>) -> Result<Verified, Rejected> {
        if !expected.releases.iter().any(|release| release.is_of(&self)) {
            return Err(Rejected::WrongRelease);
        }
        for &(index, value) in expected.pcrs {
            if self.pcr(index) != Some(value) {
                return Err(Rejected::WrongPcr(index));
            }
        }
        if expected.user_data.is_some_and(|data| self.user_data() != Some(data)) {
            return Err(Rejected::WrongUserData);
        }
        Ok(Verified(self))
    }

    /// Nitro zeroes PCR0, 1 and 2 in debug mode. A document without one of them cannot show that it is not.
    fn refuse_debug_mode(&self) -> Result<(), Rejected> {
        for index in [PcrIndex::IMAGE, PcrIndex::KERNEL, PcrIndex::APPLICATION] {
            match self.pcr(index) {
                None => return Err(Rejected::Malformed("PCR0, 1 or 2 is missing")),
                Some(Pcr::ZERO) => return Err(Rejected::DebugMode),
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// The measurements of one enclave image. PCR0 alone is not enough: it does not hash the boundaries between sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Release {
    /// The whole image.
    pub pcr0: Pcr,
    /// Kernel and boot ramdisk.
    pub pcr1: Pcr,
    /// The application.
    pub pcr2: Pcr,
    /// The certificate that signed the image, where signed images are demanded.
    pub pcr8: Option<Pcr>,
}

impl Release {
    fn is_of(&self, document: &Authentic) -> bool {
        document.pcr(PcrIndex::IMAGE) == Some(self.pcr0)
            && document.pcr(PcrIndex::KERNEL) == Some(self.pcr1)
            && document.pcr(PcrIndex::APPLICATION) == Some(self.pcr2)
            && self.pcr8.is_none_or(|pcr8| document.pcr(PcrIndex::IMAGE_SIGNER) == Some(pcr8))
    }
}

/// What a caller demands of an authentic document.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Accepted releases; an empty set accepts nothing.
    pub releases: &'a [Release],
    /// Registers with their final values, such as PCR16 and PCR17 after extension: `Pcr::ZERO.extended(measured)`.
    pub pcrs: &'a [(PcrIndex, Pcr)],
    /// The exact user data; `None` when the caller checks it by itself.
    pub user_data: Option<&'a [u8]>,
}

/// An authentic document of an enclave that the caller accepts. Only [`Authentic::accept`] makes one.
#[derive(Debug, Clone)]
pub struct Verified(Authentic);

impl Deref for Verified {
    type Target = Authentic;

    fn deref(&self) -> &Authentic {
        &self.0
    }
}

const NOT_COSE: Rejected = Rejected::Malformed("not a canonical COSE_Sign1");
/// Array of four, protected header `{1: -35}` (alg: ES384, RFC 9053 section 2.1), empty unprotected header.
const ENVELOPE_PREFIX: &[u8] = &[0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0];
