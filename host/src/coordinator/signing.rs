//! Signs: one commitment per digest from each of *t* signers, one round, aggregation and verification here.
//!
//! A signer that fails is replaced while enough others are there, with fresh commitments for everybody: what was sent once is never
//! sent again. What any signer would refuse is refused at once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use cloister_wire::{
    codec,
    ids::SignerId,
    message::{Package, SignItem, SignOutcome, SignerCommitment},
    refusal::Refusal,
    request::{Requested, SignRequest},
};
use futures_util::future::join_all;

use super::{
    Coordinator,
    answers::{self, Occasion},
    job::Job,
    pool::Commitment,
};
use crate::{
    aggregate::Unsigned,
    desk::unexpected,
    problem::{HostCode, Problem},
};

/// Whose turn it is, so that load goes round.
#[derive(Default)]
pub(super) struct Turns(AtomicUsize);

/// One signer's signature shares, one for each digest.
type Shares = Vec<Vec<u8>>;

/// Why an attempt brought no signature.
enum Failure {
    /// No other signers would help.
    Final(Problem),
    /// These signers are to be replaced.
    Replace(Vec<(SignerId, Problem)>),
}

impl Coordinator {
    /// The answer to a request to sign.
    pub(crate) async fn sign(self: &Arc<Self>, requested: Requested) -> Result<answers::Body, Problem> {
        let request: SignRequest = codec::decode(requested.body.as_slice())
            .map_err(|error| Problem::refused(Refusal::Malformed).because(error.to_string()))?;
        let occasion = Occasion::of::<SignRequest>(&requested, request.id, request.issued_at);
        let this = self.clone();
        let work = move || async move {
            let unknown = || Problem::refused(Refusal::KeyUnknown);
            let key = this.signers.desk.keyring.get(&request.key).ok_or_else(unknown)?;
            this.run(Job::read(requested, &request, key)?).await
        };
        self.answers.once(occasion, self.deadlines.signature, work).await
    }

    async fn run(&self, job: Job) -> Result<Vec<u8>, Problem> {
        let mut failed: Vec<(SignerId, Problem)> = Vec::new();
        let mut stale = BTreeSet::new();
        for _ in 0..ATTEMPTS {
            let chosen = self.choose(&job, &failed)?;
            match self.attempt(&job, &chosen).await {
                Ok(signatures) => return job.finish(&signatures, &chosen),
                Err(Failure::Final(problem)) => return Err(problem),
                Err(Failure::Replace(problems)) => {
                    for (signer, problem) in problems {
                        tracing::warn!(%signer, %problem, "a signer is replaced");
                        let forgotten = problem.code == Refusal::CommitmentUnknown.code();
                        if forgotten || problem.is(HostCode::SignerUnreachable) {
                            self.pools.forget(signer, job.key.body.key);
                        }
                        // After a restart it may sign all the same, with commitments of its new boot.
                        if !(forgotten && stale.insert(signer)) {
                            failed.push((signer, problem));
                        }
                    }
                }
            }
        }
        Err(not_enough(&failed))
    }

    /// As many signers as the threshold: those that answer and have the least to do, and in turn.
    fn choose(&self, job: &Job, failed: &[(SignerId, Problem)]) -> Result<Vec<SignerId>, Problem> {
        let needed = usize::from(job.key.body.threshold);
        let mut left: Vec<_> = self.signers.ids().filter(|id| failed.iter().all(|(failed, _)| failed != id)).collect();
        if left.len() < needed {
            return Err(not_enough(failed));
        }
        let turn = self.turns.0.fetch_add(1, Ordering::Relaxed) % left.len();
        left.rotate_left(turn);
        left.sort_by_key(|id| (self.signers.is_down(*id), self.lanes.get(id).map_or(0, super::Lane::load)));
        left.truncate(needed);
        left.sort_unstable();
        Ok(left)
    }

    async fn attempt(&self, job: &Job, chosen: &[SignerId]) -> Result<Vec<Vec<u8>>, Failure> {
        let packages = self.packages(job, chosen).await?;
        let released = join_all(chosen.iter().map(|signer| self.shares(job, *signer, &packages))).await;
        let shares = sort_out(job, &packages, chosen, released)?;
        let digests = job.digests.iter().zip(&packages).enumerate();
        digests
            .map(|(index, (digest, package))| {
                let shares: Vec<_> =
                    chosen.iter().zip(&shares).map(|(signer, shares)| (*signer, shares[index].as_slice())).collect();
                job.key.group.aggregate(digest, package, &shares).map_err(blame)
            })
            .collect()
    }

