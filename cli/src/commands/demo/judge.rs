//! Each signature, verified by a library that had no part in making it.

use anyhow::{Context, ensure};
use cloister_client::{Finished, Signed, SigningJob, scheme::chain_name, verify_signature};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Serialize;

use super::taproot::Spend;

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
    let key = VerifyingKey::try_from(job.key().public_key()).ok().context("no Ed25519 key")?;
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

/// RFC 9591's equation.
pub(super) fn schnorr(job: SigningJob, signed: Signed, text: &str) -> anyhow::Result<Verdict> {
    for (message, signature) in job.messages().iter().zip(&signed.signatures) {
        verify_signature(job.key(), message, signature)?;
    }
    Ok(Verdict::new(&job, &signed, format!("text {text:?}"), "RFC 9591's equation over k256"))
}

impl Verdict {
    fn new(job: &SigningJob, signed: &Signed, what: String, verified_by: &'static str) -> Self {
        let signatures: Vec<_> = signed.signatures.iter().map(hex::encode).collect();
        let txid = match &signed.finished {
            Finished::Bitcoin { txid, .. } => Some(txid.clone()),
            Finished::Solana { .. } | Finished::Message => None,
        };
        Self {
            what,
            key: job.key().body().name.to_string(),
            chain: chain_name(job.chain()),
            public_key: hex::encode(job.key().public_key()),
            signature: signatures.first().cloned().unwrap_or_default(),
            signatures,
            signed: signed.finished.text(),
            txid,
            signers: signed.signers.iter().map(|signer| signer.get()).collect(),
            verified: true,
            verified_by,
        }
    }
}
