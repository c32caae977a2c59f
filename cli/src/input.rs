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
    ethereum::{Address, AuthorizationRequest, Sidecar, SignedTransaction, Transaction, UserOperation},
    limits::ETHEREUM_NETWORK_TRANSACTION,
    solana,
};
use cloister_client::{
    Error, authorization_json, credential, passkey, scheme::Kind, transaction_json, typed_data, user_operation_json,
};
use cloister_wire::{credential::Credential, limits};
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// Reads a member's public key from a command's argument.
pub(crate) fn public_key(text: &str) -> Result<Credential, Failure> {
    let hint = "Give 64 hex digits for Ed25519, or 66 of a compressed point for P-256.";
    credential::from_hex(text).ok_or_else(|| Failure::usage("this is no public key", hint))
}

/// Reads a member's passkey from a file.
pub(crate) fn passkey(path: &Path) -> Result<Credential, Failure> {
    let hint = "Give JSON as `cloister requester add --help` shows it.";
    passkey::credential(&read(path)?).map_err(|why| Failure::content(path, why, hint))
}

/// A payload in binary, and how it was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) bytes: Vec<u8>,
    pub(crate) read_as: ReadAs,
    /// The sender that the JSON of a transaction names.
    pub(crate) from: Option<Address>,
    /// The values in the message of typed data.
    pub(crate) fields: Vec<typed_data::Field>,
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
    Authorization,
    UserOperation,
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
            Form::Authorization => "EIP-7702 authorisation",
            Form::UserOperation => "user operation",
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
            Kind::Message
            | Kind::Solana
            | Kind::Bitcoin
            | Kind::EthereumMessage
            | Kind::TypedData
            | Kind::Authorization
            | Kind::UserOperation
            | Kind::Cosmos => limits::PAYLOAD,
        };
        Self::detect(read_at_most(path, text_form(most))?, kind)
    }

    fn new(bytes: Vec<u8>, encoding: Encoding, form: Form) -> Self {
        Self { bytes, read_as: ReadAs { encoding, form }, from: None, fields: Vec::new() }
    }

    /// Takes the first encoding of which the kind's parser can read the bytes.
    pub(crate) fn detect(bytes: Vec<u8>, kind: Kind) -> Result<Self, Failure> {
        let parse = match kind {
            Kind::Message | Kind::EthereumMessage => return Ok(Self::new(bytes, Encoding::Text, Form::Text)),
            Kind::TypedData => {
                let canonical = typed_data::from_json(&bytes).map_err(Error::from)?;
                let fields = typed_data::fields(&bytes).map_err(Error::from)?;
                return Ok(Self { fields, ..Self::new(canonical, Encoding::Json, Form::TypedData) });
            }
            Kind::Ethereum if is_json(&bytes) => {
                let unsigned = transaction_json::from_json(&bytes).map_err(Error::from)?;
                let payload = Self::new(unsigned.bytes, Encoding::Json, Form::EthereumTransaction);
                return Ok(Self { from: unsigned.from, ..payload });
            }
            Kind::Authorization if is_json(&bytes) => {
                let bytes = authorization_json::from_json(&bytes).map_err(Error::from)?;
                return Ok(Self::new(bytes, Encoding::Json, Form::Authorization));
            }
            Kind::UserOperation if is_json(&bytes) => {
                let bytes = user_operation_json::from_json(&bytes).map_err(Error::from)?;
                return Ok(Self::new(bytes, Encoding::Json, Form::UserOperation));
            }
            Kind::Solana => solana_form,
            Kind::Bitcoin => bitcoin_form,
            Kind::Ethereum => ethereum_form,
            Kind::Authorization => authorization_form,
            Kind::UserOperation => user_operation_form,
            Kind::Cosmos => cosmos_form,
        };
        if bytes.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "payload_truncated",
                "there is nothing to sign: the input is empty",
                &taken(kind),
            ));
        }
        let candidates = candidates(&bytes)?;
        let mut refused = None;
        for (encoding, bytes) in &candidates {
            match parse(bytes) {
                Ok(form) => return Ok(Self::new(bytes.clone(), *encoding, form)),
                Err(why) => refused = refused.or(Some((*encoding, why))),
            }
        }
        let (encoding, why) = refused.expect("there is always a candidate");
        if kind == Kind::Ethereum && candidates.iter().any(|(_, bytes)| SignedTransaction::parse(bytes).is_ok()) {
            let hint = "Give it without a signature, or send it to the network as it is.";
            return Err(Failure::new(Exit::Usage, "transaction_signed", "this transaction is signed already", hint));
        }
        let message = if encoding == Encoding::Binary
            && bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
        {
            "the input is text, and whole neither in hex nor in base64 (standard, padded) nor in base58".to_owned()
        } else {
            format!("read as {}: {why}", format!("{encoding:?}").to_lowercase())
        };
        // What is well-formed and yet not signed says itself what to do.
        let hint = if matches!(why, Rejected::Malformed(_)) { taken(kind) } else { Error::from(why).hint().to_owned() };
        Err(Failure::new(Exit::Usage, why.code(), message, &hint))
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

