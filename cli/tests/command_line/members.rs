//! What members do beside asking: they approve, reject and delegate; and operators stop them all.

use std::fs;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::world::{World, bytes, text};

const PAGE: &str = "https://console.example.org";

/// Dora, who has a passkey.
fn dora() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// What her browser answers to a challenge.
fn confirmed(challenge: &str) -> String {
    let client_data =
        format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{PAGE}","crossOrigin":false}}"#);
    let data = [&Sha256::digest("example.org")[..], &[5, 0, 0, 0, 0]].concat();
    let signature = dora().sign(&[&data[..], &Sha256::digest(&client_data)].concat()).to_bytes();
    let [data, client_data, signature] =
        [&data[..], client_data.as_bytes(), &signature].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    json!({ "response": { "authenticatorData": data, "clientDataJSON": client_data, "signature": signature } })
        .to_string()
}

/// A group whose key `vault` signs Solana transactions once two of bob, carol, dora and the requester have approved them, and `hot` all.
fn world(name: &str) -> World {
    let world = World::founded(name, 3);
    world.ok(&["group", "start"]);
    for member in ["bob", "carol"] {
        world.ok(&["requester", "add", member, "--key", &world.path(member)]);
    }
    let der = [&hex::decode("302a300506032b6570032100").unwrap()[..], dora().verifying_key().as_bytes()].concat();
    let passkey = json!({ "publicKey": URL_SAFE_NO_PAD.encode(der), "rpId": "example.org", "origins": [PAGE] });
    world.ok(&["requester", "add", "dora", "--passkey", &world.file("dora.json", passkey.to_string())]);
    world.ok(&["requester", "add", "demo", "--allow", "hot=solana,message"]);
    let file = world.path("policy.toml");
    world.ok(&["policy", "show", "--out", &file]);
    let shown = fs::read_to_string(&file).unwrap();
    let board = "[tenant.demo.sets]\nboard = [\"bob\", \"carol\", \"dora\", \"demo\"]\n";
    let rule = "[[tenant.demo.rules]]\nname = \"vault\"\nkeys = [\"vault\"]\npayloads = [\"solana\"]\n\
                then = { approve = 2, of = \"board\" }\n";
    fs::write(&file, format!("{shown}\n{board}\n{rule}")).unwrap();
    world.ok(&["policy", "apply", &file]);
    for key in ["vault", "hot"] {
        world.ok(&["key", "create", "--scheme", "ed25519", "--name", key]);
    }
    world
}

impl World {
    /// Kills every signer and starts the group again.
    fn restart(&mut self) {
        let group = &mut self.group;
        self.runtime.block_on(async {
            for id in [1, 2, 3] {
                let signer = cloister_wire::ids::SignerId::try_from(id).expect("a signer");
                group.kill_signer(signer).await.expect("it ends");
                group.restart_signer(signer).await.expect("it starts");
            }
        });
        self.ok(&["group", "start"]);
    }

    /// A transfer of so many lamports from a key.
    fn payment(&self, key: &str, lamports: u64) -> String {
        let from = bytes(&self.ok(&["key", "show", key]), "public_key");
        let call = [&[1, 2, 2, 0, 1, 12, 2, 0, 0, 0][..], &lamports.to_le_bytes()].concat();
        let message = [&[1, 0, 1, 3][..], &from, &[8; 32], &[0; 32], &[9; 32], &call].concat();
        self.file(&format!("{key}-{lamports}.b64"), STANDARD.encode(message))
    }

    fn sign(&self, key: &str, file: &str, more: &[&str]) -> crate::world::Answer {
        self.run(&[&["sign", "--key", key, "--chain", "solana", file][..], more].concat())
    }

    /// Has a payment wait; says its hash.
    fn proposed(&self, lamports: u64) -> String {
        let proposed = self.sign("vault", &self.payment("vault", lamports), &["--propose", "1"]);
        assert_eq!(proposed.exit, 0, "{:#}", proposed.json);
        text(&proposed.json, "request_hash").to_owned()
    }

