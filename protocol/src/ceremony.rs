//! Key generations under way: from a requester's word to a key that waits for its certificate.

mod certified;

use std::collections::BTreeMap;

use cloister_wire::{
    blob::SealedBlob,
    bounded::{Bytes, List},
    certificate::CertificateBody,
    codec,
    identity::Introduction,
    ids::{BootId, CeremonyId, Epoch, Hash, KeyId, Nonce, SignerId, Tenant, UnixMillis},
    limits,
    message::Contribution,
    order::StartOrder,
    peer::CeremonyMessage,
    refusal::Refusal,
    request::KeyRequest,
    tag::Tag,
};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use self::certified::Certified;
use crate::{
    authority::Measured,
    fault::Fault,
    gate::Authorized,
    keygen::{self, Begun, Blame, Keygen, Made, Terms},
    sealing::Wraps,
    share::Share,
};

/// How long a key generation may take, milliseconds; after that its place is free again.
const LIFE_MS: u64 = 5 * 60 * 1000;

/// All key generations that this signer takes part in, by its own nonce in each.
#[derive(Default)]
pub(crate) struct Ceremonies {
    running: BTreeMap<Nonce, Ceremony>,
    /// The one key of each request whose certificate this signer has signed.
    certified: Certified,
}

struct Ceremony {
    request: Authorized<KeyRequest>,
    opened: UnixMillis,
    id: Option<CeremonyId>,
    stage: Stage,
}

enum Stage {
    /// Nonces are being collected.
    Opened,
    /// Messages are being exchanged.
    Running(Box<dyn Keygen>),
    /// The share is made.
    Made(Box<NewKey>),
    /// A check failed.
    Failed(Blame),
}

/// A key that waits for its certificate.
pub(crate) struct NewKey {
    pub(crate) request: Hash,
    pub(crate) certificate: CertificateBody,
    pub(crate) share: Box<dyn Share>,
    pub(crate) sealing: Sealing,
}

/// How far the new share's blob is.
pub(crate) enum Sealing {
    /// Not sealed yet.
    Secret(Zeroizing<Vec<u8>>),
    /// Sealed; the same blob is handed out whenever it is asked for.
    Blob(OwnBlob),
    /// Read back from the host and opened through each KMS key.
    ReadBack(OwnBlob),
}

/// A blob that this boot has sealed, without its sealer and its wraps: the boot's own introduction and the wraps of a tenant's data key
/// are kept once and not with each.
#[derive(Clone)]
pub(crate) struct OwnBlob(Box<SealedBlob>);

/// What a key generation looks like from outside.
pub(crate) enum State<'a> {
    /// Messages are missing.
    Running,
    /// The share is made.
    Made(&'a mut NewKey),
    /// A check failed.
    Failed(Blame),
}

/// Messages to peers.
pub(crate) type Sent = Vec<(SignerId, CeremonyMessage)>;

