//! Keys and signatures through the real binary, judged by libraries that had no part in them.

use std::{fs, path::Path, process::Command, sync::PoisonError};

use crate::world::{OPERATORS, World, bytes, text};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bitcoin::{
    Amount, OutPoint, Psbt, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn, TxOut, Txid, Witness,
    XOnlyPublicKey,
    absolute::LockTime,
    consensus::deserialize,
    hashes::Hash as _,
    key::TweakedPublicKey,
    secp256k1::{Message, Secp256k1, schnorr::Signature},
    sighash::{Prevouts, SighashCache},
    transaction::Version,
};
use ed25519_dalek::VerifyingKey;

#[test]
fn a_key_is_made_shown_and_listed_with_the_documented_fields() {
    let world = World::shared();
    let made = world.ok(&["key", "create", "--scheme", "ed25519", "--name", "shown"]);
    for field in ["key", "tenant", "name", "scheme", "public_key", "address", "ceremony"] {
        assert!(made[field].is_string(), "{field} in {made:#}");
    }
    assert_eq!((&made["threshold"], &made["signers"], &made["simulated"]), (&2.into(), &3.into(), &true.into()));
    assert_eq!(text(&made, "address"), bs58::encode(bytes(&made, "public_key")).into_string());
    assert_eq!(world.ok(&["key", "show", "shown"]), made);
    let list = world.ok(&["key", "list"]);
    assert!(list["keys"].as_array().is_some_and(|keys| keys.contains(&made)), "{list:#}");
}

#[test]
fn a_key_name_is_taken_once() {
    let world = World::shared();
    world.ok(&["key", "create", "--scheme", "secp256k1-schnorr", "--name", "taken"]);
    world.fails(&["key", "create", "--scheme", "ed25519", "--name", "taken"], 3, "key_name_taken");
    world.fails(&["key", "show", "no-such-key"], 2, "key_unknown");
    world.fails(&["key", "create", "--scheme", "rsa", "--name", "x"], 2, "usage");
}

#[test]
fn a_solana_transfer_is_signed_whatever_its_encoding() {
    let world = World::shared();
    let key = world.key("solana", "ed25519", "solana");
    let message = transfer(&bytes(&key, "public_key"));
    let unsigned = [&[1][..], &[0; 64], &message].concat();
    let inputs: [(&str, &str, Vec<u8>); 5] = [
        ("binary", "message", message.clone()),
        ("hex", "message", hex::encode(&message).into()),
        ("base64", "message", STANDARD.encode(&message).into()),
        ("base58", "message", bs58::encode(&message).into_string().into()),
        ("base64", "transaction", STANDARD.encode(&unsigned).into()),
    ];
    for (encoding, form, input) in inputs {
        let answer = world.run_with(&["sign", "--key", "solana", "--chain", "solana", "-"], &input);
        let signed = answer.json;
        assert_eq!(answer.exit, 0, "{signed:#}");
        assert_eq!((text(&signed["input"], "encoding"), text(&signed["input"], "form")), (encoding, form));
        let signature = bytes(&signed, "signature");
        let transaction = STANDARD.decode(text(&signed, "signed")).unwrap();
        assert_eq!(transaction, [&[1], signature.as_slice(), &message].concat());
        verify_ed25519(&bytes(&key, "public_key"), &message, &signature);
        assert_eq!(signed["missing_signatures"], 0);
    }
}

