//! Sealing the signer key at genesis, and opening what an earlier boot has sealed.

use std::collections::BTreeMap;

use cloister_wire::{
    blob::{Content, SealedBlob},
    bounded::{List, SecretBytes},
    certificate::Certificate,
    codec,
    ids::{Hash, SignerId},
    limits,
    message::Body,
    receipt::Event,
    refusal::Refusal,
    signature::PublicKey,
};
use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};
use rand_core::CryptoRngCore;

use super::{Identity, Member, Stage};
use crate::{
    authority::Standing,
    certification::{Certified, SignerKeys},
    fault::Fault,
    sealing::Author,
    share,
    signer::{Base, Pending, Step, Stepped},
    unwrapping::{Envelopes, Intent, Unwrapping},
};

/// What the signer key's blob holds.
#[derive(Encode, Decode)]
#[cbor(array)]
struct SealedIdentity {
    #[n(0)]
    secret: SecretBytes<{ limits::SECRET }>,
    /// The genesis order's hash.
    #[n(1)]
    genesis: Hash,
    #[n(2)]
    group: List<GroupKey, { limits::SIGNERS }>,
}

/// One signer's public signer key.
#[derive(Encode, Decode)]
#[cbor(array)]
struct GroupKey {
    #[n(0)]
    signer: SignerId,
    #[n(1)]
    key: PublicKey,
}

impl Member {
    /// Seals the signer key with the public ones of everybody; the same blob again when asked again.
    pub(super) fn seal_signer_key(&mut self, base: &mut Base, rng: &mut dyn CryptoRngCore) -> Stepped {
        let group = self.founders()?;
        let Stage::Founding { key, sealed } = &mut self.stage else {
            return Err(Refusal::WrongPhase.into());
        };
        if let Some(blob) = sealed {
            return Ok(Step::Done(Body::Sealed(blob.as_ref().clone())));
        }
        let group = group.into_iter().map(|(signer, key)| GroupKey { signer, key }).collect::<Vec<_>>().try_into()?;
        let secret = SecretBytes::try_from(key.as_bytes().as_slice())?;
        let secret = codec::encode_secret(&SealedIdentity { secret, genesis: self.standing.genesis(), group });
        let introduction = self.introduction.as_ref().ok_or(Fault::Fatal)?;
        let author = Author { boot: &base.boot, measured: &self.measured, introduction };
        let blob = self.sealer.seal(&author, rng, None, Content::SignerKey, &secret)?;
        *sealed = Some(Box::new(blob.clone()));
        Ok(Step::Done(Body::Sealed(blob)))
    }

    /// Everybody's signer key, once all peers are introduced.
    fn founders(&self) -> Result<SignerKeys, Refusal> {
        let own = self.signer_key().map(|key| (self.measured.signer, PublicKey::of(key)));
        let all: SignerKeys = self.peers.signer_keys().chain(own).collect();
        if all.len() == self.measured.manifest.signers.len() { Ok(all) } else { Err(Refusal::WrongPhase) }
    }

    /// Decides what a blob is presented for, checks its origin, and asks KMS unless its data key is known.
    pub(super) fn present(&mut self, base: &mut Base, blob: SealedBlob, certificate: Option<Certificate>) -> Stepped {
        let intent = self.intent(base, &blob, certificate)?;
        let unwrapping = Unwrapping { blob: Box::new(blob), intent };
        if let (Intent::OpenShare(certified), Some(key)) = (&unwrapping.intent, self.sealer.known(&unwrapping.blob)) {
            let secret = key.open(&unwrapping.blob)?;
            return self.open_share(base, certified, &secret);
        }
        let statement = base.statement(&self.measured, self.signer_key());
        Ok(base.attest(None, |_| Pending::Unwrapping(unwrapping), statement))
    }

