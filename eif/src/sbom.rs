//! The bill of materials: every crate that is linked, the kernel, and the toolchain's libraries. No time and no serial number, which
//! would differ from build to build.

use std::{collections::BTreeMap, io};

use cyclonedx_bom::{
    external_models::uri::Purl,
    models::{
        bom::Bom,
        component::{Classification, Component, Components},
        hash::{Hash, HashAlgorithm, HashValue, Hashes},
        license::{LicenseChoice, Licenses},
        metadata::Metadata,
    },
    prelude::SpecVersion,
};
use serde::Deserialize;

use crate::{
    failure::{Failure, Result},
    kernel::Kernel,
    recipe::{Checkout, Firmware},
    surroundings::{command, run, version},
};

/// A CycloneDX document, JSON.
pub(crate) fn write(checkout: &Checkout, firmware: Firmware, kernel: &Kernel) -> Result<Vec<u8>> {
    let whole = component(Classification::Firmware, firmware.image(), env!("CARGO_PKG_VERSION"));
    let mut components = vec![self::kernel(kernel), standard_library(checkout)?];
    components.extend(crates(checkout, firmware)?);
    let bom = Bom {
        metadata: Some(Metadata { component: Some(whole), ..Metadata::default() }),
        components: Some(Components(components)),
        serial_number: None,
        ..Bom::default()
    };
    let mut text = Vec::new();
    bom.output_as_json(&mut text, SpecVersion::V1_5).map_err(io::Error::other)?;
    text.push(b'\n');
    Ok(text)
}

fn kernel(kernel: &Kernel) -> Component {
    let (name, version) = kernel.name.split_once(' ').unwrap_or((&kernel.name, ""));
    let mut component = component(Classification::OperatingSystem, name, version);
    component.hashes = Some(sha256(&kernel.source));
    component.licenses = Some(licence("GPL-2.0-only"));
    component
}

fn standard_library(checkout: &Checkout) -> Result<Component> {
    let version = version(checkout, "rustc")?;
    let number = version.split(' ').nth(1).unwrap_or(&version).to_owned();
    let mut component = component(Classification::Library, "std", &number);
    component.licenses = Some(licence("MIT OR Apache-2.0"));
    Ok(component)
}

/// What Cargo resolves for the binary alone, with the checksums of Cargo.lock.
fn crates(checkout: &Checkout, firmware: Firmware) -> Result<Vec<Component>> {
    let checksums = checksums(&checkout.read("Cargo.lock")?)?;
    let tree = run(command("cargo").current_dir(checkout.root()).args([
        "tree",
        "--locked",
        "--package",
        firmware.package(),
        "--target",
        "x86_64-unknown-linux-gnu",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--no-dedupe",
        "--format",
        "{p}|{l}",
    ]))?;
    let tree = String::from_utf8_lossy(&tree);
    let lines: std::collections::BTreeSet<_> = tree.lines().collect();
    lines.into_iter().map(|line| linked(line, &checksums)).collect()
}

/// `name v1.2.3 (path)|licence` to a component.
fn linked(line: &str, checksums: &BTreeMap<(String, String), String>) -> Result<Component> {
    let unread = || Failure::tool("cargo tree", format!("its line is not name, version and licence: {line}"));
    let (package, licences) = line.split_once('|').ok_or_else(unread)?;
    let mut words = package.split(' ');
    let (name, version) = words.next().zip(words.next()).ok_or_else(unread)?;
    let version = version.trim_start_matches('v');
    let mut component = component(Classification::Library, name, version);
    component.licenses = Some(licence(licences));
    if let Some(checksum) = checksums.get(&(name.to_owned(), version.to_owned())) {
        component.hashes = Some(sha256(checksum));
        component.purl = Purl::new("cargo", name, version).ok();
    }
    Ok(component)
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>> {
    let lock: Lock = toml::from_str(lock).map_err(|why| Checkout::invalid("Cargo.lock", why))?;
    let packages = lock.package.into_iter();
    Ok(packages.filter_map(|package| Some(((package.name, package.version), package.checksum?))).collect())
}

fn component(kind: Classification, name: &str, version: &str) -> Component {
    let reference = format!("{name}@{version}");
    Component::new(kind, name, version, Some(reference))
}

fn licence(expression: &str) -> Licenses {
    // Crates of old write `MIT/Apache-2.0`.
    let expression = expression.replace('/', " OR ");
    let choice = cyclonedx_bom::external_models::spdx::SpdxExpression::try_from(expression.clone());
    Licenses(vec![choice.map_or_else(
        |_| LicenseChoice::License(cyclonedx_bom::models::license::License::named_license(&expression)),
        LicenseChoice::Expression,
    )])
}

fn sha256(digest: &str) -> Hashes {
    Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(digest.to_owned()) }])
}
