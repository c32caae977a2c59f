//! The CloudFormation template.

use std::path::Path;

use serde_json::{Value, json};

use crate::judge::{Verdict, altered, ask_installed, ask_python, deploy, text};

const TEMPLATE: &str = "signer.yaml";

#[test]
fn cfn_lint_finds_nothing() {
    let verdict = lint(&deploy("cloudformation"));
    assert!(verdict.is_clean(), "{verdict:?}");
}

#[test]
fn cfn_lint_refuses_a_wrong_template() {
    for (from, to) in [
        ("RSA_4096", "RSA_8192"),
        ("!Ref HostProfile", "!Ref Profile"),
        ("EnclaveOptions: {Enabled: true}", "EnclaveOption: {Enabled: true}"),
        ("Mode: COMPLIANCE", "Mode: FOREVER"),
    ] {
        assert!(!lint(altered("cloudformation", TEMPLATE, from, to).path()).accepted, "{to}");
    }
}

#[test]
fn the_template_holds_what_a_signers_account_needs() {
    let template = read(&deploy("cloudformation"));
    let instance = properties(&template, "Host");
    assert_eq!(instance["EnclaveOptions"], json!({ "Enabled": true }));
    assert_eq!(instance["MetadataOptions"]["HttpTokens"], "required");
    assert_eq!(instance["NetworkInterfaces"][0]["AssociatePublicIpAddress"], false);
    let key = properties(&template, "Key");
    assert_eq!([&key["KeySpec"], &key["KeyUsage"]], ["RSA_4096", "ENCRYPT_DECRYPT"]);
    let bucket = properties(&template, "AuditBucket");
    assert_eq!(bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Mode"], "COMPLIANCE");
    assert_eq!(properties(&template, "Store")["Encrypted"], true);
    // The role, too: one that is made anew is another principal.
    for kept in ["Key", "HostRole", "Store", "AuditBucket"] {
        assert_eq!(template["Resources"][kept]["DeletionPolicy"], "Retain", "{kept}");
    }
}

/// What operators may do to a key before its final policy, and what nobody may.
pub(crate) fn key_set_up() -> [Value; 2] {
    let template = read(&deploy("cloudformation"));
    let statements = &properties(&template, "Key")["KeyPolicy"]["Statement"];
    assert_eq!([&statements[0]["Effect"], &statements[1]["Effect"]], ["Allow", "Deny"]);
    [statements[0]["Action"].clone(), statements[1]["Action"].clone()]
}

fn properties(template: &Value, resource: &str) -> Value {
    template["Resources"][resource]["Properties"].clone()
}

fn lint(folder: &Path) -> Verdict {
    ask_installed("venv/bin/cfn-lint", &["--include-checks", "I", "--template", text(&folder.join(TEMPLATE))])
}

fn read(folder: &Path) -> Value {
    ask_python("import cfnlint.decode; print(json.dumps(cfnlint.decode.decode(f)[0]))", &folder.join(TEMPLATE))
}
