//! Registers from JSON, as `nitro-cli` and people write them.

use std::{collections::BTreeMap, path::Path};

use cloister_attestation::{Pcr, PcrIndex};
use cloister_wire::{ids, manifest::Measurements};
use serde_json::Value;

use crate::{failure::Failure, input};

/// Reads `{"PCR0": "hex", ...}`, or the same inside `"Measurements"`, where `HashAlgorithm` is passed over.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<PcrIndex, Pcr>, Failure> {
    let text = input::read_file(path)?;
    let value = serde_json::from_slice::<Value>(&text).map_err(|why| Failure::content(path, why, EXPECTED))?;
    parse(&value).map_err(|why| Failure::content(path, why, EXPECTED))
}

/// The registers in a JSON object.
pub(crate) fn parse(value: &Value) -> Result<BTreeMap<PcrIndex, Pcr>, String> {
    let object =
        value.get("Measurements").unwrap_or(value).as_object().ok_or("expected an object with PCR0, PCR1, ...")?;
    let outside = value.as_object().filter(|_| value.get("Measurements").is_some());
    if let Some(name) = outside.and_then(|outside| outside.keys().find(|name| name.starts_with("PCR"))) {
        return Err(format!("{name} stands beside Measurements: put it inside"));
    }
    let registers = object.iter().filter(|(name, _)| *name != "HashAlgorithm");
    let registers: BTreeMap<_, _> = registers.map(|(name, value)| register(name, value)).collect::<Result<_, _>>()?;
    if registers.is_empty() { Err("it names no register".into()) } else { Ok(registers) }
}

/// The registers of a release in a JSON object, and nothing but those.
pub(crate) fn release(value: &Value) -> Result<Measurements, String> {
    let registers = parse(value)?;
    if let Some(other) = registers.keys().find(|index| !RELEASE.contains(index)) {
        return Err(format!("{other} is none of a release's registers: those are PCR0, PCR1, PCR2 and PCR8"));
    }
    if let Some((index, _)) = registers.iter().find(|(_, pcr)| **pcr == Pcr::ZERO) {
        return Err(format!("{index} is all zero, which is what an enclave in debug mode shows"));
    }
    let pcr = |index: PcrIndex| registers.get(&index).map(|pcr| ids::Pcr::from_bytes(*pcr.as_bytes()));
    let needed = |index| pcr(index).ok_or_else(|| format!("{index} is missing"));
    Ok(Measurements {
        pcr0: needed(PcrIndex::IMAGE)?,
        pcr1: needed(PcrIndex::KERNEL)?,
        pcr2: needed(PcrIndex::APPLICATION)?,
        pcr8: pcr(PcrIndex::IMAGE_SIGNER),
    })
}

fn register(name: &str, value: &Value) -> Result<(PcrIndex, Pcr), String> {
    let index = name.strip_prefix("PCR").and_then(|index| index.parse().ok()).and_then(PcrIndex::new);
    let index = index.ok_or_else(|| format!("{name} is no register: expected PCR0 to PCR31"))?;
    let bytes = value.as_str().and_then(|text| hex::decode(text).ok());
    let pcr = bytes.and_then(|bytes| Pcr::try_from(bytes.as_slice()).ok());
    Ok((index, pcr.ok_or_else(|| format!("{name} is not 96 hex digits"))?))
}

/// The registers that a release is known by.
const RELEASE: [PcrIndex; 4] = [PcrIndex::IMAGE, PcrIndex::KERNEL, PcrIndex::APPLICATION, PcrIndex::IMAGE_SIGNER];

/// What is said about a file that holds no registers.
const EXPECTED: &str = "Give what `nitro-cli build-enclave` prints, or {\"PCR0\": \"96 hex digits\", ...}.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_nitro_cli_prints() {
        let pcr = "ab".repeat(48);
        let value = serde_json::json!({"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": pcr, "PCR1": pcr, "PCR2": pcr}});
        assert_eq!(parse(&value).unwrap().len(), 3);
    }

    #[test]
    fn refuses_registers_that_do_not_exist() {
        assert!(parse(&serde_json::json!({"PCR32": "ab".repeat(48)})).is_err());
        assert!(parse(&serde_json::json!({"PCR0": "ab"})).is_err());
        assert!(parse(&serde_json::json!({})).is_err());
        assert!(
            parse(&serde_json::json!({"Measurements": {"PCR0": "ab".repeat(48)}, "PCR1": "ab".repeat(48)})).is_err()
        );
    }
}
