//! Policy files: read, tested, compared, explained and put into force.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_wire::{
    codec,
    endorsement::Endorsed,
    ids::{GroupId, Hash, KeyId, PolicyVersion, RequestId, UnixMillis},
    policy::Policy,
    request::{Chain, Purpose, SignRequest},
};
use serde_json::{Value, json};

use crate::world::{Answer, World, bytes, folder, run_in, said, text};

const ALICE: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// A folder with the files of `docs/policy.md`.
struct Desk(PathBuf);

impl Desk {
    fn new(name: &str) -> Self {
        let dir = folder(name);
        fs::create_dir_all(&dir).unwrap();
        let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md")).unwrap();
        for file in ["policy.toml", "cases.toml"] {
            let (_, block) = docs.split_once(&format!("```toml {file}\n")).unwrap();
            fs::write(dir.join(file), block.split_once("```").unwrap().0).unwrap();
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        run_in(&self.0, arguments, b"")
    }

    fn ok(&self, arguments: &[&str]) -> Value {
        let Answer { exit, json } = self.run(arguments);
        assert_eq!(exit, 0, "{arguments:?}: {json:#}");
        json
    }

    /// A copy of the policy in which something else stands.
    fn altered(&self, old: &str, new: &str) -> String {
        let policy = fs::read_to_string(self.path("policy.toml")).unwrap();
        assert!(policy.contains(old), "{old}");
        fs::write(self.path("altered.toml"), policy.replacen(old, new, 1)).unwrap();
        self.path("altered.toml")
    }
}

#[test]
fn the_worked_example_of_the_documentation_is_in_order_and_passes_its_cases() {
    let desk = Desk::new("policy-docs");
    let checked = desk.ok(&["policy", "check", &desk.path("policy.toml")]);
    assert_eq!(checked["tenants"][0]["rules"], json!(["blocked", "small-payouts", "payouts"]), "{checked:#}");
    let tested = desk.ok(&["policy", "test", &desk.path("policy.toml"), &desk.path("cases.toml")]);
    assert_eq!((&tested["failed"], tested["cases"].as_array().map(Vec::len)), (&0.into(), Some(9)), "{tested:#}");
}

#[test]
fn a_case_that_comes_out_otherwise_says_what_was_found_and_why() {
    let desk = Desk::new("policy-failing");
    let altered = desk.altered("\"2 ether\"", "\"1 ether\"");
    let failed = desk.run(&["policy", "test", &altered, &desk.path("cases.toml")]);
    failed.fails(4, "policy_test_failed");
    let second = &failed.json["cases"][1];
    assert_eq!(
        (&second["holds"], &second["expected"], &second["found"]),
        (&false.into(), &"rule small-payouts".into(), &"rule payouts".into())
    );
    assert!(second["why_not"].to_string().contains("small-payouts: limit daily-eth would be exceeded"), "{second:#}");
    let shown = said(&["policy", "test", &altered, &desk.path("cases.toml")]);
    assert!(shown.contains("rule small-payouts was expected, and it is rule payouts"), "{shown}");
}

#[test]
fn a_policy_file_that_is_wrong_is_refused_with_field_and_line() {
    let desk = Desk::new("policy-wrong");
    for (old, new, code, said) in [
        ("fee = ", "fees = ", "policy_file_invalid", "tenant.treasury.rules[1].fees: unknown field"),
        ("\"2 ether\"", "\"2 eth\"", "policy_file_invalid", "tenant.treasury.limits.daily-eth.most: "),
        (
            "list:blocked",
            "list:banned",
            "policy_incoherent",
            "tenant treasury, rule blocked: there is no list named banned",
        ),
        ("approve = 2", "approve = 4", "policy_incoherent", "4 approvals are asked for"),
        ("[tenant.treasury]", "[tenant.treasury", "policy_file_invalid", "line 1"),
    ] {
        let refused = desk.run(&["policy", "check", &desk.altered(old, new)]);
        refused.fails(2, code);
        let message = text(&refused.json["error"], "message");
        assert!(message.contains(said), "{said:?} is missing in {message:?}");
        assert!(code == "policy_incoherent" || message.contains("line "), "{message}");
    }
    for (case, new, code) in [
        ("after = \"10m\"", "after = \"10\"", "policy_file_invalid"),
        ("key = \"hot-1\"", "key = \"hot-2\"", "policy_case_invalid"),
        ("requester = \"bob\"", "requester = \"mallory\"", "policy_case_invalid"),
        ("refused = \"no_rule\"", "refused = \"never\"", "policy_file_invalid"),
    ] {
        let cases = fs::read_to_string(desk.path("cases.toml")).unwrap().replacen(case, new, 1);
        fs::write(desk.path("wrong.toml"), cases).unwrap();
        desk.run(&["policy", "test", &desk.path("policy.toml"), &desk.path("wrong.toml")]).fails(2, code);
    }
}

#[test]
fn a_signed_policy_is_shown_as_the_file_that_it_was_made_from() {
    let desk = Desk::new("policy-shown");
    let tenants = cloister_client::policy_file::read(&fs::read_to_string(desk.path("policy.toml")).unwrap()).unwrap();
    let (group, manifest) = (GroupId::from_bytes([1; 16]), Hash::from_bytes([2; 32]));
    let tenants = tenants.try_into().unwrap();
    let policy = Policy { group, manifest, version: PolicyVersion(7), previous: None, tenants };
    let endorsed = Endorsed::new(&policy).unwrap();
    fs::write(desk.path("policy.cbor"), codec::encode(&endorsed)).unwrap();
    let shown = desk.ok(&["policy", "show", "--version", &desk.path("policy.cbor"), "--out", &desk.path("shown.toml")]);
    assert_eq!(
        (&shown["policy_version"], text(&shown, "policy_hash")),
        (&7.into(), endorsed.hash().to_string().as_str())
    );
    fs::write(desk.path("shown.json"), shown["policy"].to_string()).unwrap();
    for file in ["policy.cbor", "shown.toml", "shown.json"] {
        let same = desk.ok(&["policy", "diff", &desk.path("policy.toml"), &desk.path(file)]);
        assert_eq!(same["changes"], json!([]), "{file}");
    }
}

#[test]
fn two_policies_are_compared_thing_by_thing() {
    let desk = Desk::new("policy-compared");
    let diff = |altered: &str| desk.ok(&["policy", "diff", &desk.path("policy.toml"), altered])["changes"].clone();
    let changes = diff(&desk.altered("\"2 ether\"", "\"3 ether\""));
    assert_eq!((&changes[0]["change"], &changes[0]["kind"]), (&"changed".into(), &"limit".into()), "{changes:#}");
    assert!(text(&changes[0], "after").contains("3 ether") && text(&changes[0], "before").contains("2 ether"));
    let changes = diff(&desk.altered(", \"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu\"", ""));
    let what = "list exchanges: bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu";
    assert_eq!((&changes[0]["change"], text(&changes[0], "what")), (&"removed".into(), what), "{changes:#}");
}

#[test]
fn a_request_is_explained_without_any_group() {
    let desk = Desk::new("policy-explained");
    let key = json!({"name": "hot-1", "scheme": "secp256k1-ecdsa", "tenant": "treasury",
        "public_key": "024bc2a31265153f07e70e0bab08724e6b85e217f8cd628ceb62974247bb493382"});
    fs::write(desk.path("hot-1.json"), key.to_string()).unwrap();
    let unsigned = json!({"chainId": "0x1", "nonce": "0x0", "gas": "0x5208", "maxFeePerGas": "0x2540be400",
        "maxPriorityFeePerGas": "0x0", "to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "value": "0x1bc16d674ec80000"});
    fs::write(desk.path("unsigned.json"), unsigned.to_string()).unwrap();
    let (policy, key, file) = (desk.path("policy.toml"), desk.path("hot-1.json"), desk.path("unsigned.json"));
    let about = ["policy", "explain", "--policy", &policy, "--key-file", &key, "--chain", "ethereum", &file];
    let asks = |requester| [&about[..], &["--requester", requester, "--at", "2026-03-02T12:00:00Z"]].concat();
    let explained = desk.ok(&asks("alice"));
    assert_eq!((text(&explained, "verdict"), text(&explained, "rule")), ("approve", "payouts"), "{explained:#}");
    assert_eq!(explained["approvals"], json!({"needed": 2, "of": "board", "delay_ms": 3_600_000}));
    let rules: Vec<_> = explained["rules"].as_array().unwrap().iter().map(|rule| &rule["why_not"]).collect();
    assert!(rules[0].to_string().contains("nothing that the payload does"), "{rules:?}");
    assert!(
        rules[1].to_string().contains("none of its effects lets this through: pays 2000000000000000000"),
        "{rules:?}"
    );
    let explained = desk.ok(&asks("bob"));
    assert_eq!((text(&explained, "verdict"), text(&explained, "refusal")), ("none", "no_rule"), "{explained:#}");
    assert!(explained["rules"].to_string().contains("it is for alice, and bob asks"), "{explained:#}");
    desk.run(&asks("mallory")).fails(2, "unknown_requester");

    fs::write(desk.path("request.hex"), hex::encode(codec::encode(&text_request("alice")))).unwrap();
    let explained = desk.ok(&[
        "policy",
        "explain",
        "--policy",
        &policy,
        "--key-file",
        &key,
        "--request",
        &desk.path("request.hex"),
    ]);
    assert_eq!(text(&explained, "refusal"), "chain_not_allowed", "{explained:#}");
    assert!(explained["does"].to_string().contains("I am the treasury"), "{explained:#}");
}

/// A request to sign a text.
fn text_request(requester: &str) -> SignRequest {
    SignRequest {
        group: GroupId::from_bytes([1; 16]),
        tenant: "treasury".parse().unwrap(),
        key: KeyId::from_bytes([3; 32]),
        path: Vec::new().try_into().unwrap(),
        chain: Chain::Ethereum,
        purpose: Purpose::Message,
        payload: b"I am the treasury".as_slice().try_into().unwrap(),
        requester: requester.parse().unwrap(),
        id: RequestId::from_bytes([4; 16]),
        issued_at: UnixMillis(0),
        not_after: UnixMillis(1),
        session: None,
    }
}

#[test]
fn a_policy_file_is_put_into_force_and_decides() {
    let world = World::founded("policies", 2);
    world.ok(&["group", "start"]);
    world.ok(&["requester", "add", "demo", "--allow", "hot=ethereum-message"]);
    let file = world.path("policy.toml");
    world.ok(&["policy", "show", "--out", &file]);
    let shown = fs::read_to_string(&file).unwrap();
    assert!(shown.contains("name = \"key:hot\"") && shown.contains("kind = \"anything\""), "{shown}");
    assert_eq!(world.ok(&["policy", "apply", &file])["changes"], json!([]), "it says the same");

    let member = format!("demo = {{ ed25519 = \"{}\" }}", demo_key(&shown));
    assert!(shown.contains(&member), "{shown}");
    let denial = "[[tenant.demo.rules]]\nname = \"never\"\npayloads = [\"ethereum-message\"]\nthen = \"deny\"\n\n";
    let grant = "[[tenant.demo.rules]]\nname = \"key:hot\"";
    fs::write(&file, shown.replace(grant, &format!("{denial}{grant}"))).unwrap();
    let changes = world.ok(&["policy", "diff", &file])["changes"].clone();
    assert_eq!(changes.as_array().map(Vec::len), Some(2), "the rule and the order: {changes:#}");
    let draft = world.path("policy-draft.json");
    let drafted = world.ok(&["policy", "apply", &file, "--draft", &draft]);
    assert!(drafted["draft"]["says"].to_string().contains("added: rule never of tenant demo: "), "{drafted:#}");
    for key in ["operator-0.key", "operator-1.key"] {
        world.ok(&["policy", "sign", &draft, "--key", &world.path(key)]);
    }
    world.ok(&["operator", "submit", &draft]);
    assert_eq!(world.ok(&["policy", "diff", &file])["changes"], json!([]));

    world.ok(&["key", "create", "--scheme", "secp256k1-ecdsa", "--name", "hot"]);
    let note = world.file("note.txt", "I am the treasury");
    let about = ["--key", "hot", "--chain", "ethereum-message", &note];
    let explained = world.ok(&[&["policy", "explain"][..], &about].concat());
    assert_eq!((text(&explained, "verdict"), text(&explained, "rule")), ("deny", "never"), "{explained:#}");
    assert_eq!(world.run(&[&["sign"][..], &about].concat()).exit, 3);

    fs::write(&file, &shown).unwrap();
    let applied = world.ok(&["policy", "apply", &file]);
    assert_eq!(applied["changes"][0]["change"], "removed", "{applied:#}");
    world.ok(&[&["sign"][..], &about].concat());
    let stranger = shown.replace("[tenant.demo", "[tenant.other");
    fs::write(&file, stranger.replace(&member, &format!("demo = {{ ed25519 = \"{ALICE}\" }}"))).unwrap();
    world.fails(&["policy", "apply", &file], 2, "policy_incoherent");
}

#[test]
fn a_solana_transfer_by_a_lookup_table_is_signed_once_the_policy_pins_the_table() {
    let world = World::founded("tables", 2);
    world.ok(&["group", "start"]);
    world.ok(&["requester", "add", "demo", "--allow", "hot=solana"]);
    let key = bytes(&world.ok(&["key", "create", "--scheme", "ed25519", "--name", "hot"]), "public_key");
    let pay = [&[1, 1, 2, 0, 2, 12, 2, 0, 0, 0][..], &5_u64.to_le_bytes()].concat();
    let accounts = [&[2][..], &key, &[0; 32]].concat();
    let lookup = [&[1][..], &[50; 32], &[1, 1, 0]].concat();
    let message = [&[0x80, 1, 0, 1][..], &accounts, &[5; 32], &pay, &lookup].concat();
    let transaction = [&[1][..], &[0; 64], &message].concat();
    let inputs = [world.file("message.hex", hex::encode(&message)), world.file("transaction", &transaction)];
    let sign = |input| ["sign", "--key", "hot", "--chain", "solana", input];
    world.fails(&sign(&inputs[0]), 2, "solana_lookup_tables");

    let file = world.path("policy.toml");
    world.ok(&["policy", "show", "--out", &file]);
    let [table, other, to] = [50, 20, 21].map(|byte| bs58::encode([byte; 32]).into_string());
    let pinned = format!("[tenant.demo.tables]\n{table} = [\"{other}\", \"{to}\"]\n");
    fs::write(&file, format!("{}\n{pinned}", fs::read_to_string(&file).unwrap())).unwrap();
    world.ok(&["policy", "apply", &file]);
    world.ok(&["policy", "show", "--out", &world.path("shown.toml")]);
    let shown = fs::read_to_string(world.path("shown.toml")).unwrap();
    assert!(shown.contains(&table) && shown.contains(&to), "{shown}");
    for input in &inputs {
        let signed = STANDARD.decode(text(&world.ok(&sign(input)), "signed")).unwrap();
        assert_eq!(signed[65..], message);
    }
    let asked = ["--key", "hot", "--chain", "solana", &inputs[0]];
    let explained = world.ok(&[&["policy", "explain"][..], &asked].concat());
    assert!(explained["does"].to_string().contains(&to), "{explained:#}");
    let proposed = world.ok(&[&["sign", "--propose", "1"][..], &asked].concat());
    let request = text(&proposed, "request_hash");
    assert!(proposed.to_string().contains(&to), "{proposed:#}");
    assert_eq!(text(&world.ok(&["requests", "sign", request]), "name"), "hot");
    let beyond = [&message[..message.len() - 2], &[2, 0]].concat();
    world.fails(&sign(&world.file("beyond", beyond)), 2, "solana_beyond_lookup_table");
}

fn demo_key(policy: &str) -> &str {
    let (_, rest) = policy.split_once("demo = { ed25519 = \"").unwrap();
    rest.split_once('"').unwrap().0
}
