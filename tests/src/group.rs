//! A whole group in memory, and the host that drives it: routes envelopes, stores blobs, asks KMS, aggregates signatures.

use std::collections::{BTreeMap, VecDeque};

use cloister_chains::{
    bitcoin::{Psbt, XOnlyKey},
    message,
};
use cloister_simulator::nsm::TestRoot;
use cloister_wire::{
    approval::Approval,
    blob::SealedBlob,
    bounded::Bytes,
    certificate::{Certificate, CertificateBody, CertificateSignature},
    codec,
    endorsement::Endorsed,
    identity::Introduction,
    ids::{BootId, CeremonyId, Hash, KeyId, SignerId, UnixMillis},
    limits,
    message::{
        Body, Contribution, KeygenState, Outcome, Package, Reply, Request, SignItem, SignOutcome, SignerCommitment,
    },
    order::{StartKind, StartOrder},
    peer::PeerFrame,
    policy::{Policy, TenantPolicy},
    receipt::Receipt,
    refusal::Refusal,
    request::{Chain, KeyRequest, Requested, Scheme, SignRequest},
};

use crate::{
    charter::{ANY_CHAIN, Charter, NOW, TREASURER, list, requested, signer},
    kms::{Envelope, Kms},
    machine::{Machine, done},
    stored_key::StoredKey,
};

/// A group and its host.
pub struct Group {
    /// What operators and requesters sign.
    pub charter: Charter,
    /// The root of the simulated security modules.
    pub root: TestRoot,
    /// The group's KMS.
    pub kms: Kms,
    /// Signers 1 to *n*.
    pub machines: Vec<Machine>,
    /// Envelopes that are on their way.
    pub post: VecDeque<Letter>,
    /// Signer keys as they were sealed.
    pub signer_blobs: BTreeMap<SignerId, SealedBlob>,
    /// Keys by id.
    pub keys: BTreeMap<KeyId, StoredKey>,
    /// Everybody's receipts, by boot.
    pub receipts: BTreeMap<BootId, Vec<Receipt>>,
    /// The time that signers are told.
    pub now: UnixMillis,
    /// The incarnation in force.
    pub incarnation: u64,
    /// The policy in force, once the charter's was changed.
    in_force: Option<Endorsed<Policy>>,
    /// Hash of the newest genesis order.
    pub genesis: Hash,
    boots: u64,
}

/// An envelope between two signers.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Who sent it.
    pub from: SignerId,
    /// Who is to have it.
    pub to: SignerId,
    /// The frame.
    pub frame: PeerFrame,
}

/// A share that a signer made and sealed, with the certificate that it proposes.
pub type Sealed = (SealedBlob, CertificateBody);

/// Birth and rebirth.
impl Group {
    /// Fresh boots without a manifest. `seed` makes everything that signers draw themselves.
    #[must_use]
    pub fn booted(threshold: u16, signers: u16, seed: u64) -> Self {
        let root = TestRoot::generate().expect("keys");
        let mut group = Self {
            charter: Charter::new(threshold, signers),
            kms: Kms::new(root.clone(), signers),
            root,
            machines: Vec::new(),
            post: VecDeque::new(),
            signer_blobs: BTreeMap::new(),
            keys: BTreeMap::new(),
            receipts: BTreeMap::new(),
            now: NOW,
            in_force: None,
            incarnation: 0,
            genesis: Hash::from_bytes([0; 32]),
            boots: seed << 16,
        };
        group.reboot();
        group
    }

    /// Boots that have measured the manifest.
    #[must_use]
    pub fn configured(threshold: u16, signers: u16, seed: u64) -> Self {
        let mut group = Self::booted(threshold, signers, seed);
        group.configure();
        group
    }

    /// A group that has been through genesis.
    #[must_use]
    pub fn founded(threshold: u16, signers: u16, seed: u64) -> Self {
        let mut group = Self::configured(threshold, signers, seed);
        group.start(StartKind::Genesis);
        group.introduce_all();
        for signer in group.charter.signers() {
            group.found(signer);
        }
        group
    }

    /// Throws every boot away and starts new ones.
    pub fn reboot(&mut self) {
        self.post.clear();
        self.machines = self.charter.signers().into_iter().map(|signer| self.boot(signer)).collect();
    }

    /// A new boot on the parent of `signer`.
    pub fn boot(&mut self, signer: SignerId) -> Machine {
        self.boots += 1;
        Machine::boot(&self.root, signer, self.boots)
    }

