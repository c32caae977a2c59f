//! What operators do: keys, manifests, starting a group and starting it again.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    sync::PoisonError,
};

use crate::world::{Answer, BINARY, OPERATORS, World, folder, run_in, said, text};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use cloister_wire::{
    ids::SignerId,
    manifest::{KmsKey, SignerSlot},
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

#[test]
fn a_secret_key_file_is_its_owners_alone_and_never_overwritten() {
    let dir = folder("keygen");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("alice.key").display().to_string();
    let made = run_in(&dir, &["operator", "keygen", &file], b"");
    assert_eq!(made.exit, 0);
    assert_eq!(text(&made.json, "public_key").len(), 64);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&file).unwrap();
    assert!(!made.json.to_string().contains(secret.trim_end()));
    run_in(&dir, &["operator", "keygen", &file], b"").fails(2, "exists");
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
}

#[test]
fn a_manifest_is_built_from_a_plan_and_complete_once_a_quorum_has_signed() {
    let desk = Desk::new("manifest");
    let manifest = desk.path("group.manifest");
    let built = desk.run(&["manifest", "build", &desk.plan(&desk.example()), "--out", &manifest]).json;
    assert_eq!((&built["complete"], &built["signed_by"]), (&false.into(), &json!([])), "{built:#}");
    desk.run(&["manifest", "sign", &manifest, "--key", &desk.path("b.key")]);
    desk.run(&["manifest", "sign", &manifest, "--key", &desk.path("b.key")]).fails(2, "signed_already");
    let signed = desk.run(&["manifest", "sign", &manifest, "--key", &desk.path("a.key")]).json;
    assert_eq!((&signed["complete"], &signed["signed_by"]), (&true.into(), &json!([1, 0])), "{signed:#}");
    let shown = desk.run(&["manifest", "show", &manifest]).json;
    assert_eq!(shown["manifest_hash"], built["manifest_hash"]);
    desk.run(&["manifest", "build", &desk.path("plan.json"), "--out", &manifest]).fails(2, "exists");
}

