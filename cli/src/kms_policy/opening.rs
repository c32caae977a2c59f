//! An Allow that may let somebody decrypt, register by register.

use cloister_attestation::{Pcr, PcrIndex};

use super::{
    Expected, Fault, Finding, Registers,
    document::{Condition, Principal, Principals, Statement},
    registers::{self, DEMANDED},
};

/// What a statement demands of whoever decrypts.
pub(super) struct Opening<'a> {
    pub(super) name: &'a str,
    /// What counts: compared for equality with one whole value.
    pub(super) registers: Registers,
}

impl<'a> Opening<'a> {
    pub(super) fn read(statement: &'a Statement, findings: &mut Vec<Finding>) -> Self {
        let mut opening = Self { name: &statement.name, registers: Registers::new() };
        for condition in &statement.conditions {
            match demanded(condition) {
                Ok((index, value)) if opening.registers.get(&index).is_some_and(|other| *other != value) => {
                    let message = format!("{index} is to have two values at once");
                    findings.push(Finding::new(Fault::NeverOpens, Some(opening.name), message));
                }
                Ok((index, value)) => drop(opening.registers.insert(index, value)),
                Err((fault, message)) => findings.push(Finding::new(fault, Some(opening.name), message)),
            }
        }
        opening
    }

    /// Whether it demands all that a signer's key has to.
    pub(super) fn is_complete(&self) -> bool {
        DEMANDED.iter().all(|index| self.registers.contains_key(index))
    }

    pub(super) fn check(&self, statement: &Statement, expected: &Expected, findings: &mut Vec<Finding>) {
        let mut found = |fault, message: String| findings.push(Finding::new(fault, Some(self.name), message));
        if self.registers.is_empty() {
            found(Fault::DecryptUnconditioned, "it lets kms:Decrypt without asking which enclave it is for".into());
            return;
        }
        for index in DEMANDED.iter().filter(|index| !self.registers.contains_key(index)) {
            found(Fault::PcrMissing, format!("{index} is not demanded, {}", meaning(*index)));
        }
        for (index, value) in &self.registers {
            if *value == Pcr::ZERO {
                found(Fault::PcrZero, format!("{index} is to be all zero"));
            }
            if expected.signer.get(index).is_some_and(|other| other != value) {
                found(
                    Fault::PcrDiffers,
                    format!("{index} is to be {value}, and this signer's is {}", expected.signer[index]),
                );
            }
        }
        for message in self.unlike_any(&expected.releases) {
            found(message.0, message.1);
        }
        if let Some(measured) = self.registers.get(&PcrIndex::PARENT_ROLE) {
            for caller in callers(statement).filter(|caller| registers::of_role(caller) != *measured) {
                found(Fault::CallerNotMeasured, format!("{caller} may call, and PCR3 measures another role"));
            }
        }
    }

    /// How it differs from the accepted release that it is most like.
    fn unlike_any(&self, releases: &[Registers]) -> Vec<(Fault, String)> {
        releases.iter().map(|release| self.unlike(release)).min_by_key(Vec::len).unwrap_or_default()
    }

    fn unlike(&self, release: &Registers) -> Vec<(Fault, String)> {
        let ours = [PcrIndex::IMAGE, PcrIndex::KERNEL, PcrIndex::APPLICATION, PcrIndex::IMAGE_SIGNER];
        let different = ours.iter().filter_map(|index| match (self.registers.get(index), release.get(index)) {
            (Some(value), Some(other)) if value != other => {
                Some((Fault::PcrDiffers, format!("{index} is to be {value}, and the image's is {other}")))
            }
            (Some(value), None) => {
                Some((Fault::PcrDiffers, format!("{index} is to be {value}, and the image has none: it is not signed")))
            }
            (None, Some(_)) if !DEMANDED.contains(index) => {
                Some((Fault::PcrMissing, format!("{index} is not demanded, {}", meaning(*index))))
            }
            _ => None,
        });
        different.collect()
    }
}

/// The register and value that a condition demands, or why it demands none.
fn demanded(condition: &Condition) -> Result<(PcrIndex, Pcr), (Fault, String)> {
    let Condition { operator, key, values } = condition;
    let index = registers::named_by(key).ok_or_else(|| (Fault::ConditionUnknown, format!("it asks for {key}")))?;
    equality(operator).map_err(|fault| (fault, format!("{index} is compared by {operator}")))?;
    let [value] = &values[..] else {
        return Err((Fault::PcrAlternatives, format!("{index} may have any of {} values", values.len())));
    };
    if value.contains(['*', '?']) {
        return Err((
            Fault::OperatorPattern,
            format!("{index} is to be {value:?}, in which * and ? stand for themselves"),
        ));
    }
    let bytes = hex::decode(value).ok().and_then(|bytes| Pcr::try_from(&bytes[..]).ok());
    let pcr = bytes.ok_or_else(|| {
        (
            Fault::PcrMalformed,
            format!("{index} is to be a text of {} characters, and not 96 hex digits", value.chars().count()),
        )
    })?;
    if pcr.to_string() != *value {
        return Err((Fault::PcrCase, format!("{index} is written in upper case")));
    }
    Ok((index, pcr))
}

/// Whether an operator holds for one whole value alone, and never for a call without a document.
fn equality(operator: &str) -> Result<(), Fault> {
    if operator.contains(':') {
        return Err(Fault::OperatorSet);
    }
    if operator.ends_with("IfExists") {
        return Err(Fault::OperatorIfExists);
    }
    match operator {
        "StringEquals" | "StringEqualsIgnoreCase" => Ok(()),
        "StringLike" | "ArnLike" | "StringNotLike" => Err(Fault::OperatorPattern),
        _ => Err(Fault::OperatorUnknown),
    }
}

/// The roles that it is for. Principals of other kinds have findings of their own.
fn callers(statement: &Statement) -> impl Iterator<Item = &str> {
    let listed = match &statement.principals {
        Principals::Listed(listed) => &listed[..],
        Principals::Anyone | Principals::AllBut => &[],
    };
    listed.iter().filter_map(|principal| match principal {
        Principal::Role(arn) => Some(arn.as_str()),
        _ => None,
    })
}

/// What a policy that does not demand the register lets in.
fn meaning(index: PcrIndex) -> &'static str {
    match index {
        PcrIndex::IMAGE => "so any image opens",
        PcrIndex::KERNEL | PcrIndex::APPLICATION => {
            "so the parts of another image may be put together to the same PCR0"
        }
        PcrIndex::PARENT_ROLE => "so an instance of another role opens",
        PcrIndex::IMAGE_SIGNER => "although the image is signed",
        PcrIndex::MANIFEST => "so the image opens under any manifest",
        PcrIndex::SIGNER => "so any signer of the group opens this one's shares",
        _ => "so any value will do",
    }
}
