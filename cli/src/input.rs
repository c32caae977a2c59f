//! Payload files: read, and their encoding found out and named.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_chains::{
    Rejected,
    bitcoin::Psbt,
    cosmos::SignDoc,
    ethereum::{Address, Sidecar, Transaction},
    limits::ETHEREUM_NETWORK_TRANSACTION,
    solana,
};
use cloister_client::{Error, scheme::Kind, transaction_json, typed_data};
use cloister_wire::limits;
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// A payload in binary, and how it was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) read_as: ReadAs,
    /// The sender that the JSON of a transaction names.
    pub(crate) from: Option<Address>,
}

/// How a payload was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReadAs {
    pub(crate) encoding: Encoding,
    pub(crate) form: Form,
}

/// The encodings that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Binary,
    Hex,
    Base64,
    Base58,
    Json,
    Text,
}

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    Message,
    Transaction,
    Psbt,
    #[serde(rename = "transaction")]
    EthereumTransaction,
    #[serde(rename = "transaction-with-sidecar")]
    BlobTransaction,
    TypedData,
    SignDoc,
    Text,
}

impl std::fmt::Display for ReadAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encoding = match self.encoding {
            Encoding::Binary => "binary",
            Encoding::Hex => "hex",
            Encoding::Base64 => "base64",
            Encoding::Base58 => "base58",
            Encoding::Json => "JSON",
            Encoding::Text => return f.write_str("text, signed byte for byte"),
        };
        let form = match self.form {
            Form::Message => "Solana message",
            Form::Transaction => "Solana transaction",
            Form::Psbt => "PSBT",
            Form::EthereumTransaction => "Ethereum transaction",
            Form::BlobTransaction => "Ethereum transaction with its sidecar",
            Form::TypedData => "typed data",
            Form::SignDoc => "Cosmos SignDoc",
            Form::Text => "text",
        };
        write!(f, "{form} in {encoding}")
    }
}

impl Payload {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn read(path: &Path, kind: Kind) -> Result<Self, Failure> {
        let most = match kind {
            Kind::Ethereum => ETHEREUM_NETWORK_TRANSACTION,
            Kind::Message | Kind::Solana | Kind::Bitcoin | Kind::EthereumMessage | Kind::TypedData | Kind::Cosmos => {
                limits::PAYLOAD
            }
        };
        Self::detect(read_at_most(path, text_form(most))?, kind)
    }

    fn new(bytes: Vec<u8>, encoding: Encoding, form: Form) -> Self {
        Self { bytes, read_as: ReadAs { encoding, form }, from: None }
    }

    /// Takes the first encoding of which the kind's parser can read the bytes.
    fn detect(bytes: Vec<u8>, kind: Kind) -> Result<Self, Failure> {
        let parse = match kind {
            Kind::Message | Kind::EthereumMessage => return Ok(Self::new(bytes, Encoding::Text, Form::Text)),
            Kind::TypedData => {
                let canonical = typed_data::from_json(&bytes).map_err(Error::from)?;
                return Ok(Self::new(canonical, Encoding::Json, Form::TypedData));
            }
            Kind::Ethereum if is_json(&bytes) => {
                let unsigned = transaction_json::from_json(&bytes).map_err(Error::from)?;
                let payload = Self::new(unsigned.bytes, Encoding::Json, Form::EthereumTransaction);
                return Ok(Self { from: unsigned.from, ..payload });
            }
            Kind::Solana => solana_form,
            Kind::Bitcoin => bitcoin_form,
            Kind::Ethereum => ethereum_form,
            Kind::Cosmos => cosmos_form,
        };
        if bytes.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "payload_truncated",
                "there is nothing to sign: the input is empty",
                TAKEN,
            ));
        }
        let mut refused = None;
        for (encoding, bytes) in candidates(&bytes) {
            match parse(&bytes) {
                Ok(form) => return Ok(Self::new(bytes, encoding, form)),
                Err(why) => refused = refused.or(Some((encoding, why))),
            }
        }
        let (encoding, why) = refused.expect("binary is always a candidate");
        let message = if encoding == Encoding::Binary
            && bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
        {
            "the input is text, and whole neither in hex nor in base64 (standard, padded) nor in base58".to_owned()
        } else {
            format!("read as {encoding:?}: {why}").to_lowercase()
        };
        Err(Failure::new(Exit::Usage, why.code(), message, TAKEN))
    }
}

/// Reads a file, or standard input for `-`: at most what the text form of the largest payload takes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(path, text_form(limits::PAYLOAD))
}

/// What the text form of `bytes` bytes takes, at most.
fn text_form(bytes: usize) -> u64 {
    2 * bytes as u64 + 4096
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") { bounded(path, stdin(), most) } else { open(path, most) }
}

/// Reads a file of documents: an operator's draft holds four of the largest in base64.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    open(path, 8 * limits::ENDORSED as u64)
}

fn open(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    bounded(path, File::open(path).map_err(|why| Failure::file(path, why))?, most)
}

fn bounded(path: &Path, source: impl Read, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes).map_err(|why| Failure::file(path, why))?;
    if bytes.len() as u64 > most {
        let message = format!("{}: larger than {most} bytes, the most that is read", path.display());
        return Err(Failure::new(Exit::Usage, "document_too_large", message, "Check that this is the right file."));
    }
    Ok(bytes)
}

