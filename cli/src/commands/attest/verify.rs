use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use cloister_attestation::{
    Authentic, Millis, Mode, Pcr, PcrIndex, Rejected, RootKind, TrustRoot, UnixMillis, Unverified,
};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    commands::manifest::measurements,
    context::read_root,
    failure::{Exit, Failure},
    input,
    output::{Lines, Output},
};

/// Without --pcrs this says that some enclave of the root's owner made the document, not which one. Certificates live three hours: use
/// --at for documents from an archive.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The document: COSE_Sign1 as the enclave gave it, or that in base64 or hex; `-` reads stdin.
    file: PathBuf,
    /// When it has to be valid: `now`, `document` (its own time), a time such as 2024-05-01T12:00:00Z, or a Unix time in seconds or
    /// milliseconds.
    #[arg(long, default_value = "now", value_name = "TIME")]
    at: At,
    /// Registers that it has to show: JSON as `nitro-cli build-enclave` prints it, or {"PCR0": "hex", ...}.
    #[arg(long, value_name = "FILE")]
    pcrs: Option<PathBuf>,
    /// The nonce that it has to answer.
    #[arg(long, value_name = "HEX", value_parser = parse_hex)]
    nonce: Option<Nonce>,
    /// Root certificate (DER) in place of AWS's: the result then is SIMULATED.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Now,
    Document,
    Time(u64),
}

#[derive(Clone, Debug)]
struct Nonce(Vec<u8>);

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let root = arguments.root.as_deref().map_or_else(|| Ok(TrustRoot::aws()), read_root)?;
    let expected = arguments.pcrs.as_deref().map(measurements::read).transpose()?.unwrap_or_default();
    let document = read_document(&arguments.file)?;
    let unverified =
        Unverified::parse(&document).map_err(|why| Failure::new(Exit::Usage, why.code(), why, UNALTERED))?;
    let authentic = authenticate(unverified, &root, arguments).map_err(|why| refused(why, arguments.at))?;
    for (index, value) in &expected {
        if authentic.pcr(*index) != Some(*value) {
            return Err(refused(Rejected::WrongPcr(*index), arguments.at));
        }
    }
    output.answer(&View::new(&authentic, arguments, &expected));
    Ok(())
}

fn authenticate(unverified: Unverified, root: &TrustRoot, arguments: &Arguments) -> Result<Authentic, Rejected> {
    let nonce = arguments.nonce.as_ref().map(|nonce| nonce.0.as_slice());
    let now = match arguments.at {
        At::Document => {
            let authentic = unverified.authenticate(root, Mode::Archival)?;
            let answers = nonce.is_none_or(|nonce| authentic.nonce() == Some(nonce));
            return if answers { Ok(authentic) } else { Err(Rejected::WrongNonce) };
        }
        At::Now => since_epoch(),
        At::Time(millis) => millis,
    };
    let (now, max_age) = (UnixMillis(now), UNTIL_ITS_CERTIFICATE_ENDS);
    match nonce {
        Some(nonce) => unverified.authenticate(root, Mode::Live { now, max_age, nonce }),
        None => unverified.authenticate(root, Mode::Fresh { now, max_age }),
    }
}

/// The document in binary, whichever way the file has it.
fn read_document(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = input::read(path)?;
    let text = std::str::from_utf8(&bytes).map(|text| text.split_whitespace().collect::<String>());
    let decoded = text.ok().and_then(|text| hex::decode(&text).ok().or_else(|| STANDARD.decode(&text).ok()));
    Ok(decoded.unwrap_or(bytes))
}

fn refused(why: Rejected, at: At) -> Failure {
    let message = match (why, at) {
        (Rejected::WrongPcr(index), _) => format!("{index} is not the one that --pcrs demands: {}", measured(index)),
        (Rejected::FromTheFuture, At::Time(_)) => "the document was made after the time that --at names".to_owned(),
        _ => why.to_string(),
    };
    Failure::new(Exit::Unverified, why.code(), message, "Do not trust what this document vouches for.")
}

/// What another value of the register means.
fn measured(index: PcrIndex) -> &'static str {
    match index {
        PcrIndex::IMAGE | PcrIndex::KERNEL | PcrIndex::APPLICATION => "the enclave runs another image",
        PcrIndex::IMAGE_SIGNER => "the image is signed by somebody else, or by nobody",
        _ => "the enclave was started with another role, manifest or signer number",
    }
}