    /// Measures the manifest everywhere.
    pub fn configure(&mut self) {
        let manifest = self.charter.endorse(&self.charter.manifest);
        for signer in self.charter.signers() {
            self.done(signer, Request::Configure { manifest: manifest.clone(), signer });
        }
    }

    /// The order that starts the present boots under the next incarnation.
    pub fn order(&mut self, kind: StartKind) -> StartOrder {
        let signers = self.charter.signers();
        let boots: Vec<_> = signers.into_iter().map(|signer| (signer, self.machine(signer).boot_id(NOW))).collect();
        let policy = self.policy().hash();
        StartOrder { policy, ..self.charter.order(kind, self.incarnation + 1, self.now, &boots) }
    }

    /// A restart of what the newest genesis has founded.
    #[must_use]
    pub fn again(&self) -> StartKind {
        StartKind::Restart { genesis: self.genesis }
    }

    /// The request that starts a signer under `order` and the policy in force.
    #[must_use]
    pub fn start_request(&self, order: &StartOrder) -> Request {
        Request::Start { order: self.charter.endorse(order), policy: self.policy() }
    }

    /// The policy in force, endorsed.
    #[must_use]
    pub fn policy(&self) -> Endorsed<Policy> {
        self.in_force.clone().unwrap_or_else(|| self.charter.endorse(&self.charter.policy()))
    }

    /// Starts every signer.
    pub fn start(&mut self, kind: StartKind) {
        let order = self.order(kind);
        let request = self.start_request(&order);
        self.incarnation += 1;
        if kind == StartKind::Genesis {
            self.genesis = self.charter.endorse(&order).hash();
        }
        for signer in self.charter.signers() {
            self.done(signer, request.clone());
        }
    }

    /// Kills every signer and brings it back: signer keys opened, channels made, shares opened.
    pub fn restart(&mut self) {
        self.reopen();
        self.introduce_all();
        for key in self.keys.keys().copied().collect::<Vec<_>>() {
            self.open_shares(key);
        }
    }

    /// Kills one signer and brings it back, beside the others, which an order names again.
    pub fn restart_one(&mut self, signer: SignerId) {
        *self.machine(signer) = self.boot(signer);
        let manifest = self.charter.endorse(&self.charter.manifest);
        self.done(signer, Request::Configure { manifest, signer });
        self.start(self.again());
        let blob = self.signer_blobs[&signer].clone();
        assert_eq!(done(self.present(signer, blob, None)), Body::Nothing);
        self.introduce_all();
        for StoredKey { certificate, mut blobs } in self.keys.values().cloned().collect::<Vec<_>>() {
            let blob = blobs.remove(&signer).expect("every signer has a share");
            assert_eq!(done(self.present(signer, blob, Some(certificate))), Body::Nothing);
        }
    }

    /// Kills every signer and brings it back as far as its signer key.
    pub fn reopen(&mut self) {
        self.reboot();
        self.configure();
        self.start(self.again());
        for signer in self.charter.signers() {
            let blob = self.signer_blobs[&signer].clone();
            assert_eq!(done(self.present(signer, blob, None)), Body::Nothing);
        }
    }

    /// Opens everybody's share of a key.
    pub fn open_shares(&mut self, key: KeyId) {
        let StoredKey { certificate, blobs } = self.keys[&key].clone();
        for (signer, blob) in blobs {
            assert_eq!(done(self.present(signer, blob, Some(certificate.clone()))), Body::Nothing);
        }
    }
}

/// Talking to signers.
impl Group {
    /// A signer.
    pub fn machine(&mut self, signer: SignerId) -> &mut Machine {
        &mut self.machines[usize::from(signer.get()) - 1]
    }

    /// Asks a signer, posts what it sends and keeps its receipts.
    pub fn ask(&mut self, from: SignerId, request: Request) -> Reply {
        let now = self.now;
        let reply = self.machine(from).ask(now, request);
        self.post.extend(reply.outbox.iter().cloned().map(|envelope| Letter {
            from,
            to: envelope.to,
            frame: envelope.frame,
        }));
        if let Some(receipt) = &reply.receipt {
            let boot = self.machine(from).boot_id(now);
            self.receipts.entry(boot).or_default().push(receipt.clone());
        }
        reply
    }

