//! The bytes of one of every document and message, as `golden.txt` has them: name and hex, one on a line. A change here is a change of
//! the format, which other implementations and stored data see.

use std::{collections::BTreeMap, str::FromStr};

use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    blob::{BlobContext, Content, GcmNonce, SealedBlob, Wrap},
    bounded::{Bytes, List, SecretBytes},
    certificate::{Certificate, CertificateBody, CertificateSignature},
    codec::{self, DecodeError},
    credential::{Credential, Proof},
    delegation::{Delegation, DelegationBody},
    endorsement::Endorsed,
    identity::{BootKeys, BootStatement, Introduction, SignerProof},
    ids::*,
    manifest::{KmsKey, Manifest, Measurements, SignerSlot},
    message::*,
    order::{RosterEntry, StartKind, StartOrder},
    p256::{P256Key, P256Signature},
    peer::{CeremonyMessage, Envelope, PairRound, PeerFrame, PeerMessage, Round},
    policy::*,
    receipt::{Charge, Entry, Event, Receipt, ReceiptBody},
    recovery::{Cancellation, Canceller, Recovery, RecoveryBody},
    refusal::Refusal,
    request::{Chain, KeyRequest, Purpose, Requested, Scheme, SignRequest},
    review::{Review, ReviewBody, Standing},
    signature::{PublicKey, Signature},
    switch::{Closing, Opening, Scope},
    webauthn::{Assertion, Passkey, PasskeyKey},
};
use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

/// A value's name and bytes, and whether other bytes are taken as a value of its type.
struct Golden {
    name: &'static str,
    bytes: Vec<u8>,
    decode: fn(&[u8]) -> Result<(), DecodeError>,
}

fn golden<T: Encode<()> + for<'b> Decode<'b, ()>>(name: &'static str, value: T) -> Golden {
    Golden { name, bytes: codec::encode(&value), decode: |bytes| codec::decode::<T>(bytes).map(drop) }
}

#[test]
fn every_value_has_the_bytes_that_are_checked_in() {
    let file: BTreeMap<&str, &str> =
        include_str!("golden.txt").lines().filter_map(|line| line.split_once(' ')).collect();
    let values = values();
    for Golden { name, bytes, .. } in &values {
        assert_eq!(file.get(name), Some(&hex::encode(bytes).as_str()), "{name} {}", hex::encode(bytes));
    }
    assert_eq!(file.len(), values.len(), "the file has a line for each value and no other");
}

#[test]
fn every_value_is_read_back_from_its_bytes_alone() {
    for Golden { name, bytes, decode } in values() {
        assert_eq!(decode(&bytes), Ok(()), "{name}");
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(decode(&longer), Err(DecodeError::NotCanonical), "{name} with a byte behind it");
    }
}

#[test]
fn no_value_is_read_from_fewer_bytes() {
    for Golden { name, bytes, decode } in values() {
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn no_value_is_read_from_a_longer_form_of_its_own_header() {
    for Golden { name, bytes, decode } in values() {
        let (first, rest) = bytes.split_first().unwrap();
        let longer = [&[first & 0xe0 | 0x18, first & 0x1f], rest].concat();
        let indefinite = [&[first | 0x1f], rest, &[0xff]].concat();
        for other in [longer, indefinite] {
            assert!(decode(&other).is_err(), "{name}");
        }
    }
}

#[test]
fn the_policy_is_one_that_signers_take() {
    assert_eq!(policy().check(), Ok(()));
}

#[test]
fn the_largest_event_is_within_its_bound() {
    fn long<T: FromStr<Err: core::fmt::Debug>>() -> T {
        name(&"x".repeat(cloister_wire::limits::NAME))
    }
    let rule = name(&"x".repeat(cloister_wire::limits::RULE_NAME));
    let amount = Quantity::from_be_bytes([0xff; 32]);
    let charge = Charge { limit: long(), amount, until: UnixMillis(u64::MAX), ..charge() };
    let largest = Event::Released {
        request: hash(1),
        id: request_id(),
        key: key(),
        package: hash(2),
        tenant: long(),
        rule,
        approved: list(vec![long(); cloister_wire::limits::APPROVALS]),
        effects: hash(3),
        charges: list(vec![charge; cloister_wire::limits::RULE_LIMITS]),
        session: Some(hash(4)),
        requester: long(),
        attempt: u8::MAX,
        not_after: UnixMillis(u64::MAX),
    };
    assert!(codec::encode(&largest).len() <= cloister_wire::limits::EVENT);
}

#[test]
fn the_largest_recovery_is_within_its_bound() {
    use cloister_wire::limits;
    let long = "x".repeat(limits::NAME);
    let origins = list(vec![name(&"o".repeat(limits::ORIGIN)); limits::ORIGINS]);
    let passkey = Passkey { key: PasskeyKey::P256(p256_key()), rp_id: name(&"r".repeat(limits::RP_ID)), origins };
    let largest = RecoveryBody {
        tenant: name(&long),
        member: name(&long),
        credential: Credential::WebAuthn(passkey),
        issued_at: UnixMillis(u64::MAX),
        not_after: UnixMillis(u64::MAX),
        ..recovery_body()
    };
    assert!(Recovery::new(&largest).is_ok(), "{}", codec::encode(&largest).len());
}

#[test]
fn every_request_has_its_own_number() {
    // A number from 24 on has a byte of its own behind the one that says so.
    let number = |golden: &Golden| if golden.bytes[1] == 0x18 { golden.bytes[2] } else { golden.bytes[1] };
    let numbers: std::collections::BTreeSet<_> = requests().iter().map(number).collect();
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), (0..29).collect::<Vec<_>>());
}

