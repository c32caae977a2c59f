//! The workspace's shape: who may depend on whom, what the enclave links, and what the trusted crates must not have.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use xtask::{linked::LinkedCrates, tcb};

/// Every crate that ships, and which of ours it may depend on; what those may use, it may use too.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("cloister-wire", &[]),
    ("cloister-chains", &[]),
    ("cloister-policy", &["cloister-wire", "cloister-chains"]),
    ("cloister-attestation", &[]),
    ("cloister-protocol", &["cloister-wire", "cloister-chains", "cloister-policy", "cloister-attestation"]),
    ("cloister-enclave", &["cloister-protocol"]),
    ("cloister-host", &["cloister-wire", "cloister-attestation", "cloister-chains"]),
    ("cloister-client", &["cloister-wire", "cloister-attestation", "cloister-chains", "cloister-policy"]),
    ("cloister-stand-in-nsm", &["cloister-enclave"]),
    ("cloister-simulator", &["cloister-stand-in-nsm", "cloister-host", "cloister-client"]),
    ("cloister", &["cloister-client", "cloister-simulator"]),
    ("cloister-eif", &["cloister-client"]),
];

/// What measures, tests and builds, and may depend on anything.
const TOOLS: [&str; 3] = ["cloister-benches", "cloister-tests", "xtask"];

/// What runs inside an enclave.
const TRUSTED: [&str; 6] = [
    "cloister-wire",
    "cloister-chains",
    "cloister-policy",
    "cloister-attestation",
    "cloister-protocol",
    "cloister-enclave",
];

/// Neither an enclave nor what it is made of has business with these: async runtimes, HTTP, JSON, cloud SDKs,
/// other cryptographic back ends. A name ending in `-` stands for everything that begins with it.
const FORBIDDEN: [&str; 19] = [
    "async-std",
    "aws-config",
    "aws-sdk-",
    "aws-smithy-",
    "axum",
    "futures",
    "futures-",
    "h2",
    "http",
    "hyper",
    "mio",
    "openssl",
    "openssl-sys",
    "reqwest",
    "ring",
    "rsa",
    "serde_json",
    "smol",
    "tokio",
];

/// More crates than this need a decision, not only a line in the list.
const MOST_LINKED: usize = 150;

/// Decoders of hostile bytes: the fuzz target of each, and what it has to call.
const DECODERS: [(&str, &str); 14] = [
    ("attestation_document", "Unverified::parse"),
    ("bitcoin_psbt", "Psbt::parse"),
    ("cosmos_sign_doc", "SignDoc::parse"),
    ("cosmos_transaction", "SignedTransaction::parse"),
    ("ethereum_authorization", "AuthorizationRequest::parse"),
    ("ethereum_transaction", "Transaction::parse"),
    ("ethereum_typed_data", "TypedData::parse"),
    ("ethereum_user_operation", "UserOperation::parse"),
    ("image_file", "Image::parse"),
    ("kms_envelope", "KEY.open"),
    ("solana_message", "Message::parse"),
    ("solana_transaction", "Transaction::parse"),
    ("wire_frame", "Header::from_bytes"),
    ("wire_message", "codec::decode"),
];

