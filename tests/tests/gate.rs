//! The one gate (P3): for each of its rules, a request that breaks this rule alone. Without the rule, its test fails.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use cloister_tests::{
    charter::{
        ANY_CHAIN, CLERK, HOUR, MODULE, NOW, PERSON, RIVAL, SOLANA_ONLY, TENANT, TREASURER, bytes, list, requested,
        requester, secret, signer, tenant_named,
    },
    group::Group,
    hardware,
    machine::refusal,
    payload::{solana_transfer, taproot_psbt},
};
use cloister_wire::{
    bounded::List,
    codec,
    credential::Proof,
    ids::{GroupId, KeyId, UnixMillis},
    limits::{self, REQUEST_LIFE_MS},
    message::{Body, Outcome, Request, SignItem, SignOutcome},
    policy::TenantPolicy,
    receipt::Event,
    refusal::Refusal,
    request::{Chain, KeyRequest, Purpose, Requested, Scheme, SignRequest},
    signature::Signature,
    tag::Tag,
};

/// The group was started at [`NOW`]; this is its present.
const PRESENT: UnixMillis = UnixMillis(NOW.0 + 2 * HOUR);
const SKEW_MS: u64 = 60_000;

/// A group with a key of each scheme, which all tests here ask in turn: what is refused changes nothing.
struct Stage {
    group: Group,
    keys: [KeyId; 3],
    solana_only: KeyId,
    next: u8,
}

fn stage() -> MutexGuard<'static, Stage> {
    static STAGE: LazyLock<Mutex<Stage>> = LazyLock::new(|| {
        let mut group = Group::founded(2, 2, 1);
        let keys = ANY_CHAIN.map(|(name, scheme)| group.make_key(name, scheme));
        let solana_only = group.make_key(SOLANA_ONLY, Scheme::Ed25519);
        group.now = PRESENT;
        Mutex::new(Stage { group, keys, solana_only, next: 0 })
    });
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    fn key(&self, scheme: Scheme) -> KeyId {
        self.keys[ANY_CHAIN.iter().position(|(_, of)| *of == scheme).unwrap()]
    }

    /// A request that every rule allows.
    fn transfer(&mut self) -> SignRequest {
        let key = self.key(Scheme::Ed25519);
        let payload = solana_transfer(&self.group.keys[&key].verifying_key(), 5);
        self.request(key, Chain::Solana, &payload)
    }

    fn request(&mut self, key: KeyId, chain: Chain, payload: &[u8]) -> SignRequest {
        self.next += 1;
        self.group.charter.sign_request(key, chain, payload, self.next, PRESENT)
    }

    /// The first signer's verdict, with fresh commitments for one digest.
    fn verdict(&mut self, request: &Requested, key: KeyId) -> Result<(), Refusal> {
        let packages = self.group.commit(key, &[signer(1), signer(2)], 1);
        match self.group.sign(signer(1), request, &packages) {
            SignOutcome::Released(_) => Ok(()),
            SignOutcome::Refused(refusal) => Err(refusal),
        }
    }
}

/// What becomes of the transfer when it is altered, and signed by whoever it then names.
fn altered(alter: impl FnOnce(&mut SignRequest)) -> Result<(), Refusal> {
    let mut stage = stage();
    let mut request = stage.transfer();
    let key = request.key;
    alter(&mut request);
    stage.verdict(&requested(&request, request.requester.as_str()), key)
}

