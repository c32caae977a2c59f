//! The order of things: the manifest first, then every signer's attestation, and only then anything else.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_attestation::TrustRoot;
use cloister_policy::payload::pinned;
use cloister_wire::{
    codec,
    endorsement::Endorsed,
    identity::Introduction,
    ids::{Hash, KeyName, SignerId, Tenant},
    manifest::{Manifest, ValidManifest},
    message::{SignedStatus, StatusBody},
    order::StartOrder,
    policy::{LookupTable, Policy},
    request::{KeyRequest, Requested, Scheme, SignRequest},
    signature::PublicKey,
    tag::Tag,
};
use futures_util::future::join_all;

use crate::{
    account::Account,
    api::{
        self, Anything, Api, AttestationAnswer, KeyAnswer, LastStartAnswer, PolicyQuestion, RequestQuestion,
        SignAnswer, SignerAnswer, StartQuestion, from_base64, to_base64,
    },
    boot::{AttestedBoot, BootRejected, Challenge},
    error::Error,
    key::{CertificateRejected, Key},
    last_start::LastStart,
    operator,
    pools::Pools,
    problem::Problem,
    requester::Credential,
    scheme::Kind,
    signature::SignatureRejected,
    signed::{Signed, SigningJob, is_about_tables},
};

/// What a caller has to know beforehand, by a way that no host controls.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The manifest's hash.
    pub manifest_hash: Hash,
    /// Whose attestation counts: [`TrustRoot::aws`], or a simulator's root for tests.
    pub root: TrustRoot,
}

/// An address of which nothing is known yet. All it can be asked is to show what it is.
#[derive(Debug)]
pub struct Unverified {
    api: Api,
    pin: Pin,
}

/// A group with the pinned manifest, all of whose signers that answer have attested their boots.
#[derive(Debug)]
pub struct Attested {
    api: Api,
    pin: Pin,
    endorsed: Endorsed<Manifest>,
    manifest: ValidManifest,
    boots: Vec<AttestedBoot>,
    absent: Vec<(SignerId, Error)>,
}

/// A group of which *t* signers or more have also proved their signer keys: one that can sign.
#[derive(Debug)]
pub struct Client {
    attested: Attested,
    signer_keys: BTreeMap<SignerId, PublicKey>,
}

/// What a host says of the group's state. Genesis order and policy are the operators' word; that they signed no other, and none later,
/// is the host's.
#[derive(Clone, Debug)]
pub struct GroupState {
    /// The genesis order, signed by the quorum; see [`operator::restart_of`].
    pub genesis: Option<Endorsed<StartOrder>>,
    /// The policy, signed by the quorum.
    pub policy: Option<Endorsed<Policy>>,
}

/// Where a signer stands, signed by its attested boot over our nonce.
#[derive(Clone, Debug)]
pub struct SignerStatus {
    /// The signer.
    pub signer: SignerId,
    /// Its status; `None` if it does not answer.
    pub status: Option<StatusBody>,
    /// What the hosts say in its place.
    pub problem: Option<Problem>,
}

impl Unverified {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn new(url: &str, pin: Pin) -> Result<Self, Error> {
        Ok(Self { api: Api::new(url)?, pin })
    }

    /// Fetches and checks the manifest, then has every signer attest its boot over a fresh nonce. A signer that does not answer is
    /// absent; one that answers wrongly is an error.
    ///
    /// # Errors
    /// [`Error::WrongManifest`], [`Error::NotEndorsed`], [`Error::Boot`], or what the network brings.
    pub async fn attest(self) -> Result<Attested, Error> {
        let Self { api, pin } = self;
        let answer = api.group().await?;
        let endorsed: Endorsed<Manifest> = from_base64("manifest", &answer.manifest)?;
        let manifest = pin.check(&endorsed)?;
        let (mut boots, mut absent) = (Vec::new(), Vec::new());
        let attest = async |signer| (signer, attest_boot(&api, &pin, &manifest, signer).await);
        for (signer, attested) in join_all(manifest.signers.iter().map(|slot| attest(slot.id))).await {
            match attested {
                Ok(boot) => boots.push(boot),
                Err(why) if why.is_silence() || matches!(why, Error::Problem(_)) => absent.push((signer, why)),
                Err(why) => return Err(why),
            }
        }
        Ok(Attested { api, pin, endorsed, manifest, boots, absent })
    }
}

