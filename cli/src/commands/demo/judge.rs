//! Each signature, verified by a library that had no part in making it.

use anyhow::{Context, ensure};
use cloister_client::{Finished, Signed, SigningJob, verify_signature};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Serialize;

use super::{ethereum::Transfer, taproot::Spend};

/// A signature that was judged to be valid.
#[derive(Serialize)]
pub(super) struct Verdict {
    pub(super) what: String,
    pub(super) key: String,
    pub(super) chain: &'static str,
    pub(super) public_key: String,
    pub(super) signature: String,
    pub(super) signatures: Vec<String>,
    pub(super) signed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) txid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transaction_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<String>,
    pub(super) signers: Vec<u16>,
    pub(super) verified: bool,
    pub(super) verified_by: &'static str,
}

/// The transaction's signature over its message, strictly, under the sender's key.
pub(super) fn solana(job: SigningJob, signed: Signed, lamports: u64) -> anyhow::Result<Verdict> {
    let Finished::Solana { transaction, .. } = &signed.finished else {
        anyhow::bail!("no Solana transaction came back")
    };
    let (count, rest) = transaction.split_first().context("an empty transaction")?;
    let (signature, message) = rest.split_first_chunk::<64>().context("a transaction without signature")?;
    ensure!(*count == 1 && message == job.payload(), "another message was signed");
    let key = VerifyingKey::try_from(job.account().public_key()).ok().context("no Ed25519 key")?;
    let verified = key.verify_strict(message, &Signature::from_bytes(signature));
    ensure!(verified.is_ok(), "the signature does not verify");
    Ok(Verdict::new(&job, &signed, format!("Solana transfer of {lamports} lamports"), "ed25519-dalek"))
}

/// Every input, under the output key.
pub(super) fn bitcoin(job: SigningJob, signed: Signed, spend: &Spend) -> anyhow::Result<Verdict> {
    let Finished::Bitcoin { transaction, .. } = &signed.finished else {
        anyhow::bail!("no Bitcoin transaction came back")
    };
    spend.judge(transaction)?;
    let inputs = signed.signatures.len();
    Ok(Verdict::new(&job, &signed, format!("Taproot PSBT with {inputs} inputs"), "bitcoin and libsecp256k1"))
}

/// The sender recovered from the transaction, and its hash.
pub(super) fn ethereum(job: SigningJob, signed: Signed, transfer: &Transfer) -> anyhow::Result<Verdict> {
    let Finished::Ethereum { transaction, hash, sender } = &signed.finished else {
        anyhow::bail!("no Ethereum transaction came back")
    };
    ensure!(*sender == job.account().ethereum_address()?, "another account sends it");
    ensure!(transfer.judge(transaction, sender.as_bytes())? == *hash, "the transaction has another hash");
    let judge = "libsecp256k1, which recovers the sender, and sha3";
    let verdict = Verdict::new(&job, &signed, "Ethereum transfer of 1 wei (EIP-1559, chain 1)".to_owned(), judge);
    let transaction_hash = Some(format!("0x{}", hex::encode(hash)));
    Ok(Verdict { transaction_hash, sender: Some(sender.to_string()), ..verdict })
}

/// RFC 9591's equation.
pub(super) fn schnorr(job: SigningJob, signed: Signed, text: &str) -> anyhow::Result<Verdict> {
    for (message, signature) in job.messages().iter().zip(&signed.signatures) {
        verify_signature(job.account(), message, signature)?;
    }
    Ok(Verdict::new(&job, &signed, format!("text {text:?}"), "RFC 9591's equation over k256"))
}

impl Verdict {
    fn new(job: &SigningJob, signed: &Signed, what: String, verified_by: &'static str) -> Self {
        let signatures: Vec<_> = signed.signatures.iter().map(hex::encode).collect();
        let txid = match &signed.finished {
            Finished::Bitcoin { txid, .. } => Some(txid.clone()),
            Finished::Solana { .. }
            | Finished::BitcoinInPart { .. }
            | Finished::Ethereum { .. }
            | Finished::Cosmos { .. }
            | Finished::Message => None,
        };
        Self {
            what,
            key: job.account().key().body().name.to_string(),
            chain: job.kind().name(),
            public_key: hex::encode(job.account().public_key()),
            signature: signatures.first().cloned().unwrap_or_default(),
            signatures,
            signed: signed.finished.text(),
            txid,
            transaction_hash: None,
            sender: None,
            signers: signed.signers.iter().map(|signer| signer.get()).collect(),
            verified: true,
            verified_by,
        }
    }
}