fn values() -> Vec<Golden> {
    [documents(), requests(), replies(), peers()].into_iter().flatten().collect()
}

fn documents() -> Vec<Golden> {
    vec![
        golden("Manifest", manifest()),
        golden("StartOrder", start_order()),
        golden("StartOrderGenesis", StartOrder { kind: StartKind::Genesis, ..start_order() }),
        golden("Policy", policy()),
        golden("EndorsedPolicy", endorsed(&policy())),
        golden("PolicyFirst", Policy { version: PolicyVersion(1), previous: None, tenants: List::new(), ..policy() }),
        golden("SignRequest", sign_request()),
        golden("SignRequestForAChild", typed_data_request()),
        golden("SignRequestOfASession", SignRequest { session: Some(delegation().hash()), ..sign_request() }),
        golden("DelegationBody", delegation_body()),
        golden("Delegation", delegation()),
        golden("RequestedBySession", Requested { delegation: Some(delegation()), ..requested() }),
        golden("SignRequestOfAuthorization", SignRequest { purpose: Purpose::Authorization, ..typed_data_request() }),
        golden("SignRequestOfUserOperation", SignRequest { purpose: Purpose::UserOperation, ..typed_data_request() }),
        golden("KeyRequest", key_request()),
        golden("Requested", requested()),
        golden("CredentialEd25519", Credential::Ed25519(public_key(3))),
        golden("CredentialP256", Credential::P256(p256_key())),
        golden("CredentialWebAuthnP256", Credential::WebAuthn(passkey(PasskeyKey::P256(p256_key())))),
        golden("CredentialWebAuthnEd25519", Credential::WebAuthn(passkey(PasskeyKey::Ed25519(public_key(3))))),
        golden("ProofEd25519", Proof::Ed25519(signature(3))),
        golden("ProofP256", Proof::P256(P256Signature::from_bytes([1; 64]))),
        golden("ProofWebAuthn", Proof::WebAuthn(assertion())),
        golden("BootStatement", statement()),
        golden("BootStatementUnproved", BootStatement { proof: None, ..statement() }),
        golden("Introduction", introduction()),
        golden("SealedBlob", blob(share())),
        golden("SealedSignerKey", blob(Content::SignerKey)),
        golden("CertificateBody", certificate_body()),
        golden("Certificate", certificate()),
        golden("StatusBody", status_body()),
        golden("StatusBodyBlank", blank_status_body()),
        golden("Receipt", receipt()),
        golden("ReceiptBody", receipt_body()),
        golden("Endorsement", endorsed(&policy()).endorsement()),
        golden("ReceiptStarted", receipt_of(Event::Started { order: hash(1), incarnation: Incarnation(2) })),
        golden("ReceiptPolicyChanged", receipt_of(Event::PolicyChanged { policy: hash(1) })),
        golden(
            "ReceiptKeyCreated",
            receipt_of(Event::KeyCreated { request: hash(1), ceremony: ceremony(), key: key() }),
        ),
        golden("ReceiptShareOpened", receipt_of(Event::ShareOpened { key: key() })),
        golden("ReceiptReleased", receipt_of(released())),
        golden("ReceiptPairBarred", receipt_of(Event::PairBarred { peer: signer(2) })),
        golden(
            "ReceiptRefused",
            receipt_of(Event::Refused { request: hash(1), refusal: Refusal::Expired, tenant: tenant() }),
        ),
        golden("ReceiptApproved", receipt_of(approved())),
        golden(
            "ReceiptWithdrawn",
            receipt_of(Event::Withdrawn {
                request: hash(1),
                by: requester(),
                not_after: at().plus(60_000),
                tenant: tenant(),
            }),
        ),
        golden(
            "ReceiptSwitchClosed",
            receipt_of(Event::SwitchClosed { closing: hash(1), scope: Scope::Tenant(tenant()) }),
        ),
        golden("ReceiptSwitchOpened", receipt_of(Event::SwitchOpened { closing: hash(1), scope: Scope::Group })),
        golden("ReceiptRecoveryBegun", receipt_of(recovery_begun())),
        golden("ReceiptRecoveryCancelledByHolder", receipt_of(recovery_cancelled(Some(requester())))),
        golden("ReceiptRecoveryCancelledByOperators", receipt_of(recovery_cancelled(None))),
        golden("Charge", charge()),
        golden("ApprovalBody", approval_body()),
        golden("ApprovalBodyWithdraw", ApprovalBody { stance: Stance::Withdraw, ..approval_body() }),
        golden("Approval", approval()),
        golden("ReviewBodySignable", review_body(Some("small"), Standing::Signable)),
        golden("ReviewBodyRefused", review_body(None, Standing::Refused(Refusal::NoRule))),
        golden("ReviewBodyWaiting", review_body(Some("large"), waiting(None))),
        golden("ReviewBodyDelayed", review_body(Some("large"), waiting(Some(at().plus(60_000))))),
        golden("Review", review()),
        golden("ClosingOfGroup", closing(Scope::Group)),
        golden("ClosingOfTenant", closing(Scope::Tenant(tenant()))),
        golden("ClosingOfKey", closing(Scope::Key(key()))),
        golden("Opening", opening()),
        golden("RecoveryBody", recovery_body()),
        golden("Recovery", recovery()),
        golden("Cancellation", cancellation()),
    ]
}

