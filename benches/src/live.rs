//! Memory of a signer for each thing that it keeps.
//!
//! A FROST signature is open between its rounds: the signer has given a commitment away and keeps the nonces. A key generation is open
//! from round 1 to its certificate; it is largest when the new share is sealed and waits to be read back. A presignature is kept until
//! it is used. What counts is how resident memory grows, with whole pages and whatever the allocator adds; nothing, where everything
//! found room in memory that was used before.

use anyhow::bail;
use cloister_wire::{
    codec,
    ids::{CeremonyId, SignerId},
    limits,
    message::{Body, KeygenState, Request},
};

use crate::{
    appliance::Appliance,
    ceremony::{Begun, Mail, ask, begin, deliver},
};

/// Bytes for each open ceremony, of the signer that uses most. As many are opened as a signer allows.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// For each commitment that was not used yet.
    pub commitment: u64,
    /// For each key generation after round 1.
    pub begun: u64,
    /// For each key generation whose share is sealed.
    pub sealed: u64,
}

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
            let begun = begin_keygen(appliance, number).await?;
            ceremonies.push(begun.ceremony);
            mail.extend(begun.mail);
        }
        let begun = resident(appliance)?;
        deliver(appliance, mail).await?;
        for ceremony in ceremonies {
            sealed_sizes(appliance, ceremony).await?;
        }
        let sealed = resident(appliance)?;
        Ok(Self {
            commitment: most(&fresh, &committed, FRAMES * limits::COMMITMENTS),
            begun: most(&committed, &begun, limits::CEREMONIES),
            sealed: most(&committed, &sealed, limits::CEREMONIES),
        })
    }
}

/// Bytes of the largest sealed share of a new key, as it is stored: with wraps, statement and attestation document.
///
/// # Errors
/// What the group brings.
pub async fn sealed_share(appliance: &Appliance) -> anyhow::Result<u64> {
    let begun = begin_keygen(appliance, 0).await?;
    deliver(appliance, begun.mail).await?;
    let sizes = sealed_sizes(appliance, begun.ceremony).await?;
    Ok(sizes.into_iter().max().unwrap_or_default() as u64)
}

/// Bytes of a signer for each presignature that it keeps: of the spare key, and the first two signers.
///
/// # Errors
/// What the group brings.
pub async fn presignature(appliance: &Appliance) -> anyhow::Result<u64> {
    let signers: Vec<_> = appliance.signers().take(2).collect();
    let open = Request::OpenPresigning {
        key: appliance.spare_key().id(),
        path: Vec::new().try_into()?,
        signers: signers.clone().try_into()?,
        count: limits::PRESIGNING_BATCH as u16,
    };
    let (_, outbox) = ask(appliance, signers[0], &Request::Pair { peer: signers[1] }).await?;
    deliver(appliance, outbox.into_iter().map(|envelope| (signers[0], envelope)).collect()).await?;
    // What presigning itself needs is there before anything is counted.
    make(appliance, &signers, &open, BATCHES / 4).await?;
    let before = resident(appliance)?;
    make(appliance, &signers, &open, BATCHES).await?;
    Ok(most(&before, &resident(appliance)?, BATCHES * limits::PRESIGNING_BATCH))
}

/// So many batches of presignatures.
async fn make(appliance: &Appliance, signers: &[SignerId], open: &Request, batches: usize) -> anyhow::Result<()> {
    for _ in 0..batches {
        let begun = begin(appliance, signers, open, |nonces| Request::StartPresigning { nonces }).await?;
        deliver(appliance, begun.mail).await?;
        for entry in begun.nonces {
            ask(appliance, entry.signer, &Request::Abandon { nonce: entry.nonce }).await?;
        }
    }
    Ok(())
}

async fn begin_keygen(appliance: &Appliance, number: usize) -> anyhow::Result<Begun> {
    let name = format!("open-{number}").parse()?;
    let request = appliance.credential.request_key(appliance.group(), name, appliance.transfers().scheme())?;
    let signers: Vec<_> = appliance.signers().collect();
    begin(appliance, &signers, &Request::OpenKeygen { request }, |nonces| Request::StartKeygen { nonces }).await
}

/// Bytes of each signer's blob.
async fn sealed_sizes(appliance: &Appliance, ceremony: CeremonyId) -> anyhow::Result<Vec<usize>> {
    let mut sizes = Vec::new();
    for signer in appliance.signers() {
        match ask(appliance, signer, &Request::Keygen { ceremony }).await?.0 {
            Body::Keygen(KeygenState::Sealed { blob, .. }) => sizes.push(codec::encode(&blob).len()),
            _ => bail!("signer {signer} did not seal its share"),
        }
    }
    Ok(sizes)
}

fn resident(appliance: &Appliance) -> anyhow::Result<Vec<u64>> {
    appliance.signers().map(|signer: SignerId| Ok(appliance.memory(signer)?.resident)).collect()
}

fn most(before: &[u64], after: &[u64], count: usize) -> u64 {
    let grown = before.iter().zip(after).map(|(before, after)| after.saturating_sub(*before) * 1024);
    grown.max().unwrap_or_default() / count as u64
}

/// Frames of commitments that a pool takes.
const FRAMES: usize = limits::POOL / limits::COMMITMENTS;
/// Batches of presignatures: as many as fill a quarter of a key's pool.
const BATCHES: usize = limits::POOL / 4 / limits::PRESIGNING_BATCH;