#[test]
fn a_taproot_psbt_is_finished_and_its_signatures_verify() {
    let world = World::shared();
    let key = world.key("bitcoin", "secp256k1-taproot", "bitcoin");
    let (psbt, coins) = spend(&bytes(&key, "output_key"));
    let file = world.file("spend.psbt", psbt.serialize());
    let out = world.path("signed.psbt");
    let signed = world.ok(&["sign", "--key", "bitcoin", "--chain", "bitcoin", &file, "--out", &out]);
    assert_eq!(fs::read_to_string(&out).unwrap().trim_end(), text(&signed, "signed"));
    assert_eq!(text(&signed, "txid"), psbt.unsigned_tx.compute_txid().to_string());
    assert_eq!(signed["signatures"].as_array().map(Vec::len), Some(2));

    let transaction: Transaction = deserialize(&bytes(&signed, "transaction")).unwrap();
    let finished = Psbt::deserialize(&STANDARD.decode(text(&signed, "signed")).unwrap()).unwrap();
    assert_eq!(finished.extract_tx().unwrap(), transaction);
    let key = XOnlyPublicKey::from_slice(&bytes(&key, "output_key")).unwrap();
    for (position, input) in transaction.input.iter().enumerate() {
        let mut cache = SighashCache::new(&transaction);
        let sighash =
            cache.taproot_key_spend_signature_hash(position, &Prevouts::All(&coins), TapSighashType::Default).unwrap();
        let signature = Signature::from_slice(input.witness.nth(0).unwrap()).unwrap();
        let message = Message::from_digest(sighash.to_byte_array());
        Secp256k1::verification_only().verify_schnorr(&signature, &message, &key).unwrap();
    }
}

#[test]
fn a_psbt_without_prevouts_is_refused_before_anything_is_sent() {
    let world = World::shared();
    let key = world.key("blind", "secp256k1-taproot", "bitcoin");
    let (mut psbt, _) = spend(&bytes(&key, "output_key"));
    psbt.inputs[1].witness_utxo = None;
    let file = world.file("blind.psbt", psbt.serialize());
    world.fails(&["sign", "--key", "blind", "--chain", "bitcoin", &file], 2, "psbt_no_utxo");
    let file = world.file("garbage.psbt", "not a psbt");
    world.fails(&["sign", "--key", "blind", "--chain", "bitcoin", &file], 2, "psbt_bad_magic");
    let file = world.file("transfer", transfer(&[7; 32]));
    world.fails(&["sign", "--key", "blind", "--chain", "solana", &file], 2, "scheme_mismatch");
}

#[test]
fn a_text_is_signed_by_keys_whose_policy_allows_it() {
    let world = World::shared();
    for (name, scheme) in [("text-1", "ed25519"), ("text-2", "secp256k1-taproot"), ("text-3", "secp256k1-schnorr")] {
        let key = world.key(name, scheme, "message");
        let answer =
            world.run_with(&["sign", "--key", name, "--chain", "message", "-"], "I am the treasury\n".as_bytes());
        assert_eq!(answer.exit, 0, "{:#}", answer.json);
        assert!(answer.json["signed"].is_null());
        if scheme == "ed25519" {
            let prefixed = b"\xffCloister Signed Message:\n18\nI am the treasury\n";
            verify_ed25519(&bytes(&key, "public_key"), prefixed, &bytes(&answer.json, "signature"));
        }
    }
}

#[test]
fn what_the_policy_does_not_allow_is_refused_with_the_command_that_would() {
    let world = World::shared();
    world.ok(&["key", "create", "--scheme", "ed25519", "--name", "locked"]);
    let file = world.file("text", "hello");
    let answer = world.run(&["sign", "--key", "locked", "--chain", "message", &file]);
    answer.fails(3, "no_rule");
    assert!(text(&answer.json["error"], "hint").contains("requester add"));
}

#[test]
fn a_stranger_and_a_forged_credential_are_refused_by_the_signers() {
    let world = World::shared();
    world.key("guarded", "ed25519", "message");
    let stranger = world.path("stranger.key");
    drop(fs::remove_file(&stranger));
    world.ok(&["operator", "keygen", &stranger]);
    let file = world.file("greeting", "hello");
    let sign = |name| {
        world.run(&[
            "sign",
            "--key",
            "guarded",
            "--chain",
            "message",
            &file,
            "--requester",
            name,
            "--tenant",
            "demo",
            "--requester-key",
            &stranger,
        ])
    };
    sign("stranger").fails(3, "requester_unknown");
    sign("demo").fails(3, "request_signature");
}

