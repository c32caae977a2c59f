//! Threshold ECDSA by `dkls23`: its own key generation, and its four signing phases for two parties.

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use dkls23::{
    DkgSession, EcdsaSignature, SignSession,
    protocols::{
        Abort, Parameters, PartiesMessage, Party, PartyIndex,
        signing::{Broadcast3to4, SignData},
    },
};
use k256_dkls::Secp256k1;
use rand_core::{OsRng, RngCore as _};

use super::alone;
use crate::taken::Taken;

/// A 2-of-3 key whose shares are all here, each with what its holder set up with the others.
pub struct Ecdsa {
    parties: Vec<Party<Secp256k1>>,
}

/// All but the last phase of a signature.
struct Presigned<'a> {
    first: SignSession<'a, Secp256k1>,
    shares: [Broadcast3to4<Secp256k1>; 2],
}

/// Signatures, and the two parts that each was made in.
#[derive(Clone, Debug, Default)]
pub struct Ceremonies {
    /// Phases 1 to 3.
    pub presigning: Taken,
    /// Phase 4: combination and verification.
    pub online: Taken,
    /// All of it.
    pub whole: Taken,
}

impl Ecdsa {
    /// The library's key generation among all three, which sets every pair up as well.
    ///
    /// # Errors
    /// None that a working library gives.
    pub fn new() -> anyhow::Result<Self> {
        let parameters = Parameters::new(2, SIGNERS).map_err(|why| anyhow!("{why:?}"))?;
        let indices = (1..=SIGNERS).map(index).collect::<anyhow::Result<Vec<_>>>()?;
        let session = fresh().to_vec();
        let begin = |index: &PartyIndex| DkgSession::<Secp256k1>::new(parameters.clone(), *index, session.clone());
        let mut sessions: Vec<_> = indices.iter().map(begin).collect();

        let rows: Vec<_> = sessions.iter().map(DkgSession::phase1).collect();
        let (mut commitments, mut seeds, mut chain_codes) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (position, (session, me)) in sessions.iter_mut().zip(&indices).enumerate() {
            let column: Vec<_> = rows.iter().map(|row| row[position]).collect();
            let (commitment, sent, chain_code) = session.phase2(&column).map_err(failed)?;
            commitments.push(commitment);
            seeds.extend(sent);
            chain_codes.insert(*me, chain_code);
        }
        let (mut openings, mut transfers, mut chain_code_openings) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (session, me) in sessions.iter_mut().zip(&indices) {
            let (opening, transfer, chain_code) = session.phase3().map_err(failed)?;
            openings.extend(opening);
            transfers.extend(transfer);
            chain_code_openings.insert(*me, chain_code);
        }
        let end = |(session, me): (DkgSession<_>, &PartyIndex)| {
            let seeds = sent_to(*me, &seeds, |message| &message.parties);
            let openings = sent_to(*me, &openings, |message| &message.parties);
            let transfers = sent_to(*me, &transfers, |message| &message.parties);
            let chain_codes = (&chain_codes, &chain_code_openings);
            let no_address = |_: &_| String::new();
            session
                .phase4(&commitments, &seeds, &openings, &transfers, chain_codes.0, chain_codes.1, no_address)
                .map(|(party, _)| party)
                .map_err(failed)
        };
        Ok(Self { parties: sessions.into_iter().zip(&indices).map(end).collect::<anyhow::Result<_>>()? })
    }

    /// Signs so many digests, each another one.
    ///
    /// # Errors
    /// None that a working library gives.
    pub fn ceremonies(&self, count: usize) -> anyhow::Result<Ceremonies> {
        let (mut presigning, mut online) = (Taken::default(), Taken::default());
        let whole = alone(count, |_| {
            let mut presigned = None;
            presigning.add(alone(1, |_| {
                presigned = Some(self.presign(fresh())?);
                Ok(())
            })?);
            let mut presigned = presigned.into_iter();
            online.add(alone(1, |_| presigned.next().context("one was made")?.finish().map(drop))?);
            Ok(())
        })?;
        Ok(Ceremonies { presigning, online, whole })
    }

    /// Phases 1 to 3 of the first two.
    fn presign(&self, digest: [u8; 32]) -> anyhow::Result<Presigned<'_>> {
        let sign_id = fresh().to_vec();
        let begin = |me: usize, other: u8| {
            let counterparties = vec![index(other)?];
            let data = SignData { sign_id: sign_id.clone(), counterparties, message_hash: digest };
            SignSession::new(&self.parties[me], data).map_err(failed)
        };
        let ((mut first, from_first), (mut second, from_second)) = (begin(0, 2)?, begin(1, 1)?);
        let (to_second, to_first) =
            (first.phase2(&from_second).map_err(failed)?, second.phase2(&from_first).map_err(failed)?);
        let shares = [first.phase3(&to_first).map_err(failed)?, second.phase3(&to_second).map_err(failed)?];
        Ok(Presigned { first, shares })
    }
}

impl Presigned<'_> {
    /// Phase 4, which verifies the signature.
    fn finish(self) -> anyhow::Result<EcdsaSignature> {
        self.first.phase4(&self.shares, true).map_err(failed)
    }
}

/// What is for this party.
fn sent_to<M: Clone>(me: PartyIndex, messages: &[M], parties: impl Fn(&M) -> &PartiesMessage) -> Vec<M> {
    messages.iter().filter(|message| parties(message).receiver == me).cloned().collect()
}

fn index(number: u8) -> anyhow::Result<PartyIndex> {
    PartyIndex::new(number).map_err(|why| anyhow!("{why:?}"))
}

fn fresh() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn failed(abort: Abort) -> anyhow::Error {
    anyhow!("{}", abort.description())
}

/// *n*.
const SIGNERS: u8 = 3;

#[cfg(test)]
mod tests {
    use k256_dkls::elliptic_curve::group::GroupEncoding as _;
    use secp256k1::{Message, PublicKey, Secp256k1, ecdsa::Signature};

    use super::*;

    #[test]
    fn signs_what_libsecp256k1_verifies() {
        let library = Ecdsa::new().unwrap();
        let EcdsaSignature { r, s, .. } = library.presign([7; 32]).unwrap().finish().unwrap();
        let key = PublicKey::from_slice(&library.parties[2].pk.to_bytes()).unwrap();
        let signature = Signature::from_compact(&[r, s].concat()).unwrap();
        Secp256k1::verification_only().verify_ecdsa(&Message::from_digest([7; 32]), &signature, &key).unwrap();
    }
}