impl Pin {
    /// The manifest, if it has the pinned hash and a quorum of its operators signed it.
    ///
    /// # Errors
    /// [`Error::WrongManifest`], [`Error::Manifest`], [`Error::NotEndorsed`].
    pub fn check(&self, endorsed: &Endorsed<Manifest>) -> Result<ValidManifest, Error> {
        let (pinned, found) = (self.manifest_hash, endorsed.hash());
        if found != pinned {
            return Err(Error::WrongManifest { pinned, found });
        }
        let manifest = operator::read_manifest(endorsed)?;
        endorsed.verify(&manifest).map_err(|why| Error::NotEndorsed { what: "manifest", why })?;
        Ok(manifest)
    }
}

async fn attest_boot(api: &Api, pin: &Pin, manifest: &ValidManifest, signer: SignerId) -> Result<AttestedBoot, Error> {
    let challenge = Challenge::draw()?;
    let path = format!("/v1/signers/{signer}/attestation");
    let answer: AttestationAnswer = api.get(&path, &[("nonce", &challenge.nonce().to_string())]).await?;
    let introduction = introduction(&answer).ok_or(Error::Boot { signer, why: BootRejected::Statement })?;
    let boot = challenge.verify(manifest, &pin.root, &introduction).map_err(|why| Error::Boot { signer, why })?;
    if boot.signer() == signer { Ok(boot) } else { Err(Error::Boot { signer, why: BootRejected::WrongSigner }) }
}

fn introduction(answer: &AttestationAnswer) -> Option<Introduction> {
    let bytes = |text: &str| STANDARD.decode(text).ok();
    let statement = bytes(&answer.statement)?.try_into().ok()?;
    Some(Introduction { statement, document: bytes(&answer.document)?.try_into().ok()? })
}

impl Attested {
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &ValidManifest {
        &self.manifest
    }

    /// The manifest with the operators' signatures.
    #[must_use]
    pub fn endorsed_manifest(&self) -> &Endorsed<Manifest> {
        &self.endorsed
    }

    /// What was pinned.
    #[must_use]
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// The boots that answered, by rising signer id.
    #[must_use]
    pub fn boots(&self) -> &[AttestedBoot] {
        &self.boots
    }

    /// The signers that did not answer, and what was said in their place.
    #[must_use]
    pub fn absent(&self) -> &[(SignerId, Error)] {
        &self.absent
    }

    /// What hosts say in place of a signer that did not answer, if it is more than that.
    pub fn faults(&self) -> impl Iterator<Item = (SignerId, &Problem)> {
        self.absent.iter().filter_map(|(signer, why)| match why {
            Error::Problem(problem) if problem.is_fault() => Some((*signer, &**problem)),
            _ => None,
        })
    }

    /// Goes on to keys and signatures, if *t* signers or more have proved their signer keys.
    ///
    /// # Errors
    /// The fault of a signer or host that kept it from answering; otherwise [`Error::TooFewSigners`].
    pub fn verified(self) -> Result<Client, Error> {
        let signer_keys = self.signer_keys()?;
        Ok(Client { attested: self, signer_keys })
    }

    fn signer_keys(&self) -> Result<BTreeMap<SignerId, PublicKey>, Error> {
        let proved = self.boots.iter().filter_map(|boot| Some((boot.signer(), boot.signer_key()?)));
        let signer_keys: BTreeMap<_, _> = proved.collect();
        let (proved, needed) = (signer_keys.len(), self.manifest.threshold);
        if proved < usize::from(needed) {
            let fault = self.faults().next().map(|(_, problem)| problem.clone().into());
            return Err(fault.unwrap_or(Error::TooFewSigners { proved, needed }));
        }
        Ok(signer_keys)
    }