    /// Asks for what has to be granted.
    pub fn done(&mut self, signer: SignerId, request: Request) -> Body {
        done(self.ask(signer, request))
    }

    /// Asks for what has to be refused.
    pub fn refused(&mut self, signer: SignerId, request: Request) -> Refusal {
        match self.ask(signer, request).outcome {
            Outcome::Refused(refusal) => refusal,
            Outcome::Done(body) => panic!("not refused: {body:?}"),
        }
    }

    /// Delivers a letter.
    pub fn deliver(&mut self, letter: Letter) -> Reply {
        self.ask(letter.to, Request::Deliver { from: letter.from, frame: letter.frame })
    }

    /// Delivers everything that is under way, and what comes of it. Every letter has to be taken.
    pub fn deliver_all(&mut self) {
        while let Some(letter) = self.post.pop_front() {
            done(self.deliver(letter));
        }
    }
}

/// Introductions and sealing.
impl Group {
    /// The introduction of `peer` to `signer`, over a fresh challenge.
    pub fn introduction(&mut self, peer: SignerId, signer: SignerId) -> Introduction {
        let Body::Challenge(challenge) = self.done(signer, Request::Challenge) else { panic!("no challenge") };
        self.attestation(peer, challenge.as_bytes())
    }

    /// What a signer attests over `nonce`.
    pub fn attestation(&mut self, signer: SignerId, nonce: &[u8]) -> Introduction {
        let nonce = nonce.try_into().expect("short enough");
        let Body::Introduction(introduction) = self.done(signer, Request::Attest { nonce }) else {
            panic!("no introduction")
        };
        introduction
    }

    /// Introduces everybody to everybody, and opens all channels.
    pub fn introduce_all(&mut self) {
        for signer in self.charter.signers() {
            for peer in self.charter.signers().into_iter().filter(|peer| *peer != signer) {
                let peer = self.introduction(peer, signer);
                self.done(signer, Request::Introduce { peer });
            }
        }
        self.deliver_all();
    }

    /// Seals a signer's key and reads it back.
    pub fn found(&mut self, signer: SignerId) {
        let Body::Sealed(blob) = self.done(signer, Request::SealSignerKey) else { panic!("no blob") };
        self.signer_blobs.insert(signer, blob.clone());
        assert_eq!(done(self.present(signer, blob, None)), Body::Nothing);
    }

    /// Presents a blob and has KMS open every wrap that the signer asks for.
    pub fn present(&mut self, signer: SignerId, blob: SealedBlob, certificate: Option<Certificate>) -> Reply {
        self.present_with(signer, blob, certificate, |answers| answers)
    }

    /// Presents a blob, with KMS's answers altered on their way.
    pub fn present_with(
        &mut self,
        signer: SignerId,
        blob: SealedBlob,
        certificate: Option<Certificate>,
        alter: impl FnOnce(Vec<Option<Envelope>>) -> Vec<Option<Envelope>>,
    ) -> Reply {
        let reply = self.ask(signer, Request::Present { blob, certificate });
        let Outcome::Done(Body::Unwrap { ticket, document, wraps }) = &reply.outcome else {
            return reply;
        };
        let answers = wraps.iter().map(|wrap| Some(self.kms.decrypt(wrap, document.as_slice()))).collect();
        self.ask(signer, Request::Unwrapped { ticket: *ticket, envelopes: list(alter(answers)) })
    }
}

/// Key generation.
impl Group {
    /// Makes a key that [`TREASURER`] asks for.
    pub fn make_key(&mut self, name: &str, scheme: Scheme) -> KeyId {
        let request = self.charter.key_request(name, scheme, self.now);
        self.make(&request)
    }

    /// Makes the key of [`ANY_CHAIN`] that has this scheme.
    pub fn make_any_chain_key(&mut self, scheme: Scheme) -> KeyId {
        let (name, _) = ANY_CHAIN.into_iter().find(|(_, of)| *of == scheme).expect("one for each scheme");
        self.make_key(name, scheme)
    }

    /// Makes a key.
    pub fn make(&mut self, request: &KeyRequest) -> KeyId {
        let ceremony = self.start_keygen(&requested(request, TREASURER));
        self.deliver_all();
        self.certify(ceremony)
    }