#[test]
fn the_python_example_signs_without_our_code() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/judges/venv/bin/python");
    let usable = Command::new(&python).args(["-c", "import cbor2, cryptography"]).status();
    if !usable.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "{} is missing or lacks cbor2 or cryptography", python.display());
        eprintln!("skipped: run `cargo xtask install` first");
        return;
    }
    let world = World::shared();
    let key = world.key("python", "ed25519", "message");
    let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = world.path("snake.pem");
    let add = ["requester", "add", "snake", "--key", &secret, "--key-type", "p256", "--allow", "python=message"];
    assert_eq!(text(&world.ok(&add), "credential"), "p256");
    drop(turn);
    let record = world.group.record();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sign_request.py");
    for (requester, secret) in [("demo", world.path("requester-demo.key")), ("snake", secret)] {
        let arguments =
            [example, &record.signers[0].url, &record.group, "demo", text(&key, "key"), "message", requester];
        let files = [secret, world.file("python.txt", "by Python")];
        let output = Command::new(&python).args(arguments).args(files).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let signature = hex::decode(answer["signatures"][0].as_str().unwrap()).unwrap();
        verify_ed25519(&bytes(&key, "public_key"), b"\xffCloister Signed Message:\n9\nby Python", &signature);
    }
}

fn verify_ed25519(key: &[u8], message: &[u8], signature: &[u8]) {
    let key = VerifyingKey::try_from(key).unwrap();
    key.verify_strict(message, &ed25519_dalek::Signature::from_slice(signature).unwrap()).unwrap();
}

/// A legacy message of one system transfer: `from` pays 1000 lamports.
fn transfer(from: &[u8]) -> Vec<u8> {
    let call = [1, 2, 2, 0, 1, 12, 2, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0];
    [&[1, 0, 1, 3][..], from, &[8; 32], &[0; 32], &[9; 32], &call].concat()
}

/// A PSBT that spends two coins of `output_key`.
fn spend(output_key: &[u8]) -> (Psbt, Vec<TxOut>) {
    let key = XOnlyPublicKey::from_slice(output_key).unwrap();
    let script = ScriptBuf::new_p2tr_tweaked(TweakedPublicKey::dangerous_assume_tweaked(key));
    let coin = |value| TxOut { value: Amount::from_sat(value), script_pubkey: script.clone() };
    let input = |position: u8| TxIn {
        previous_output: OutPoint { txid: Txid::hash(&[position]), vout: 1 },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    };
    let coins = vec![coin(40_000), coin(60_000)];
    let (input, output) = (vec![input(1), input(2)], vec![coin(99_000)]);
    let mut psbt =
        Psbt::from_unsigned_tx(Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output })
            .unwrap();
    for (map, coin) in psbt.inputs.iter_mut().zip(&coins) {
        map.witness_utxo = Some(coin.clone());
    }
    (psbt, coins)
}

#[test]
fn nothing_is_signed_if_the_result_cannot_be_written() {
    let world = World::shared();
    world.key("unwritten", "ed25519", "message");
    let file = world.file("unwritten.txt", "for a file");
    let sign = ["sign", "--key", "unwritten", "--chain", "message", &file, "--out"];
    world.fails(&[&sign[..], &["/nonexistent/x"]].concat(), 1, "file");
    world.fails(&[&sign[..], &[&world.dir.display().to_string()]].concat(), 1, "file");
    let out = world.path("written.sig");
    let signed = world.ok(&[&sign[..], &[&out]].concat());
    assert_eq!(fs::read_to_string(&out).unwrap(), format!("{}\n", text(&signed, "signature")));
    world.ok(&[&sign[..], &["/dev/null"]].concat());
}
