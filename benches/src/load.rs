//! Load: signed requests made ahead, a fixed number of them outstanding, every answer verified afterwards.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_client::{Account, scheme::Kind, verify_signature};
use cloister_wire::codec;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::{
    appliance::{Appliance, Part},
    meter, transfer,
};

/// What so many signatures took.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// From a request's first byte to its answer's last, for each.
    pub latencies: Vec<Duration>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Processor time of each part of the appliance.
    pub processor: BTreeMap<Part, Duration>,
}

impl Taken {
    /// Together with another run.
    pub fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.elapsed += other.elapsed;
        for (part, time) in other.processor {
            *self.processor.entry(part).or_default() += time;
        }
    }
}

/// A request as it is posted, and what its signature has to be over.
struct Posting {
    body: Vec<u8>,
    message: Vec<u8>,
}

/// Has `count` different transfers signed, `outstanding` of them at any moment.
///
/// # Errors
/// If a request fails or a signature does not verify.
pub async fn sign(appliance: &Appliance, count: usize, outstanding: usize) -> anyhow::Result<Taken> {
    let postings = (0..count).map(|number| posting(appliance, number as u64)).collect::<anyhow::Result<Vec<_>>>()?;
    let before = processor(appliance)?;
    let begun = Instant::now();
    let answers: Vec<_> = stream::iter(&postings)
        .map(|posting| async move { Ok::<_, anyhow::Error>((posting, post(appliance, posting.body.clone()).await?)) })
        .buffer_unordered(outstanding)
        .try_collect()
        .await?;
    let elapsed = begun.elapsed();
    let mut processor = processor(appliance)?;
    for (part, time) in &mut processor {
        *time -= before.get(part).copied().unwrap_or_default();
    }
    let mut latencies = Vec::with_capacity(count);
    for (posting, (latency, answer)) in answers {
        verify(appliance, posting, &answer)?;
        latencies.push(latency);
    }
    Ok(Taken { latencies, elapsed, processor })
}

fn posting(appliance: &Appliance, number: u64) -> anyhow::Result<Posting> {
    let key = appliance.signing_key();
    let message = transfer::message(key.public_key().try_into()?, number);
    let request =
        appliance.credential.request_signature(appliance.group(), &Account::from(key), Kind::Solana, &message)?;
    let body = serde_json::json!({ "request": STANDARD.encode(codec::encode(&request)) });
    Ok(Posting { body: body.to_string().into_bytes(), message })
}

async fn post(appliance: &Appliance, body: Vec<u8>) -> anyhow::Result<(Duration, Vec<u8>)> {
    let begun = Instant::now();
    let request = appliance.http.post(format!("{}/v1/sign", appliance.coordinator()));
    let answer = request.header("content-type", "application/json").body(body).send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    ensure!(status.is_success(), "{}", String::from_utf8_lossy(&body));
    Ok((begun.elapsed(), body.into()))
}

fn verify(appliance: &Appliance, posting: &Posting, answer: &[u8]) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(answer)?;
    let signature = answer["signatures"][0].as_str().context("an answer without a signature")?;
    Ok(verify_signature(&Account::from(appliance.signing_key()), &posting.message, &hex::decode(signature)?)?)
}

fn processor(appliance: &Appliance) -> anyhow::Result<BTreeMap<Part, Duration>> {
    let mut used = BTreeMap::<_, Duration>::new();
    for (part, process) in appliance.processes()? {
        *used.entry(part).or_default() += meter::processor_time(process)?;
    }
    Ok(used)
}
