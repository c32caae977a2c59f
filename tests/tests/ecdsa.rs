//! ECDSA keys in whole groups: what they sign, for which children, and what is refused. Judges: libsecp256k1, `bitcoin` (BIP-32, BIP-143,
//! BIP-340) and Keccak computed here.

use bitcoin::{
    bip32::{ChainCode, ChildNumber, Fingerprint, Xpub},
    secp256k1::{PublicKey, Secp256k1},
};
use cloister_tests::{
    charter::{COSMOS, ECDSA, TREASURER, grant, list, requested, signer},
    group::{Group, released},
    payload::{cosmos_transfer, segwit_psbt, taproot_psbt},
    presigning::package,
    signature::verifies,
};
use cloister_wire::{
    ids::{Hash, KeyId, SignerId},
    message::{Body, Outcome, PresigningState, Request, SignOutcome},
    peer::PeerFrame,
    refusal::Refusal,
    request::{Chain, Purpose, Scheme, SignRequest},
};
use sha2::{Digest as _, Sha256};
use sha3::Keccak256;

/// A transfer on chain 137, made by eth-account.
const TRANSFER: &[u8] = include_bytes!("../../fuzz/seeds/ethereum_transaction/unsigned-eip-1559");
/// The example of EIP-712.
const MAIL: &[u8] = include_bytes!("../../fuzz/seeds/ethereum_typed_data/mail");

/// A 2-of-3 group with an ECDSA key whose pairs are all set up.
fn ready() -> (Group, KeyId) {
    let mut group = Group::founded(2, 3, 1);
    let key = group.make_key(ECDSA, Scheme::Secp256k1Ecdsa);
    group.pair(&group.charter.signers());
    (group, key)
}

fn set(ids: [u16; 2]) -> [SignerId; 2] {
    ids.map(signer)
}

fn transfer(group: &Group, key: KeyId, id: u8) -> SignRequest {
    group.charter.sign_request(key, Chain::Ethereum, TRANSFER, id, group.now)
}

fn outcome(group: &mut Group, request: &SignRequest, by: u16, packages: &[cloister_wire::message::Package]) -> Decided {
    match group.sign(signer(by), &requested(request, TREASURER), packages) {
        SignOutcome::Released(shares) => Ok(shares.iter().map(|share| share.as_slice().to_vec()).collect()),
        SignOutcome::Refused(refusal) => Err(refusal),
    }
}

type Decided = Result<Vec<Vec<u8>>, Refusal>;

fn public_key(group: &Group, key: KeyId) -> [u8; 33] {
    group.keys[&key].verifying_key().try_into().unwrap()
}

/// The child of a certified key, by the `bitcoin` crate.
fn child_by_bitcoin(group: &Group, key: KeyId, path: &[u32]) -> [u8; 33] {
    let body = group.keys[&key].body();
    let root = Xpub {
        network: bitcoin::NetworkKind::Main,
        depth: 0,
        parent_fingerprint: Fingerprint::default(),
        child_number: ChildNumber::Normal { index: 0 },
        public_key: PublicKey::from_slice(body.public_key.as_slice()).unwrap(),
        chain_code: ChainCode::from(*body.chain_code.as_bytes()),
    };
    let path: Vec<_> = path.iter().map(|step| ChildNumber::from_normal_idx(*step).unwrap()).collect();
    root.derive_pub(&Secp256k1::new(), &path).unwrap().public_key.serialize()
}

#[test]
fn a_key_signs_on_every_chain_and_again_after_a_restart() {
    let (mut group, key) = ready();
    let compressed = public_key(&group, key);
    for restarted in [false, true] {
        if restarted {
            group.reboot();
            group.restart();
            group.open_shares(key);
            group.pair(&set([2, 3]));
        }
        let id = u8::from(restarted) * 10;
        let cosmos = cosmos_transfer(&compressed, COSMOS);
        let personal = [b"\x19Ethereum Signed Message:\n5".as_slice(), b"hello"].concat();
        let cases: [(Chain, Purpose, &[u8], [u8; 32]); 3] = [
            (Chain::Ethereum, Purpose::Transaction, TRANSFER, Keccak256::digest(TRANSFER).into()),
            (Chain::Ethereum, Purpose::Message, b"hello", Keccak256::digest(personal).into()),
            (Chain::Cosmos, Purpose::Transaction, &cosmos, Sha256::digest(&cosmos).into()),
        ];
        for (number, (chain, purpose, payload, digest)) in (id..).zip(cases) {
            let mut request = group.charter.sign_request(key, chain, payload, number, group.now);
            request.purpose = purpose;
            let signers = if restarted { set([2, 3]) } else { set([1, 3]) };
            let signature = group.ecdsa_signatures(&request, &signers, 1).remove(0);
            assert!(verifies(Scheme::Secp256k1Ecdsa, &compressed, &digest, &signature), "{chain:?} {purpose:?}");
        }
    }
}

