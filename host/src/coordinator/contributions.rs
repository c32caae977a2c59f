//! How every ceremony begins and ends: signers give nonces, learn everybody's, and are told when it is over.

use std::time::Duration;

use cloister_wire::{
    bounded::List,
    ids::{CeremonyId, SignerId},
    limits,
    message::{Body, Contribution, Request},
};
use futures_util::future::{join_all, try_join_all};

use super::delivery::Mail;
use crate::{
    desk::unexpected,
    problem::{HostCode, Problem},
    signers::Signers,
};

/// The nonces of a ceremony's signers.
pub(super) type Contributions = List<Contribution, { limits::SIGNERS }>;

/// Each one's nonce, or nobody's.
pub(super) async fn open(
    signers: &Signers,
    ids: impl Iterator<Item = SignerId>,
    open: &Request,
) -> Result<Contributions, Problem> {
    let opened = join_all(ids.map(|signer| open_at(signers, signer, open))).await;
    let (nonces, failures): (Vec<_>, Vec<_>) = opened.into_iter().partition(Result::is_ok);
    let nonces = nonces.into_iter().filter_map(Result::ok).collect::<Vec<_>>();
    let nonces = Contributions::try_from(nonces).map_err(|_| unexpected())?;
    match failures.into_iter().find_map(Result::err) {
        None => Ok(nonces),
        Some(problem) => {
            abandon(signers, &nonces).await;
            Err(problem)
        }
    }
}

async fn open_at(signers: &Signers, signer: SignerId, open: &Request) -> Result<Contribution, Problem> {
    match signers.ask(signer, open).await?.body {
        Body::CeremonyNonce(nonce) => Ok(Contribution { signer, nonce }),
        _ => Err(unexpected().at(signer)),
    }
}

/// Everybody begins before anything is delivered: the ceremony, and what is to be delivered.
pub(super) async fn start(
    signers: &Signers,
    nonces: &Contributions,
    start: &Request,
) -> Result<(CeremonyId, Mail), Problem> {
    let started = try_join_all(nonces.iter().map(|entry| signers.ask(entry.signer, start))).await?;
    let (mut mail, mut ceremony) = (Mail::default(), None);
    for (entry, answer) in nonces.iter().zip(started) {
        let Body::CeremonyStarted(id) = answer.body else {
            return Err(unexpected().at(entry.signer));
        };
        ceremony = Some(id);
        mail.add(entry.signer, answer.outbox);
    }
    Ok((ceremony.ok_or_else(unexpected)?, mail))
}

/// Signers that cannot be told forget by themselves after a while; until then a place or a name is taken, so that it is tried more
/// than once.
pub(super) async fn abandon(signers: &Signers, nonces: &Contributions) {
    join_all(nonces.iter().map(|entry| abandon_at(signers, entry))).await;
}

async fn abandon_at(signers: &Signers, entry: &Contribution) {
    let abandon = Request::Abandon { nonce: entry.nonce };
    for _ in 0..ABANDONING {
        match signers.ask(entry.signer, &abandon).await {
            Err(problem) if problem.is(HostCode::SignerUnreachable) => tokio::time::sleep(PAUSE).await,
            Ok(_) | Err(_) => return,
        }
    }
    tracing::warn!(signer = %entry.signer, "a ceremony was not given up");
}

/// How often a signer that cannot be reached is told that a ceremony is given up, and how long lies between: links whose connection
/// broke are there again within that time.
const ABANDONING: usize = 5;
const PAUSE: Duration = Duration::from_millis(100);