fn requests() -> Vec<Golden> {
    let contribution = Contribution { signer: signer(1), nonce: nonce() };
    let item = SignItem { request: requested(), packages: list([package()]), approvals: list([approval()]) };
    let open_presigning =
        Request::OpenPresigning { key: key(), path: list([0, 5]), signers: list([signer(1), signer(2)]), count: 4 };
    vec![
        golden("RequestStatus", Request::Status { nonce: nonce() }),
        golden("RequestConfigure", Request::Configure { manifest: endorsed(&manifest()), signer: signer(1) }),
        golden("RequestAttest", Request::Attest { nonce: bytes(b"challenge") }),
        golden("RequestStart", Request::Start { order: endorsed(&start_order()), policy: endorsed(&policy()) }),
        golden("RequestChallenge", Request::Challenge),
        golden("RequestIntroduce", Request::Introduce { peer: introduction() }),
        golden("RequestSealSignerKey", Request::SealSignerKey),
        golden("RequestPresent", Request::Present { blob: blob(share()), certificate: Some(certificate()) }),
        golden("RequestPresentNew", Request::Present { blob: blob(share()), certificate: None }),
        golden("RequestUnwrapped", Request::Unwrapped { ticket: 1, envelopes: list([Some(bytes(b"envelope")), None]) }),
        golden("RequestApplyPolicy", Request::ApplyPolicy { policy: endorsed(&policy()) }),
        golden("RequestOpenKeygen", Request::OpenKeygen { request: requested() }),
        golden("RequestStartKeygen", Request::StartKeygen { nonces: list([contribution]) }),
        golden("RequestDeliver", Request::Deliver { from: signer(1), frame: sealed_frame() }),
        golden("RequestKeygen", Request::Keygen { ceremony: ceremony() }),
        golden("RequestAbandon", Request::Abandon { nonce: nonce() }),
        golden("RequestCertify", Request::Certify { certificate: certificate() }),
        golden("RequestCommit", Request::Commit { key: key(), count: 64 }),
        golden("RequestSign", Request::Sign { items: list([item]) }),
        golden("RequestOpenPresigning", open_presigning),
        golden("RequestStartPresigning", Request::StartPresigning { nonces: list([contribution]) }),
        golden("RequestPresigning", Request::Presigning { ceremony: ceremony() }),
        golden("RequestPair", Request::Pair { peer: signer(2) }),
        golden("RequestReview", Request::Review { request: requested(), approvals: list([approval()]) }),
        golden("RequestWithdraw", Request::Withdraw { request: requested(), withdrawal: approval() }),
        golden("RequestClose", Request::Close { closing: endorsed(&closing(Scope::Group)) }),
        golden("RequestRevoke", Request::Revoke { delegation: delegation(), withdrawal: approval() }),
        golden("RequestOpen", Request::Open { opening: endorsed(&opening()) }),
        golden("RequestRecover", Request::Recover { recovery: recovery(), approvals: list([approval()]) }),
        golden("RequestCancelRecoveryByHolder", cancel_recovery(Canceller::Holder(approval()))),
        golden("RequestCancelRecoveryByOperator", cancel_recovery(Canceller::Operator(endorsed(&cancellation())))),
    ]
}