    /// Every key of the group, as [`Client::keys`], for whoever does not go on to sign.
    ///
    /// # Errors
    /// As [`Attested::verified`] and [`Client::keys`].
    pub async fn keys(&self) -> Result<Vec<Key>, Error> {
        self.keys_of(&self.signer_keys()?).await
    }

    async fn keys_of(&self, signer_keys: &BTreeMap<SignerId, PublicKey>) -> Result<Vec<Key>, Error> {
        let answers: Vec<KeyAnswer> = self.api.get("/v1/keys", &[]).await?;
        answers.iter().map(|answer| self.check_key(signer_keys, answer)).collect()
    }

    fn check_key(&self, signer_keys: &BTreeMap<SignerId, PublicKey>, answer: &KeyAnswer) -> Result<Key, Error> {
        let certificate = from_base64("certificate", &answer.certificate)?;
        Ok(Key::verify(&self.manifest, signer_keys, certificate)?)
    }

    /// What the host says of genesis and policy.
    ///
    /// # Errors
    /// [`Error::NotEndorsed`] if genesis order or policy lack their quorum, or what the network brings.
    pub async fn state(&self) -> Result<GroupState, Error> {
        let answer = self.api.group().await?;
        let policy = answer.policy.map(|text| from_base64::<Endorsed<Policy>>("policy", &text)).transpose()?;
        if let Some(policy) = &policy {
            policy.verify(&self.manifest).map_err(|why| Error::NotEndorsed { what: "policy", why })?;
        }
        let genesis = answer.genesis.map(|text| from_base64("genesis order", &text)).transpose()?;
        if let Some(genesis) = &genesis {
            operator::restart_of(&self.manifest, genesis)?;
        }
        Ok(GroupState { genesis, policy })
    }

    /// The last start that any host or running signer shows.
    ///
    /// # Errors
    /// [`Error::NotEndorsed`] if a host shows an order without its quorum, or as [`Attested::statuses`].
    pub async fn last_start(&self) -> Result<LastStart, Error> {
        let answer: LastStartAnswer = self.api.get("/v1/start", &[]).await?;
        let running = self.statuses().await?.into_iter().filter_map(|signer| signer.status?.incarnation).max();
        LastStart::new(&self.manifest, answer, running)
    }

    /// The status of every signer that was attested, over a fresh nonce.
    ///
    /// # Errors
    /// [`Error::Boot`] if a status is not signed by the boot that was attested.
    pub async fn statuses(&self) -> Result<Vec<SignerStatus>, Error> {
        let challenge = Challenge::draw()?;
        let answers: Vec<SignerAnswer> =
            self.api.get("/v1/signers", &[("nonce", &challenge.nonce().to_string())]).await?;
        let status = |signer: SignerId| {
            let answer = answers.iter().find(|answer| answer.signer == signer.get());
            let text = answer.and_then(|answer| answer.status.as_deref());
            // One that came back since has not been attested.
            let boot = self.boots.iter().find(|boot| boot.signer() == signer);
            let status = boot.zip(text).map(|(boot, text)| check_status(boot, &challenge, text)).transpose()?;
            Ok(SignerStatus { signer, status, problem: answer.and_then(|answer| answer.problem.clone()) })
        };
        self.manifest.signers.iter().map(|slot| status(slot.id)).collect()
    }