    fn intent(&mut self, base: &Base, blob: &SealedBlob, certificate: Option<Certificate>) -> Result<Intent, Fault> {
        let sealer = self.introduction.as_ref().unwrap_or(&blob.sealer);
        match (&self.stage, &blob.context.content) {
            (Stage::Founding { sealed: Some(sealed), .. }, Content::SignerKey) if **sealed == *blob => {
                Ok(Intent::ReadBackSignerKey)
            }
            (Stage::Reopening, Content::SignerKey) => {
                Ok(Intent::OpenSignerKey(self.measured.verify_origin(&base.root, blob)?))
            }
            (Stage::Active(identity), Content::Share { key, .. }) => match (self.ceremonies.made(*key), certificate) {
                (Some(new), None) => {
                    let wraps = self.sealer.wraps(&new.certificate.tenant).ok_or(Refusal::BlobForeign)?;
                    let own = new.sealing.blob(sealer, wraps).is_some_and(|own| own == *blob);
                    own.then_some(Intent::ReadBackShare(*key)).ok_or(Refusal::BlobForeign.into())
                }
                (None, Some(certificate)) => {
                    if self.measured.verify_origin(&base.root, blob)? != PublicKey::of(&identity.key) {
                        return Err(Refusal::BlobForged.into());
                    }
                    let certified = Certified::verify(&self.measured, &identity.group, &certificate, |_, _| None)?;
                    let fits = certified.content() == blob.context.content;
                    fits.then(|| Intent::OpenShare(Box::new(certified))).ok_or(Refusal::BlobForeign.into())
                }
                (Some(_) | None, _) => Err(Refusal::BlobForeign.into()),
            },
            (Stage::Founding { .. } | Stage::Active(_), Content::SignerKey) => Err(Refusal::BlobForeign.into()),
            (Stage::Founding { .. } | Stage::Reopening, Content::Share { .. }) => Err(Refusal::WrongPhase.into()),
        }
    }

    /// Hands out the order for KMS, with the document that KMS's policy looks at.
    pub(crate) fn unwrap(&mut self, unwrapping: Unwrapping, document: Vec<u8>) -> Stepped {
        let wraps = unwrapping.blob.wraps.clone();
        let ticket = self.unwraps.insert(unwrapping);
        Ok(Step::Done(Body::Unwrap { ticket, document: document.try_into()?, wraps }))
    }

    pub(super) fn unwrapped(&mut self, base: &mut Base, ticket: u64, envelopes: &Envelopes) -> Stepped {
        let unwrapping = self.unwraps.take(ticket)?;
        let (data_key, secret) = unwrapping.open(base.boot.recipient(), envelopes)?;
        match unwrapping.intent {
            Intent::ReadBackSignerKey => self.found(&secret),
            Intent::OpenSignerKey(sealer) => self.reopen(base, sealer, &secret),
            Intent::ReadBackShare(key) => self.certify_own(base, key),
            Intent::OpenShare(certified) => {
                let stepped = self.open_share(base, &certified, &secret)?;
                self.sealer.remember(&unwrapping.blob, data_key);
                Ok(stepped)
            }
        }
    }

    /// Genesis is over for this signer: its key is safe.
    fn found(&mut self, secret: &[u8]) -> Stepped {
        if matches!(self.stage, Stage::Founding { .. }) {
            self.stage = Stage::Active(Identity::read(secret)?);
        }
        Ok(Step::Done(Body::Nothing))
    }

    /// The opened signer key has to be the one that the sealing boot had proved, made under the genesis that the order names.
    fn reopen(&mut self, base: &Base, sealer: PublicKey, secret: &[u8]) -> Stepped {
        // A signer has one identity: a blob of another genesis that was presented before has come too late.
        if !matches!(self.stage, Stage::Reopening) {
            return Err(Refusal::WrongPhase.into());
        }
        let identity = Identity::read(secret)?;
        if PublicKey::of(&identity.key) != sealer || identity.group.get(&self.measured.signer) != Some(&sealer) {
            return Err(Refusal::BlobForged.into());
        }
        identity.check_genesis(&self.standing)?;
        self.stage = Stage::Active(identity);
        self.enrol(base)
    }

    fn open_share(&mut self, base: &mut Base, certified: &Certified, secret: &[u8]) -> Stepped {
        let body = certified.body();
        let share = share::open(self.measured.signer, secret, body)?;
        self.keyring.insert(body.clone(), share)?;
        self.record(base, Event::ShareOpened { key: body.key });
        Ok(Step::Done(Body::Nothing))
    }
}

impl Identity {
    fn read(secret: &[u8]) -> Result<Self, Refusal> {
        let sealed: SealedIdentity = codec::decode(secret).map_err(|_| Refusal::BlobForged)?;
        let group: BTreeMap<_, _> = sealed.group.iter().map(|entry| (entry.signer, entry.key)).collect();
        let secret = sealed.secret.as_slice().try_into().map_err(|_| Refusal::BlobForged)?;
        Ok(Self { genesis: sealed.genesis, key: SigningKey::from_bytes(secret), group })
    }

    /// Only an order that names this identity's own genesis may put it to use.
    pub(super) fn check_genesis(&self, standing: &Standing) -> Result<(), Refusal> {
        if self.genesis == standing.genesis() { Ok(()) } else { Err(Refusal::WrongGenesis) }
    }
}
