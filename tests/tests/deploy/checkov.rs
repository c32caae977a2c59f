//! checkov, and the list of what is so on purpose.

use std::{collections::BTreeSet, path::Path};

use crate::judge::{altered, ask_installed, deploy, read, text};

const SKIPS: &str = "checkov-skips.txt";

#[test]
fn checkov_finds_exactly_what_is_on_the_list_with_a_reason() {
    let mut found = BTreeSet::new();
    for framework in ["terraform", "cloudformation", "kubernetes"] {
        found.extend(findings(framework, &deploy(framework)));
    }
    assert_eq!(found, skips());
}

#[test]
fn checkov_finds_what_is_worse_in_an_altered_copy() {
    for (framework, folder, file, from, to, check) in [
        ("terraform", "terraform/signer", "instance.tf", r#"= "required""#, r#"= "optional""#, "CKV_AWS_79"),
        ("terraform", "terraform/signer", "audit.tf", "block_public_acls       = true", "", "CKV_AWS_53"),
        ("cloudformation", "cloudformation", "signer.yaml", "{Status: Enabled}", "{Status: Suspended}", "CKV_AWS_21"),
        ("kubernetes", "kubernetes", "signer.yaml", "readOnlyRootFilesystem: true", "", "CKV_K8S_22"),
    ] {
        let copy = altered(folder, file, from, to);
        let new: Vec<_> =
            findings(framework, copy.path()).difference(&skips()).map(|(check, _)| check.clone()).collect();
        assert!(new.contains(&check.to_owned()), "{file} without {from:?}: {new:?}");
    }
}

/// What checkov does not like, by check and resource.
fn findings(framework: &str, folder: &Path) -> BTreeSet<(String, String)> {
    let arguments = [
        "--directory",
        text(folder),
        "--framework",
        framework,
        "--skip-download",
        "--quiet",
        "--output",
        "json",
        "--soft-fail",
    ];
    let report = ask_installed("checkov/bin/checkov", &arguments).json();
    assert_eq!(report["summary"]["parsing_errors"], 0, "{framework}");
    assert!(report["summary"]["passed"].as_u64() > Some(20), "{framework}: {}", report["summary"]);
    let failed = report["results"]["failed_checks"].as_array().expect("a list");
    let field = |finding: &serde_json::Value, name: &str| finding[name].as_str().expect("a name").to_owned();
    failed.iter().map(|finding| (field(finding, "check_id"), field(finding, "resource"))).collect()
}

fn skips() -> BTreeSet<(String, String)> {
    let list = read(&deploy(SKIPS));
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
        [check, resource, reason] if reason.ends_with('.') => (check.to_owned(), resource.to_owned()),
        _ => panic!("{SKIPS}: {line:?} is not check, resource and reason"),
    };
    lines.map(entry).collect()
}
