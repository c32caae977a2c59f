//! Introduces signers to each other: each gives a challenge, the others answer it with an attestation document.

use cloister_attestation::{Expected, Millis, Mode, Pcr, PcrIndex, Release, UnixMillis, Unverified};
use cloister_wire::{
    bounded::Bytes,
    codec,
    identity::{BootStatement, Introduction},
    ids::{self, Nonce, SignerId},
    limits,
    message::{Body, Request},
    refusal::Refusal,
};
use futures_util::future::try_join_all;

use super::{Coordinator, delivery::Mail, now};
use crate::{desk::unexpected, problem::Problem};

impl Coordinator {
    /// Introduces all pairs both ways, then opens a channel for each pair.
    pub(super) async fn introduce(&self, roster: &[SignerId]) -> Result<(), Problem> {
        let mut mail = Mail::default();
        let introduced = try_join_all(roster.iter().map(|to| self.introduce_to(*to, roster))).await?;
        introduced.into_iter().for_each(|initiations| mail.append(initiations));
        mail.deliver(&self.signers).await
    }

    /// Introduces everybody else to `to`.
    async fn introduce_to(&self, to: SignerId, roster: &[SignerId]) -> Result<Mail, Problem> {
        let Body::Challenge(challenge) = self.signers.ask(to, &Request::Challenge).await?.body else {
            return Err(unexpected().at(to));
        };
        let mut mail = Mail::default();
        for &from in roster.iter().filter(|from| **from != to) {
            let peer = self.attest(from, challenge.as_bytes()).await?;
            self.check(from, &peer, &challenge)?;
            mail.add(to, self.signers.ask(to, &Request::Introduce { peer }).await?.outbox);
        }
        Ok(mail)
    }

    /// A signer's statement with a fresh attestation document.
    pub(crate) async fn attest(&self, signer: SignerId, nonce: &[u8]) -> Result<Introduction, Problem> {
        let nonce = Bytes::<{ limits::NONCE }>::try_from(nonce).map_err(|_| Problem::refused(Refusal::Malformed))?;
        match self.signers.ask(signer, &Request::Attest { nonce }).await?.body {
            Body::Introduction(introduction) => Ok(introduction),
            _ => Err(unexpected().at(signer)),
        }
    }

    /// What the signers check themselves; here it is said in more words.
    fn check(&self, signer: SignerId, peer: &Introduction, challenge: &Nonce) -> Result<(), Problem> {
        let rejected = |why: String| Problem::refused(Refusal::AttestationRejected).because(why).at(signer);
        let statement: BootStatement =
            codec::decode(peer.statement.as_slice()).map_err(|error| rejected(error.to_string()))?;
        let manifest = &self.signers.manifest;
        let release = &manifest.release;
        let release = Release {
            pcr0: pcr(&release.pcr0),
            pcr1: pcr(&release.pcr1),
            pcr2: pcr(&release.pcr2),
            pcr8: release.pcr8.as_ref().map(pcr),
        };
        let measured = [(PcrIndex::MANIFEST, manifest.hash()), (PcrIndex::SIGNER, manifest.slot_hash(signer))];
        let measured = measured.map(|(index, hash)| (index, Pcr::ZERO.extended(hash.as_bytes())));
        let user_data = statement.user_data();
        let expected = Expected { releases: &[release], pcrs: &measured, user_data: Some(user_data.as_bytes()) };
        let mode = Mode::Live { now: UnixMillis(now().0), max_age: MAX_AGE, nonce: challenge.as_bytes() };
        Unverified::parse(peer.document.as_slice())
            .and_then(|document| document.authenticate(&self.root, mode)?.accept(&expected))
            .map(drop)
            .map_err(|why| rejected(why.to_string()))
    }
}

fn pcr(value: &ids::Pcr) -> Pcr {
    Pcr::from(*value.as_bytes())
}

/// As the signers have it.
const MAX_AGE: Millis = Millis(5 * 60 * 1000);
