//! What the commands verify, and what each exit code says.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
};

use crate::world::{World, folder, run_in, said, text};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

#[test]
fn the_signers_attest_and_their_status_says_that_they_can_sign() {
    let world = World::shared();
    let attested = world.ok(&["attest"]);
    assert_eq!((&attested["verified"], &attested["simulated"]), (&true.into(), &true.into()));
    assert_eq!(attested["signers"].as_array().map(Vec::len), Some(3));
    let status = world.ok(&["status"]);
    assert_eq!(status["can_sign"], true);
    assert!(status["signers"].as_array().unwrap().iter().all(|signer| signer["phase"] == "active"), "{status:#}");
}

#[test]
fn nothing_goes_on_with_another_manifest_or_root() {
    let world = World::shared();
    let (url, hash) = (world.group.record().signers[0].url.clone(), world.group.record().manifest_hash.clone());
    let other = "00".repeat(32);
    let root = world.path("test-root.der");
    world.fails(&["key", "list", "--url", &url, "--manifest-hash", &other, "--root", &root], 4, "manifest_not_pinned");
    world.fails(&["key", "list", "--url", &url, "--manifest-hash", &hash], 4, "attestation_wrong_root");
    world.ok(&["key", "list", "--url", &url, "--manifest-hash", &hash, "--root", &root]);
    world.fails(
        &["key", "list", "--url", "http://127.0.0.1:1", "--manifest-hash", &hash, "--root", &root],
        1,
        "host_unreachable",
    );
    world.fails(&["key", "list", "--url", &url], 2, "usage");
    let secret =
        world.run(&["key", "list", "--url", "http://me:hush@127.0.0.1:1", "--manifest-hash", &hash, "--root", &root]);
    secret.fails(2, "address_invalid");
    assert!(!secret.json.to_string().contains("hush"), "{:#}", secret.json);
}