impl Ceremonies {
    /// Takes up an authorized request under a fresh nonce. `room` is how many more keys its tenant may have.
    pub(crate) fn open(
        &mut self,
        now: UnixMillis,
        request: Authorized<KeyRequest>,
        room: usize,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Nonce, Refusal> {
        self.forget_overdue(now);
        if self.has_name(request.body()) {
            return Err(Refusal::KeyNameTaken);
        }
        if self.certified.has(request.body()) {
            return Err(Refusal::RequestCertified);
        }
        if self.running.len() >= limits::CEREMONIES || self.of_tenant(&request.body().tenant) >= room {
            return Err(Refusal::Busy);
        }
        let nonce = fresh_nonce(rng);
        self.running.insert(nonce, Ceremony { request, opened: now, id: None, stage: Stage::Opened });
        Ok(nonce)
    }

    /// Goes on with everybody's nonce: the ceremony's id comes from all of them, and from the boot that each stands for.
    pub(crate) fn start(
        &mut self,
        measured: &Measured,
        order: &StartOrder,
        contributions: &List<Contribution, { limits::SIGNERS }>,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(CeremonyId, Sent), Fault> {
        let own = contributions.iter().find(|entry| entry.signer == measured.signer).ok_or(Refusal::CeremonyUnknown)?;
        let ceremony = self.running.get_mut(&own.nonce).ok_or(Refusal::CeremonyUnknown)?;
        if !matches!(ceremony.stage, Stage::Opened) {
            return Err(Refusal::WrongPhase.into());
        }
        let signers: Vec<_> = measured.manifest.signers.iter().map(|slot| slot.id).collect();
        let id = ceremony_id(measured, order, &signers, ceremony.request.hash(), contributions)?;
        let (scheme, threshold) = (ceremony.request.body().scheme, measured.manifest.threshold);
        let terms = Terms { scheme, ceremony: id, me: measured.signer, signers: &signers, threshold };
        let Begun { keygen, sent: rounds } = keygen::begin(&terms, rng)?;
        ceremony.id = Some(id);
        ceremony.stage = Stage::Running(keygen);
        Ok((id, rounds.into_iter().map(|(to, round)| (to, CeremonyMessage { ceremony: id, round })).collect()))
    }

    /// Takes a peer's message. A failed check ends the ceremony.
    pub(crate) fn receive(
        &mut self,
        measured: &Measured,
        from: SignerId,
        message: CeremonyMessage,
    ) -> Result<Sent, Fault> {
        let id = message.ceremony;
        let ceremony = self.get(id).ok_or(Refusal::CeremonyUnknown)?;
        let Stage::Running(keygen) = &mut ceremony.stage else {
            return Ok(Sent::new());
        };
        match keygen.receive(from, message.round) {
            Ok(rounds) => {
                if let Some(made) = keygen.finish() {
                    let key = NewKey::new(measured, id, &ceremony.request, made)?;
                    ceremony.stage = Stage::Made(Box::new(key));
                }
                Ok(rounds.into_iter().map(|(to, round)| (to, CeremonyMessage { ceremony: id, round })).collect())
            }
            Err(blame) => {
                ceremony.stage = Stage::Failed(blame);
                Err(blame.refusal.into())
            }
        }
    }

    /// How far a ceremony is.
    pub(crate) fn state(&mut self, id: CeremonyId) -> Option<State<'_>> {
        self.get(id).map(|ceremony| match &mut ceremony.stage {
            Stage::Opened | Stage::Running(_) => State::Running,
            Stage::Made(key) => State::Made(key),
            Stage::Failed(blame) => State::Failed(*blame),
        })
    }

    /// The new key of this id, if its ceremony has made it.
    pub(crate) fn made(&mut self, key: KeyId) -> Option<&mut NewKey> {
        self.running.values_mut().find_map(|ceremony| ceremony.made(key)).map(|(_, new)| new)
    }

    /// Chooses the key, whose blob was read back, as the one of its request that this signer certifies. The choice outlives the ceremony:
    /// of two ceremonies of one request, no more than one ever gets every signature, even if the host brings both this far.
    pub(crate) fn choose(&mut self, now: UnixMillis, key: KeyId) -> Result<&CertificateBody, Refusal> {
        self.forget_overdue(now);
        let (request, new) =
            self.running.values_mut().find_map(|ceremony| ceremony.made(key)).ok_or(Refusal::CeremonyUnknown)?;
        self.certified.choose(request, key)?;
        new.sealing.read_back();
        Ok(&new.certificate)
    }

    /// Takes a key out whose blob was read back, for good.
    pub(crate) fn take(&mut self, key: KeyId) -> Option<NewKey> {
        let ready = |ceremony: &Ceremony| matches!(&ceremony.stage, Stage::Made(new) if new.certificate.key == key && new.is_read_back());
        let nonce = self.running.iter().find(|(_, ceremony)| ready(ceremony)).map(|(nonce, _)| *nonce)?;
        match self.running.remove(&nonce)?.stage {
            Stage::Made(new) => Some(*new),
            Stage::Opened | Stage::Running(_) | Stage::Failed(_) => None,
        }
    }

    /// The request of the ceremony under this nonce.
    pub(crate) fn asked(&self, nonce: Nonce) -> Option<&Authorized<KeyRequest>> {
        self.running.get(&nonce).map(|ceremony| &ceremony.request)
    }

    /// The request whose ceremony has made this key.
    pub(crate) fn asked_for(&self, key: KeyId) -> Option<&Authorized<KeyRequest>> {
        let made = |ceremony: &&Ceremony| matches!(&ceremony.stage, Stage::Made(new) if new.certificate.key == key);
        self.running.values().find(made).map(|ceremony| &ceremony.request)
    }

    /// Gives a ceremony up and erases what it had made.
    pub(crate) fn abandon(&mut self, nonce: Nonce) -> Result<(), Refusal> {
        self.running.remove(&nonce).map(drop).ok_or(Refusal::CeremonyUnknown)
    }

    /// Gives everything up: the roster has changed.
    pub(crate) fn clear(&mut self) {
        self.running.clear();
    }

    /// Whether another request's key of this name is being made. The same request may be tried again.
    fn has_name(&self, request: &KeyRequest) -> bool {
        let same_name = |other: &KeyRequest| (&other.tenant, &other.name) == (&request.tenant, &request.name);
        let another = |other: &KeyRequest| (&other.requester, other.id) != (&request.requester, request.id);
        self.under_way().any(|other| same_name(other) && another(other))
    }

    /// How many keys of this tenant are being made.
    fn of_tenant(&self, tenant: &Tenant) -> usize {
        self.under_way().filter(|request| request.tenant == *tenant).count()
    }

    /// The requests whose ceremonies have not failed.
    fn under_way(&self) -> impl Iterator<Item = &KeyRequest> {
        let running = self.running.values().filter(|ceremony| !matches!(ceremony.stage, Stage::Failed(_)));
        running.map(|ceremony| ceremony.request.body())
    }

    fn forget_overdue(&mut self, now: UnixMillis) {
        self.running.retain(|_, ceremony| ceremony.opened.plus(LIFE_MS) > now);
        self.certified.forget_expired(now);
    }

    fn get(&mut self, id: CeremonyId) -> Option<&mut Ceremony> {
        self.running.values_mut().find(|ceremony| ceremony.id == Some(id))
    }
}

impl Ceremony {
    /// The new key of this id with its request, if this ceremony has made it.
    fn made(&mut self, key: KeyId) -> Option<(&KeyRequest, &mut NewKey)> {
        match &mut self.stage {
            Stage::Made(new) if new.certificate.key == key => Some((self.request.body(), new.as_mut())),
            Stage::Opened | Stage::Running(_) | Stage::Made(_) | Stage::Failed(_) => None,
        }
    }
}

impl NewKey {
    fn new(
        measured: &Measured,
        ceremony: CeremonyId,
        request: &Authorized<KeyRequest>,
        made: Made,
    ) -> Result<Self, Fault> {
        let Made { share, secret, public_key, public_package, transcript } = made;
        let KeyRequest { tenant, name, scheme, .. } = request.body().clone();
        let certificate = CertificateBody {
            group: measured.manifest.group,
            manifest: measured.manifest.hash(),
            key: CertificateBody::key_id(&ceremony, &public_key),
            tenant,
            name,
            scheme,
            epoch: Epoch(0),
            threshold: measured.manifest.threshold,
            ceremony,
            transcript,
            public_key: public_key.try_into()?,
            public_package: public_package.try_into()?,
            chain_code: Tag::CHAIN_CODE.hash(transcript.as_bytes()),
        };
        Ok(Self { request: request.hash(), certificate, share, sealing: Sealing::Secret(secret) })
    }