    fn says(&self, what: &str, request: &str, member: &str) -> crate::world::Answer {
        let (tenant, key) = ("demo", self.path(member));
        self.run(&["requests", what, request, "--requester", member, "--tenant", tenant, "--requester-key", &key])
    }
}

fn standings(pending: &Value) -> Vec<&str> {
    pending["signers"].as_array().unwrap().iter().map(|signer| text(signer, "standing")).collect()
}

#[test]
fn a_request_waits_for_members_who_see_what_it_does_and_is_signed_once_they_have_approved_it() {
    let world = world("members-approve");
    let request = world.proposed(1000);
    let listed = world.ok(&["requests", "list"]);
    assert_eq!(listed["requests"].as_array().map(Vec::len), Some(1), "{listed:#}");
    let shown = world.ok(&["requests", "show", &request]);
    assert_eq!(standings(&shown), ["waiting"; 3], "{shown:#}");
    assert!(shown["does"].to_string().contains("pays 1000 lamports"), "{shown:#}");
    world.fails(&["requests", "sign", &request], 3, "approvals_missing");
    let once = world.says("approve", &request, "bob").json;
    assert_eq!((standings(&once), &once["signers"][0]["approved"]), (vec!["waiting"; 3], &json!(["bob"])));
    world.fails(&["requests", "sign", &request], 3, "approvals_missing");
    let twice = world.says("approve", &request, "carol").json;
    assert_eq!(standings(&twice), ["signable"; 3], "{twice:#}");
    let signed = world.ok(&["requests", "sign", &request]);
    assert_eq!(text(&signed, "request_hash"), request);
    assert_eq!(signed["missing_signatures"], 0, "{signed:#}");
}

#[test]
fn a_member_approves_with_a_passkey() {
    let world = world("members-passkey");
    let request = world.proposed(1000);
    assert_eq!(world.says("approve", &request, "bob").exit, 0);
    let word = world.path("word.cbor");
    let who = ["--requester", "dora", "--tenant", "demo", "--challenge", &word];
    let asked = world.ok(&[&["approve", &request][..], &who].concat());
    let good = world.file("assertion.json", confirmed(text(&asked, "challenge")));
    let other = world.file("other.json", confirmed("AAAA"));
    let said = |what: &str, request: &str, assertion: &str| {
        world.run(&["requests", what, request, "--word", &word, "--assertion", assertion])
    };
    said("reject", &request, &good).fails(2, "usage");
    said("approve", &"00".repeat(32), &good).fails(2, "usage");
    said("approve", &request, &other).fails(3, "approval_invalid");
    let approved = said("approve", &request, &good);
    assert_eq!((approved.exit, standings(&approved.json)), (0, vec!["signable"; 3]), "{:#}", approved.json);
    world.ok(&["requests", "sign", &request]);
}

#[test]
fn a_rejected_or_cancelled_request_is_never_signed() {
    let world = world("members-reject");
    let request = world.proposed(1000);
    for member in ["bob", "carol"] {
        assert_eq!(world.says("approve", &request, member).exit, 0);
    }
    let rejected = world.says("reject", &request, "carol");
    assert_eq!((rejected.exit, standings(&rejected.json)), (0, vec!["refused"; 3]), "{:#}", rejected.json);
    world.fails(&["requests", "sign", &request], 3, "withdrawn");
    let request = world.proposed(1001);
    world.ok(&["cancel", &request]);
    world.fails(&["requests", "sign", &request], 3, "withdrawn");
    let unknown = "00".repeat(32);
    world.fails(&["requests", "show", &unknown], 3, "not_found");
}