    /// One package for each digest, with a fresh commitment of every chosen signer.
    async fn packages(&self, job: &Job, chosen: &[SignerId]) -> Result<Vec<Package>, Failure> {
        let (key, count) = (job.key.body.key, job.digests.len());
        let drawn = join_all(chosen.iter().map(|signer| self.pools.draw(*signer, key, count))).await;
        let drawn = all_or_replace(chosen, drawn)?;
        let mut columns: Vec<_> = drawn.into_iter().map(Vec::into_iter).collect();
        let package = |_| {
            let commitments = columns.iter_mut().map(Iterator::next).collect::<Option<Vec<Commitment>>>()?;
            let entry = |(signer, commitment): (&SignerId, _)| SignerCommitment { signer: *signer, commitment };
            chosen.iter().zip(commitments).map(entry).collect::<Vec<_>>().try_into().ok()
        };
        (0..count).map(package).collect::<Option<_>>().ok_or_else(|| Failure::Final(unexpected()))
    }

    async fn shares(&self, job: &Job, signer: SignerId, packages: &[Package]) -> Result<SignOutcome, Problem> {
        let packages = packages.to_vec().try_into().map_err(|_| Problem::refused(Refusal::PackageInvalid))?;
        let lane = self.lanes.get(&signer).ok_or_else(unexpected)?;
        lane.sign(SignItem { request: job.requested.clone(), packages }).await
    }
}

/// Everybody's shares, or who is to be replaced.
fn sort_out(
    job: &Job,
    packages: &[Package],
    chosen: &[SignerId],
    released: Vec<Result<SignOutcome, Problem>>,
) -> Result<Vec<Shares>, Failure> {
    let mut sorted = Vec::with_capacity(released.len());
    for (signer, outcome) in chosen.iter().zip(released) {
        sorted.push(match outcome {
            Ok(SignOutcome::Released(shares)) if shares.len() == packages.len() => {
                Ok(shares.into_vec().into_iter().map(cloister_wire::bounded::Bytes::into_vec).collect())
            }
            Ok(SignOutcome::Released(_)) => Err(unexpected()),
            Ok(SignOutcome::Refused(refusal)) => Err(weigh(job, packages, *signer, refusal)?),
            Err(problem) => Err(problem),
        });
    }
    all_or_replace(chosen, sorted)
}

/// Whether another signer might do what this one refuses.
fn weigh(job: &Job, packages: &[Package], signer: SignerId, refusal: Refusal) -> Result<Problem, Failure> {
    use Refusal as R;
    let problem = Problem::refused(refusal).at(signer);
    match refusal {
        R::PackageInvalid => match packages.iter().find_map(|package| job.key.group.bad_commitment(package)) {
            Some(culprit) => Err(Failure::Replace(vec![(
                culprit,
                Problem::host(HostCode::BadShare, "its commitment is none").at(culprit),
            )])),
            None => Ok(problem),
        },
        R::WrongPhase
        | R::Halted
        | R::NotRostered
        | R::KeyUnknown
        | R::Busy
        | R::CommitmentUnknown
        | R::RetriesExhausted
        | R::PoolFull => Ok(problem),
        _ => Err(Failure::Final(problem)),
    }
}

fn all_or_replace<T>(chosen: &[SignerId], results: Vec<Result<T, Problem>>) -> Result<Vec<T>, Failure> {
    let (mut good, mut bad) = (Vec::with_capacity(results.len()), Vec::new());
    for (signer, result) in chosen.iter().zip(results) {
        match result {
            Ok(value) => good.push(value),
            Err(problem) if problem.is(HostCode::Overloaded) => return Err(Failure::Final(problem)),
            Err(problem) => bad.push((*signer, problem)),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(Failure::Replace(bad)) }
}

fn blame(unsigned: Unsigned) -> Failure {
    match unsigned {
        Unsigned::Blame(signer) => {
            let problem = Problem::host(HostCode::BadShare, "its signature share does not verify").at(signer);
            Failure::Replace(vec![(signer, problem)])
        }
        Unsigned::Failed => Failure::Final(Problem::host(HostCode::Internal, "the signature does not verify")),
    }
}

/// What a signer had against it says more than that there are too few.
fn not_enough(failed: &[(SignerId, Problem)]) -> Problem {
    let told = failed.iter().rev().find(|(_, problem)| !problem.is(HostCode::SignerUnreachable));
    let reasons: Vec<_> =
        failed.iter().map(|(signer, problem)| format!("signer {signer}: {}", problem.detail)).collect();
    match told {
        Some((_, problem)) => problem.clone(),
        None => Problem::host(HostCode::NotEnoughSigners, reasons.join("; ")),
    }
}

/// Signers allow eight tries of one request.
const ATTEMPTS: usize = 8;
