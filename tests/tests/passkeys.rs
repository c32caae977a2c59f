//! Passkeys against software that is not ours: a browser with an authenticator (nid-webauthn-emulator) makes them, and a relying party
//! (SimpleWebAuthn) judges the same assertions as `cloister_wire::webauthn` does (`tests/judges/webauthn`).

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use cloister_client::{passkey, requester::Unproved};
use cloister_tests::{
    charter::Charter,
    hardware::{PAGE, RP_ID},
};
use cloister_wire::{
    credential::{Credential, ProofRejected},
    ids::{Hash, KeyName},
    request::Scheme,
};
use serde_json::{Value, json};

const ES256: i64 = -7;
const EDDSA: i64 = -8;

#[test]
fn judges_the_assertions_of_other_software_as_other_software_does() {
    let Some(folder) = installed() else { return };
    let charter = Charter::new(2, 3);
    let name: KeyName = "hot".parse().expect("a name");
    let request = charter.key_request(name.as_str(), Scheme::Ed25519, cloister_tests::charter::NOW);
    let hash = Unproved::new(&request).expect("short enough").challenge();
    let other = Hash::from_bytes([9; 32]);
    let cases = [
        (hash, PAGE, RP_ID, Ok(())),
        (other, PAGE, RP_ID, Err(ProofRejected::Challenge)),
        (hash, "https://other.example.org", RP_ID, Err(ProofRejected::Origin)),
        (hash, PAGE, "console.example.org", Err(ProofRejected::RpId)),
    ];
    let expectation = |&(hash, origin, rp_id, _): &(Hash, &str, &str, _)| json!({ "challenge": passkey::challenge(&hash), "origin": origin, "rp_id": rp_id });
    let expectations: Vec<_> = cases.iter().map(expectation).collect();
    for algorithm in [ES256, EDDSA] {
        let answer = ask(
            &folder,
            &json!({
                "rp_id": RP_ID, "origin": PAGE, "algorithm": algorithm,
                "challenge": passkey::challenge(&hash), "expectations": expectations,
            }),
        );
        let proof = passkey::assertion(answer["assertion"].to_string().as_bytes()).expect("an assertion");
        for ((hash, origin, rp_id, expected), verdict) in
            cases.iter().zip(answer["verdicts"].as_array().expect("verdicts"))
        {
            let credential = credential(&answer["registration"]["response"]["publicKey"], rp_id, origin);
            assert_eq!(credential.verify(hash, &proof), *expected);
            assert_eq!(verdict.as_bool(), Some(expected.is_ok()), "{expected:?}");
            assert_eq!(
                self::credential(&answer["cose"], rp_id, origin),
                credential,
                "the key in COSE is the one in DER"
            );
        }
    }
}

fn credential(public_key: &Value, rp_id: &str, origin: &str) -> Credential {
    let document = json!({ "publicKey": public_key, "rpId": rp_id, "origins": [origin] });
    passkey::credential(document.to_string().as_bytes()).expect("a passkey")
}

fn ask(folder: &Path, question: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/webauthn/passkey.mjs");
    let source = std::fs::read_to_string(script).expect("a script");
    // Node looks for the packages of a script without a file in the working directory.
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", &source]).current_dir(folder);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("node runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(question.to_string().as_bytes()).expect("the judge reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the judge ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("an answer")
}

/// Where `cargo xtask test` installs the judges. Nothing without them, which is reported; in CI that is a failure.
fn installed() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/judges/webauthn");
    if folder.join("node_modules").exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no {}: run `cargo xtask test`", folder.display());
    eprintln!("SKIPPED: no {}; `cargo xtask test` installs it", folder.display());
    None
}