#[test]
fn every_input_of_a_segwit_psbt_is_signed_under_bip_143() {
    let (mut group, key) = ready();
    let compressed = public_key(&group, key);
    let payload = segwit_psbt(&[&compressed, &compressed]);
    let request = group.charter.sign_request(key, Chain::Bitcoin, &payload, 1, group.now);
    let signatures = group.ecdsa_signatures(&request, &set([1, 2]), 2);
    let psbt = bitcoin::Psbt::deserialize(&payload).unwrap();
    let mut cache = bitcoin::sighash::SighashCache::new(&psbt.unsigned_tx);
    for (input, signature) in signatures.iter().enumerate() {
        let (message, _) = psbt.sighash_ecdsa(input, &mut cache).unwrap();
        assert!(verifies(Scheme::Secp256k1Ecdsa, &compressed, message.as_ref(), signature), "input {input}");
    }
}

#[test]
fn children_of_ecdsa_keys_are_those_of_bip_32() {
    let (mut group, key) = ready();
    for (id, path) in (1..).zip([&[0][..], &[0, 5], &[44, 60, 0, 0, 2_147_483_647]]) {
        let mut request = transfer(&group, key, id);
        request.path = list(path.iter().copied());
        let signature = group.ecdsa_signatures(&request, &set([1, 2]), 1).remove(0);
        let child = child_by_bitcoin(&group, key, path);
        assert!(verifies(Scheme::Secp256k1Ecdsa, &child, &Keccak256::digest(TRANSFER), &signature), "{path:?}");
    }
}

#[test]
fn children_of_taproot_keys_are_those_of_bip_32_with_the_tweak_of_bip_86() {
    let mut group = Group::founded(2, 3, 1);
    let key = group.make_any_chain_key(Scheme::Secp256k1Taproot);
    for (id, path) in (1..).zip([&[0][..], &[1, 7]]) {
        let internal = bitcoin::XOnlyPublicKey::from_slice(&child_by_bitcoin(&group, key, path)[1..]).unwrap();
        let output = bitcoin::key::TapTweak::tap_tweak(internal, &Secp256k1::new(), None).0.to_x_only_public_key();
        let payload = taproot_psbt(&[&output.serialize()]);
        let mut request = group.charter.sign_request(key, Chain::Bitcoin, &payload, id, group.now);
        request.path = list(path.iter().copied());
        let packages = group.commit(key, &set([1, 2]), 1);
        let shares = outcome(&mut group, &request, 1, &packages)
            .and_then(|one| Ok([one, outcome(&mut group, &request, 2, &packages)?].concat()));
        assert_eq!(shares.map(|shares| shares.len()), Ok(2), "{path:?}");
    }
}

#[test]
fn keys_of_other_schemes_have_no_children() {
    let mut group = Group::founded(2, 2, 1);
    for scheme in [Scheme::Ed25519, Scheme::Secp256k1Schnorr] {
        let key = group.make_any_chain_key(scheme);
        let mut request = group.charter.sign_request(key, Chain::Message, b"hello", 1, group.now);
        request.path = list([0]);
        let packages = group.commit(key, &set([1, 2]), 1);
        assert_eq!(outcome(&mut group, &request, 1, &packages), Err(Refusal::PathNotSupported));
    }
}