    fn is_read_back(&self) -> bool {
        matches!(self.sealing, Sealing::ReadBack(_))
    }
}

impl Sealing {
    /// The blob that `sealer`, this boot, has sealed under the data key of `wraps`.
    pub(crate) fn blob(&self, sealer: &Introduction, wraps: &Wraps) -> Option<SealedBlob> {
        match self {
            Sealing::Secret(_) => None,
            Sealing::Blob(own) | Sealing::ReadBack(own) => {
                Some(SealedBlob { sealer: sealer.clone(), wraps: wraps.clone(), ..*own.0.clone() })
            }
        }
    }

    pub(crate) fn read_back(&mut self) {
        if let Sealing::Blob(own) = self {
            *self = Sealing::ReadBack(own.clone());
        }
    }
}

impl From<SealedBlob> for OwnBlob {
    fn from(blob: SealedBlob) -> Self {
        let nobody = Introduction { statement: Bytes::default(), document: Bytes::default() };
        Self(Box::new(SealedBlob { sealer: nobody, wraps: List::new(), ..blob }))
    }
}

/// This signer's contribution to something that nobody is to repeat.
pub(crate) fn fresh_nonce(rng: &mut dyn CryptoRngCore) -> Nonce {
    let mut nonce = [0; Nonce::LEN];
    rng.fill_bytes(&mut nonce);
    Nonce::from_bytes(nonce)
}

/// H(manifest, subject, every signer with its boot and nonce). Exactly `signers` have to be there, each under its rostered boot.
pub(crate) fn ceremony_id(
    measured: &Measured,
    order: &StartOrder,
    signers: &[SignerId],
    subject: Hash,
    contributions: &List<Contribution, { limits::SIGNERS }>,
) -> Result<CeremonyId, Refusal> {
    if !contributions.iter().map(|entry| &entry.signer).eq(signers) {
        return Err(Refusal::UnknownSigner);
    }
    let named = |entry: &Contribution| Some((entry.signer, order.boot_of(entry.signer)?, entry.nonce));
    let parts: Vec<(SignerId, BootId, Nonce)> =
        contributions.iter().map(named).collect::<Option<_>>().ok_or(Refusal::NotRostered)?;
    let hash = Tag::CEREMONY.hash(&codec::encode(&(measured.manifest.hash(), subject, parts)));
    Ok(CeremonyId::from_bytes(*hash.as_bytes()))
}
