//! The Kubernetes manifests.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};

use crate::judge::{Verdict, altered, ask, ask_installed, ask_python, deploy, read, text};

const MANIFESTS: &str = "signer.yaml";
/// The version whose definitions judge.
const VERSION: &str = "1.33";

#[test]
fn kubernetes_takes_the_manifests() {
    let verdict = validate(&deploy("kubernetes"));
    assert!(verdict.accepted, "{verdict:?}");
    // A kind that it does not know it passes over with a warning.
    assert_eq!(verdict.stdout.matches(" passed for resource ").count(), documents().len(), "{verdict:?}");
}

#[test]
fn kubernetes_refuses_wrong_manifests() {
    for (from, to) in [
        ("replicas: 1", "replicas: one"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"),
        ("  serviceName: cloister-host\n", "  serviceName:\n    - cloister-host\n"),
    ] {
        assert!(!validate(altered("kubernetes", MANIFESTS, from, to).path()).accepted, "{to}");
    }
}

#[test]
fn yamllint_finds_nothing_here_and_something_in_an_altered_copy() {
    let lint = |folder: &Path| {
        ask_installed("venv/bin/yamllint", &["--strict", "-c", text(&deploy(".yamllint")), text(folder)])
    };
    let verdict = lint(&deploy(""));
    assert!(verdict.is_clean(), "{verdict:?}");
    assert!(!lint(altered("kubernetes", MANIFESTS, "replicas: 1", "replicas:  1").path()).accepted);
}

#[test]
fn a_pod_is_one_signer_that_may_do_nothing_else() {
    let set = document("StatefulSet");
    assert_eq!(set["spec"]["replicas"], 1);
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let [enclave, host] = [&pod["containers"][0], &pod["containers"][1]];
    for container in [enclave, host] {
        let context = &container["securityContext"];
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(context["seccompProfile"], json!({ "type": "Localhost", "localhostProfile": "cloister.json" }));
    }
    assert_eq!(enclave["resources"]["limits"]["aws.ec2.nitro/nitro_enclaves"], "1");
    let reserved = read(&deploy("systemd/allocator.yaml"));
    let pages =
        enclave["resources"]["limits"]["hugepages-2Mi"].as_str().and_then(|size| size.strip_suffix("Mi")).expect("MiB");
    assert!(reserved.contains(&format!("\nmemory_mib: {pages}\n")), "{pages}");
    assert!(host["livenessProbe"].is_object() && host["readinessProbe"].is_object());
    assert_eq!(document("NetworkPolicy")["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
}

#[test]
fn the_seccomp_profile_allows_less_than_the_units_and_sockets_of_five_families_alone() {
    let profile: Value = serde_json::from_str(&read(&deploy("kubernetes/seccomp/cloister.json"))).expect("JSON");
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let rules = profile["syscalls"].as_array().expect("rules");
    let allowed = rules.iter().filter(|rule| rule["action"] == "SCMP_ACT_ALLOW");
    let names: BTreeSet<_> =
        allowed.flat_map(|rule| rule["names"].as_array().expect("names")).filter_map(Value::as_str).collect();
    let units = calls("@system-service");
    let not_in_units: Vec<_> = names.iter().filter(|name| !units.contains(**name)).collect();
    assert!(not_in_units.is_empty(), "{not_in_units:?}");
    for never in ["bpf", "io_uring_setup", "keyctl", "mount", "ptrace", "setns", "unshare", "userfaultfd"] {
        assert!(!names.contains(never), "{never}");
    }
    let sockets = rules.iter().filter(|rule| rule["names"] == json!(["socket"]));
    let families: Vec<_> = sockets.map(|rule| (rule["args"][0]["value"].as_u64(), rule["comment"].as_str())).collect();
    let family = |number, name| (Some(number), Some(name));
    assert_eq!(
        families,
        [
            family(1, "AF_UNIX"),
            family(2, "AF_INET"),
            family(10, "AF_INET6"),
            family(16, "AF_NETLINK"),
            family(40, "AF_VSOCK")
        ]
    );
}

/// The calls of one of systemd's groups, and of the groups in it.
fn calls(group: &str) -> BTreeSet<String> {
    let verdict = ask("systemd-analyze", &["syscall-filter", group]);
    assert!(verdict.accepted, "{verdict:?}");
    let words = verdict.stdout.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    words.flat_map(|word| if word.starts_with('@') { calls(word) } else { BTreeSet::from([word.to_owned()]) }).collect()
}

fn validate(folder: &Path) -> Verdict {
    ask_installed("venv/bin/kubernetes-validate", &["--strict", "-k", VERSION, text(&folder.join(MANIFESTS))])
}

fn document(kind: &str) -> Value {
    let found = documents().into_iter().find(|document| document["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind}"))
}

fn documents() -> Vec<Value> {
    let list = ask_python(
        "import yaml; print(json.dumps(list(yaml.safe_load_all(open(f)))))",
        &deploy("kubernetes").join(MANIFESTS),
    );
    serde_json::from_value(list).expect("a list")
}