fn replies() -> Vec<Golden> {
    let done = |body| Reply { outcome: Outcome::Done(body), outbox: List::new(), receipt: None };
    let full = Reply {
        outcome: Outcome::Refused(Refusal::CeremonyFailed),
        outbox: list([Envelope { to: signer(2), frame: sealed_frame() }]),
        receipt: Some(receipt()),
    };
    let unwrap = Body::Unwrap { ticket: 1, document: bytes(b"document"), wraps: list([wrap()]) };
    let sealed = KeygenState::Sealed { blob: blob(share()), certificate: certificate_body() };
    let failed = |culprit| KeygenState::Failed { refusal: Refusal::EchoMismatch, culprit };
    let culprit = Some(signer(2));
    let barred =
        PresigningState::Failed { refusal: Refusal::PairBarred, culprit, barred: culprit, suspects: List::new() };
    let suspects = list([signer(2), signer(3)]);
    let unsettled = PresigningState::Failed { refusal: Refusal::CeremonyFailed, culprit: None, barred: None, suspects };
    let outcomes = [SignOutcome::Released(list([bytes(b"share")])), SignOutcome::Refused(Refusal::KeyUnknown)];
    vec![
        golden("ReplyNothing", done(Body::Nothing)),
        golden("ReplyRefused", full),
        golden("ReplyStatus", done(Body::Status(SignedStatus { body: bytes(b"status"), signature: signature(1) }))),
        golden("ReplyIntroduction", done(Body::Introduction(introduction()))),
        golden("ReplyChallenge", done(Body::Challenge(nonce()))),
        golden("ReplySealed", done(Body::Sealed(blob(Content::SignerKey)))),
        golden("ReplyUnwrap", done(unwrap)),
        golden("ReplyCertified", done(Body::Certified(certificate_signature()))),
        golden("ReplyCeremonyNonce", done(Body::CeremonyNonce(nonce()))),
        golden("ReplyCeremonyStarted", done(Body::CeremonyStarted(ceremony()))),
        golden("ReplyKeygenRunning", done(Body::Keygen(KeygenState::Running))),
        golden("ReplyKeygenSealed", done(Body::Keygen(sealed))),
        golden("ReplyKeygenFailed", done(Body::Keygen(failed(Some(signer(2)))))),
        golden("ReplyKeygenFailedByNobody", done(Body::Keygen(failed(None)))),
        golden("ReplyCommitments", done(Body::Commitments(list([bytes(b"commitment")])))),
        golden("ReplySigned", done(Body::Signed(list(outcomes)))),
        golden("ReplyReview", done(Body::Review(review()))),
        golden("ReplyPresigningRunning", done(Body::Presigning(PresigningState::Running))),
        golden("ReplyPresigningMade", done(Body::Presigning(PresigningState::Made))),
        golden("ReplyPresigningFailed", done(Body::Presigning(barred))),
        golden("ReplyPresigningUnsettled", done(Body::Presigning(unsettled))),
    ]
}

fn peers() -> Vec<Golden> {
    let answer = PairRound::Commit { nonce: nonce(), commitment: hash(1), answers: Some(nonce()) };
    let message = |round| PeerMessage::Ceremony(CeremonyMessage { ceremony: ceremony(), round });
    vec![
        golden("PeerInitiate", PeerFrame::Initiate(bytes(b"e"))),
        golden("PeerRespond", PeerFrame::Respond(bytes(b"e"))),
        golden("PeerSealed", sealed_frame()),
        golden("CeremonyCommitment", message(Round::Commitment(hash(2)))),
        golden("CeremonyBroadcast", message(Round::Broadcast(bytes(b"package")))),
        golden("CeremonyEcho", message(Round::Echo(hash(1)))),
        golden("CeremonyShare", message(Round::Share(secret_bytes(b"share")))),
        golden("CeremonyExtensions", message(Round::Extensions(secret_bytes(b"extensions")))),
        golden("CeremonyMultiplications", message(Round::Multiplications(secret_bytes(b"multiplications")))),
        golden(
            "PairCommit",
            PeerMessage::Pair(PairRound::Commit { nonce: nonce(), commitment: hash(1), answers: None }),
        ),
        golden("PairCommitAnswer", PeerMessage::Pair(answer)),
        golden("PairAsk", PeerMessage::Pair(PairRound::Ask)),
        golden("PairOpen", PeerMessage::Pair(PairRound::Open { to: nonce(), opening: secret_bytes(b"opening") })),
    ]
}