#[test]
fn a_kill_switch_stops_signatures_until_the_quorum_lifts_it() {
    let mut world = world("members-switch");
    let payment = world.payment("hot", 1000);
    let closed = world.ok(&["switch", "close", "--of-tenant", "demo", "--with-key", "hot"]);
    assert_eq!(closed["signers"], json!([1, 2, 3]), "{closed:#}");
    world.sign("hot", &payment, &[]).fails(3, "switch_closed");
    let listed = world.ok(&["switch", "list"]);
    let closing = text(&listed["closings"][0], "closing").to_owned();
    assert_eq!(closed["closings"], json!([closing]));
    let one = world.path("operator-0.key");
    world.fails(&["switch", "open", &closing, "--operator-key", &one], 4, "not_endorsed");
    world.sign("hot", &payment, &[]).fails(3, "switch_closed");
    world.restart();
    world.sign("hot", &payment, &[]).fails(3, "switch_closed");
    world.ok(&["switch", "open", &closing]);
    assert_eq!(world.sign("hot", &payment, &[]).exit, 0);
    assert_eq!(world.ok(&["switch", "list"])["closings"], json!([]));
}

#[test]
fn a_session_key_signs_within_its_scope_until_it_is_revoked() {
    let world = world("members-session");
    let scope = "name = \"bot\"\nkeys = [\"hot\"]\npayloads = [\"solana\"]\n\
                 effects = { every = [{ kind = \"transfer\", most = \"1000\" }] }\nthen = \"allow\"\n";
    let (scope, session, key) = (world.file("scope.toml", scope), world.path("bot.session"), world.path("bot.key"));
    let create = ["session", "create", "--scope", &scope, "--hours", "2", "--session-key", &key, "--out", &session];
    let made = world.ok(&create);
    assert_eq!((text(&made, "by"), text(&made, "tenant")), ("demo", "demo"), "{made:#}");
    assert_eq!(world.ok(&["session", "show", &session]), made);
    world.fails(&create, 2, "exists");
    let by_session = ["--session", session.as_str(), "--session-key", key.as_str()];
    let signed = world.sign("hot", &world.payment("hot", 1000), &by_session);
    assert_eq!(signed.exit, 0, "{:#}", signed.json);
    world.sign("hot", &world.payment("hot", 1001), &by_session).fails(3, "delegation_exceeded");
    let explain = |lamports| {
        let file = world.payment("hot", lamports);
        world.ok(&["policy", "explain", "--session", &session, "--key", "hot", "--chain", "solana", &file])
    };
    let (let_through, kept_out) = (explain(1000), explain(1001));
    assert_eq!(let_through["session"], json!({ "scope": "bot", "lets_through": true }), "{let_through:#}");
    assert_eq!((text(&let_through, "rule"), text(&let_through, "verdict")), ("key:hot", "allow"));
    assert_eq!((text(&kept_out, "refusal"), &kept_out["rules"]), ("delegation_exceeded", &json!([])), "{kept_out:#}");
    assert!(text(&kept_out["session"], "why_not").contains("1001"), "{kept_out:#}");
    let late = ["--at", "2100-01-01T00:00:00Z", "--session", session.as_str(), "--key", "hot", "--chain", "solana"];
    let void = world.ok(&[&["policy", "explain"], &late[..], &[&world.payment("hot", 1000)]].concat());
    assert_eq!(text(&void, "refusal"), "delegation_invalid", "{void:#}");
    let another = ["--session", session.as_str(), "--session-key", &world.path("bob")];
    world.sign("hot", &world.payment("hot", 1000), &another).fails(3, "request_signature");
    let revoked = world.ok(&["session", "revoke", &session]);
    assert_eq!((text(&revoked, "session"), &revoked["signers"]), (text(&made, "session"), &json!([1, 2, 3])));
    world.sign("hot", &world.payment("hot", 1000), &by_session).fails(3, "delegation_invalid");

    let wrong = world.file("wrong.toml", "name = \"bot\"\nrequesters = [\"demo\"]\nthen = \"allow\"\n");
    let create = ["session", "create", "--scope", &wrong, "--session-key", &key, "--out", &world.path("new.session")];
    world.fails(&create, 2, "policy_incoherent");
    let wrong = world.file("wrong.toml", "name = \"bot\"\nkey = [\"hot\"]\nthen = \"allow\"\n");
    world.fails(
        &["session", "create", "--scope", &wrong, "--session-key", &key, "--out", "/dev/null/x"],
        2,
        "policy_file_invalid",
    );
}