#[test]
fn what_the_policy_does_not_name_is_refused_with_a_code_of_its_own() {
    let (mut group, key) = ready();
    let compressed = public_key(&group, key);
    let mut other_chain = TRANSFER.to_vec();
    assert_eq!(other_chain[3..5], [0x81, 137], "the chain id, behind the type and a list's header of two bytes");
    other_chain[4] = 138;
    let padded = [TRANSFER, &[0]].concat();
    let foreign = segwit_psbt(&[&compressed, &child_by_bitcoin(&group, key, &[9])]);
    let others = segwit_psbt(&[&child_by_bitcoin(&group, key, &[9])]);
    let cosmos = cosmos_transfer(&compressed, "osmosis-1");
    let stranger = cosmos_transfer(&child_by_bitcoin(&group, key, &[9]), COSMOS);
    use {Chain as C, Purpose as P, Refusal as R};
    type Case<'a> = (C, P, &'a [u8], &'a [u32], R);
    let cases: [Case<'_>; 13] = [
        (C::Ethereum, P::Transaction, &other_chain, &[], R::ChainIdNotAllowed),
        (C::Ethereum, P::Transaction, &padded, &[], R::PayloadRejected),
        (C::Ethereum, P::Transaction, &TRANSFER[..TRANSFER.len() - 1], &[], R::PayloadRejected),
        (C::Ethereum, P::TypedData, MAIL, &[], R::DomainNotAllowed),
        (C::Bitcoin, P::Transaction, &foreign, &[], R::ForeignInputs),
        (C::Bitcoin, P::Transaction, &others, &[], R::PayloadRejected),
        (C::Cosmos, P::Transaction, &cosmos, &[], R::ChainIdNotAllowed),
        (C::Cosmos, P::Transaction, &stranger, &[], R::PayloadRejected),
        (C::Solana, P::Transaction, b"", &[], R::SchemeMismatch),
        (C::Cosmos, P::Message, &cosmos, &[], R::PurposeMismatch),
        (C::Ethereum, P::Transaction, TRANSFER, &[1 << 31], R::PathInvalid),
        (C::Ethereum, P::Transaction, TRANSFER, &[0, u32::MAX], R::PathInvalid),
        (C::Message, P::Transaction, b"hello", &[], R::PurposeMismatch),
    ];
    for (id, (chain, purpose, payload, path, refusal)) in (1..).zip(cases) {
        let packages = group.presign(key, &[], &set([1, 2]), 1);
        let mut request = group.charter.sign_request(key, chain, payload, id, group.now);
        (request.purpose, request.path) = (purpose, list(path.iter().copied()));
        assert_eq!(outcome(&mut group, &request, 1, &packages), Err(refusal), "{id}");
        let honest = transfer(&group, key, 100 + id);
        let burnt = outcome(&mut group, &honest, 1, &packages);
        assert_eq!(burnt, Err(Refusal::CommitmentUnknown), "what a refused request names is gone");
    }
}

#[test]
fn typed_data_is_signed_for_domains_that_the_policy_names() {
    use cloister_wire::policy::Permission;
    let (mut group, key) = ready();
    let domain = cloister_chains::ethereum::TypedData::parse(MAIL).unwrap().domain_separator();
    let mut request = group.charter.sign_request(key, Chain::Ethereum, MAIL, 1, group.now);
    request.purpose = Purpose::TypedData;
    for named in [[1; 32], domain] {
        let permission = Permission::TypedData { domain: Hash::from_bytes(named) };
        group.change_policy(|tenant| tenant.rules = list([grant(ECDSA, &[permission])]));
        let packages = group.presign(key, &[], &set([1, 2]), 1);
        let decided = outcome(&mut group, &request, 1, &packages).map(drop);
        assert_eq!(decided, if named == domain { Ok(()) } else { Err(Refusal::DomainNotAllowed) });
    }
}

/// EIP-7702: the code of 20 bytes of 0xcc on chain 1, at nonce 9.
const AUTHORIZATION: [u8; 24] = {
    let mut bytes = [0xcc; 24];
    [bytes[0], bytes[1], bytes[2], bytes[23]] = [0xd7, 1, 0x94, 9];
    bytes
};

#[test]
fn authorisations_and_user_operations_are_signed_where_a_rule_names_them_and_nowhere_else() {
    use cloister_wire::policy::Permission as P;
    let (mut group, key) = ready();
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../../chains/vectors/effects.json")).unwrap();
    let operation = hex::decode(vectors["user_operations"][0]["payload"].as_str().unwrap()).unwrap();
    let unnamed = |mut rule: cloister_wire::policy::Rule| {
        rule.payloads = None;
        rule
    };
    let named = |chain_id, account| {
        let account = cloister_wire::ids::EthereumAccount::from_bytes([account; 20]);
        [P::Authorization { chain_id }, P::UserOperation { chain_id, account }]
    };
    let (allowed, elsewhere, anothers) = (named(1, 0xc4), named(5, 0xc4), named(1, 0xc5));
    let rules = [
        (unnamed(grant(ECDSA, &[])), Err(Refusal::ChainNotAllowed)),
        (grant(ECDSA, &[P::Ethereum { chain_id: 1 }, P::EthereumMessage]), Err(Refusal::ChainNotAllowed)),
        (grant(ECDSA, &elsewhere), Err(Refusal::ChainIdNotAllowed)),
        (grant(ECDSA, &allowed), Ok(())),
    ];

    let mut id = 0;
    for (rule, expected) in rules {
        group.change_policy(|tenant| tenant.rules = list([rule]));
        let payloads = [(Purpose::Authorization, &AUTHORIZATION[..]), (Purpose::UserOperation, &operation)];
        for (purpose, payload) in payloads {
            id += 1;
            let packages = group.presign(key, &[], &set([1, 2]), 1);
            let mut request = group.charter.sign_request(key, Chain::Ethereum, payload, id, group.now);
            request.purpose = purpose;
            assert_eq!(outcome(&mut group, &request, 1, &packages).map(drop), expected, "{purpose:?}");
        }
    }
    group.change_policy(|tenant| tenant.rules = list([grant(ECDSA, &anothers)]));
    let packages = group.presign(key, &[], &set([1, 2]), 1);
    let mut request = group.charter.sign_request(key, Chain::Ethereum, &operation, 99, group.now);
    request.purpose = Purpose::UserOperation;
    let refused = outcome(&mut group, &request, 1, &packages);
    assert_eq!(refused, Err(Refusal::ChainIdNotAllowed), "the rule names another account");
}