fn manifest() -> Manifest {
    let slot = |id| SignerSlot { id: signer(id), pcr3: pcr(3), kms: list([kms_key("a"), kms_key("b")]) };
    let release = Measurements { pcr0: pcr(0), pcr1: pcr(1), pcr2: pcr(2), pcr8: None };
    let (operators, signers) = (list([public_key(1), public_key(2)]), list([slot(1), slot(2)]));
    Manifest { group: group(), threshold: 2, signers, operators, quorum: 2, release }
}

fn kms_key(name: &str) -> KmsKey {
    KmsKey { arn: arn(name), spki: bytes(b"spki") }
}

fn start_order() -> StartOrder {
    StartOrder {
        group: group(),
        manifest: hash(1),
        kind: StartKind::Restart { genesis: hash(3) },
        incarnation: Incarnation(2),
        roster: list([RosterEntry { signer: signer(1), boot: boot() }]),
        policy: hash(2),
        issued_at: at(),
    }
}

fn policy() -> Policy {
    let tenants = list([TenantPolicy::new("abc".parse().unwrap()), tenant_policy()]);
    Policy { group: group(), manifest: hash(1), version: PolicyVersion(2), previous: Some(hash(2)), tenants }
}

/// Of everything that a tenant's part may have, at least one.
fn tenant_policy() -> TenantPolicy {
    let guardians = Some(Quorum { set: name("finance"), count: 1, delay_ms: 3_600_000 });
    let members = [Member { guardians, ..member("cfo", 4) }, member("treasurer", 3)];
    let set = MemberSet { name: "finance".parse().unwrap(), members: list(["cfo", "treasurer"].map(name)) };
    let friends = AccountList { name: "friends".parse().unwrap(), accounts: list(accounts()) };
    let table = LookupTable { address: hash(5), addresses: list([hash(6), hash(7)]) };
    TenantPolicy {
        tenant: tenant(),
        members: list(members),
        key_creators: list([requester()]),
        sets: list([set]),
        lists: list([friends]),
        limits: list(limits()),
        tables: list([table]),
        rules: list(rules()),
    }
}

fn member(name: &str, key: u8) -> Member {
    Member { name: name.parse().unwrap(), credential: public_key(key).into(), guardians: None }
}

fn accounts() -> [Account; 5] {
    [
        Account::Ethereum(EthereumAccount::from_bytes([1; 20])),
        Account::Solana(SolanaAccount::from_bytes([2; 32])),
        Account::Cosmos("cosmos1friend".parse().unwrap()),
        Account::Bitcoin(bytes(&[0x51, 0x20, 3])),
        Account::Channel("channel-1/osmo1friend".parse().unwrap()),
    ]
}

fn limits() -> Vec<Limit> {
    let chain_id = || "cosmoshub-4".parse().unwrap();
    let networks = [
        (Network::Bitcoin, Per::Tenant),
        (Network::Solana, Per::Key),
        (Network::Ethereum { chain_id: 1 }, Per::Requester),
        (Network::Cosmos { chain_id: chain_id() }, Per::Tenant),
    ];
    let spending = networks.into_iter().zip(assets()).zip(0_u8..).map(|(((network, per), asset), number)| {
        let measure = Measure::Spending { network, asset, most: quantity(1000) };
        Limit { name: format!("daily-{number}").parse().unwrap(), measure, window_ms: 86_400_000, per }
    });
    let measure = Measure::Requests { most: 5 };
    let requests = Limit { name: "few".parse().unwrap(), measure, window_ms: 60_000, per: Per::Key };
    spending.chain([requests]).collect()
}

fn assets() -> [AssetName; 4] {
    let [contract, mint, ..] = accounts();
    [
        AssetName::Native,
        AssetName::Token(mint),
        AssetName::Collection(contract),
        AssetName::Denomination("uatom".parse().unwrap()),
    ]
}

/// One with every condition, and the other verdicts.
fn rules() -> Vec<Rule> {
    let quorum = Quorum { set: "finance".parse().unwrap(), count: 2, delay_ms: 3_600_000 };
    let full = Rule {
        name: "full".parse().unwrap(),
        requesters: Some(list([requester()])),
        keys: Some(list([key_name()])),
        paths: Paths::Below(list([0, 5])),
        payloads: Some(list(permissions())),
        effects: Some(Effects { quantifier: Quantifier::Every, patterns: list(patterns()) }),
        spends: Some(list([Amount { asset: AssetName::Native, most: quantity(256) }])),
        fee: Some(quantity(0)),
        fee_rate: Some(100),
        hours: Some(Hours { days: 0b1_1111, from: 540, until: 1020 }),
        within: list(["daily-0", "few"].map(name)),
        verdict: Verdict::Approve(quorum),
    };
    let bare = |name: &str, paths, verdict| Rule {
        name: name.parse().unwrap(),
        requesters: None,
        keys: None,
        paths,
        payloads: None,
        effects: None,
        spends: None,
        fee: None,
        fee_rate: None,
        hours: None,
        within: List::new(),
        verdict,
    };
    let calls = Effects { quantifier: Quantifier::Some, patterns: list([pattern(EffectKind::Call)]) };
    let denies = Rule { effects: Some(calls), ..bare("denies", Paths::Any, Verdict::Deny) };
    vec![full, denies, bare("allows", Paths::Exactly(list([])), Verdict::Allow)]
}