#[test]
fn signing_a_manifest_leaves_the_files_beside_it_alone() {
    let desk = Desk::new("manifest-beside");
    let manifest = desk.path("group.manifest");
    desk.run(&["manifest", "build", &desk.plan(&desk.example()), "--out", &manifest]);
    let beside = ["next", "new", "tmp"].map(|kind| desk.path(&format!("group.manifest.{kind}")));
    beside.iter().for_each(|file| fs::write(file, "mine").unwrap());
    fs::set_permissions(&manifest, Permissions::from_mode(0o640)).unwrap();
    assert_eq!(desk.run(&["manifest", "sign", &manifest, "--key", &desk.path("a.key")]).exit, 0);
    assert!(beside.iter().all(|file| fs::read(file).unwrap() == b"mine"));
    assert_eq!(fs::metadata(&manifest).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_manifest_with_a_signature_that_is_not_good_is_refused_and_the_signature_named() {
    let desk = Desk::new("manifest-forged");
    let manifest = desk.path("group.manifest");
    desk.run(&["manifest", "build", &desk.plan(&desk.example()), "--out", &manifest]);
    desk.run(&["manifest", "sign", &manifest, "--key", &desk.path("b.key")]);
    let mut bytes = fs::read(&manifest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&manifest, bytes).unwrap();
    let (a, b) = (desk.path("a.key"), desk.path("b.key"));
    let show = ["manifest", "show", manifest.as_str()];
    let sign = |key| ["manifest", "sign", manifest.as_str(), "--key", key];
    for arguments in [&show[..], &sign(&a), &sign(&b)] {
        let refused = desk.run(arguments);
        refused.fails(4, "not_endorsed");
        assert!(text(&refused.json["error"], "message").contains("operator signature 1"), "{:#}", refused.json);
    }
}

#[test]
fn no_file_is_read_without_end() {
    let desk = Desk::new("endless");
    let zero = "/dev/zero";
    for arguments in [
        &["manifest", "show", zero][..],
        &["manifest", "build", zero, "--out", &desk.path("none")],
        &["operator", "show", zero],
        &["attest", "verify", zero],
        &["attest", "verify", &desk.path("a.key"), "--pcrs", zero],
        &["attest", "verify", &desk.path("a.key"), "--root", zero],
    ] {
        desk.run(arguments).fails(2, "document_too_large");
    }
}

#[test]
fn a_secret_that_could_not_be_written_leaves_no_file_behind() {
    let desk = Desk::new("full-disk");
    let key = desk.path("late.key");
    let keygen = format!("trap '' XFSZ; ulimit -f 0; {BINARY} operator keygen {key}");
    let ended = Command::new("sh").args(["-c", &keygen]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(!desk.dir.join("late.key").exists());
    assert_eq!(desk.run(&["operator", "keygen", &key]).exit, 0);
}

#[test]
fn people_are_shown_everything_that_a_manifest_says() {
    let desk = Desk::new("manifest-shown");
    let mut plan = desk.example();
    plan["release"] =
        json!({"PCR0": "a0".repeat(48), "PCR1": "a1".repeat(48), "PCR2": "a2".repeat(48), "PCR8": "a8".repeat(48)});
    let manifest = desk.path("group.manifest");
    desk.run(&["manifest", "build", &desk.plan(&plan), "--out", &manifest]);
    let json = desk.run(&["manifest", "show", &manifest]).json;
    let said = said(&["manifest", "show", &manifest]);
    let registers = ["PCR0", "PCR1", "PCR2", "PCR8"].map(|name| text(&json["release"], name).to_owned());
    let signers = json["signers"].as_array().unwrap();
    let kms = signers.iter().flat_map(|signer| signer["kms"].as_array().unwrap());
    let roles = signers.iter().map(|signer| &signer["pcr3"]);
    let values = kms.chain(roles).chain(json["operators"].as_array().unwrap()).map(|value| value.as_str().unwrap());
    for value in values.chain(registers.iter().map(String::as_str)) {
        assert!(said.contains(value), "{value} is missing:\n{said}");
    }
    for words in [text(&json, "group"), text(&json, "manifest_hash"), "2 of 3", "2 of 2 operators have to sign"] {
        assert!(said.contains(words), "{words} is missing:\n{said}");
    }
}

#[test]
fn a_plan_that_no_signer_would_take_is_refused_with_the_field_that_is_wrong() {
    let desk = Desk::new("manifest-refused");
    for (field, spoil) in SPOILED {
        let mut plan = desk.example();
        spoil(&mut plan);
        let answer = desk.run(&["manifest", "build", &desk.plan(&plan), "--out", &desk.path("none.manifest")]);
        answer.fails(2, "plan_invalid");
        assert!(text(&answer.json["error"], "message").contains(field), "{field}: {:#}", answer.json);
        assert!(!desk.dir.join("none.manifest").exists());
    }
}

/// Where operators prepare a group: a folder with two operators' keys.
pub(crate) struct Desk {
    dir: PathBuf,
    operators: [String; 2],
}

impl Desk {
    pub(crate) fn new(name: &str) -> Self {
        let dir = folder(name);
        fs::create_dir_all(&dir).unwrap();
        let keygen = |key: &str| run_in(&dir, &["operator", "keygen", &dir.join(key).display().to_string()], b"").json;
        let operators = ["a.key", "b.key"].map(|key| text(&keygen(key), "public_key").to_owned());
        Self { dir, operators }
    }

    /// A plan with real KMS keys: those of the simulated group.
    pub(crate) fn example(&self) -> Value {
        let pcr = "ab".repeat(48);
        let signer = |slot: &SignerSlot| {
            let kms =
                |key: &KmsKey| json!({"arn": key.arn.to_string(), "public_key": STANDARD.encode(key.spki.as_slice())});
            let role = format!("arn:aws:iam::1111111111{:02}:role/signer", slot.id.get());
            json!({"role_arn": role, "kms": slot.kms.iter().map(kms).collect::<Vec<_>>()})
        };
        let signers: Vec<_> = World::shared().group.manifest().signers.iter().map(signer).collect();
        json!({"threshold": 2, "quorum": 2, "operators": self.operators, "signers": signers,
            "release": {"PCR0": pcr, "PCR1": pcr, "PCR2": pcr}})
    }

    pub(crate) fn plan(&self, plan: &Value) -> String {
        fs::write(self.dir.join("plan.json"), plan.to_string()).unwrap();
        self.path("plan.json")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        run_in(&self.dir, arguments, b"")
    }
}

type Spoil = fn(&mut Value);

/// What is done to a plan, and what has to be named.
const SPOILED: &[(&str, Spoil)] = &[
    ("threshold: ", |plan| plan["threshold"] = 4.into()),
    ("threshold: ", |plan| plan["threshold"] = 1.into()),
    ("quorum: ", |plan| plan["quorum"] = 3.into()),
    ("operators: ", |plan| plan["operators"][1] = plan["operators"][0].clone()),
    ("operators[1]: ", |plan| plan["operators"][1] = "00".into()),
    ("signers[1].kms: ", |plan| drop(plan["signers"][1]["kms"].as_array_mut().unwrap().pop())),
    ("signers[1].kms: ", |plan| plan["signers"][1]["kms"][0] = plan["signers"][0]["kms"][0].clone()),
    ("signers[1].kms: ", |plan| {
        plan["signers"][1]["kms"][0]["public_key"] = plan["signers"][0]["kms"][1]["public_key"].clone();
    }),
    ("signers[0].kms[1].public_key: ", |plan| plan["signers"][0]["kms"][1]["public_key"] = "AAEC".into()),
    ("signers[0].kms[1].public_key: ", |plan| plan["signers"][0]["kms"][1]["public_key"] = "?".into()),
    ("signers[2].kms[0].arn: ", |plan| {
        plan["signers"][2]["kms"][0]["arn"] = "arn:aws:kms:eu-central-1:111122223333:alias/mine".into();
    }),
    ("signers[2].kms[0].arn: ", |plan| plan["signers"][2]["kms"][0]["arn"] = "arn:aws:s3:::bucket".into()),
    ("signers[2].role_arn: ", |plan| plan["signers"][2]["role_arn"] = "arn:aws:iam::111122223333:user/me".into()),
    ("signers[0]: ", |plan| plan["signers"][0]["pcr3"] = "ab".repeat(48).into()),
    ("signers[0].pcr3: ", |plan| plan["signers"][0] = json!({"pcr3": "00".repeat(48), "kms": []})),
    ("PCR9", |plan| plan["release"]["PCR9"] = "ab".repeat(48).into()),
    ("PCR1", |plan| plan["release"]["PCR1"] = "00".repeat(48).into()),
    ("PCR2", |plan| plan["release"]["PCR2"] = "ab".repeat(32).into()),
    ("PCR0", |plan| drop(plan["release"].as_object_mut().unwrap().remove("PCR0"))),
    ("thresholds", |plan| plan["thresholds"] = 2.into()),
];

#[test]
fn a_group_is_started_by_hand_and_again_after_all_its_signers_were_killed() {
    let mut world = World::founded("life", 2);
    world.fails(&["status"], 1, "not_enough_signers");
    world.fails(&["key", "list"], 1, "not_enough_signers_attested");
    let started = world.ok(&["group", "start"]);
    assert_eq!((text(&started, "kind"), &started["incarnation"]), ("genesis", &1.into()));
    let key = world.key("lasting", "ed25519", "message");

    for signer in [1, 2].map(|id| SignerId::try_from(id).unwrap()) {
        world.runtime.block_on(world.group.kill_signer(signer)).unwrap();
        world.runtime.block_on(world.group.restart_signer(signer)).unwrap();
    }
    wait_for_attestation(&world);
    let file = world.file("text", "still here");
    world.fails(&["sign", "--key", "lasting", "--chain", "message", &file], 1, "not_enough_signers_attested");
    let started = world.ok(&["group", "start"]);
    assert_eq!((text(&started, "kind"), &started["incarnation"]), ("restart", &2.into()));
    assert_eq!(world.ok(&["key", "show", "lasting"]), key);
    world.ok(&["sign", "--key", "lasting", "--chain", "message", &file]);
    world.ok(&["audit", "export", &world.path("trail.json")]);
    let report = world.ok(&["audit", "verify", &world.path("trail.json")]);
    assert_eq!(report["boots"].as_array().map(Vec::len), Some(4));
    let mut export: Value = serde_json::from_slice(&fs::read(world.path("trail.json")).unwrap()).unwrap();
    export["orders"].as_array_mut().unwrap().remove(0);
    let answer = world.run(&["audit", "verify", &world.file("without-genesis.json", export.to_string())]);
    let findings = answer.json["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["code"] == "genesis_missing"), "{findings:#?}");
}

#[test]
fn a_requester_is_added_with_a_key_of_its_own() {
    let world = World::shared();
    let secret = world.path("bob.key");
    world.key("bobs", "ed25519", "message");
    let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let added = world.ok(&["requester", "add", "bob", "--key", &secret, "--create-keys", "--allow", "bobs=message"]);
    drop(turn);
    assert_eq!((text(&added, "tenant"), text(&added, "key_file")), ("demo", secret.as_str()));
    let file = world.file("bob.txt", "hello from bob");
    let bob = ["--requester", "bob", "--tenant", "demo", "--requester-key", &secret];
    world.ok(&[&["sign", "--key", "bobs", "--chain", "message", &file][..], &bob].concat());
    world.ok(&[&["key", "create", "--scheme", "ed25519", "--name", "bobs-own"][..], &bob].concat());
    world.fails(&["requester", "add", "bob", "--key", &world.path("other.key")], 2, "requester_taken");
    for name in ["../evil", "..", ".hidden", "/etc/evil"] {
        world.fails(&["requester", "add", name, "--allow", "bobs=message"], 2, "usage");
    }
    world.fails(&["requester", "add", "eve", "--public-key", "00", "--allow", "bobs=message"], 2, "usage");
    world.fails(&["requester", "add", "eve", "--allow", "bobs=litecoin"], 2, "usage");
}

#[test]
fn a_requester_signs_with_a_p256_key_that_was_made_for_it() {
    let world = World::shared();
    let secret = world.path("hal.pem");
    world.key("hals", "ed25519", "message");
    let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let added =
        world.ok(&["requester", "add", "hal", "--key", &secret, "--key-type", "p256", "--allow", "hals=message"]);
    let other = ["requester", "add", "hal", "--public-key", text(&added, "public_key"), "--allow", "hals=message"];
    world.ok(&other);
    drop(turn);
    assert_eq!((text(&added, "credential"), text(&added, "public_key").len()), ("p256", 66));
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&secret).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let file = world.file("hal.txt", "hello from hal");
    let hal = ["--requester", "hal", "--tenant", "demo", "--requester-key", &secret];
    world.ok(&[&["sign", "--key", "hals", "--chain", "message", &file][..], &hal].concat());
    let demo = ["--requester", "demo", "--tenant", "demo", "--requester-key", &secret];
    world.fails(&[&["sign", "--key", "hals", "--chain", "message", &file][..], &demo].concat(), 3, "request_signature");
}

#[test]
fn a_person_confirms_with_a_passkey_what_is_signed() {
    let world = World::shared();
    let secret = SigningKey::from_bytes(&[5; 32]);
    let der = [&hex::decode("302a300506032b6570032100").unwrap()[..], secret.verifying_key().as_bytes()].concat();
    let page = "https://console.example.org";
    let document = json!({ "publicKey": URL_SAFE_NO_PAD.encode(der), "rpId": "example.org", "origins": [page] });
    let passkey = world.file("joan.json", document.to_string());
    world.key("joans", "ed25519", "message");
    let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    world.ok(&["requester", "add", "joan", "--passkey", &passkey, "--allow", "joans=message"]);
    drop(turn);
    let (file, request) = (world.file("joan.txt", "hello from joan"), world.path("joan.cbor"));
    let sign = ["sign", "--key", "joans", "--chain", "message"];
    let who = ["--requester", "joan", "--tenant", "demo", "--challenge", &request];
    let asked = world.ok(&[&sign[..], &[&file], &who].concat());
    let browser = |page: &str| {
        let challenge = text(&asked, "challenge");
        let client_data =
            format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{page}","crossOrigin":false}}"#);
        let data = [&Sha256::digest("example.org")[..], &[5, 0, 0, 0, 0]].concat();
        let signature = secret.sign(&[&data[..], &Sha256::digest(&client_data)].concat()).to_bytes();
        let [data, client_data, signature] =
            [&data[..], client_data.as_bytes(), &signature].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let response = json!({ "authenticatorData": data, "clientDataJSON": client_data, "signature": signature });
        json!({ "id": "AA", "type": "public-key", "response": response }).to_string()
    };
    let good = world.file("assertion.json", browser(page));
    let elsewhere = world.file("elsewhere.json", browser("https://phishing.example"));
    let confirm = |file: &str, assertion: &str| {
        world.run(&[&sign[..], &[file, "--request", &request, "--assertion", assertion]].concat())
    };
    confirm(&file, &elsewhere).fails(2, "assertion_invalid");
    confirm(&world.file("other.txt", "something else"), &good).fails(2, "usage");
    confirm(&file, &passkey).fails(2, "file_invalid");
    let signed = confirm(&file, &good);
    assert_eq!(text(&signed.json, "name"), "joans", "{:#}", signed.json);
}

#[test]
fn a_passkey_is_listed_with_the_pages_where_it_may_be_used() {
    let world = World::shared();
    let document = |key: &str| {
        let page = "https://console.example.org";
        json!({ "publicKey": key, "rpId": "example.org", "origins": [page] }).to_string()
    };
    // The key of section 16.2 of the WebAuthn Level 3 specification, in COSE.
    let key = "pQECAyYgASFYIK_voW-XypstI-uGzLZAmNINuQhWBi6yScM6m2cvJt9hIlggkwpWuHovymYzSwNFir-HlxfBLMaO1zKQry4mZHlrkiA";
    let good = world.file("passkey.json", document(key));
    let bad = world.file("no-passkey.json", document("AAAA"));
    let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    world.fails(&["requester", "add", "ida", "--passkey", &bad], 2, "file_invalid");
    let added = world.ok(&["requester", "add", "ida", "--passkey", &good]);
    drop(turn);
    assert_eq!((text(&added, "credential"), text(&added, "rp_id")), ("passkey", "example.org"));
    let listed = world.ok(&["requester", "list"]);
    let ida = listed["requesters"].as_array().unwrap().iter().find(|known| known["requester"] == "ida").unwrap();
    assert_eq!(ida["origins"], json!(["https://console.example.org"]));
    assert_eq!(ida["public_key"], added["public_key"]);
}

#[test]
fn who_may_sign_what_is_said_when_it_changes_and_can_be_taken_back() {
    let world = World::shared();
    world.key("shared-by-two", "ed25519", "solana");
    let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let add = ["requester", "add", "mal", "--key", &world.path("mal.key"), "--allow"];
    world.fails(&[&add[..], &["shared-by-two=ethereum:1"]].concat(), 2, "scheme_mismatch");
    let added = world.ok(&[&add[..], &["shared-by-two=message"]].concat());
    let grant = |requesters: Value, permissions: Value| json!([{"key": "shared-by-two", "requesters": requesters, "permissions": permissions}]);
    assert_eq!(added["grants"], grant(json!(["demo", "mal"]), json!(["solana", "message"])));
    assert_eq!(added["simulated"], true);
    let removed = world.ok(&["requester", "remove", "mal"]);
    assert_eq!(removed["grants"], grant(json!(["demo"]), json!(["solana", "message"])));
    world.fails(&["requester", "deny", "shared-by-two=bitcoin"], 2, "not_allowed");
    world.fails(&["requester", "deny", "nobodys=message"], 2, "not_allowed");
    let denied = world.ok(&["requester", "deny", "shared-by-two=message"]);
    assert_eq!(denied["grants"], grant(json!(["demo"]), json!(["solana"])));
    assert_eq!(world.ok(&["requester", "deny", "shared-by-two=solana"])["grants"], json!([]));
    drop(turn);
}

#[test]
fn an_option_that_says_who_asks_is_never_passed_over() {
    let world = World::shared();
    world.key("whose", "ed25519", "message");
    let file = world.file("whose.txt", "mine");
    let sign = ["sign", "--key", "whose", "--chain", "message", &file];
    let with = |more: &[&str]| world.run(&[&sign[..], more].concat());
    with(&["--tenant", "other"]).fails(2, "usage");
    with(&["--requester-key", &world.path("demo.key")]).fails(2, "usage");
    assert_eq!(with(&["--tenant", "demo"]).exit, 0);
    let mut command = Command::new(BINARY);
    command.args(sign).env("CLOISTER_DIR", &world.dir).env("CLOISTER_TENANT", "other");
    assert_eq!(command.output().unwrap().status.code(), Some(2));
}

#[test]
fn a_policy_that_got_to_some_signers_only_says_so_and_is_finished_by_the_same_command() {
    let mut world = World::founded("partly", 3);
    world.ok(&["group", "start"]);
    world.ok(&["requester", "add", "eve", "--key", &world.path("eve.key"), "--create-keys"]);
    let others = [2, 3].map(|id| SignerId::try_from(id).unwrap());
    for signer in others {
        world.runtime.block_on(world.group.kill_host(signer)).unwrap();
    }
    let failed = world.run(&["requester", "remove", "eve"]);
    failed.fails(1, "signer_unreachable");
    let said = |field| text(&failed.json["error"], field);
    assert!(said("message").contains("version 3 is in force at signer 1 "), "{}", said("message"));
    assert!(said("hint").contains("when signers 2, 3 answer"), "{}", said("hint"));
    assert_eq!(names(&world), ["demo"]);
    assert_eq!(world.ok(&["audit", "export", &world.path("part.json")])["unreachable"], json!([2, 3]));
    for signer in others {
        world.runtime.block_on(world.group.restart_host(signer)).unwrap();
    }
    wait_for_attestation(&world);
    let removed = world.ok(&["requester", "remove", "eve"]);
    assert_eq!(removed["policy_version"], 3);
    let status = world.ok(&["status"]);
    assert!(status["signers"].as_array().unwrap().iter().all(|signer| signer["policy"] == 3), "{status:#}");
    world.fails(&["requester", "remove", "eve"], 2, "unknown_requester");
}

#[test]
fn a_requester_that_could_not_be_added_leaves_no_key_behind() {
    let world = World::shared();
    let (secret, stranger) = (world.path("mallory.key"), world.path("mallorys-operator.key"));
    world.ok(&["operator", "keygen", &stranger]);
    let add = ["requester", "add", "mallory", "--key", &secret, "--operator-key"];
    world.fails(&[&add[..], &[&stranger]].concat(), 2, "not_an_operator");
    world.fails(&[&add[..], &[&world.path("operator-0.key")]].concat(), 4, "not_endorsed");
    let taken = world.file("taken", "");
    world.fails(&["requester", "add", "mallory", "--key", &secret, "--draft", &taken], 2, "exists");
    assert!(!world.dir.join("mallory.key").exists());
}

#[test]
fn operators_sign_orders_and_policies_on_machines_of_their_own() {
    let world = World::founded("apart", 2);
    let (start, policy) = (world.path("start.json"), world.path("policy.json"));
    let keys = [0, 1, 2].map(|number| world.path(&format!("operator-{number}.key")));
    let sign = |file: &str, key: &str| world.ok(&["operator", "sign", file, "--key", key]);

    let drafted = world.ok(&["group", "start", "--draft", &start]);
    assert_eq!(drafted["draft"]["signed_by"], json!([]), "{drafted:#}");
    world.fails(&["operator", "submit", &start], 4, "not_endorsed");
    assert_eq!(sign(&start, &keys[2])["complete"], false);
    world.fails(&["operator", "submit", &start], 4, "not_endorsed");
    world.fails(&["operator", "sign", &start, "--key", &keys[2]], 2, "signed_already");
    let signed = sign(&start, &keys[0]);
    assert_eq!((&signed["complete"], &signed["signed_by"]), (&true.into(), &json!([2, 0])), "{signed:#}");
    let says = signed["says"].to_string();
    for boot in drafted["boots"].as_array().unwrap() {
        assert!(says.contains(text(boot, "boot")), "{says}");
    }
    assert_eq!(world.ok(&["operator", "submit", &start])["submitted"], true);
    assert_eq!(fs::metadata(world.path("policy.cbor")).unwrap().permissions().mode() & 0o777, 0o600);
    world.ok(&["status"]);

    let carol = world.path("carol.key");
    let added = world.ok(&["requester", "add", "carol", "--key", &carol, "--create-keys", "--draft", &policy]);
    assert_eq!(names(&world), ["demo"]);
    let copy = world.file("copy.json", fs::read(&policy).unwrap());
    sign(&policy, &keys[1]);
    let signed = sign(&copy, &keys[2]);
    let new = format!("added: requester carol of tenant demo has public key {}", text(&added, "public_key"));
    assert!(signed["says"].as_array().unwrap().contains(&new.into()), "{signed:#}");
    world.fails(&["operator", "submit", &policy], 4, "not_endorsed");
    world.fails(&["operator", "submit", &policy, &start], 2, "usage");
    let submitted = world.ok(&["operator", "submit", &policy, &copy]);
    assert_eq!(submitted["signed_by"], json!([1, 2]), "{submitted:#}");
    assert_eq!(names(&world), ["carol", "demo"]);

    let removal = world.path("removal.json");
    world.ok(&["requester", "remove", "carol", "--draft", &removal]);
    let shown = said(&["operator", "show", &removal]);
    assert!(shown.contains("removed: requester carol may make keys"), "{shown}");
    world.ok(&["requester", "remove", "carol"]);
    assert_eq!(names(&world), ["demo"]);
    world.fails(&["requester", "remove", "carol"], 2, "unknown_requester");
}

#[test]
fn a_draft_that_is_damaged_or_put_together_from_others_is_refused() {
    let world = World::shared();
    let (start, policy) = (world.path("whole-start.json"), world.path("whole-policy.json"));
    world.ok(&["group", "start", "--draft", &start]);
    world.ok(&["requester", "add", "dora", "--key", &world.path("dora.key"), "--draft", &policy]);
    let text = fs::read_to_string(&start).unwrap();
    world.fails(&["operator", "show", &world.file("half.json", &text[..text.len() / 2])], 2, "file_invalid");
    let [start, policy]: [Value; 2] =
        [start, policy].map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap());
    let key = world.path("operator-1.key");
    let other = policy["policy"].clone();
    for (field, value, code) in [
        ("format", "cloister-draft-0".into(), "file_invalid"),
        ("manifest", "?".into(), "file_invalid"),
        ("order", "AAEC".into(), "file_invalid"),
        ("policy", other, "usage"),
    ] {
        let mut draft = start.clone();
        draft[field] = value;
        world.fails(&["operator", "sign", &world.file("altered.json", draft.to_string()), "--key", &key], 2, code);
    }
}

#[test]
fn a_group_is_not_started_without_the_signers_that_it_needs_and_they_are_named() {
    let mut world = World::founded("few", 3);
    let third = SignerId::try_from(3).unwrap();
    world.runtime.block_on(world.group.kill_signer(third)).unwrap();
    let refused = world.run(&["group", "start"]);
    refused.fails(1, "not_enough_signers");
    let message = text(&refused.json["error"], "message");
    assert!(message.contains("3 signers and 2 attest") && message.contains("signer 3"), "{message}");
    world.runtime.block_on(world.group.restart_signer(third)).unwrap();
    wait_for_attestation(&world);
    world.ok(&["group", "start"]);
    world.runtime.block_on(world.group.kill_signer(third)).unwrap();
    assert_eq!(world.ok(&["group", "start"])["absent"], json!([3]));
    world.runtime.block_on(world.group.kill_signer(SignerId::try_from(2).unwrap())).unwrap();
    let refused = world.run(&["group", "start"]);
    refused.fails(1, "not_enough_signers");
    let message = text(&refused.json["error"], "message");
    assert!(message.contains("signer 2") && message.contains("signer 3"), "{message}");
}

/// Whom the policy in force names.
fn names(world: &World) -> Vec<String> {
    let listed = world.ok(&["requester", "list"]);
    listed["requesters"].as_array().unwrap().iter().map(|known| text(known, "requester").to_owned()).collect()
}

/// Hosts take a moment to find a new boot.
fn wait_for_attestation(world: &World) {
    world.runtime.block_on(world.group.attest()).expect("both signers attest");
}