    /// Every signer's nonce for a new ceremony.
    pub fn open_keygen(&mut self, request: &Requested) -> Vec<Contribution> {
        let signers = self.charter.signers();
        let open = |signer| match self.done(signer, Request::OpenKeygen { request: request.clone() }) {
            Body::CeremonyNonce(nonce) => Contribution { signer, nonce },
            other => panic!("no nonce: {other:?}"),
        };
        signers.into_iter().map(open).collect()
    }

    /// Opens and starts a ceremony everywhere: the broadcasts are in the post.
    pub fn start_keygen(&mut self, request: &Requested) -> CeremonyId {
        let nonces = self.open_keygen(request);
        self.start_opened(&nonces)
    }

    /// Starts an opened ceremony everywhere.
    pub fn start_opened(&mut self, nonces: &[Contribution]) -> CeremonyId {
        let signers = self.charter.signers();
        let start = |signer| match self.done(signer, Request::StartKeygen { nonces: list(nonces.iter().copied()) }) {
            Body::CeremonyStarted(ceremony) => ceremony,
            other => panic!("not started: {other:?}"),
        };
        let ids: Vec<_> = signers.into_iter().map(start).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "one ceremony, one id");
        ids[0]
    }

    /// How far a signer is with a ceremony.
    pub fn keygen(&mut self, signer: SignerId, ceremony: CeremonyId) -> KeygenState {
        match self.done(signer, Request::Keygen { ceremony }) {
            Body::Keygen(state) => state,
            other => panic!("no state: {other:?}"),
        }
    }

    /// What a signer made in a ceremony that has ended well.
    pub fn sealed(&mut self, signer: SignerId, ceremony: CeremonyId) -> Sealed {
        match self.keygen(signer, ceremony) {
            KeygenState::Sealed { blob, certificate } => (blob, certificate),
            other => panic!("not sealed: {other:?}"),
        }
    }

    /// Reads a new share back and gets the signer's word for the certificate.
    pub fn read_back(&mut self, signer: SignerId, blob: SealedBlob) -> CertificateSignature {
        match done(self.present(signer, blob, None)) {
            Body::Certified(signature) => signature,
            other => panic!("not certified: {other:?}"),
        }
    }

    /// Seals, reads back and collects signatures: the certificate is complete, and nobody has it yet.
    pub fn collect(&mut self, ceremony: CeremonyId) -> StoredKey {
        let (mut blobs, mut signatures, mut body) = (BTreeMap::new(), Vec::new(), None);
        for signer in self.charter.signers() {
            let (blob, certificate) = self.sealed(signer, ceremony);
            signatures.push(self.read_back(signer, blob.clone()));
            blobs.insert(signer, blob);
            let certificate = codec::encode(&certificate);
            assert_eq!(body.get_or_insert(certificate.clone()), &certificate, "one ceremony, one certificate");
        }
        let body = body.expect("a group has signers").try_into().expect("short enough");
        StoredKey { certificate: Certificate { body, signatures: list(signatures) }, blobs }
    }

    /// Ends a ceremony: everybody gets the complete certificate.
    pub fn certify(&mut self, ceremony: CeremonyId) -> KeyId {
        let stored = self.collect(ceremony);
        for signer in self.charter.signers() {
            self.done(signer, Request::Certify { certificate: stored.certificate.clone() });
        }
        let key = stored.body().key;
        self.keys.insert(key, stored);
        key
    }
}

/// Signing.
impl Group {
    /// Signers 1 to *t*.
    #[must_use]
    pub fn quorum(&self) -> Vec<SignerId> {
        (1..=self.charter.manifest.threshold).map(signer).collect()
    }

    /// One package for each of `count` digests, of fresh commitments by these signers.
    pub fn commit(&mut self, key: KeyId, signers: &[SignerId], count: usize) -> Vec<Package> {
        let count = u16::try_from(count).expect("few");
        let mut commitments: Vec<_> =
            signers.iter().map(|signer| self.commitments(*signer, key, count).into_iter()).collect();
        let package =
            |_| {
                let entries = signers.iter().zip(&mut commitments);
                list(entries.map(|(signer, made)| SignerCommitment {
                    signer: *signer,
                    commitment: made.next().expect("as asked"),
                }))
            };
        (0..count).map(package).collect()
    }

    /// Puts the policy in force, changed so for [`crate::charter::TENANT`], into force as the next version at every signer; says its hash.
    pub fn change_policy(&mut self, change: impl FnOnce(&mut TenantPolicy)) -> Hash {
        self.change_tenants(|tenants| change(&mut tenants[0]))
    }