fn permissions() -> [Permission; 10] {
    [
        Permission::Message,
        Permission::Solana,
        Permission::Bitcoin { foreign: ForeignInputs::Refused },
        Permission::Bitcoin { foreign: ForeignInputs::LeftAlone },
        Permission::Ethereum { chain_id: 1 },
        Permission::EthereumMessage,
        Permission::TypedData { domain: hash(4) },
        Permission::Cosmos { chain_id: "cosmoshub-4".parse().unwrap() },
        Permission::Authorization { chain_id: 1 },
        Permission::UserOperation { chain_id: 1, account: EthereumAccount::from_bytes([1; 20]) },
    ]
}

fn pattern(kind: EffectKind) -> Pattern {
    Pattern { kind, assets: None, with: None, most: None, functions: None }
}

fn patterns() -> Vec<Pattern> {
    use EffectKind as K;
    let [account, ..] = accounts();
    let with = [Counterparty::Account(account), Counterparty::List("friends".parse().unwrap()), Counterparty::Signer];
    let transfer = Pattern { assets: Some(list(assets())), most: Some(quantity(7)), ..pattern(K::Transfer) };
    let checks = [Check::Equals(hash(8)), Check::AtMost(quantity(9)), Check::In("friends".parse().unwrap())];
    let arguments = list((0..).zip(checks).map(|(word, check)| Argument { word, check }));
    let function = Function { selector: Selector::from_bytes([0xa9, 0x05, 0x9c, 0xbb]), arguments };
    let call = Pattern { functions: Some(list([function])), ..pattern(K::Call) };
    let kinds =
        [K::Allowance, K::Operator, K::Creation, K::Delegation, K::Agreement, K::Stake, K::TokenAccount, K::Anything]
            .map(pattern);
    [Pattern { with: Some(list(with)), ..transfer }, call].into_iter().chain(kinds).collect()
}

fn quantity(amount: u16) -> Quantity {
    let mut number = [0; 32];
    number[30..].copy_from_slice(&amount.to_be_bytes());
    Quantity::from_be_bytes(number)
}

fn charge() -> Charge {
    let until = at().plus(86_400_000);
    Charge { limit: name("daily-0"), window: hash(5), same: hash(6), amount: quantity(300), until }
}

fn released() -> Event {
    Event::Released {
        request: hash(1),
        id: request_id(),
        key: key(),
        package: hash(2),
        tenant: tenant(),
        rule: name("full"),
        approved: list(["cfo", "treasurer"].map(name)),
        effects: hash(3),
        charges: list([charge()]),
        session: None,
        requester: requester(),
        attempt: 1,
        not_after: at().plus(60_000),
    }
}

fn approved() -> Event {
    let (signable_at, not_after) = (at().plus(30_000), at().plus(60_000));
    let (tenant, requester) = (tenant(), requester());
    Event::Approved { request: hash(1), rule: name("full"), signable_at, not_after, tenant, requester }
}

fn approval_body() -> ApprovalBody {
    let (group, member, at) = (group(), name("cfo"), at());
    ApprovalBody { group, request: hash(1), policy: hash(2), member, stance: Stance::Approve, at }
}

fn approval() -> Approval {
    Approval::sign(&approval_body(), &secret(4)).unwrap()
}

fn waiting(signable_at: Option<UnixMillis>) -> Standing {
    Standing::Waiting { set: name("finance"), needed: 2, approved: list([name("cfo")]), signable_at }
}

fn review_body(rule: Option<&str>, standing: Standing) -> ReviewBody {
    ReviewBody {
        boot: boot(),
        request: hash(1),
        policy: PolicyVersion(2),
        policy_hash: hash(2),
        at: at(),
        rendering: bytes(b"with key hot"),
        rule: rule.map(name),
        standing,
    }
}

fn review() -> Review {
    Review { body: bytes(b"review"), signature: signature(1) }
}

fn name<T: FromStr<Err: core::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

fn endorsed<T: cloister_wire::endorsement::Endorsable>(document: &T) -> Endorsed<T> {
    let mut endorsed = Endorsed::new(document).unwrap();
    endorsed.sign(0, &secret(1)).unwrap();
    endorsed
}

