//! What was signed.

use std::fmt;

use cloister_client::{
    Finished, Signed, SigningJob,
    scheme::{Kind, scheme_name},
};
use serde::Serialize;

use crate::{input::ReadAs, output::Lines};

/// What was signed, as it is shown.
#[derive(Serialize)]
pub(crate) struct SignedView {
    key: String,
    name: String,
    scheme: &'static str,
    path: String,
    /// The account's: a child's where there is a path.
    public_key: String,
    chain: &'static str,
    /// How the payload was written, where it came from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<ReadAs>,
    request_hash: String,
    /// The first signature; Bitcoin has one for each input.
    signature: String,
    signatures: Vec<String>,
    signed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    txid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_signatures: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unverified_inputs: Vec<usize>,
    signers: Vec<u16>,
    simulated: bool,
    #[serde(skip)]
    kind: Kind,
}

impl SignedView {
    pub(crate) fn new(job: &SigningJob, signed: &Signed, input: Option<ReadAs>, simulated: bool) -> Self {
        let account = job.account();
        let body = account.key().body();
        let signatures: Vec<_> = signed.signatures.iter().map(hex::encode).collect();
        let view = Self {
            key: body.key.to_string(),
            name: body.name.to_string(),
            scheme: scheme_name(body.scheme),
            path: account.path().to_string(),
            public_key: hex::encode(account.public_key()),
            chain: job.kind().name(),
            input,
            request_hash: signed.request.to_string(),
            signature: signatures.first().cloned().unwrap_or_default(),
            signatures,
            signed: signed.finished.text(),
            transaction: None,
            txid: None,
            transaction_hash: None,
            sender: None,
            missing_signatures: None,
            unverified_inputs: Vec::new(),
            signers: signed.signers.iter().map(|signer| signer.get()).collect(),
            simulated,
            kind: job.kind(),
        };
        view.with(&signed.finished)
    }

    fn with(mut self, finished: &Finished) -> Self {
        match finished {
            Finished::Solana { missing, .. } | Finished::BitcoinInPart { missing, .. } => {
                self.missing_signatures = Some(*missing);
            }
            Finished::Bitcoin { transaction, txid, unverified, .. } => {
                self.unverified_inputs.clone_from(unverified);
                (self.transaction, self.txid) = (Some(hex::encode(transaction)), Some(txid.clone()));
            }
            Finished::Ethereum { hash, sender, .. } => {
                self.transaction_hash = Some(format!("0x{}", hex::encode(hash)));
                self.sender = Some(sender.to_string());
            }
            Finished::Cosmos { txid, .. } => self.txid = Some(txid.clone()),
            Finished::Message => {}
        }
        self
    }

    /// Nodes refuse the transaction if one of these signatures is wrong.
    fn others(&self) -> Option<String> {
        let inputs: Vec<_> = self.unverified_inputs.iter().map(usize::to_string).collect();
        (!inputs.is_empty()).then(|| format!("the signatures of others, in input {}", inputs.join(", ")))
    }

    pub(super) fn remarks(&self) -> Lines {
        let signers: Vec<_> = self.signers.iter().map(u16::to_string).collect();
        let missing = self.missing_signatures.filter(|missing| *missing > 0);
        Lines::new()
            .line("signatures", format!("{}, by signers {}, verified", self.signatures.len(), signers.join(" and ")))
            .maybe("txid", self.txid.as_ref())
            .maybe("hash", self.transaction_hash.as_ref())
            .maybe("sender", self.sender.as_ref().map(|sender| format!("{sender}, recovered from the signature")))
            .maybe("missing", missing.map(|missing| format!("{missing} signatures of others")))
            .maybe("not verified", self.others())
            .simulated(self.simulated)
    }
}

impl fmt::Display for SignedView {
    /// What a pipe wants.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.signed, self.kind) {
            (Some(signed), _) => f.write_str(signed),
            (None, Kind::EthereumMessage | Kind::TypedData | Kind::Authorization | Kind::UserOperation) => {
                write!(f, "0x{}", self.signature)
            }
            (None, _) => f.write_str(&self.signature),
        }
    }
}