#[test]
fn a_presignature_gives_one_share_for_one_request() {
    let (mut group, key) = ready();
    let packages = group.presign(key, &[], &set([1, 2]), 2);
    let (first, second) = (transfer(&group, key, 1), transfer(&group, key, 2));
    let share = outcome(&mut group, &first, 1, &packages[..1]);
    assert!(share.is_ok());
    assert_eq!(outcome(&mut group, &first, 1, &packages[..1]), share, "the identical package: the same share");
    assert_eq!(outcome(&mut group, &second, 1, &packages[..1]), Err(Refusal::CommitmentUnknown));
    let rebound = package(cloister_wire::ids::CeremonyId::from_bytes([1; 32]), 0, &set([1, 2]));
    assert_eq!(outcome(&mut group, &second, 1, &[rebound]), Err(Refusal::CommitmentUnknown));
    let twice = [packages[1].clone(), packages[1].clone()];
    assert_eq!(outcome(&mut group, &second, 1, &twice), Err(Refusal::PackageInvalid), "one digest");
    assert_eq!(outcome(&mut group, &second, 1, &packages[1..]), Err(Refusal::CommitmentUnknown), "gone all the same");
}

#[test]
fn a_presignature_is_bound_to_its_signers_and_to_its_path() {
    let (mut group, key) = ready();
    let ceremony = group.start_presigning(key, &[0, 1], &set([1, 2]), 2);
    group.deliver_all();
    let itself = transfer(&group, key, 1);
    let right = package(ceremony, 0, &set([1, 2]));
    assert_eq!(outcome(&mut group, &itself, 1, &[right]), Err(Refusal::PackageInvalid), "the key itself");
    let mut request = transfer(&group, key, 2);
    request.path = list([0, 1]);
    let others = package(ceremony, 1, &set([1, 3]));
    assert_eq!(outcome(&mut group, &request, 1, &[others]), Err(Refusal::PackageInvalid), "another set");
    for number in [0, 1] {
        let right = package(ceremony, number, &set([1, 2]));
        assert_eq!(outcome(&mut group, &request, 1, &[right]), Err(Refusal::CommitmentUnknown), "both are gone");
    }
}

#[test]
fn presignatures_and_pairs_are_gone_after_a_start_order() {
    let (mut group, key) = ready();
    let packages = group.presign(key, &[], &set([1, 2]), 1);
    let kind = group.again();
    group.start(kind);
    group.introduce_all();
    group.deliver_all();
    let request = transfer(&group, key, 1);
    assert_eq!(outcome(&mut group, &request, 1, &packages), Err(Refusal::CommitmentUnknown));
    let open = group.open_presigning(key, &[], &set([1, 2]), 1);
    assert_eq!(group.refused(signer(1), open), Refusal::PairMissing);
}