    /// Has the hosts carry out a start order on every signer that it names. Safe to repeat.
    ///
    /// # Errors
    /// [`Error::NotEndorsed`] and [`operator::PlanError::IncarnationTaken`] before anything is sent; then what hosts and signers say.
    pub async fn start(&self, order: &Endorsed<StartOrder>, policy: &Endorsed<Policy>) -> Result<(), Error> {
        let document = order.verify(&self.manifest).map_err(|why| Error::NotEndorsed { what: "start order", why })?;
        policy.verify(&self.manifest).map_err(|why| Error::NotEndorsed { what: "policy", why })?;
        self.last_start().await?.allows(document.incarnation, order.hash())?;
        let question = StartQuestion { order: to_base64(order), policy: to_base64(policy) };
        let Anything {} = self.api.post("/v1/start", &question, api::START).await?;
        Ok(())
    }

    /// Has the hosts put the next policy version into force.
    ///
    /// # Errors
    /// As [`Attested::start`].
    pub async fn apply_policy(&self, policy: &Endorsed<Policy>) -> Result<(), Error> {
        policy.verify(&self.manifest).map_err(|why| Error::NotEndorsed { what: "policy", why })?;
        let question = PolicyQuestion { policy: to_base64(policy) };
        let Anything {} = self.api.post("/v1/policy", &question, api::POLICY).await?;
        Ok(())
    }

    /// What the host keeps ready for signatures.
    ///
    /// # Errors
    /// What the network brings.
    pub async fn pools(&self) -> Result<Pools, Error> {
        self.api.get("/v1/pools", &[]).await
    }

    /// The audit export as the host gives it, of one tenant or of all; [`crate::audit::Export`] checks it.
    ///
    /// # Errors
    /// What the network brings.
    pub async fn audit_export(&self, tenant: Option<&Tenant>) -> Result<Vec<u8>, Error> {
        let query = tenant.map(|tenant| ("tenant", tenant.as_str()));
        self.api.download("/v1/audit", query.as_slice()).await
    }
}

fn check_status(boot: &AttestedBoot, challenge: &Challenge, text: &str) -> Result<StatusBody, Error> {
    let signed: SignedStatus = from_base64("status", text)?;
    let verified = boot.identity().verify(Tag::STATUS, signed.body.as_slice(), &signed.signature);
    let body: StatusBody =
        codec::decode(signed.body.as_slice()).map_err(|why| Error::Unreadable { what: "status", why })?;
    let ours = verified.is_ok() && body.nonce == challenge.nonce() && body.boot == boot.boot();
    if ours { Ok(body) } else { Err(Error::Boot { signer: boot.signer(), why: BootRejected::Status }) }
}

impl Client {
    /// [`Unverified::attest`] and [`Attested::verified`] in one.
    ///
    /// # Errors
    /// Theirs.
    pub async fn connect(url: &str, pin: Pin) -> Result<Self, Error> {
        Unverified::new(url, pin)?.attest().await?.verified()
    }

    pub(crate) fn api(&self) -> &Api {
        self.attested.api()
    }

    /// The group as it was attested.
    #[must_use]
    pub fn attested(&self) -> &Attested {
        &self.attested
    }

    /// The signer keys that attested boots have proved.
    #[must_use]
    pub fn signer_keys(&self) -> &BTreeMap<SignerId, PublicKey> {
        &self.signer_keys
    }

    /// Every key of the group, each with its certificate checked.
    ///
    /// # Errors
    /// [`Error::Certificate`], or what the network brings.
    pub async fn keys(&self) -> Result<Vec<Key>, Error> {
        self.attested.keys_of(&self.signer_keys).await
    }

    /// The tenant's key of that name.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], and as [`Client::keys`].
    pub async fn key(&self, tenant: &Tenant, name: &KeyName) -> Result<Key, Error> {
        let fits = |key: &Key| key.body().tenant == *tenant && key.body().name == *name;
        self.keys().await?.into_iter().find(fits).ok_or_else(|| Error::NoSuchKey(format!("{tenant}/{name}")))
    }

    /// Has the group make a key.
    ///
    /// # Errors
    /// [`Error::Problem`] with the reason; [`Error::Certificate`] if what came back is not the key that was asked for.
    pub async fn create_key(&self, credential: &Credential, name: KeyName, scheme: Scheme) -> Result<Key, Error> {
        self.create_requested_key(&credential.request_key(self.attested.manifest.group, name, scheme)?).await
    }

