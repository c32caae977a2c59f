//! What PSBTs of as many outputs as signers take cost them. `cargo test --release --workspace --test large_psbts -- --ignored
//! --nocapture` says how long each takes.

use std::time::{Duration, Instant};

use bitcoin::{
    Amount, OutPoint, Psbt, ScriptBuf, Transaction, TxIn, TxOut, absolute::LockTime, bip32::DerivationPath,
    bip32::Fingerprint, secp256k1::PublicKey, transaction::Version,
};
use cloister_chains::{
    bitcoin::{CompressedKey, Spender},
    derivation::{ChildPath, ExtendedKey},
};
use cloister_policy::{
    Asked, Spending, decide, digest,
    payload::{self, Account, Change},
};
use cloister_tests::charter::{Charter, NOW, TENANT, grant, key_name, list, quantity, requester, tenant_named};
use cloister_wire::{
    ids::{Hash, KeyId},
    limits,
    policy::{EffectKind, Effects, ForeignInputs, Pattern, Permission, Quantifier, Rule, TenantPolicy},
    refusal::Refusal,
    request::{Chain, Scheme},
};

/// What the signer may take at most, on a machine that has nothing else to do.
const MOST: Duration = Duration::from_millis(50);

/// The generator: a point as good as any.
fn key() -> [u8; 33] {
    let hex = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    hex::decode(hex).unwrap().try_into().unwrap()
}

fn root() -> ExtendedKey {
    ExtendedKey::root(&key(), [7; 32]).unwrap()
}

/// One coin of the key, paid to as many such outputs as there is room for.
fn psbt(output: &TxOut, named: bool) -> (usize, Vec<u8>) {
    let script =
        |key: &[u8]| ScriptBuf::new_p2wpkh(&bitcoin::CompressedPublicKey::from_slice(key).unwrap().wpubkey_hash());
    let coin = TxOut { value: Amount::from_sat(1_000_000_000), script_pubkey: script(&key()) };
    let no_input = TxIn { previous_output: OutPoint::null(), ..TxIn::default() };
    let transaction = |input, output| Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output };
    let funding = transaction(vec![no_input], vec![coin.clone()]);
    let previous_output = OutPoint { txid: funding.compute_txid(), vout: 0 };
    let build = |count| {
        let input = vec![TxIn { previous_output, ..TxIn::default() }];
        let mut psbt = Psbt::from_unsigned_tx(transaction(input, vec![output.clone(); count])).unwrap();
        psbt.inputs[0].witness_utxo = Some(coin.clone());
        psbt.inputs[0].non_witness_utxo = Some(funding.clone());
        for own in psbt.outputs.iter_mut().filter(|_| named) {
            let path: DerivationPath = "m/0/1/2/3/4/5/6/7".parse().unwrap();
            let origin = (Fingerprint::from(root().fingerprint()), path);
            own.bip32_derivation.insert(PublicKey::from_slice(&key()).unwrap(), origin);
        }
        psbt.serialize()
    };
    let each = (build(200).len() - build(100).len()).div_ceil(100);
    let count = ((limits::PAYLOAD - build(0).len() - 16) / each).min(cloister_chains::limits::PSBT_OUTPUTS);
    (count, build(count))
}

/// As many rules as signers compare so many effects with, each of which all outputs fit, and the fee does not.
fn policy(outputs: usize) -> TenantPolicy {
    let transfer =
        Pattern { kind: EffectKind::Transfer, assets: None, with: None, most: Some(quantity(1)), functions: None };
    let rule = |number| Rule {
        name: format!("rule-{number}").parse().unwrap(),
        requesters: None,
        keys: None,
        effects: Some(Effects { quantifier: Quantifier::Every, patterns: list([transfer.clone()]) }),
        fee: Some(quantity(0)),
        ..grant("ecdsa", &[Permission::Bitcoin { foreign: ForeignInputs::Refused }])
    };
    let rules = 2 * 1024 * 1024 / 2 / outputs;
    TenantPolicy { rules: list((0..rules).map(rule)), ..TenantPolicy::new(tenant_named(TENANT)) }
}

/// The least of some times: what the machine does beside it does not count.
fn read(payload: &[u8], policy: &TenantPolicy) -> Duration {
    let request = Charter::new(2, 2).sign_request(KeyId::from_bytes([1; 32]), Chain::Bitcoin, payload, 1, NOW);
    let spender = |key: [u8; 33]| Spender::Ecdsa(CompressedKey::from(key));
    let child = |path: &ChildPath| Some(spender(root().derive(path).ok()?.0.public_key()));
    let change = Some(Change { fingerprint: root().fingerprint(), spender: &child });
    let (public_key, scheme) = (key(), Scheme::Secp256k1Ecdsa);
    let account = Account { scheme, public_key: &public_key, spender: Some(spender(public_key)), change, tables: &[] };
    let (requester, key) = (requester("treasurer"), key_name("ecdsa"));
    let asked = Asked { requester: &requester, key: &key, path: &[0, 1, 2, 3, 4, 5, 6, 7], session: None };
    let times = (0..10).map(|_| {
        let begun = Instant::now();
        let payload = payload::read(&account, &request).expect("a PSBT to sign");
        let (hash, spending) = (Hash::from_bytes([1; 32]), Spending::default());
        let decided = decide(policy, asked, &payload.facts, hash, &spending, NOW).map(drop);
        assert_eq!(decided, Err(Refusal::FeeNotAllowed));
        std::hint::black_box(digest(&payload.facts.rendering(&asked)));
        begun.elapsed()
    });
    times.min().unwrap()
}

#[test]
#[ignore = "measures"]
fn a_psbt_of_very_many_outputs_costs_a_signer_little() {
    let pays = |script: Vec<u8>| TxOut { value: Amount::from_sat(1), script_pubkey: ScriptBuf::from_bytes(script) };
    let p2wpkh = [&[0, 20][..], &[3; 20]].concat();
    for (what, output, named) in [
        ("nobody", pays(Vec::new()), false),
        ("P2WPKH", pays(p2wpkh.clone()), false),
        ("P2WPKH, each with a path of the key's", pays(p2wpkh), true),
    ] {
        let (outputs, payload) = psbt(&output, named);
        let policy = policy(outputs);
        let time = read(&payload, &policy);
        println!("{outputs} outputs to {what}, {} bytes, {} rules: {time:?}", payload.len(), policy.rules.len());
        assert!(time < MOST, "{what}: {time:?}");
    }
}