#[test]
fn presignings_that_make_no_sense_are_refused() {
    let (mut group, key) = ready();
    let frost = group.make_any_chain_key(Scheme::Secp256k1Schnorr);
    let all = group.charter.signers();
    let cases = [
        (group.open_presigning(frost, &[], &set([1, 2]), 1), Refusal::SchemeMismatch),
        (group.open_presigning(KeyId::from_bytes([1; 32]), &[], &set([1, 2]), 1), Refusal::KeyUnknown),
        (group.open_presigning(key, &[1 << 31], &set([1, 2]), 1), Refusal::PathInvalid),
        (group.open_presigning(key, &[], &set([2, 1]), 1), Refusal::PackageInvalid),
        (group.open_presigning(key, &[], &set([1, 1]), 1), Refusal::PackageInvalid),
        (group.open_presigning(key, &[], &set([2, 3]), 1), Refusal::PackageInvalid),
        (group.open_presigning(key, &[], &all, 1), Refusal::PackageInvalid),
        (group.open_presigning(key, &[], &set([1, 2]), 0), Refusal::Malformed),
        (group.open_presigning(key, &[], &set([1, 2]), 9), Refusal::Malformed),
        (Request::Commit { key, count: 1 }, Refusal::SchemeMismatch),
    ];
    for (request, refusal) in cases {
        let text = format!("{request:?}");
        assert_eq!(group.refused(signer(1), request), refusal, "{text}");
    }
}

#[test]
fn a_message_that_was_altered_on_its_way_is_a_lost_message_and_bars_nobody() {
    let (mut group, key) = ready();
    let ceremony = group.start_presigning(key, &[], &set([1, 2]), 1);
    let mut letter = group.post.pop_front().unwrap();
    let PeerFrame::Sealed { counter, pieces } = letter.frame.clone() else { panic!("not sealed") };
    let mut altered = pieces.as_slice()[0].as_slice().to_vec();
    altered[100] ^= 1;
    letter.frame = PeerFrame::Sealed { counter, pieces: list([altered.try_into().unwrap()]) };
    assert_eq!(group.deliver(letter).outcome, Outcome::Refused(Refusal::ChannelFailed));
    group.deliver_all();
    assert!(set([1, 2]).iter().any(|id| group.presigning(*id, ceremony) == PresigningState::Running));
    let request = transfer(&group, key, 1);
    assert_eq!(group.ecdsa_signatures(&request, &set([1, 2]), 1).len(), 1, "the next one succeeds");
}

#[test]
fn a_presigning_that_was_given_up_makes_nothing() {
    let (mut group, key) = ready();
    let open = group.open_presigning(key, &[], &set([1, 2]), 1);
    let Body::CeremonyNonce(nonce) = group.done(signer(1), open) else { panic!("no nonce") };
    group.done(signer(1), Request::Abandon { nonce });
    assert_eq!(group.refused(signer(1), Request::Abandon { nonce }), Refusal::CeremonyUnknown);
    let contribution = cloister_wire::message::Contribution { signer: signer(1), nonce };
    let start = Request::StartPresigning { nonces: list([contribution]) };
    assert_eq!(group.refused(signer(1), start), Refusal::CeremonyUnknown);
}

#[test]
fn presignings_have_a_bound_and_give_their_places_back() {
    let (mut group, key) = ready();
    let open = group.open_presigning(key, &[], &set([1, 2]), 1);
    for _ in 0..cloister_wire::limits::PRESIGNINGS {
        group.done(signer(1), open.clone());
    }
    assert_eq!(group.refused(signer(1), open.clone()), Refusal::Busy);
    group.now = group.now.plus(60 * 1000);
    assert!(matches!(group.done(signer(1), open), Body::CeremonyNonce(_)));
}

#[test]
fn presignings_that_are_over_hold_no_place_even_if_no_host_gives_them_up() {
    let (mut group, key) = ready();
    for _ in 0..3 * cloister_wire::limits::PRESIGNINGS {
        group.presign(key, &[], &set([1, 2]), 1);
    }
}

#[test]
fn a_presigning_whose_time_is_up_is_erased_whatever_is_asked_next() {
    let (mut group, key) = ready();
    let ceremony = group.start_presigning(key, &[], &set([1, 2]), 1);
    group.now = group.now.plus(60 * 1000 - 1);
    assert_eq!(group.presigning(signer(1), ceremony), PresigningState::Running);
    group.now = group.now.plus(1);
    assert_eq!(group.refused(signer(1), Request::Presigning { ceremony }), Refusal::CeremonyUnknown);
    let letter = group.post.pop_front().unwrap();
    assert_eq!(group.deliver(letter).outcome, Outcome::Refused(Refusal::CeremonyUnknown));
}

#[test]
fn shares_that_were_released_leave_receipts_with_their_package() {
    let (mut group, key) = ready();
    let packages = group.presign(key, &[], &set([1, 2]), 1);
    let request = requested(&transfer(&group, key, 1), TREASURER);
    let before: usize = group.receipts.values().map(Vec::len).sum();
    for id in [1, 2] {
        assert_eq!(released(group.sign(signer(id), &request, &packages)).len(), 1);
    }
    assert_eq!(group.receipts.values().map(Vec::len).sum::<usize>(), before + 2);
}