    /// The same for every tenant's part.
    pub fn change_tenants(&mut self, change: impl FnOnce(&mut Vec<TenantPolicy>)) -> Hash {
        let in_force = self.policy();
        let mut next = in_force.unverified().expect("canonical");
        let mut tenants = core::mem::take(&mut next.tenants).into_vec();
        change(&mut tenants);
        next.tenants = list(tenants);
        (next.version, next.previous) = (next.version.next().expect("one more"), Some(in_force.hash()));
        let endorsed = self.charter.endorse(&next);
        for signer in self.charter.signers() {
            self.done(signer, Request::ApplyPolicy { policy: endorsed.clone() });
        }
        let hash = endorsed.hash();
        self.in_force = Some(endorsed);
        hash
    }

    /// Fresh commitments of one signer.
    pub fn commitments(&mut self, signer: SignerId, key: KeyId, count: u16) -> Vec<Bytes<{ limits::COMMITMENT }>> {
        match self.done(signer, Request::Commit { key, count }) {
            Body::Commitments(commitments) => commitments.into_vec(),
            other => panic!("no commitments: {other:?}"),
        }
    }

    /// One signer's answer to one request.
    pub fn sign(&mut self, signer: SignerId, request: &Requested, packages: &[Package]) -> SignOutcome {
        self.sign_approved(signer, request, packages, &[])
    }

    /// The same for a request that members have approved.
    pub fn sign_approved(
        &mut self,
        signer: SignerId,
        request: &Requested,
        packages: &[Package],
        approvals: &[Approval],
    ) -> SignOutcome {
        let (packages, approvals) = (list(packages.iter().cloned()), list(approvals.iter().cloned()));
        let item = SignItem { request: request.clone(), packages, approvals };
        match self.done(signer, Request::Sign { items: list([item]) }) {
            Body::Signed(outcomes) => outcomes.into_vec().remove(0),
            other => panic!("not decided: {other:?}"),
        }
    }

    /// Signs with these signers and aggregates: a signature for each digest, verified by the FROST library.
    pub fn signatures(&mut self, request: &SignRequest, signers: &[SignerId]) -> Vec<Vec<u8>> {
        let messages = self.messages(request);
        let packages = self.commit(request.key, signers, messages.len());
        let request_signed = requested(request, TREASURER);
        let shares: Vec<_> =
            signers.iter().map(|signer| released(self.sign(*signer, &request_signed, &packages))).collect();
        let stored = &self.keys[&request.key];
        let signature = |digest: usize| {
            let shares = shares.iter().map(|of_signer| of_signer[digest].as_slice());
            stored.aggregate(&messages[digest], &packages[digest], &shares.collect::<Vec<_>>())
        };
        (0..messages.len()).map(signature).collect()
    }

    /// What the signers will sign for a request, computed by the host.
    #[must_use]
    pub fn messages(&self, request: &SignRequest) -> Vec<Vec<u8>> {
        let (stored, payload) = (&self.keys[&request.key], request.payload.as_slice());
        match (request.chain, stored.body().scheme) {
            (Chain::Solana, _) => vec![payload.to_vec()],
            (Chain::Ethereum | Chain::Cosmos, _) => panic!("tests of these chains compute their digests themselves"),
            (Chain::Message, Scheme::Secp256k1Taproot | Scheme::Secp256k1Ecdsa) => {
                vec![message::digest(payload).expect("a text").to_vec()]
            }
            (Chain::Message, _) => vec![message::signing_bytes(payload).expect("a text")],
            (Chain::Bitcoin, _) => {
                let x_only = |key: Vec<u8>| XOnlyKey::from(<[u8; 32]>::try_from(&key[1..]).expect("33 bytes"));
                let (internal, output) = (x_only(stored.body().public_key.into_vec()), x_only(stored.verifying_key()));
                let psbt = Psbt::parse(payload).expect("a PSBT");
                let sighashes = psbt.taproot_key_path_sighashes(&internal, &output).expect("ours to sign");
                sighashes.iter().map(|input| input.sighash.to_vec()).collect()
            }
        }
    }
}

/// The shares of a granted request.
#[must_use]
pub fn released(outcome: SignOutcome) -> Vec<Bytes<{ limits::COMMITMENT }>> {
    match outcome {
        SignOutcome::Released(shares) => shares.into_vec(),
        SignOutcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}
