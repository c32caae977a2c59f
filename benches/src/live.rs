//! Memory of a signer for each ceremony that is open in it.
//!
//! A signature is open between its rounds: the signer has given a commitment away and keeps the nonces. A key generation is open from
//! round 1 to its certificate; it is largest when the new share is sealed and waits to be read back. As many are opened as a signer
//! allows. What counts is how its resident memory grows, with whole pages and whatever the allocator adds; nothing, where everything
//! found room in memory that was used before.

use std::collections::VecDeque;

use anyhow::{Context, bail, ensure};
use cloister_wire::{
    codec,
    ids::{CeremonyId, SignerId},
    limits,
    message::{Body, Contribution, KeygenState, Outcome, Reply, Request},
    peer::Envelope,
    request::Scheme,
};

use crate::appliance::Appliance;

/// Bytes for each open ceremony, of the signer that uses most.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// For each commitment that was not used yet.
    pub commitment: u64,
    /// For each key generation after round 1.
    pub begun: u64,
    /// For each key generation whose share is sealed.
    pub sealed: u64,
}

/// Envelopes and who sent each, in order.
type Mail = VecDeque<(SignerId, Envelope)>;

impl Live {
    /// Opens ceremonies and leaves them open.
    ///
    /// # Errors
    /// What the group brings.
    pub async fn measure(appliance: &Appliance) -> anyhow::Result<Self> {
        let fresh = resident(appliance)?;
        for signer in appliance.signers() {
            for _ in 0..FRAMES {
                let request = Request::Commit { key: appliance.spare_key().id(), count: limits::COMMITMENTS as u16 };
                ask(appliance, signer, &request).await?;
            }
        }
        let committed = resident(appliance)?;
        let (mut ceremonies, mut mail) = (Vec::new(), Mail::new());
        for number in 0..limits::CEREMONIES {
            ceremonies.push(begin(appliance, number, &mut mail).await?);
        }
        let begun = resident(appliance)?;
        deliver(appliance, mail).await?;
        for ceremony in ceremonies {
            seal(appliance, ceremony).await?;
        }
        let sealed = resident(appliance)?;
        Ok(Self {
            commitment: most(&fresh, &committed, FRAMES * limits::COMMITMENTS),
            begun: most(&committed, &begun, limits::CEREMONIES),
            sealed: most(&committed, &sealed, limits::CEREMONIES),
        })
    }
}

/// Round 1 at all signers.
async fn begin(appliance: &Appliance, number: usize, mail: &mut Mail) -> anyhow::Result<CeremonyId> {
    let name = format!("open-{number}").parse()?;
    let request = appliance.credential.request_key(appliance.group(), name, Scheme::Ed25519)?;
    let mut nonces = Vec::new();
    for signer in appliance.signers() {
        match ask(appliance, signer, &Request::OpenKeygen { request: request.clone() }).await?.0 {
            Body::CeremonyNonce(nonce) => nonces.push(Contribution { signer, nonce }),
            other => bail!("signer {signer} gave {other:?}, not a nonce"),
        }
    }
    let mut ceremony = None;
    for signer in appliance.signers() {
        let (body, outbox) =
            ask(appliance, signer, &Request::StartKeygen { nonces: nonces.clone().try_into()? }).await?;
        mail.extend(outbox.into_iter().map(|envelope| (signer, envelope)));
        match body {
            Body::CeremonyStarted(started) => ceremony = Some(started),
            other => bail!("signer {signer} gave {other:?}, not a ceremony"),
        }
    }
    ceremony.context("the group has no signers")
}

/// The other rounds, of all ceremonies together: what a signer sends another has to arrive in order.
async fn deliver(appliance: &Appliance, mut mail: Mail) -> anyhow::Result<()> {
    while let Some((from, Envelope { to, frame })) = mail.pop_front() {
        let (_, outbox) = ask(appliance, to, &Request::Deliver { from, frame }).await?;
        mail.extend(outbox.into_iter().map(|envelope| (to, envelope)));
    }
    Ok(())
}

async fn seal(appliance: &Appliance, ceremony: CeremonyId) -> anyhow::Result<()> {
    for signer in appliance.signers() {
        let (body, _) = ask(appliance, signer, &Request::Keygen { ceremony }).await?;
        ensure!(matches!(body, Body::Keygen(KeygenState::Sealed { .. })), "signer {signer} did not seal its share");
    }
    Ok(())
}

/// Asks a signer, as hosts ask each other's.
async fn ask(appliance: &Appliance, signer: SignerId, request: &Request) -> anyhow::Result<(Body, Vec<Envelope>)> {
    let url = format!("{}/v1/local/signer", appliance.url(signer));
    let answer = appliance.http.post(url).body(codec::encode(request)).send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    ensure!(status.is_success(), "{}", String::from_utf8_lossy(&body));
    let reply = codec::decode::<Reply>(&body)?;
    match reply.outcome {
        Outcome::Done(body) => Ok((body, reply.outbox.into_vec())),
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
