//! Recoveries: drafted, approved by guardians, submitted, listed and cancelled.

use std::fs;

use serde_json::{Value, json};

use crate::world::{World, text};

const SPARE: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// A group of the folder's requester, ann and bob, who are its guardians.
fn world(name: &str) -> World {
    let world = World::founded(name, 2);
    world.ok(&["group", "start"]);
    for name in ["ann", "bob"] {
        world.ok(&["requester", "add", name, "--key", &world.path(&format!("{name}.key"))]);
    }
    let file = world.path("policy.toml");
    world.ok(&["policy", "show", "--out", &file]);
    let shown = fs::read_to_string(&file).unwrap();
    let member = shown.lines().find(|line| line.starts_with("demo = ")).unwrap();
    let guarded = member.replace(" }", ", guardians = { approve = 2, of = \"family\", delay = \"48h\" } }");
    let sets = "\n[tenant.demo.sets]\nfamily = [\"ann\", \"bob\"]\n";
    fs::write(&file, shown.replace(member, &guarded) + sets).unwrap();
    world.ok(&["policy", "apply", &file]);
    assert_eq!(world.ok(&["policy", "diff", &file])["changes"], json!([]));
    world
}

fn as_member(world: &World, name: &str) -> [String; 6] {
    let [requester, tenant, key] = ["--requester", "--tenant", "--requester-key"].map(str::to_owned);
    [requester, name.to_owned(), tenant, "demo".to_owned(), key, world.path(&format!("{name}.key"))]
}

fn approve(world: &World, file: &str, name: &str) -> Value {
    let identity = as_member(world, name);
    let arguments = ["recovery", "approve", file].into_iter().chain(identity.iter().map(String::as_str));
    world.ok(&arguments.collect::<Vec<_>>())
}

/// A draft that both guardians have approved.
fn approved(world: &World, name: &str) -> (String, String) {
    let file = world.path(name);
    let draft = world.ok(&["recovery", "draft", "demo", "--public-key", SPARE, "--out", &file]);
    approve(world, &file, "ann");
    approve(world, &file, "bob");
    (file, text(&draft, "recovery_hash").to_owned())
}

#[test]
fn guardians_approve_another_credential_and_signers_begin_the_delay() {
    let world = world("recovery");
    let file = world.path("demo.json");
    let draft = world.ok(&["recovery", "draft", "demo", "--public-key", SPARE, "--out", &file]);
    assert_eq!((text(&draft, "public_key"), text(&draft, "member")), (SPARE, "demo"), "{draft:#}");
    assert_eq!((&draft["needed"], &draft["delay_ms"]), (&2.into(), &(48 * 3_600_000).into()), "{draft:#}");
    assert_eq!((&draft["replaces_policys"], &draft["approved_by"]), (&true.into(), &json!([])), "{draft:#}");
    world.fails(&["recovery", "draft", "demo", "--public-key", SPARE, "--out", &file], 2, "exists");
    let other = world.path("other.json");
    world.fails(&["recovery", "draft", "ann", "--public-key", SPARE, "--out", &other], 2, "no_guardians");
    world.fails(&["recovery", "draft", "eve", "--public-key", SPARE, "--out", &other], 2, "unknown_requester");
    world.fails(&["recovery", "draft", "demo", "--public-key", "00", "--out", &other], 2, "usage");
    world.fails(&["recovery", "approve", &file], 2, "not_a_guardian");

    approve(&world, &file, "ann");
    world.fails(&["recovery", "submit", &file], 3, "approvals_missing");
    assert_eq!(approve(&world, &file, "ann")["approved_by"], json!(["ann"]), "again");
    assert_eq!(approve(&world, &file, "bob")["approved_by"], json!(["ann", "bob"]));
    for _ in 0..2 {
        let taken = world.ok(&["recovery", "submit", &file]);
        let signers = json!([{"signer": 1, "taken": true}, {"signer": 2, "taken": true}]);
        assert_eq!((&taken["signers"], &taken["delay_ms"]), (&signers, &draft["delay_ms"]), "{taken:#}");
    }
    let listed = world.ok(&["recovery", "list"])["recoveries"][0].clone();
    assert_eq!(listed["recovery_hash"], draft["recovery_hash"], "{listed:#}");
    assert_eq!((&listed["cancelled"], &listed["approved_by"]), (&false.into(), &json!(["ann", "bob"])), "{listed:#}");
    let (seen, counts) = (listed["seen_at"].as_u64().unwrap(), listed["counts_from"].as_u64().unwrap());
    assert_eq!(counts - seen, 48 * 3_600_000, "{listed:#}");
    // The old credential counts until then.
    world.ok(&["key", "create", "--scheme", "ed25519", "--name", "treasury"]);
}

#[test]
fn what_was_cancelled_stays_cancelled() {
    let world = world("recovery-cancelled");
    let (first, hash) = approved(&world, "first.json");
    world.ok(&["recovery", "submit", &first]);
    let (second, second_hash) = approved(&world, "second.json");
    world.fails(&["recovery", "submit", &second], 3, "recovery_waiting");
    let cancelled = world.ok(&["recovery", "cancel", &hash, "--operator-key", &world.path("operator-0.key")]);
    assert_eq!(cancelled["signers"], json!([{"signer": 1, "taken": true}, {"signer": 2, "taken": true}]));
    world.fails(&["recovery", "submit", &first], 3, "recovery_cancelled");
    world.fails(&["recovery", "cancel", &second_hash], 2, "usage");
    world.ok(&["recovery", "submit", &second]);
    let ann = as_member(&world, "ann");
    let by_ann = ["recovery", "cancel", &second_hash].into_iter().chain(ann.iter().map(String::as_str));
    world.fails(&by_ann.collect::<Vec<_>>(), 3, "approval_invalid");
    world.ok(&["recovery", "cancel", &second_hash]);
    let listed = world.ok(&["recovery", "list"]);
    let states: Vec<_> = listed["recoveries"].as_array().unwrap().iter().map(|one| &one["cancelled"]).collect();
    assert_eq!(states, [&true, &true], "{listed:#}");
}