#[test]
fn crates_depend_only_on_those_that_the_architecture_allows() {
    let edges = BTreeMap::from(ALLOWED);
    for package in members().iter().filter(|package| !TOOLS.contains(&package.name.as_str())) {
        let name = package.name.as_str();
        for dependency in ours(package) {
            assert!(reaches(&edges, name, dependency), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_table_of_edges_names_every_crate_and_no_other() {
    let members = members();
    let found: BTreeSet<_> = members.iter().map(|package| package.name.as_str()).collect();
    let named: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| *name).chain(TOOLS).collect();
    assert_eq!(found, named);
}

#[test]
fn the_enclave_links_exactly_the_crates_on_the_list() {
    let linked = LinkedCrates::of_the_enclave().expect("cargo tree");
    let listed = listed();
    let linked: BTreeSet<_> = linked.names().collect();
    let listed: BTreeSet<_> = listed.names().collect();
    let new: Vec<_> = linked.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&linked).collect();
    assert!(new.is_empty() && gone.is_empty(), "run `cargo xtask linked-crates`; new: {new:?}, gone: {gone:?}");
}

#[test]
fn every_linked_crate_has_a_reason_and_there_are_not_too_many() {
    let listed = listed();
    assert_eq!(listed.without_reason().collect::<Vec<_>>(), [""; 0], "each needs a reason in {}", LinkedCrates::PATH);
    assert!(listed.names().count() <= MOST_LINKED);
}

#[test]
fn the_table_of_trusted_lines_is_that_of_the_sources() {
    let counted = tcb::readme(&root()).expect("the sources");
    assert!(counted == read(&root().join(tcb::PATH)), "run `cargo xtask tcb`");
}

#[test]
fn the_enclave_links_no_async_runtime_no_http_and_no_json() {
    let linked = LinkedCrates::of_the_enclave().expect("cargo tree");
    let names = linked.names().filter_map(|name| name.split(' ').next());
    let forbidden: Vec<_> = names.filter(|name| FORBIDDEN.iter().any(|entry| is_meant(entry, name))).collect();
    assert_eq!(forbidden, [""; 0]);
}

#[test]
fn trusted_crates_have_no_features_that_could_weaken_them() {
    for package in members().iter().filter(|package| TRUSTED.contains(&package.name.as_str())) {
        assert!(package.features.is_empty(), "{} has features: {:?}", package.name, package.features);
    }
}

#[test]
fn trusted_code_reads_no_arguments_and_no_environment() {
    let reading = ["env::args", "env::var", "env::vars", "option_env!", "temp_dir"];
    for package in members().iter().filter(|package| TRUSTED.contains(&package.name.as_str())) {
        let folder = package.manifest_path.parent().expect("a folder").join("src");
        let sources = tcb::production_files(folder.as_std_path()).expect("sources");
        for (file, code) in sources.iter().filter(|(file, _)| !file.ends_with("firmware.rs")) {
            assert!(reading.iter().all(|call| !code.contains(call)), "{}", file.display());
        }
    }
}

#[test]
fn every_crate_inherits_the_lints_of_the_workspace() {
    for package in members() {
        let manifest = read(package.manifest_path.as_std_path());
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{} has lints of its own", package.name);
    }
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    assert!(read(&root().join("Cargo.toml")).contains("\nunsafe_code = \"forbid\"\n"));
}

#[test]
fn every_decoder_has_a_fuzz_target_and_seeds() {
    for (target, call) in DECODERS {
        let source = read(&root().join(format!("fuzz/fuzz_targets/{target}.rs")));
        assert!(source.contains(call), "{target} does not call {call}");
        let seeds = fs::read_dir(root().join(format!("fuzz/seeds/{target}")));
        assert!(seeds.is_ok_and(|mut seeds| seeds.next().is_some()), "{target} has no seeds");
    }
}

fn reaches(edges: &BTreeMap<&str, &[&str]>, from: &str, to: &str) -> bool {
    let allowed = edges.get(from).copied().unwrap_or_default();
    allowed.iter().any(|next| *next == to || reaches(edges, next, to))
}

fn is_meant(entry: &str, name: &str) -> bool {
    if entry.ends_with('-') { name.starts_with(entry) } else { name == entry }
}

fn ours(package: &Package) -> impl Iterator<Item = &str> {
    let linked = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    let local =
        package.dependencies.iter().filter(move |dependency| dependency.path.is_some() && linked(dependency.kind));
    local.map(|dependency| dependency.name.as_str())
}

fn members() -> Vec<Package> {
    let metadata: Metadata =
        MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo metadata");
    metadata.packages
}

fn listed() -> LinkedCrates {
    LinkedCrates::read(&root().join(LinkedCrates::PATH)).expect("the list is readable")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