fn sign_request() -> SignRequest {
    SignRequest {
        group: group(),
        tenant: tenant(),
        key: key(),
        path: list([]),
        chain: Chain::Message,
        purpose: Purpose::Message,
        payload: bytes(b"hello"),
        requester: requester(),
        id: request_id(),
        issued_at: at(),
        not_after: at().plus(60_000),
        session: None,
    }
}

fn typed_data_request() -> SignRequest {
    let (chain, purpose) = (Chain::Ethereum, Purpose::TypedData);
    SignRequest { path: list([44, 60, 0, 0, 1]), chain, purpose, ..sign_request() }
}

fn key_request() -> KeyRequest {
    KeyRequest {
        group: group(),
        tenant: tenant(),
        name: key_name(),
        scheme: Scheme::Secp256k1Taproot,
        requester: requester(),
        id: request_id(),
        issued_at: at(),
        not_after: at().plus(60_000),
    }
}

fn requested() -> Requested {
    Requested::sign(&sign_request(), &secret(3)).unwrap()
}

/// The base point.
fn closing(scope: Scope) -> Closing {
    Closing { group: group(), manifest: hash(1), scope, nonce: nonce() }
}

fn delegation_body() -> DelegationBody {
    let [.., scope] = &rules()[..] else { panic!("a rule that allows") };
    DelegationBody {
        group: group(),
        tenant: tenant(),
        by: requester(),
        session: Credential::P256(p256_key()),
        scope: scope.clone(),
        from: at(),
        until: at().plus(3_600_000),
    }
}

fn delegation() -> Delegation {
    Delegation { body: bytes(&codec::encode(&delegation_body())), proof: Proof::Ed25519(signature(3)) }
}

fn opening() -> Opening {
    Opening { group: group(), manifest: hash(1), closings: list([hash(2), hash(3)]) }
}

fn recovery_body() -> RecoveryBody {
    RecoveryBody {
        group: group(),
        tenant: tenant(),
        member: requester(),
        replaces: Credential::Ed25519(public_key(3)).hash(),
        credential: Credential::P256(p256_key()),
        nonce: nonce(),
        issued_at: at(),
        not_after: at().plus(60_000),
    }
}

fn recovery() -> Recovery {
    Recovery::new(&recovery_body()).unwrap()
}

fn cancellation() -> Cancellation {
    Cancellation { group: group(), manifest: hash(1), recovery: recovery().hash() }
}

fn cancel_recovery(by: Canceller) -> Request {
    Request::CancelRecovery { recovery: recovery(), by }
}

fn recovery_begun() -> Event {
    let RecoveryBody { tenant, member, replaces, credential, not_after, .. } = recovery_body();
    let (recovery, effective_at, approved) = (recovery().hash(), at().plus(3_600_000), list([name("cfo")]));
    Event::RecoveryBegun { recovery, tenant, member, base: replaces, credential, effective_at, approved, not_after }
}

fn recovery_cancelled(by: Option<Requester>) -> Event {
    Event::RecoveryCancelled { recovery: recovery().hash(), by, not_after: at().plus(60_000), tenant: tenant() }
}

fn p256_key() -> P256Key {
    let point = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    P256Key::from_bytes(&hex::decode(point).unwrap()).unwrap()
}

fn passkey(key: PasskeyKey) -> Passkey {
    let origins = list(["https://example.org".parse().unwrap(), "https://sub.example.org:8443".parse().unwrap()]);
    Passkey { key, rp_id: "example.org".parse().unwrap(), origins }
}

fn assertion() -> Assertion {
    Assertion {
        authenticator_data: bytes(b"authenticator data"),
        client_data: bytes(b"{\"type\":\"webauthn.get\"}"),
        signature: bytes(b"signature"),
    }
}

fn statement() -> BootStatement {
    let keys = BootKeys { identity: public_key(4), channel: hash(5), recipient: hash(6) };
    let proof = Some(SignerProof { key: public_key(7), signature: signature(8) });
    BootStatement { group: group(), manifest: hash(1), signer: signer(1), keys, proof }
}

fn introduction() -> Introduction {
    Introduction { statement: bytes(b"statement"), document: bytes(b"document") }
}

fn share() -> Content {
    Content::Share { key: key(), scheme: Scheme::Ed25519, epoch: Epoch(0) }
}

fn blob(content: Content) -> SealedBlob {
    let context =
        BlobContext { format: 1, group: group(), manifest: hash(1), signer: signer(1), generation: 1, content };
    SealedBlob {
        context,
        nonce: GcmNonce([9; 12]),
        ciphertext: bytes(b"ciphertext"),
        wraps: list([wrap()]),
        sealer: introduction(),
        signature: signature(1),
    }
}

