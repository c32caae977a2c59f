//! Memory of a signer for each ceremony that is open in it.
//!
//! A signature is open between its rounds: the signer has given a commitment away and keeps the nonces. A key generation is open once
//! the signer has sent its round 1 and waits for the others'. Open as many as the signer allows, and see how its resident memory
//! grows; hence pages and the allocator's own bytes are in it.

use anyhow::{bail, ensure};
use cloister_wire::{
    codec,
    ids::SignerId,
    limits,
    message::{Body, Contribution, Outcome, Reply, Request},
    request::Scheme,
};

use crate::appliance::Appliance;

/// Bytes for each open ceremony: the signer that uses most.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// For each commitment that was not used yet.
    pub commitment: u64,
    /// For each key generation after round 1.
    pub key_generation: u64,
}

impl Live {
    /// Opens ceremonies and leaves them open. Key generations are not possible any more afterwards: messages between the signers are
    /// missing.
    ///
    /// # Errors
    /// What the group brings.
    pub async fn measure(appliance: &Appliance) -> anyhow::Result<Self> {
        let before = resident(appliance)?;
        for signer in appliance.signers() {
            for _ in 0..FRAMES {
                let request = Request::Commit { key: appliance.spare_key().id(), count: limits::COMMITMENTS as u16 };
                ask(appliance, signer, &request).await?;
            }
        }
        let committed = resident(appliance)?;
        for number in 0..limits::CEREMONIES {
            open_keygen(appliance, number).await?;
        }
        let opened = resident(appliance)?;
        Ok(Self {
            commitment: most(&before, &committed, FRAMES * limits::COMMITMENTS),
            key_generation: most(&committed, &opened, limits::CEREMONIES),
        })
    }
}

/// Round 1 at all signers; nobody gets the others' messages.
async fn open_keygen(appliance: &Appliance, number: usize) -> anyhow::Result<()> {
    let name = format!("open-{number}").parse()?;
    let request = appliance.credential.request_key(appliance.group(), name, Scheme::Ed25519)?;
    let mut nonces = Vec::new();
    for signer in appliance.signers() {
        match ask(appliance, signer, &Request::OpenKeygen { request: request.clone() }).await? {
            Body::KeygenNonce(nonce) => nonces.push(Contribution { signer, nonce }),
            other => bail!("signer {signer} gave {other:?}, not a nonce"),
        }
    }
    for signer in appliance.signers() {
        ask(appliance, signer, &Request::StartKeygen { nonces: nonces.clone().try_into()? }).await?;
    }
    Ok(())
}

/// Asks a signer, as hosts ask each other's.
async fn ask(appliance: &Appliance, signer: SignerId, request: &Request) -> anyhow::Result<Body> {
    let url = format!("{}/v1/local/signer", appliance.url(signer));
    let answer = appliance.http.post(url).body(codec::encode(request)).send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    ensure!(status.is_success(), "{}", String::from_utf8_lossy(&body));
    match codec::decode::<Reply>(&body)?.outcome {
        Outcome::Done(body) => Ok(body),
        Outcome::Refused(refusal) => bail!("signer {signer} refuses: {refusal:?}"),
    }
}

fn resident(appliance: &Appliance) -> anyhow::Result<Vec<u64>> {
    appliance.signers().map(|signer| Ok(appliance.memory(signer)?.resident)).collect()
}

fn most(before: &[u64], after: &[u64], ceremonies: usize) -> u64 {
    let grown = before.iter().zip(after).map(|(before, after)| after.saturating_sub(*before) * 1024);
    grown.max().unwrap_or_default() / ceremonies as u64
}

/// Frames of commitments that a pool takes.
const FRAMES: usize = limits::POOL / limits::COMMITMENTS;
