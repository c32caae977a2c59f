//! Ceremonies driven step by step, as hosts drive them, to stop where memory is to be looked at.

use std::collections::VecDeque;

use anyhow::{Context, bail, ensure};
use cloister_wire::{
    bounded::List,
    codec,
    ids::{CeremonyId, SignerId},
    limits,
    message::{Body, Contribution, Outcome, Reply, Request},
    peer::Envelope,
};

use crate::appliance::Appliance;

/// A ceremony after round 1.
pub(crate) struct Begun {
    pub(crate) ceremony: CeremonyId,
    pub(crate) nonces: Vec<Contribution>,
    pub(crate) mail: Mail,
}

/// Envelopes and who sent each, in order.
pub(crate) type Mail = VecDeque<(SignerId, Envelope)>;

type Nonces = List<Contribution, { limits::SIGNERS }>;

/// Round 1 at these signers.
pub(crate) async fn begin(
    appliance: &Appliance,
    signers: &[SignerId],
    open: &Request,
    start: impl Fn(Nonces) -> Request,
) -> anyhow::Result<Begun> {
    let (mut nonces, mut mail, mut ceremony) = (Vec::new(), Mail::new(), None);
    for &signer in signers {
        match ask(appliance, signer, open).await?.0 {
            Body::CeremonyNonce(nonce) => nonces.push(Contribution { signer, nonce }),
            other => bail!("signer {signer} gave {other:?}, not a nonce"),
        }
    }
    for &signer in signers {
        let (body, outbox) = ask(appliance, signer, &start(nonces.clone().try_into()?)).await?;
        mail.extend(outbox.into_iter().map(|envelope| (signer, envelope)));
        match body {
            Body::CeremonyStarted(started) => ceremony = Some(started),
            other => bail!("signer {signer} gave {other:?}, not a ceremony"),
        }
    }
    Ok(Begun { ceremony: ceremony.context("a ceremony of nobody")?, nonces, mail })
}

/// The other rounds, of all ceremonies together: what a signer sends another has to arrive in order.
pub(crate) async fn deliver(appliance: &Appliance, mut mail: Mail) -> anyhow::Result<()> {
    while let Some((from, Envelope { to, frame })) = mail.pop_front() {
        let (_, outbox) = ask(appliance, to, &Request::Deliver { from, frame }).await?;
        mail.extend(outbox.into_iter().map(|envelope| (to, envelope)));
    }
    Ok(())
}

/// Asks a signer, as hosts ask each other's.
pub(crate) async fn ask(
    appliance: &Appliance,
    signer: SignerId,
    request: &Request,
) -> anyhow::Result<(Body, Vec<Envelope>)> {
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