/// Every way to read the file, the likeliest first: text that is valid hex or base64 is hardly anything else.
fn candidates(bytes: &[u8]) -> Vec<(Encoding, Vec<u8>)> {
    let text = std::str::from_utf8(bytes).ok().map(|text| text.split_whitespace().collect::<String>());
    let text = text.filter(|text| !text.is_empty());
    let decoded = text.iter().flat_map(|text| {
        let short = text.len() <= BASE58_MOST;
        [
            hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok().map(|bytes| (Encoding::Hex, bytes)),
            STANDARD.decode(text).ok().map(|bytes| (Encoding::Base64, bytes)),
            short.then(|| bs58::decode(text).into_vec().ok()).flatten().map(|bytes| (Encoding::Base58, bytes)),
        ]
    });
    decoded.flatten().chain([(Encoding::Binary, bytes.to_vec())]).collect()
}

fn solana_form(bytes: &[u8]) -> Result<Form, Rejected> {
    match (solana::Transaction::parse(bytes), solana::Message::parse(bytes)) {
        (Ok(_), _) => Ok(Form::Transaction),
        (Err(_), Ok(_)) => Ok(Form::Message),
        (Err(_), Err(why)) => Err(why),
    }
}

fn bitcoin_form(bytes: &[u8]) -> Result<Form, Rejected> {
    Psbt::parse(bytes).map(|_| Form::Psbt)
}

/// With its sidecar or without, and not signed yet.
fn ethereum_form(bytes: &[u8]) -> Result<Form, Rejected> {
    if Sidecar::is_attached(bytes) {
        let (transaction, _) = Sidecar::detach(bytes)?;
        Transaction::parse(&transaction)?;
        return Ok(Form::BlobTransaction);
    }
    Transaction::parse(bytes).map(|_| Form::EthereumTransaction)
}

fn cosmos_form(bytes: &[u8]) -> Result<Form, Rejected> {
    SignDoc::parse(bytes).map(|_| Form::SignDoc)
}

/// No transaction begins with a brace or white space.
fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// What is said when none of it could be read.
const TAKEN: &str = "Give a Solana message or transaction, a PSBT, an unsigned Ethereum transaction or a SignDoc, as binary, \
                     hex, base64 or base58, or an Ethereum transaction as JSON.";

/// Decoding base58 takes quadratic time, and no Solana transaction is longer.
const BASE58_MOST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    /// One signer paying itself nothing: a legacy message of one system transfer.
    fn message() -> Vec<u8> {
        let transfer = [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        [&[1, 0, 1, 2][..], &[7; 32], &[0; 32], &[9; 32], &[1, 1, 2, 0, 0, 12], &transfer].concat()
    }

    fn detected(bytes: Vec<u8>) -> (Encoding, Form) {
        let payload = Payload::detect(bytes, Kind::Solana).unwrap();
        assert_eq!(payload.bytes, message());
        (payload.read_as.encoding, payload.read_as.form)
    }

    #[test]
    fn each_encoding_of_a_message_is_told_apart() {
        assert_eq!(detected(message()), (Encoding::Binary, Form::Message));
        assert_eq!(detected(format!("{}\n", hex::encode(message())).into()), (Encoding::Hex, Form::Message));
        assert_eq!(detected(STANDARD.encode(message()).into()), (Encoding::Base64, Form::Message));
        assert_eq!(detected(bs58::encode(message()).into_string().into()), (Encoding::Base58, Form::Message));
    }

    #[test]
    fn a_whole_transaction_is_told_from_a_message() {
        let transaction = [&[1][..], &[0; 64], &message()].concat();
        let payload = Payload::detect(hex::encode(&transaction).into(), Kind::Solana).unwrap();
        assert_eq!((payload.bytes, payload.read_as.form), (transaction, Form::Transaction));
    }

    #[test]
    fn an_ethereum_transaction_is_read_from_hex_binary_and_json() {
        let hex = "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080";
        let json = r#" {"chainId":"0x1","nonce":"0x9","gasPrice":"0x4a817c800","gas":"0x5208",
            "to":"0x3535353535353535353535353535353535353535","value":"0xde0b6b3a7640000",
            "from":"0x3535353535353535353535353535353535353535"}"#;
        let inputs: [(Encoding, Vec<u8>); 4] = [
            (Encoding::Hex, hex.into()),
            (Encoding::Hex, format!("0x{hex}\n").into()),
            (Encoding::Binary, hex::decode(hex).unwrap()),
            (Encoding::Json, json.into()),
        ];
        for (encoding, input) in inputs {
            let payload = Payload::detect(input, Kind::Ethereum).unwrap();
            assert_eq!(hex::encode(payload.bytes), hex);
            assert_eq!(payload.read_as, ReadAs { encoding, form: Form::EthereumTransaction });
            assert_eq!(payload.from.is_some(), encoding == Encoding::Json);
        }
        let failure = Payload::detect(b"{\"to\":1}".to_vec(), Kind::Ethereum).unwrap_err();
        assert_eq!(failure.code, "transaction_json_invalid");
    }

    #[test]
    fn what_is_no_transaction_is_refused_with_the_parsers_reason() {
        let failure = Payload::detect(b"{}".to_vec(), Kind::Bitcoin).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.code.starts_with("psbt_") || failure.code.starts_with("payload_"), "{}", failure.code);
    }
}
