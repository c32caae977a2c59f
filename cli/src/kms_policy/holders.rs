//! Who holds which right, over all statements: one role of the key's account ends it, and no role that opens.

use std::collections::BTreeSet;

use super::{
    DECRYPT, ENDING, Expected, Fault, Finding, READING,
    document::{Principal, Statement},
    lint::listed,
};

pub(super) fn check(allows: &[&Statement], expected: &Expected, findings: &mut Vec<Finding>) {
    let (enders, openers) = (roles(allows, &ENDING), roles(allows, &[DECRYPT]));
    for role in enders.intersection(&openers) {
        let message = format!("{role} may decrypt, and may end the key as well");
        findings.push(Finding::new(Fault::EnderOpens, None, message));
    }
    if enders.len() > 1 {
        let message = format!("{} roles may end the key: {}", enders.len(), Vec::from_iter(enders).join(", "));
        findings.push(Finding::new(Fault::EnderSecond, None, message));
    }
    let parents = openers.first().and_then(|role| account(role));
    if let Some(own) = expected.account.as_deref().or(parents) {
        of_the_account(allows, own, findings);
    }
}

/// Ending and reading are for the key's own account. PCR3 says who decrypts.
fn of_the_account(allows: &[&Statement], own: &str, findings: &mut Vec<Finding>) {
    let speaks = |statement: &Statement| ENDING.iter().chain(&READING).any(|action| statement.speaks_of(action));
    for statement in allows.iter().filter(|statement| speaks(statement)) {
        for principal in listed(statement) {
            let (Principal::Role(name) | Principal::Account(name)) = principal else { continue };
            if account(name) != Some(own) {
                let message = format!("{name} is not of the key's account, {own}");
                findings.push(Finding::new(Fault::AccountForeign, Some(&statement.name), message));
            }
        }
    }
}

/// The roles that any statement lets do any of these. Principals of other kinds have findings of their own.
fn roles<'a>(allows: &[&'a Statement], actions: &[&str]) -> BTreeSet<&'a str> {
    let speaks = |statement: &Statement| actions.iter().any(|action| statement.speaks_of(action));
    let principals = allows.iter().filter(|statement| speaks(statement)).flat_map(|statement| listed(statement));
    let role = |principal: &'a Principal| match principal {
        Principal::Role(arn) => Some(arn.as_str()),
        _ => None,
    };
    principals.filter_map(role).collect()
}

/// The account that an ARN names, or twelve digits are.
fn account(name: &str) -> Option<&str> {
    if name.contains(':') { name.split(':').nth(4) } else { Some(name) }
}