/// A verified document.
#[derive(Serialize)]
struct View {
    verified: bool,
    simulated: bool,
    root: &'static str,
    module_id: String,
    /// Unix milliseconds.
    timestamp: u64,
    time: String,
    nonce: Option<String>,
    user_data: Option<String>,
    public_key: Option<String>,
    pcrs: BTreeMap<String, String>,
    /// Which registers were compared with --pcrs.
    compared: Vec<String>,
    nonce_compared: bool,
}

impl View {
    fn new(document: &Authentic, arguments: &Arguments, expected: &BTreeMap<PcrIndex, Pcr>) -> Self {
        let simulated = document.root_kind() != RootKind::Aws;
        let timestamp = document.timestamp().0;
        Self {
            verified: true,
            simulated,
            root: if simulated { "other" } else { "aws" },
            module_id: document.module_id().to_owned(),
            timestamp,
            time: rfc3339(timestamp),
            nonce: document.nonce().map(hex::encode),
            user_data: document.user_data().map(hex::encode),
            public_key: document.public_key().map(hex::encode),
            pcrs: document.pcrs().map(|(index, value)| (index.get().to_string(), value.to_string())).collect(),
            compared: expected.keys().map(PcrIndex::to_string).collect(),
            nonce_compared: arguments.nonce.is_some(),
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let which = if self.compared.is_empty() {
            "not checked: give --pcrs to say which enclave it has to be".to_owned()
        } else {
            format!("{} as expected", self.compared.join(", "))
        };
        let nonce = if self.nonce_compared { "as expected" } else { "not checked: an old document can be shown again" };
        let lines = Lines::new()
            .line("document", "genuine: signature, chain and time hold")
            .line("enclave", &self.module_id)
            .line("made", &self.time)
            .line("registers", which)
            .line("nonce", nonce)
            .simulated(self.simulated);
        write!(f, "{lines}")?;
        let used = self.pcrs.iter().filter(|(_, value)| value.bytes().any(|digit| digit != b'0'));
        let mut used: Vec<_> = used.collect();
        used.sort_by_key(|(index, _)| index.parse::<u8>().ok());
        used.into_iter().try_for_each(|(index, value)| write!(f, "\nPCR{index:<3} {value}"))
    }
}

impl FromStr for At {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "now" => Ok(Self::Now),
            "document" => Ok(Self::Document),
            time => moment(time).map(Self::Time),
        }
    }
}

/// Documents and JSON have milliseconds, people's tools seconds: whichever makes a year before 5138.
fn unix_millis(number: u64) -> Option<u64> {
    let millis = if number < LATEST_SECOND { number * 1000 } else { number };
    (millis < LATEST_SECOND * 1000).then_some(millis)
}

fn parse_hex(text: &str) -> Result<Nonce, &'static str> {
    hex::decode(text).map(Nonce).map_err(|_| "expected hex digits")
}

/// A moment as people or documents write it, in milliseconds since 1970.
pub(crate) fn moment(text: &str) -> Result<u64, &'static str> {
    if text.bytes().all(|digit| digit.is_ascii_digit()) {
        return text.parse().ok().and_then(unix_millis).ok_or(TIMES);
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TIMES)?;
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).map_err(|_| "before 1970")
}

/// A moment as people write it.
pub(crate) fn rfc3339(millis: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| millis.to_string())
}

fn since_epoch() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What is said about a file that is no document.
const UNALTERED: &str = "Give the document as the enclave sent it: whole, in binary, base64 or hex.";
/// What `--at` takes.
const TIMES: &str =
    "expected now, document, a time such as 2024-05-01T12:00:00Z, or a Unix time in seconds or milliseconds";
/// In the year 5138.
const LATEST_SECOND: u64 = 100_000_000_000;
/// The three hours of the leaf certificate are limit enough.
const UNTIL_ITS_CERTIFICATE_ENDS: Millis = Millis(u64::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Option<u64> {
        match text.parse() {
            Ok(At::Time(millis)) => Some(millis),
            _ => None,
        }
    }

    #[test]
    fn a_time_is_taken_as_people_and_as_documents_write_it() {
        for text in ["2024-05-01T12:00:00Z", "1714564800", "1714564800000"] {
            assert_eq!(millis(text), Some(1_714_564_800_000), "{text}");
        }
        for text in ["", "1714564800000000", "99999999999999999999", "-5", "1714564800.5", "yesterday"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
