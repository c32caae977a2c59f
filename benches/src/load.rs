//! Load: signed requests made ahead, a fixed number of them outstanding, every answer verified afterwards.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_client::{Account, SigningJob};
use cloister_wire::codec;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::{
    appliance::Appliance,
    pools::{Pools, SETS},
    taken::{Processor, Taken},
};

/// A request as it is posted, and what it is for.
struct Posting {
    body: Vec<u8>,
    job: SigningJob,
}

/// What the appliance had used when something began.
struct Window {
    processor: Processor,
    pools: Pools,
    begun: Instant,
}

/// Signatures with presignatures that were there, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Pooled {
    /// While none was made.
    pub signed: Taken,
    /// The few that had the pools filled up again, and all the filling.
    pub refilled: Taken,
}

/// Has `count` different transfers signed, `outstanding` of them at any moment.
///
/// # Errors
/// If a request fails or a signature does not verify.
pub async fn sign(appliance: &Appliance, account: &Account, count: usize, outstanding: usize) -> anyhow::Result<Taken> {
    let postings =
        (0..count).map(|number| posting(appliance, account, number as u64)).collect::<anyhow::Result<Vec<_>>>()?;
    let window = Window::open(appliance).await?;
    let answers: Vec<_> = stream::iter(&postings)
        .map(|posting| async move { Ok::<_, anyhow::Error>((posting, post(appliance, posting.body.clone()).await?)) })
        .buffer_unordered(outstanding)
        .try_collect()
        .await?;
    let mut taken = window.close(appliance).await?;
    for (posting, (latency, answer)) in answers {
        verify(&posting.job, &answer)?;
        taken.latencies.push(latency);
    }
    Ok(taken)
}

/// As [`sign`] while presignatures are made for others: what was made ahead is used up first.
///
/// # Errors
/// As [`sign`].
pub async fn sign_sustained(
    appliance: &Appliance,
    account: &Account,
    count: usize,
    outstanding: usize,
) -> anyhow::Result<Taken> {
    let ready = Pools::of(appliance).await?.ready();
    sign(appliance, account, ready + outstanding, outstanding).await?;
    sign(appliance, account, count, outstanding).await
}

/// Has at least `count` transfers signed, each while the pools have enough and are not being filled.
///
/// # Errors
/// As [`sign`].
pub async fn sign_pooled(appliance: &Appliance, count: usize) -> anyhow::Result<Pooled> {
    let key = appliance.signing_key();
    let mut pooled = Pooled::default();
    while pooled.signed.count() < count {
        match Pools::quiet(appliance).await?.room(key) {
            0 => {
                let window = Window::open(appliance).await?;
                let signed = sign(appliance, &key.into(), SETS, 1).await?;
                Pools::quiet(appliance).await?;
                pooled.refilled.add(Taken { latencies: signed.latencies, ..window.close(appliance).await? });
            }
            room => pooled.signed.add(sign(appliance, &key.into(), room.min(count), 1).await?),
        }
    }
    Ok(pooled)
}

/// Has `count` transfers signed, each by a child key that was never used and has no presignatures.
///
/// # Errors
/// As [`sign`].
pub async fn sign_unpooled(appliance: &Appliance, count: usize) -> anyhow::Result<Taken> {
    let mut taken = Taken::default();
    for _ in 0..count {
        Pools::quiet(appliance).await?;
        taken.add(sign(appliance, &appliance.fresh_child()?, 1, 1).await?);
    }
    Ok(taken)
}

/// Has `count` keys made, one after the other; their certificates are checked.
///
/// # Errors
/// If one is not made.
pub async fn create_keys(appliance: &Appliance, count: usize) -> anyhow::Result<Taken> {
    let window = Window::open(appliance).await?;
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        appliance.create_key().await?;
        latencies.push(begun.elapsed());
    }
    Ok(Taken { latencies, ..window.close(appliance).await? })
}

impl Window {
    async fn open(appliance: &Appliance) -> anyhow::Result<Self> {
        let pools = Pools::of(appliance).await?;
        Ok(Self { processor: appliance.processor()?, pools, begun: Instant::now() })
    }

    /// What was used since, without latencies.
    async fn close(self, appliance: &Appliance) -> anyhow::Result<Taken> {
        let (elapsed, mut processor) = (self.begun.elapsed(), appliance.processor()?);
        for (part, time) in &mut processor {
            *time -= self.processor.get(part).copied().unwrap_or_default();
        }
        let presigned = Pools::of(appliance).await?.made_since(&self.pools);
        Ok(Taken { latencies: Vec::new(), elapsed, processor, presigned })
    }
}

fn posting(appliance: &Appliance, account: &Account, number: u64) -> anyhow::Result<Posting> {
    let job = appliance.transfers().job(account, number)?;
    let request = appliance.credential.request_signature(appliance.group(), account, job.kind(), job.payload())?;
    let body = serde_json::json!({ "request": STANDARD.encode(codec::encode(&request)) });
    Ok(Posting { body: body.to_string().into_bytes(), job })
}

async fn post(appliance: &Appliance, body: Vec<u8>) -> anyhow::Result<(Duration, Vec<u8>)> {
    let begun = Instant::now();
    let request = appliance.http.post(format!("{}/v1/sign", appliance.coordinator()));
    let answer = request.header("content-type", "application/json").body(body).send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    ensure!(status.is_success(), "{}", String::from_utf8_lossy(&body));
    Ok((begun.elapsed(), body.into()))
}

fn verify(job: &SigningJob, answer: &[u8]) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(answer)?;
    let signature = answer["signatures"][0].as_str().context("an answer without a signature")?;
    job.finish(&[hex::decode(signature)?])?;
    Ok(())
}