fn wrap() -> Wrap {
    Wrap { arn: arn("a"), ciphertext: bytes(b"wrap") }
}

fn certificate_body() -> CertificateBody {
    CertificateBody {
        group: group(),
        manifest: hash(1),
        key: key(),
        tenant: tenant(),
        name: key_name(),
        scheme: Scheme::Secp256k1Schnorr,
        epoch: Epoch(0),
        threshold: 2,
        ceremony: ceremony(),
        transcript: hash(2),
        public_key: bytes(&[2; 33]),
        public_package: bytes(b"package"),
        chain_code: hash(3),
    }
}

fn certificate() -> Certificate {
    Certificate { body: bytes(b"certificate"), signatures: list([certificate_signature()]) }
}

fn certificate_signature() -> CertificateSignature {
    CertificateSignature { signer: signer(1), boot: boot(), by_boot: signature(1), by_signer: signature(2) }
}

fn status_body() -> StatusBody {
    StatusBody {
        nonce: nonce(),
        boot: boot(),
        phase: Phase::Active,
        signer: Some(signer(1)),
        manifest: Some(hash(1)),
        incarnation: Some(Incarnation(2)),
        policy: Some(PolicyVersion(3)),
        receipts: Sequence(4),
        head: Some(hash(2)),
        at: at(),
        keys: 5,
        policy_hash: Some(hash(3)),
    }
}

fn blank_status_body() -> StatusBody {
    let (phase, receipts) = (Phase::Blank, Sequence(0));
    StatusBody {
        phase,
        signer: None,
        manifest: None,
        incarnation: None,
        policy: None,
        receipts,
        head: None,
        keys: 0,
        policy_hash: None,
        ..status_body()
    }
}

fn receipt() -> Receipt {
    Receipt { body: bytes(b"receipt"), signature: signature(1), entries: list([Entry::Withheld(hash(1))]) }
}

/// With the body that its boot signs.
fn receipt_of(event: Event) -> Receipt {
    let entries = [Entry::Shown(event)];
    let body = ReceiptBody { events: Receipt::digest(&entries), ..receipt_body() };
    Receipt { body: bytes(&codec::encode(&body)), entries: list(entries), ..receipt() }
}

fn receipt_body() -> ReceiptBody {
    ReceiptBody {
        boot: boot(),
        sequence: Sequence(1),
        previous: Some(hash(9)),
        at: at(),
        image: pcr(0),
        policy: PolicyVersion(1),
        events: hash(1),
    }
}

fn sealed_frame() -> PeerFrame {
    PeerFrame::Sealed { counter: Counter(3), pieces: list([bytes(b"ciphertext"), bytes(b"second")]) }
}

fn package() -> Package {
    list([1, 2].map(|id| SignerCommitment { signer: signer(id), commitment: bytes(hash(5).as_bytes()) }))
}

fn group() -> GroupId {
    GroupId::from_bytes(*b"the golden group")
}

fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

fn pcr(byte: u8) -> Pcr {
    Pcr::from_bytes([byte; 48])
}

fn key() -> KeyId {
    KeyId::from_bytes([0xaa; 32])
}

fn boot() -> BootId {
    BootId::from_bytes([0xbb; 32])
}

fn ceremony() -> CeremonyId {
    CeremonyId::from_bytes([0xcc; 32])
}

fn nonce() -> Nonce {
    Nonce::from_bytes([0xdd; 32])
}

fn request_id() -> RequestId {
    RequestId::from_bytes([0xee; 16])
}

fn at() -> UnixMillis {
    UnixMillis(1_767_225_600_000)
}

fn signer(id: u16) -> SignerId {
    id.try_into().unwrap()
}

fn tenant() -> Tenant {
    "acme".parse().unwrap()
}

fn requester() -> Requester {
    "treasurer".parse().unwrap()
}

fn key_name() -> KeyName {
    "hot".parse().unwrap()
}

fn arn(name: &str) -> Arn {
    format!("arn:aws:kms:eu-central-1:111122223333:key/{name}").parse().unwrap()
}

fn secret(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn public_key(byte: u8) -> PublicKey {
    PublicKey::of(&secret(byte))
}

fn signature(byte: u8) -> Signature {
    Signature::from_bytes([byte; 64])
}

fn bytes<const MAX: usize>(bytes: &[u8]) -> Bytes<MAX> {
    bytes.try_into().unwrap()
}

fn secret_bytes<const MAX: usize>(bytes: &[u8]) -> SecretBytes<MAX> {
    bytes.try_into().unwrap()
}

fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> List<T, MAX> {
    items.into_iter().collect::<Vec<_>>().try_into().unwrap()
}
