use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use x509_cert::{Certificate, der::Decode as _};

use super::check::Check;
use crate::input;

const CHECK: &str = "certificate";
const EARLY: &str = "Look at this machine's clock; if that is right, put the certificate in place that is valid now.";
const RENEW: &str = "Renew it, put it in place, and restart whoever serves with it.";

pub(super) fn check(files: &[PathBuf]) -> Vec<Check> {
    if files.is_empty() {
        return vec![Check::skipped(CHECK, "none was named: --certificate FILE")];
    }
    files.iter().map(|file| one(file)).collect()
}

fn one(file: &Path) -> Check {
    let hint = "Give a certificate, or a chain of them, in PEM or DER.";
    let bytes = match input::read_file(file) {
        Ok(bytes) => bytes,
        Err(why) => return Check::bad(CHECK, why.message, why.hint),
    };
    let read = certificates(&bytes).into_iter().map(|der| Certificate::from_der(&der).map(|it| Validity::of(&it)));
    match read.collect::<Result<Vec<_>, _>>() {
        Ok(all) => match all.into_iter().reduce(Validity::both) {
            Some(validity) => judged(&file.display().to_string(), validity, SystemTime::now()),
            None => Check::bad(CHECK, format!("{}: there is no certificate in it", file.display()), hint),
        },
        Err(why) => Check::bad(CHECK, format!("{}: {why}", file.display()), hint),
    }
}

/// From when to when.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    pub(super) starts: SystemTime,
    pub(super) ends: SystemTime,
}

impl Validity {
    fn of(certificate: &Certificate) -> Self {
        let validity = &certificate.tbs_certificate.validity;
        Self { starts: validity.not_before.to_system_time(), ends: validity.not_after.to_system_time() }
    }

    /// When both are valid, as a whole chain has to be.
    fn both(self, other: Self) -> Self {
        Self { starts: self.starts.max(other.starts), ends: self.ends.min(other.ends) }
    }
}

pub(super) fn judged(name: &str, validity: Validity, now: SystemTime) -> Check {
    let Validity { starts, ends } = validity;
    if now < starts {
        return Check::bad(CHECK, format!("{name}: it is not valid yet"), EARLY);
    }
    match ends.duration_since(now).map(|left| left.as_secs() / DAY) {
        Err(_) => Check::bad(CHECK, format!("{name}: it has expired"), RENEW),
        Ok(days) if days < SOON => Check::attention(CHECK, format!("{name}: it expires in {days} days"), RENEW),
        Ok(days) => Check::good(CHECK, format!("{name}: valid for {days} days")),
    }
}

/// The certificates in a PEM file, or the one that a DER file is.
fn certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN)) else {
        return vec![bytes.to_vec()];
    };
    let bodies = text.split(BEGIN).skip(1).map(|rest| rest.split("-----END").next().unwrap_or_default());
    // What is no base64 is no certificate either, and is found out as such.
    bodies.map(|body| STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap_or_default()).collect()
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const DAY: u64 = 24 * 60 * 60;
const SOON: u64 = 21;