/// What becomes of a payload.
fn payload(scheme: Scheme, chain: Chain, payload: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<(), Refusal> {
    let mut stage = stage();
    let key = stage.key(scheme);
    let payload = payload(&stage.group.keys[&key].verifying_key());
    let request = stage.request(key, chain, &payload);
    stage.verdict(&requested(&request, TREASURER), key)
}

/// What becomes of a request for a key when it is altered, and signed by whoever it then names.
fn key_request(alter: impl FnOnce(&mut KeyRequest)) -> Result<(), Refusal> {
    let mut stage = stage();
    let mut request = stage.group.charter.key_request("new", Scheme::Ed25519, PRESENT);
    alter(&mut request);
    let request = requested(&request, request.requester.as_str());
    let reply = stage.group.ask(signer(1), Request::OpenKeygen { request });
    if let Outcome::Done(Body::CeremonyNonce(nonce)) = reply.outcome {
        stage.group.done(signer(1), Request::Abandon { nonce });
    }
    refusal(&reply).map_or(Ok(()), Err)
}

#[test]
fn grants_what_every_rule_allows() {
    assert_eq!(altered(|_| {}), Ok(()));
    assert_eq!(key_request(|_| {}), Ok(()));
}

#[test]
fn refuses_an_encoding_that_is_not_canonical_even_if_it_was_signed() {
    let mut stage = stage();
    let request = stage.transfer();
    let canonical = codec::encode(&request);
    let trailing = [&canonical[..], &[0]].concat();
    let long_header = [&[0x98, canonical[0] - 0x80], &canonical[1..]].concat();
    for body in [trailing, long_header] {
        let signature = Signature::sign(&secret(TREASURER), Tag::SIGN_REQUEST, &body);
        let verdict = stage.verdict(
            &Requested { body: bytes(&body), proof: Proof::Ed25519(signature), delegation: None },
            request.key,
        );
        assert_eq!(verdict, Err(Refusal::Malformed));
    }
}

#[test]
fn refuses_a_requester_whom_the_policy_does_not_name() {
    assert_eq!(altered(|request| request.requester = requester("stranger")), Err(Refusal::RequesterUnknown));
    assert_eq!(key_request(|request| request.requester = requester("stranger")), Err(Refusal::RequesterUnknown));
}

#[test]
fn refuses_a_request_that_another_signed_in_its_requesters_name() {
    let mut stage = stage();
    let request = stage.transfer();
    assert_eq!(stage.verdict(&requested(&request, CLERK), request.key), Err(Refusal::RequestSignature));
}

#[test]
fn refuses_a_request_whose_bytes_were_altered_after_signing() {
    let mut stage = stage();
    let request = stage.transfer();
    let signed = requested(&request, TREASURER);
    let more = SignRequest {
        payload: bytes(&solana_transfer(&stage.group.keys[&request.key].verifying_key(), 500)),
        ..request.clone()
    };
    let altered = Requested { body: requested(&more, TREASURER).body, ..signed };
    assert_eq!(stage.verdict(&altered, request.key), Err(Refusal::RequestSignature));
}

#[test]
fn refuses_a_signature_made_for_another_kind_of_request() {
    let mut stage = stage();
    let request = stage.transfer();
    let body = requested(&request, TREASURER).body;
    let signature = Signature::sign(&secret(TREASURER), Tag::KEY_REQUEST, body.as_slice());
    let proof = Proof::Ed25519(signature);
    assert_eq!(
        stage.verdict(&Requested { body, proof, delegation: None }, request.key),
        Err(Refusal::RequestSignature)
    );
}

#[test]
fn takes_a_request_that_a_security_module_signed_with_p256() {
    let mut stage = stage();
    let request = SignRequest { requester: requester(MODULE), ..stage.transfer() };
    let signed = hardware::module().request(&request).expect("short enough");
    assert_eq!(stage.verdict(&signed, request.key), Ok(()));
    let other = SignRequest { not_after: request.not_after.plus(1), ..request.clone() };
    let Requested { body, .. } = requested(&other, MODULE);
    assert_eq!(stage.verdict(&Requested { body, ..signed }, request.key), Err(Refusal::RequestSignature));
}

#[test]
fn takes_a_request_that_a_person_confirmed_with_a_passkey_on_the_right_page() {
    let mut stage = stage();
    let request = SignRequest { requester: requester(PERSON), ..stage.transfer() };
    let confirmed = hardware::person().request(&request);
    assert_eq!(stage.verdict(&confirmed, request.key), Ok(()));
    let hash = confirmed.hash::<SignRequest>();
    let elsewhere = hardware::person().confirm(&hash, "https://phishing.example");
    let other_challenge = hardware::person().confirm(&Tag::KEY_REQUEST.hash(confirmed.body.as_slice()), hardware::PAGE);
    for proof in [elsewhere, other_challenge] {
        let forged = Requested { proof, ..confirmed.clone() };
        assert_eq!(stage.verdict(&forged, request.key), Err(Refusal::RequestSignature));
    }
}

#[test]
fn refuses_a_proof_of_another_kind_than_the_requesters_credential() {
    let mut stage = stage();
    for name in [TREASURER, MODULE, PERSON] {
        let request = SignRequest { requester: requester(name), ..stage.transfer() };
        let proofs = [
            (TREASURER, requested(&request, TREASURER)),
            (MODULE, hardware::module().request(&request).expect("short enough")),
            (PERSON, hardware::person().request(&request)),
        ];
        for (by, proved) in proofs.into_iter().filter(|(by, _)| *by != name) {
            let verdict = stage.verdict(&proved, request.key);
            assert_eq!(verdict, Err(Refusal::RequestSignature), "{name}'s request, proved by {by}");
        }
    }
}

#[test]
fn refuses_a_request_for_another_group() {
    assert_eq!(altered(|request| request.group = GroupId::from_bytes([9; 16])), Err(Refusal::WrongGroup));
    assert_eq!(key_request(|request| request.group = GroupId::from_bytes([9; 16])), Err(Refusal::WrongGroup));
}

#[test]
fn refuses_a_requester_who_names_another_tenant_than_its_own() {
    assert_eq!(altered(|request| request.requester = requester(RIVAL)), Err(Refusal::TenantMismatch));
    assert_eq!(key_request(|request| request.requester = requester(RIVAL)), Err(Refusal::TenantMismatch));
}

#[test]
fn refuses_a_key_of_another_tenant_than_the_request_names() {
    let rivals = |request: &mut SignRequest| {
        request.requester = requester(RIVAL);
        request.tenant = tenant_named("rivals");
    };
    assert_eq!(altered(rivals), Err(Refusal::TenantMismatch));
}

#[test]
fn refuses_a_request_from_the_future_beyond_the_allowed_skew() {
    let issued = |at: u64| move |request: &mut SignRequest| request.issued_at = UnixMillis(at);
    assert_eq!(altered(issued(PRESENT.0 + SKEW_MS)), Ok(()));
    assert_eq!(altered(issued(PRESENT.0 + SKEW_MS + 1)), Err(Refusal::NotYetValid));
}

#[test]
fn refuses_a_request_that_lives_longer_than_a_day_or_ends_before_it_begins() {
    let until = |end: UnixMillis| move |request: &mut SignRequest| request.not_after = end;
    assert_eq!(altered(until(PRESENT.plus(REQUEST_LIFE_MS))), Ok(()));
    assert_eq!(altered(until(PRESENT.plus(REQUEST_LIFE_MS + 1))), Err(Refusal::LifeTooLong));
    assert_eq!(altered(until(UnixMillis(u64::MAX))), Err(Refusal::LifeTooLong));
    let ends_at_once = |request: &mut SignRequest| {
        request.issued_at = PRESENT.plus(SKEW_MS);
        request.not_after = request.issued_at;
    };
    assert_eq!(altered(ends_at_once), Err(Refusal::LifeTooLong));
}

#[test]
fn refuses_a_request_that_has_expired() {
    let lived = |until: UnixMillis| {
        move |request: &mut SignRequest| {
            request.issued_at = NOW;
            request.not_after = until;
        }
    };
    assert_eq!(altered(lived(PRESENT.plus(1))), Ok(()));
    assert_eq!(altered(lived(PRESENT)), Err(Refusal::Expired));
}

#[test]
fn refuses_a_request_made_before_the_group_was_last_started() {
    let issued = |at: u64| move |request: &mut SignRequest| request.issued_at = UnixMillis(at);
    assert_eq!(altered(issued(NOW.0)), Ok(()));
    assert_eq!(altered(issued(NOW.0 - 1)), Err(Refusal::BeforeStart));
}

#[test]
fn refuses_a_key_that_it_does_not_hold() {
    assert_eq!(altered(|request| request.key = KeyId::from_bytes([9; 32])), Err(Refusal::KeyUnknown));
}

#[test]
fn refuses_a_requester_whom_the_keys_rule_does_not_name() {
    assert_eq!(altered(|request| request.requester = requester(CLERK)), Err(Refusal::NoRule));
}

#[test]
fn refuses_a_chain_that_the_keys_rule_does_not_name() {
    let mut stage = stage();
    let key = stage.solana_only;
    let request = stage.request(key, Chain::Message, b"hello");
    assert_eq!(stage.verdict(&requested(&request, TREASURER), key), Err(Refusal::ChainNotAllowed));
}

#[test]
fn refuses_a_key_that_no_rule_names() {
    let mut stage = stage();
    let present = PRESENT;
    stage.group.now = present;
    let key = stage.group.make_key("without-rule", Scheme::Ed25519);
    let payload = solana_transfer(&stage.group.keys[&key].verifying_key(), 5);
    let request = stage.request(key, Chain::Solana, &payload);
    assert_eq!(stage.verdict(&requested(&request, TREASURER), key), Err(Refusal::NoRule));
}

#[test]
fn refuses_a_child_key_path() {
    assert_eq!(altered(|request| request.path = list([0])), Err(Refusal::PathNotSupported));
}

#[test]
fn refuses_a_purpose_that_does_not_fit_the_chain() {
    assert_eq!(altered(|request| request.purpose = Purpose::Message), Err(Refusal::PurposeMismatch));
    let text_as_transaction = |request: &mut SignRequest| {
        request.chain = Chain::Message;
        request.payload = bytes(b"hello");
    };
    assert_eq!(altered(text_as_transaction), Err(Refusal::PurposeMismatch));
}

#[test]
fn refuses_a_scheme_that_the_chain_does_not_take() {
    let transfer = |_: &[u8]| solana_transfer(&[4; 32], 5);
    let psbt = |_: &[u8]| taproot_psbt(&[&[2; 32]]);
    assert_eq!(payload(Scheme::Secp256k1Taproot, Chain::Solana, transfer), Err(Refusal::SchemeMismatch));
    assert_eq!(payload(Scheme::Secp256k1Schnorr, Chain::Solana, transfer), Err(Refusal::SchemeMismatch));
    assert_eq!(payload(Scheme::Ed25519, Chain::Bitcoin, psbt), Err(Refusal::SchemeMismatch));
    assert_eq!(payload(Scheme::Secp256k1Schnorr, Chain::Bitcoin, psbt), Err(Refusal::SchemeMismatch));
}

#[test]
fn refuses_a_payload_that_cannot_be_parsed() {
    let cut = |mut transaction: Vec<u8>| {
        transaction.pop();
        transaction
    };
    assert_eq!(
        payload(Scheme::Ed25519, Chain::Solana, |key| cut(solana_transfer(key, 5))),
        Err(Refusal::PayloadRejected)
    );
    assert_eq!(
        payload(Scheme::Secp256k1Taproot, Chain::Bitcoin, |key| cut(taproot_psbt(&[&key[1..]]))),
        Err(Refusal::PayloadRejected)
    );
    for scheme in ANY_CHAIN.map(|(_, scheme)| scheme) {
        assert_eq!(payload(scheme, Chain::Message, |_| b"bell \x07".to_vec()), Err(Refusal::PayloadRejected));
    }
}

#[test]
fn refuses_a_solana_message_that_does_not_need_the_keys_signature() {
    assert_eq!(
        payload(Scheme::Ed25519, Chain::Solana, |_| solana_transfer(&[8; 32], 5)),
        Err(Refusal::PayloadRejected)
    );
}

#[test]
fn refuses_a_psbt_of_which_any_input_is_not_the_keys_own() {
    let stranger = bitcoin_key();
    assert_eq!(payload(Scheme::Secp256k1Taproot, Chain::Bitcoin, |key| taproot_psbt(&[&key[1..]])), Ok(()));
    let one_foreign = |key: &[u8]| taproot_psbt(&[&key[1..], &stranger]);
    assert_eq!(payload(Scheme::Secp256k1Taproot, Chain::Bitcoin, one_foreign), Err(Refusal::ForeignInputs));
}

#[test]
fn refuses_a_psbt_that_spends_the_internal_key_without_its_tweak() {
    let mut stage = stage();
    let key = stage.key(Scheme::Secp256k1Taproot);
    let internal = stage.group.keys[&key].body().public_key.into_vec();
    let request = stage.request(key, Chain::Bitcoin, &taproot_psbt(&[&internal[1..]]));
    assert_eq!(stage.verdict(&requested(&request, TREASURER), key), Err(Refusal::PayloadRejected));
}

#[test]
fn refuses_key_creation_by_whom_the_policy_does_not_name_for_it() {
    assert_eq!(key_request(|request| request.requester = requester(CLERK)), Err(Refusal::CreationNotAllowed));
}

#[test]
fn refuses_a_key_name_that_the_tenant_has_already() {
    let taken = |request: &mut KeyRequest| request.name = ANY_CHAIN[0].0.parse().unwrap();
    assert_eq!(key_request(taken), Err(Refusal::KeyNameTaken));
    let another_tenants = |request: &mut KeyRequest| {
        taken(request);
        request.requester = requester(RIVAL);
        request.tenant = tenant_named("rivals");
    };
    assert_eq!(key_request(another_tenants), Ok(()), "names are each tenant's own");
}

#[test]
fn judges_the_life_of_a_key_request_as_that_of_any_other() {
    assert_eq!(key_request(|request| request.issued_at = PRESENT.plus(SKEW_MS + 1)), Err(Refusal::NotYetValid));
    assert_eq!(key_request(|request| request.not_after = PRESENT.plus(REQUEST_LIFE_MS + 1)), Err(Refusal::LifeTooLong));
    assert_eq!(key_request(|request| request.issued_at = UnixMillis(NOW.0 - 1)), Err(Refusal::BeforeStart));
}

#[test]
fn decides_each_request_of_a_batch_by_itself() {
    let mut stage = stage();
    let (good, mut bad) = (stage.transfer(), stage.transfer());
    bad.requester = requester("stranger");
    let mut packages = stage.group.commit(good.key, &[signer(1), signer(2)], 2).into_iter();
    let item = |request: &SignRequest, package| SignItem {
        request: requested(request, request.requester.as_str()),
        packages: list([package]),
        approvals: List::new(),
    };
    let items = list([item(&bad, packages.next().unwrap()), item(&good, packages.next().unwrap())]);
    let Body::Signed(outcomes) = stage.group.done(signer(1), Request::Sign { items }) else { panic!("not decided") };
    assert!(matches!(outcomes.as_slice(), [SignOutcome::Refused(Refusal::RequesterUnknown), SignOutcome::Released(_)]));
}

#[test]
fn leaves_one_receipt_that_names_every_request_of_a_batch_in_order() {
    let mut stage = stage();
    let requests = [stage.transfer(), stage.transfer()].map(|request| requested(&request, TREASURER));
    let key = stage.key(Scheme::Ed25519);
    let packages = stage.group.commit(key, &[signer(1), signer(2)], 2);
    let item = |(request, package): (&Requested, _)| SignItem {
        request: request.clone(),
        packages: list([package]),
        approvals: List::new(),
    };
    let items: Vec<_> = requests.iter().zip(packages).map(item).collect();
    let reply = stage.group.ask(signer(1), Request::Sign { items: items.try_into().unwrap() });
    let receipt = reply.receipt.unwrap();
    let released = receipt.events().map(|event| match event {
        Event::Released { request, .. } => *request,
        other => panic!("{other:?}"),
    });
    assert_eq!(released.collect::<Vec<_>>(), requests.map(|request| request.hash::<SignRequest>()));
}

#[test]
fn leaves_a_receipt_for_a_refusal_only_when_a_known_requester_signed() {
    let mut stage = stage();
    let mut request = stage.transfer();
    request.path = list([1]);
    let packages = stage.group.commit(request.key, &[signer(1), signer(2)], 1);
    let mut events = |request: &Requested| {
        let item = SignItem { request: request.clone(), packages: list(packages.clone()), approvals: List::new() };
        let reply = stage.group.ask(signer(1), Request::Sign { items: list([item]) });
        reply.receipt.map_or(Vec::new(), |receipt| receipt.events().cloned().collect())
    };
    let signed = requested(&request, TREASURER);
    let (request_hash, refusal) = (signed.hash::<SignRequest>(), Refusal::PathNotSupported);
    assert_eq!(events(&signed), [Event::Refused { request: request_hash, refusal, tenant: tenant_named(TENANT) }]);
    assert!(events(&requested(&request, "stranger")).is_empty());
    assert_eq!(TENANT, request.tenant.as_str());
}

/// The x coordinate of a key that the group knows nothing of.
fn bitcoin_key() -> [u8; 32] {
    *k256::elliptic_curve::sec1::ToEncodedPoint::to_encoded_point(&k256::AffinePoint::GENERATOR, true)
        .x()
        .unwrap()
        .as_ref()
}

#[test]
fn a_tenant_takes_no_more_than_its_part_of_the_room_for_keys() {
    let mut group = Group::founded(2, 2, 1);
    group.change_tenants(|tenants| {
        let more = tenants.len()..limits::TENANTS;
        tenants.extend(more.map(|number| TenantPolicy::new(format!("tenant-{number:02}").parse().unwrap())));
        tenants.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    });
    for number in 0..limits::KEYS / limits::TENANTS {
        group.make_key(&format!("key-{number}"), Scheme::Ed25519);
    }
    let request = requested(&group.charter.key_request("one-more", Scheme::Ed25519, group.now), TREASURER);
    assert_eq!(group.refused(signer(1), Request::OpenKeygen { request }), Refusal::Busy);
    let request = group.charter.key_request("theirs", Scheme::Ed25519, group.now);
    let theirs = KeyRequest { tenant: "rivals".parse().unwrap(), requester: requester(RIVAL), ..request };
    group.done(signer(1), Request::OpenKeygen { request: requested(&theirs, RIVAL) });
}
