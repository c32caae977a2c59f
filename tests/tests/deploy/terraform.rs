//! The Terraform module, read by HashiCorp's own parser.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    cloudformation,
    judge::{altered, ask_node, deploy, files},
};

const MODULE: &str = "terraform/signer";

#[test]
fn the_module_holds_what_a_signers_account_needs() {
    let instance = resource("aws_instance", "host");
    assert_eq!(instance["enclave_options"][0]["enabled"], true);
    assert_eq!(instance["metadata_options"][0]["http_tokens"], "required");
    assert_eq!(instance["associate_public_ip_address"], false);
    for region in ["primary", "secondary"] {
        let key = resource("aws_kms_key", region);
        assert_eq!([&key["customer_master_key_spec"], &key["key_usage"]], ["RSA_4096", "ENCRYPT_DECRYPT"]);
        assert_eq!(key["provider"], format!("${{aws.{region}}}"));
        assert_eq!(key["policy"], "${local.key_policies[each.key]}");
    }
    let lock = resource("aws_s3_bucket_object_lock_configuration", "audit");
    assert_eq!(lock["rule"][0]["default_retention"][0]["mode"], "COMPLIANCE");
    assert_eq!(resource("aws_ebs_volume", "store")["encrypted"], true);
    for (kind, name) in [
        ("aws_kms_key", "primary"),
        ("aws_kms_key", "secondary"),
        ("aws_iam_role", "host"),
        ("aws_ebs_volume", "store"),
        ("aws_s3_bucket", "audit"),
    ] {
        assert_eq!(resource(kind, name)["lifecycle"][0]["prevent_destroy"], true, "{kind}.{name}");
    }
}

#[test]
fn both_ways_set_keys_up_with_the_same_rights_and_none_to_decrypt_or_grant() {
    let statements = blocks("data")["aws_iam_policy_document"]["key_set_up"][0]["statement"].clone();
    let ours = [statements[0]["actions"].clone(), statements[1]["actions"].clone()];
    assert_eq!(ours, cloudformation::key_set_up());
    assert_eq!([&statements[0]["effect"], &statements[1]["effect"]], [&Value::Null, &json!("Deny")]);
    let allowed: Vec<_> = ours[0].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for never in ["kms:Decrypt", "kms:CreateGrant", "kms:DeriveSharedSecret", "kms:ReEncryptFrom"] {
        assert!(ours[1].as_array().expect("a list").contains(&json!(never)), "{never}");
        assert!(!allowed.contains(&never) && !allowed.iter().any(|action| action.contains('*')), "{never}");
    }
}

#[test]
fn every_variable_is_described_and_checked_and_every_output_described() {
    // A switch and free tags have no wrong value.
    let unchecked = ["session_manager", "tags"];
    for (name, variable) in blocks("variable").as_object().expect("variables") {
        let variable = &variable[0];
        assert!(variable["description"].is_string() && variable["type"].is_string(), "{name}");
        assert_eq!(variable["validation"].is_null(), unchecked.contains(&name.as_str()), "{name}");
    }
    for (name, output) in blocks("output").as_object().expect("outputs") {
        assert!(output[0]["description"].is_string(), "{name}");
    }
}

#[test]
fn the_parser_refuses_a_broken_module() {
    for (file, from, to) in
        [("keys.tf", "}\n", ""), ("instance.tf", "= true", "= = true"), ("audit.tf", "\"COMPLIANCE\"", "\"COMPLIANCE")]
    {
        let copy = altered(MODULE, file, from, to);
        assert!(!ask_node("hcl.mjs", &files(copy.path(), "tf")).accepted, "{file}");
    }
}

fn resource(kind: &str, name: &str) -> Value {
    let found = blocks("resource")[kind][name][0].clone();
    assert!(found.is_object(), "no {kind}.{name}");
    found
}

/// All blocks of a kind, whichever file they are in.
fn blocks(kind: &str) -> Value {
    let mut all = json!({});
    for file in parse(&deploy(MODULE)).as_object().expect("files").values() {
        merge(&mut all, &file[kind]);
    }
    all
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, from) => *into = from.clone(),
    }
}

fn parse(folder: &Path) -> Value {
    ask_node("hcl.mjs", &files(folder, "tf")).json()
}