/// Every way to read the file, the likeliest first: text that is valid hex or base64 is hardly anything else. What begins with `0x` is hex.
fn candidates(bytes: &[u8]) -> Result<Vec<(Encoding, Vec<u8>)>, Failure> {
    let text = std::str::from_utf8(bytes).ok().map(|text| text.split_whitespace().collect::<String>());
    let text = text.filter(|text| !text.is_empty());
    if let Some(digits) = text.as_ref().and_then(|text| text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))) {
        return Ok(vec![(Encoding::Hex, hex::decode(digits).map_err(bad_hex)?)]);
    }
    let decoded = text.iter().flat_map(|text| {
        let short = text.len() <= BASE58_MOST;
        [
            hex::decode(text).ok().map(|bytes| (Encoding::Hex, bytes)),
            STANDARD.decode(text).ok().map(|bytes| (Encoding::Base64, bytes)),
            short.then(|| bs58::decode(text).into_vec().ok()).flatten().map(|bytes| (Encoding::Base58, bytes)),
        ]
    });
    Ok(decoded.flatten().chain([(Encoding::Binary, bytes.to_vec())]).collect())
}

fn bad_hex(why: hex::FromHexError) -> Failure {
    let message = match why {
        hex::FromHexError::InvalidHexCharacter { c, index } => {
            format!("digit {} after 0x is {c:?}, which is no hex digit", index + 1)
        }
        hex::FromHexError::OddLength | hex::FromHexError::InvalidStringLength => {
            "the number of hex digits after 0x is odd: one is missing or too many".to_owned()
        }
    };
    Failure::new(Exit::Usage, "payload_not_hex", message, "Copy all of it again; what begins with 0x is read as hex.")
}

fn solana_form(bytes: &[u8]) -> Result<Form, Rejected> {
    // What lookup tables hold, the policy says later.
    let refused = |why: Option<Rejected>| {
        why.filter(|why| !matches!(why, Rejected::Solana(solana::Unsignable::LookupTables { .. })))
    };
    match (refused(solana::Transaction::parse(bytes).err()), refused(solana::Message::parse(bytes).err())) {
        (None, _) => Ok(Form::Transaction),
        (Some(_), None) => Ok(Form::Message),
        (Some(_), Some(why)) => Err(why),
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

fn authorization_form(bytes: &[u8]) -> Result<Form, Rejected> {
    AuthorizationRequest::parse(bytes).map(|_| Form::Authorization)
}

fn user_operation_form(bytes: &[u8]) -> Result<Form, Rejected> {
    UserOperation::parse(bytes).map(|_| Form::UserOperation)
}

fn cosmos_form(bytes: &[u8]) -> Result<Form, Rejected> {
    SignDoc::parse(bytes).map(|_| Form::SignDoc)
}

/// No transaction begins with a brace or white space.
fn is_json(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// What is said when none of it could be read.
fn taken(kind: Kind) -> String {
    let (what, json) = match kind {
        Kind::Solana => ("a Solana message or transaction", ""),
        Kind::Bitcoin => ("a PSBT", ""),
        Kind::Ethereum => ("an unsigned Ethereum transaction", ", or as JSON"),
        Kind::Authorization => ("an EIP-7702 authorisation without its signature", ", or as JSON"),
        Kind::UserOperation => ("a user operation with its entry point and chain id", ", or as JSON"),
        Kind::Cosmos => ("a Cosmos SignDoc", ""),
        Kind::Message | Kind::EthereumMessage | Kind::TypedData => ("it", ""),
    };
    format!("Give all of {what}, as binary, hex, base64 or base58{json}.")
}

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
    fn what_begins_with_0x_is_hex_and_a_bad_digit_is_named() {
        for (input, words) in [("0xec0g", "digit 4"), ("0Xec0", "odd"), ("0x\n00zz", "digit 3")] {
            let failure = Payload::detect(input.into(), Kind::Ethereum).unwrap_err();
            assert_eq!(failure.code, "payload_not_hex");
            assert!(failure.message.contains(words), "{}", failure.message);
        }
    }

    /// EIP-155's example.
    #[test]
    fn a_transaction_that_is_signed_already_is_named_as_such() {
        let signed = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
        let failure = Payload::detect(signed.into(), Kind::Ethereum).unwrap_err();
        assert_eq!((failure.code.as_str(), failure.exit), ("transaction_signed", Exit::Usage));
    }

    #[test]
    fn names_keep_their_case_and_hints_are_for_the_chain_asked_for() {
        let failure = Payload::detect(hex::encode([0xc0]).into(), Kind::Ethereum).unwrap_err();
        assert!(failure.message.starts_with("read as hex: ") && failure.message.contains("Ethereum"), "{failure:?}");
        assert!(failure.hint.contains("Ethereum") && !failure.hint.contains("Solana"), "{failure:?}");
        let failure = Payload::detect(hex::encode(b"psbt\xff").into(), Kind::Bitcoin).unwrap_err();
        assert!(failure.message.contains("PSBT"), "{failure:?}");
    }

    #[test]
    fn what_is_no_transaction_is_refused_with_the_parsers_reason() {
        let failure = Payload::detect(b"{}".to_vec(), Kind::Bitcoin).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.code.starts_with("psbt_") || failure.code.starts_with("payload_"), "{}", failure.code);
    }
}