#[test]
fn a_host_says_that_it_knows_no_signer_of_a_number() {
    let host = World::shared().group.record().signers[0].url.clone();
    let known = get(&host, "/v1/signers/2");
    assert!(known.starts_with("HTTP/1.1 200 ") && known.contains(r#""reachable":true"#), "{known}");
    for path in ["/v1/signers/9", "/v1/signers/0", "/v1/signers/x", "/v1/signers/9/attestation?nonce=00"] {
        let unknown = get(&host, path);
        assert!(unknown.starts_with("HTTP/1.1 404 ") && unknown.contains(r#""code":"unknown_signer""#), "{unknown}");
    }
}

/// A host's whole answer.
fn get(host: &str, path: &str) -> String {
    let mut host = TcpStream::connect(host.trim_start_matches("http://")).expect("a host");
    write!(host, "GET {path} HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n").expect("a question");
    let mut answer = String::new();
    host.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn people_read_what_failed_its_code_and_what_to_do_once_each() {
    let world = World::shared();
    world.key("twice", "ed25519", "message");
    let arguments = ["key", "create", "--scheme", "ed25519", "--name", "twice"];
    let error = &world.run(&arguments).json["error"];
    let said = said(&[&arguments[..], &["--dir", &world.dir.display().to_string()]].concat());
    for part in ["code", "message", "hint"].map(|field| text(error, field)) {
        assert_eq!(said.matches(part).count(), 1, "{part:?} in {said}");
    }
    assert_eq!(text(error, "code"), "key_name_taken");
}

#[test]
fn a_folder_without_group_is_a_failure_that_says_what_to_do() {
    let dir = folder("none");
    run_in(&dir, &["status"], b"").fails(1, "no_group");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("group.json"), "{").unwrap();
    run_in(&dir, &["status"], b"").fails(2, "file_invalid");
}

#[test]
fn a_simulated_document_verifies_under_its_own_root_alone() {
    let world = World::shared();
    let (document, root) = (world.path("signer-1.cose"), world.path("test-root.der"));
    world.ok(&["attest", "--signer", "1", "--save", &document]);
    let verify = |more: &[&str]| world.run(&[&["attest", "verify", &document], more].concat());

    let view = verify(&["--root", &root]).json;
    assert_eq!(
        (&view["verified"], &view["simulated"], &view["root"]),
        (&true.into(), &true.into(), &"other".into()),
        "{view:#}"
    );
    verify(&[]).fails(4, "attestation_wrong_root");
    assert_eq!(verify(&["--root", &root, "--at", "document", "--nonce", text(&view, "nonce")]).exit, 0);
    verify(&["--root", &root, "--nonce", "00ff"]).fails(4, "attestation_wrong_nonce");
    verify(&["--root", &root, "--at", "document", "--nonce", "00ff"]).fails(4, "attestation_wrong_nonce");
    verify(&["--root", &root, "--at", "2049-01-01T00:00:00Z"]).fails(4, "attestation_certificate_not_valid_now");
    verify(&["--root", &root, "--at", "2493072000"]).fails(4, "attestation_certificate_not_valid_now");
    assert_eq!(verify(&["--root", &root, "--at", &view["timestamp"].to_string()]).exit, 0);
    verify(&["--at", "yesterday"]).fails(2, "usage");
    let early = verify(&["--root", &root, "--at", "0"]).json;
    assert!(!text(&early["error"], "message").contains("clock"), "{early:#}");
    let whole = fs::read(&document).unwrap();
    for content in [&[][..], &whole[..whole.len() / 2], b"garbage"] {
        let unreadable = world.file("unreadable.cose", content);
        world.fails(&["attest", "verify", &unreadable, "--root", &root], 2, "attestation_malformed");
    }
    verify(&["--root", &world.file("root.pem", "-----BEGIN CERTIFICATE-----")]).fails(2, "file_invalid");
    for registers in ["", "[]", "{}", r#"{"PCR0": "ab"}"#, r#"{"PCR32": ""}"#] {
        verify(&["--root", &root, "--pcrs", &world.file("malformed.json", registers)]).fails(2, "file_invalid");
    }
}

#[test]
fn registers_are_compared_with_those_that_the_caller_expects() {
    let world = World::shared();
    let (document, root) = (world.path("signer-2.cose"), world.path("test-root.der"));
    world.ok(&["attest", "--signer", "2", "--save", &document]);
    let pcrs = world.ok(&["attest", "verify", &document, "--root", &root])["pcrs"].clone();
    let right = world.file(
        "right.json",
        json!({"Measurements": {"HashAlgorithm": "Sha384", "PCR0": pcrs["0"], "PCR16": pcrs["16"]}}).to_string(),
    );
    let view = world.ok(&["attest", "verify", &document, "--root", &root, "--pcrs", &right]);
    assert_eq!(view["compared"], json!(["PCR0", "PCR16"]));
    let wrong = world.file("wrong.json", json!({"PCR0": pcrs["0"], "PCR17": pcrs["16"]}).to_string());
    world.fails(&["attest", "verify", &document, "--root", &root, "--pcrs", &wrong], 4, "attestation_wrong_pcr");
    let image = world.file("image.json", json!({"PCR0": pcrs["16"]}).to_string());
    let refused = world.run(&["attest", "verify", &document, "--root", &root, "--pcrs", &image]);
    refused.fails(4, "attestation_wrong_pcr");
    assert!(text(&refused.json["error"], "message").contains("another image"), "{:#}", refused.json);
}

#[test]
fn genuine_documents_of_aws_verify_and_altered_ones_do_not() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/attestation");
    let Ok(entries) = fs::read_dir(&vectors) else {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", vectors.display());
        eprintln!("skipped: {} is missing", vectors.display());
        return;
    };
    let world = World::shared();
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "cbor" || kind == "bin"));
    let mut genuine = 0;
    for file in files {
        let answer = world.run(&["attest", "verify", &file.display().to_string(), "--at", "document"]);
        if answer.exit != 0 {
            answer.fails(4, "attestation_debug_mode");
            continue;
        }
        genuine += 1;
        assert_eq!((&answer.json["root"], &answer.json["simulated"]), (&"aws".into(), &false.into()));
        let mut altered = fs::read(&file).unwrap();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        let altered = world.file("altered.cose", STANDARD.encode(altered));
        world.fails(&["attest", "verify", &altered, "--at", "document"], 4, "attestation_bad_signature");
    }
    assert!(genuine > 0, "no genuine document in {}", vectors.display());
}

#[test]
fn an_audit_export_is_in_order_and_every_alteration_is_found() {
    let world = World::shared();
    world.key("audited", "ed25519", "message");
    let file = world.file("audited.txt", "for the record");
    world.ok(&["sign", "--key", "audited", "--chain", "message", &file]);
    let trail = world.path("trail.json");
    world.ok(&["audit", "export", &trail]);
    let report = world.ok(&["audit", "verify", &trail]);
    let piped = world.ok(&["audit", "export", "-"]);
    let read = world.run_with(&["audit", "verify", "-"], piped.to_string().as_bytes());
    assert_eq!((read.exit, &read.json["verified"]), (0, &true.into()), "{:#}", read.json);
    assert_eq!((&report["verified"], &report["findings"]), (&true.into(), &json!([])));
    assert_eq!(report["boots"].as_array().map(Vec::len), Some(3));

    let whole: Value = serde_json::from_slice(&fs::read(&trail).unwrap()).unwrap();
    for (code, alter) in ALTERATIONS {
        let mut export = whole.clone();
        alter(&mut export);
        let altered = world.file("altered.json", export.to_string());
        let answer = world.run(&["audit", "verify", &altered]);
        answer.fails(4, "audit_findings");
        let findings = answer.json["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["code"] == *code), "{code} is not among {findings:#?}");
    }
}

#[test]
fn an_audit_export_is_shown_event_by_event_as_far_as_it_verifies() {
    let world = World::shared();
    let key = world.key("recounted", "ed25519", "message");
    world.key("unmentioned", "ed25519", "message");
    let file = world.file("recounted.txt", "for everybody to read");
    let sign = ["sign", "--key", "recounted", "--chain", "message", &file];
    let signed = world.ok(&sign);
    let hash = text(&signed, "request_hash");
    let trail = world.path("recounted.json");
    world.ok(&["audit", "export", &trail]);

    let show =
        |more: &[&str]| world.ok(&[&["audit", "show", &trail], more].concat())["events"].as_array().unwrap().clone();
    let all = show(&[]);
    let times: Vec<_> = all.iter().map(|event| event["at"].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
    let released: Vec<_> = all.iter().filter(|event| event["request_hash"] == hash).collect();
    assert_eq!(released.len(), 2, "two signers released their shares: {released:#?}");
    for event in &released {
        assert_eq!((text(event, "event"), text(event, "rule")), ("released", "key:recounted"));
        assert_eq!((text(event, "key"), text(event, "tenant")), (text(&key, "key"), "demo"));
        assert_eq!(text(event, "effects_digest").len(), 64);
        assert!(text(event, "says").contains("key recounted of tenant demo, by rule key:recounted"), "{event:#}");
    }
    for named in ["recounted", text(&key, "key")] {
        let of_key = show(&["--key", named]);
        let of_another = |event: &&Value| event["key"].is_string() && event["key"] != key["key"];
        assert_eq!(of_key.iter().find(of_another), None);
        assert_eq!(of_key.iter().filter(|event| event["event"] == "key-created").count(), 3, "three signers made it");
        assert!(of_key.len() < all.len());
    }
    assert!(!show(&["--tenant", "nobody"]).iter().any(|event| event["event"] == "released"));
    assert_eq!(show(&["--since", "2100-01-01T00:00:00Z"]), [] as [Value; 0]);

    let dir = world.dir.display().to_string();
    let said = said(&["audit", "show", &trail, "--key", "recounted", "--dir", &dir]);
    for words in ["started by start order", "policy version", "made key recounted", hash, "effects digest", "in order"]
    {
        assert!(said.contains(words), "{words:?} is missing in\n{said}");
    }
    let mut export: Value = serde_json::from_slice(&fs::read(&trail).unwrap()).unwrap();
    drop(export["receipts"].as_object_mut().unwrap().values_mut().next().unwrap().as_array_mut().unwrap().remove(0));
    let answer = world.run(&["audit", "show", &world.file("recounted-altered.json", export.to_string())]);
    answer.fails(4, "audit_findings");
    assert_eq!(answer.json["verified"], false);
    assert!(answer.json["events"].as_array().is_some_and(|events| events.len() < all.len() && !events.is_empty()));
}

#[test]
fn an_export_of_one_tenant_verifies_and_holds_nothing_of_another() {
    let world = World::founded("tenants", 3);
    world.ok(&["group", "start"]);
    let (rita, policy) = (world.path("rita.key"), world.path("rivals.toml"));
    let made = world.ok(&["operator", "keygen", &rita]);
    let members = format!(
        "[tenant.rivals]\nkey_creators = [\"rita\"]\n[tenant.rivals.members]\nrita = {{ ed25519 = \"{}\" }}\n\
         [[tenant.rivals.rules]]\nname = \"notes\"\npayloads = [\"message\"]\nthen = \"allow\"\n",
        text(&made, "public_key")
    );
    fs::write(&policy, members).unwrap();
    world.ok(&["policy", "apply", &policy]);
    world.ok(&["requester", "add", "demo", "--allow", "ours=message"]);
    let as_rita = ["--requester", "rita", "--tenant", "rivals", "--requester-key", &rita];
    let ours = world.ok(&["key", "create", "--scheme", "ed25519", "--name", "ours"]);
    let create = [&["key", "create", "--scheme", "ed25519", "--name", "theirs"], &as_rita[..]].concat();
    let theirs = world.ok(&create);
    let file = world.file("note.txt", "for the record");
    let sign = ["sign", "--key", "ours", "--chain", "message", &file];
    let signed = world.ok(&sign);
    let sign = [&["sign", "--key", "theirs", "--chain", "message", &file], &as_rita[..]].concat();
    let signed_theirs = world.ok(&sign);

    let whole = world.path("whole.json");
    world.ok(&["audit", "export", &whole]);
    let whole = world.ok(&["audit", "verify", &whole]);
    assert_eq!(whole["withheld"], 0, "{whole:#}");
    for (tenant, own, other) in [
        (
            "demo",
            [&ours, &signed],
            ["rivals", "rita", "theirs", text(&theirs, "key"), text(&signed_theirs, "request_hash")],
        ),
        (
            "rivals",
            [&theirs, &signed_theirs],
            ["ours", "demo", "key:ours", text(&ours, "key"), text(&signed, "request_hash")],
        ),
    ] {
        let trail = world.path(&format!("{tenant}.json"));
        world.ok(&["audit", "export", &trail, "--tenant", tenant]);
        let report = world.ok(&["audit", "verify", &trail]);
        assert_eq!((&report["verified"], &report["findings"]), (&true.into(), &json!([])), "{report:#}");
        assert_eq!((text(&report, "tenant"), &report["keys"]), (tenant, &json!([text(own[0], "key")])));
        // Three signers made the other tenant's key, and two signed with it.
        assert_eq!(report["withheld"], 5, "{report:#}");
        let heads = |report: &Value| {
            let boots = report["boots"].as_array().unwrap().clone();
            boots.iter().map(|boot| (boot["receipts"].clone(), boot["head"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(heads(&report), heads(&whole), "the chain is the same");
        let events = world.ok(&["audit", "show", &trail])["events"].as_array().unwrap().clone();
        let released = events.iter().filter(|event| event["event"] == "released");
        let hashes: Vec<_> = released.map(|event| text(event, "request_hash")).collect();
        assert_eq!(hashes, [text(own[1], "request_hash"); 2]);

        let export: Value = serde_json::from_slice(&fs::read(&trail).unwrap()).unwrap();
        let mut bytes = export.to_string().into_bytes();
        let lists = ["introductions", "orders", "policies", "certificates", "policy_endorsements"];
        let documents = lists.iter().flat_map(|list| export[list].as_array().cloned().unwrap_or_default());
        let receipts =
            export["receipts"].as_object().unwrap().values().flat_map(|chain| chain.as_array().unwrap().clone());
        for document in documents.chain(receipts) {
            bytes.extend(STANDARD.decode(document.as_str().unwrap()).unwrap());
        }
        for name in other {
            let as_bytes = hex::decode(name).unwrap_or_default();
            for secret in [name.as_bytes(), &as_bytes[..]].into_iter().filter(|secret| !secret.is_empty()) {
                assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{tenant}'s export has {name}");
            }
        }

        let mut gap = export.clone();
        drop(chain(&mut gap).remove(1));
        let mut unsaid = export.clone();
        unsaid.as_object_mut().unwrap().remove("tenant");
        let mut foreign = export.clone();
        foreign["policy_endorsements"] = json!([]);
        for (code, altered) in [("receipt_gap", gap), ("receipt_withheld", unsaid), ("receipt_dangling", foreign)] {
            let answer = world.run(&["audit", "verify", &world.file("altered.json", altered.to_string())]);
            answer.fails(4, "audit_findings");
            let findings = answer.json["findings"].as_array().unwrap();
            assert!(findings.iter().any(|finding| finding["code"] == code), "{code} is not among {findings:#?}");
        }
    }
    world.fails(&["audit", "export", "-", "--tenant", "not a name"], 2, "usage");
}

#[test]
fn an_export_of_another_group_is_none_of_ours() {
    let world = World::shared();
    let trail = world.path("foreign.json");
    world.ok(&["audit", "export", &trail]);
    let (other, root) = ("11".repeat(32), world.path("test-root.der"));
    let refused = world.run(&["audit", "verify", &trail, "--manifest-hash", &other, "--root", &root]);
    refused.fails(4, "manifest_not_pinned");
    assert!(!text(&refused.json["error"], "message").contains("host"), "{:#}", refused.json);
    let garbage = world.file("garbage.json", "{}");
    world.fails(&["audit", "verify", &garbage], 2, "file_invalid");
    let whole = fs::read(&trail).unwrap();
    let truncated = world.file("truncated.json", &whole[..whole.len() / 2]);
    world.fails(&["audit", "verify", &truncated], 2, "file_invalid");
    let damaged = String::from_utf8(whole).unwrap().replacen("\"manifest\":\"", "\"manifest\":\"AA", 1);
    world.fails(&["audit", "verify", &world.file("damaged.json", damaged)], 2, "file_invalid");
    world.fails(&["audit", "verify", &world.path("no-such-export.json")], 1, "file");
}

type Alteration = fn(&mut Value);

/// What is done to an export, and what has to be found.
const ALTERATIONS: &[(&str, Alteration)] = &[
    ("receipt_gap", |export| drop(chain(export).remove(1))),
    ("receipt_altered", |export| {
        let receipt = chain(export)[1].as_str().unwrap().to_owned();
        let mut bytes = STANDARD.decode(receipt).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        chain(export)[1] = STANDARD.encode(bytes).into();
    }),
    ("unknown_signer", |export| {
        let receipts = export["receipts"].as_object_mut().unwrap();
        let chain = receipts.values().next().unwrap().clone();
        receipts.insert("ab".repeat(32), chain);
    }),
    ("receipt_altered", |export| {
        let receipts = export["receipts"].as_object_mut().unwrap();
        let chains: Vec<_> = receipts.values().cloned().collect();
        for (chain, other) in receipts.values_mut().zip(chains.iter().rev()) {
            *chain = other.clone();
        }
    }),
    ("chain_missing", |export| {
        let receipts = export["receipts"].as_object_mut().unwrap();
        let boot = receipts.keys().next().unwrap().clone();
        receipts.remove(&boot);
    }),
    ("unknown_boot", |export| export["introductions"].as_array_mut().unwrap().clear()),
    ("policy_gap", |export| drop(export["policies"].as_array_mut().unwrap().remove(0))),
    ("receipt_dangling", |export| export["orders"].as_array_mut().unwrap().clear()),
    ("receipt_dangling", |export| export["certificates"].as_array_mut().unwrap().clear()),
    ("host_missing", |export| export["unreachable"] = json!([2])),
];

fn chain(export: &mut Value) -> &mut Vec<Value> {
    export["receipts"].as_object_mut().unwrap().values_mut().next().unwrap().as_array_mut().unwrap()
}

#[test]
fn a_host_that_takes_a_question_and_is_silent_is_told_from_one_that_is_away() {
    let world = World::shared();
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", host.local_addr().unwrap());
    let (hash, root) = (world.group.record().manifest_hash.clone(), world.path("test-root.der"));
    let status = ["status", "--url", &url, "--manifest-hash", &hash, "--root", &root];
    world.fails(&status, 1, "host_no_answer");
    drop(host);
    world.fails(&status, 1, "host_unreachable");
}