    /// The same with a [`KeyRequest`] that was proved elsewhere.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if it is none, and as [`Client::create_key`].
    pub async fn create_requested_key(&self, requested: &Requested) -> Result<Key, Error> {
        let request: KeyRequest =
            codec::decode(requested.body.as_slice()).map_err(|why| Error::Unreadable { what: "key request", why })?;
        let question = RequestQuestion { request: to_base64(requested) };
        let answer: KeyAnswer = self.attested.api.post("/v1/keys", &question, api::KEYGEN).await?;
        let key = self.attested.check_key(&self.signer_keys, &answer)?;
        let body = key.body();
        if body.tenant != request.tenant || body.name != request.name || body.scheme != request.scheme {
            return Err(CertificateRejected::AnotherKey.into());
        }
        Ok(key)
    }

    /// A job for a payload, read with the Solana lookup tables that the policy in force pins, if it needs any.
    ///
    /// # Errors
    /// As [`SigningJob::new`] and [`Attested::state`].
    pub async fn job(&self, account: impl Into<Account>, kind: Kind, payload: &[u8]) -> Result<SigningJob, Error> {
        let account = account.into();
        match SigningJob::new(account.clone(), kind, payload) {
            Err(Error::Payload(why)) if is_about_tables(&why) => {
                let tables = self.tables(&account.key().body().tenant).await?;
                SigningJob::with_tables(account, kind, payload, &tables.iter().map(pinned).collect::<Vec<_>>())
            }
            read => read,
        }
    }

    /// The Solana lookup tables that the policy in force pins for a tenant.
    pub(crate) async fn tables(&self, tenant: &Tenant) -> Result<Vec<LookupTable>, Error> {
        let Some(policy) = self.attested.state().await?.policy else { return Ok(Vec::new()) };
        let policy = policy.verify(&self.attested.manifest);
        let policy = policy.map_err(|why| Error::NotEndorsed { what: "policy", why })?;
        Ok(policy.tenant(tenant).map(|tenant| tenant.tables.clone().into_vec()).unwrap_or_default())
    }

    /// Has the group sign, verifies every signature under the certified key and puts the result together here.
    ///
    /// # Errors
    /// [`Error::Problem`] with the reason; [`Error::Signature`] if what came back is not what was asked for.
    pub async fn sign(&self, credential: &Credential, job: &SigningJob) -> Result<Signed, Error> {
        let group = self.attested.manifest.group;
        let requested = credential.request_signature(group, job.account(), job.kind(), job.payload())?;
        self.sign_requested(&requested, job).await
    }

    /// The same with a [`SignRequest`] for this job that was proved elsewhere.
    ///
    /// # Errors
    /// As [`Client::sign`].
    pub async fn sign_requested(&self, requested: &Requested, job: &SigningJob) -> Result<Signed, Error> {
        let question = RequestQuestion { request: to_base64(requested) };
        let answer: SignAnswer = self.attested.api.post("/v1/sign", &question, api::SIGN).await?;
        let request = requested.hash::<SignRequest>();
        if answer.request_hash != request.to_string() {
            return Err(SignatureRejected::AnotherRequest.into());
        }
        let signatures = answer.signatures.iter().map(hex::decode).collect::<Result<Vec<_>, _>>();
        let signatures = signatures.map_err(|_| Error::Unintelligible("a signature that is not hex"))?;
        let signers = answer.signers.into_iter().filter_map(|signer| signer.try_into().ok()).collect();
        let finished = job.finish(&signatures)?;
        let signatures = job.messages().iter().zip(signatures);
        let signatures = signatures.map(|(message, signature)| job.usual_form(message, signature)).collect();
        Ok(Signed { request, finished, signatures, signers })
    }
}
