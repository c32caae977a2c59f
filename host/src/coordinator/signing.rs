//! Signs: one commitment per digest from each of *t* signers, or one presignature that they have made together; one round;
//! aggregation and verification here.
//!
//! A signer that fails is replaced while enough others are there, with fresh commitments for everybody: what was sent once is never
//! sent again. What any signer would refuse is refused at once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cloister_chains::solana;
use cloister_wire::{
    codec,
    endorsement::Endorsed,
    ids::{Hash, SignerId},
    message::{Package, SignItem, SignOutcome, SignerCommitment},
    policy::{LookupTable, Policy},
    refusal::Refusal,
    request::{Chain, Requested, Scheme, SignRequest},
};
use futures_util::future::join_all;

use super::{
    Coordinator,
    answers::{self, Occasion},
    commitments::Commitment,
    doubt::Doubt,
    job::Job,
    pairs::is_barred,
};
use crate::{
    aggregate::Unsigned,
    desk::unexpected,
    problem::{HostCode, Problem},
    store::DocumentKind,
};

/// One signer's signature shares, one for each digest.
type Shares = Vec<Vec<u8>>;

/// Why an attempt brought no signature.
enum Failure {
    /// No other signers would help.
    Final(Problem),
    /// These signers are to be replaced.
    Replace(Vec<(SignerId, Problem)>),
    /// Somebody's share is bad, and nothing says whose.
    Suspect,
    /// Nobody is to blame, or another set of signers is chosen anyhow.
    Again(Problem),
}

impl Coordinator {
    /// The answer to a request to sign.
    pub(crate) async fn sign(self: &Arc<Self>, requested: Requested) -> Result<answers::Body, Problem> {
        let request: SignRequest = codec::decode(requested.body.as_slice())
            .map_err(|error| Problem::refused(Refusal::Malformed).because(error.to_string()))?;
        let occasion = Occasion::of::<SignRequest>(&requested, request.id, request.issued_at);
        let key = self.signers.desk.keyring.get(&request.key);
        let is_ecdsa = key.as_ref().is_some_and(|key| key.body.scheme == Scheme::Secp256k1Ecdsa);
        let presigning = if is_ecdsa { self.deadlines.presigning } else { Duration::ZERO };
        let this = self.clone();
        let work = move || async move {
            let key = key.ok_or_else(|| Problem::refused(Refusal::KeyUnknown))?;
            let approvals = this.approvals(&requested.hash::<SignRequest>()).await?;
            let tables = this.tables(&request).await?;
            this.run(Job::read(requested, &request, key, approvals, &tables)?).await
        };
        self.answers.once(occasion, self.deadlines.signature + presigning, work).await
    }

    /// The Solana lookup tables that the policy in force pins.
    async fn tables(&self, request: &SignRequest) -> Result<Vec<LookupTable>, Problem> {
        if request.chain != Chain::Solana || solana::Message::parse(request.payload.as_slice()).is_ok() {
            return Ok(Vec::new());
        }
        let policy = self.signers.desk.store.latest::<Endorsed<Policy>>(DocumentKind::Policy).await?;
        let policy = policy.and_then(|policy| policy.unverified().ok());
        let tenant = policy.as_ref().and_then(|policy| policy.tenant(&request.tenant));
        Ok(tenant.map(|tenant| tenant.tables.clone().into_vec()).unwrap_or_default())
    }

    async fn run(&self, job: Job) -> Result<Vec<u8>, Problem> {
        let mut failed: Vec<(SignerId, Problem)> = Vec::new();
        let (mut stale, mut doubt, mut last) = (BTreeSet::new(), None, None);
        for _ in 0..ATTEMPTS {
            let chosen = match &mut doubt {
                None => self.choose(&job, &failed)?,
                Some(doubt) => self.choose_in_doubt(doubt, &failed)?,
            };
            match self.attempt(&job, &chosen).await {
                Ok(signatures) => {
                    if let Some(problem) = doubt.as_ref().and_then(Doubt::culprit) {
                        tracing::warn!(signer = problem.signer, %problem, "a signer sends bad shares");
                    }
                    return job.finish(&signatures, &chosen);
                }
                Err(Failure::Final(problem)) => return Err(problem),
                Err(Failure::Again(problem)) => last = Some(problem),
                Err(Failure::Suspect) => match &mut doubt {
                    None => doubt = Some(Doubt::about(chosen)),
                    Some(doubt) => doubt.did_not_help(),
                },
                Err(Failure::Replace(problems)) => {
                    for (signer, problem) in problems {
                        tracing::warn!(%signer, %problem, "a signer is replaced");
                        let forgotten = problem.code == Refusal::CommitmentUnknown.code();
                        self.forget(&job, signer, &problem);
                        // After a restart it may sign all the same, with commitments of its new boot.
                        if !(forgotten && stale.insert(signer)) {
                            failed.push((signer, problem));
                        }
                    }
                }
            }
        }
        Err(doubt.map(|doubt| doubt.unsettled()).or(last).unwrap_or_else(|| not_enough(&failed)))
    }

    /// What a signer has lost is thrown away.
    fn forget(&self, job: &Job, signer: SignerId, problem: &Problem) {
        let forgotten = problem.code == Refusal::CommitmentUnknown.code();
        if forgotten && job.is_ecdsa() {
            self.presignatures.forget(signer);
        } else if forgotten || problem.is(HostCode::SignerUnreachable) {
            self.commitments.forget(signer, job.key.body.key);
        }
    }

    /// The set in doubt with one member exchanged.
    fn choose_in_doubt(&self, doubt: &mut Doubt, failed: &[(SignerId, Problem)]) -> Result<Vec<SignerId>, Problem> {
        let has_failed = |id: &SignerId| failed.iter().any(|(failed, _)| failed == id);
        let mut left: Vec<_> = self.signers.ids().filter(|id| !has_failed(id)).collect();
        left.sort_by_key(|id| self.signers.is_down(*id));
        doubt.next(&left, |set| !self.presignatures.bars(set))
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
                job.child.group.aggregate(digest, package, &shares).map_err(blame)
            })
            .collect()
    }

    /// One package for each digest, with a fresh commitment of every chosen signer.
    async fn packages(&self, job: &Job, chosen: &[SignerId]) -> Result<Vec<Package>, Failure> {
        if job.is_ecdsa() {
            return self.presigned(job, chosen).await;
        }
        let (key, count) = (job.key.body.key, job.digests.len());
        let drawn = join_all(chosen.iter().map(|signer| self.commitments.draw(*signer, key, count))).await;
        let drawn = all_or_replace(chosen, drawn)?;
        let mut columns: Vec<_> = drawn.into_iter().map(Vec::into_iter).collect();
        let package = |_| {
            let commitments = columns.iter_mut().map(Iterator::next).collect::<Option<Vec<Commitment>>>()?;
            let entry = |(signer, commitment): (&SignerId, _)| SignerCommitment { signer: *signer, commitment };
            chosen.iter().zip(commitments).map(entry).collect::<Vec<_>>().try_into().ok()
        };
        (0..count).map(package).collect::<Option<_>>().ok_or_else(|| Failure::Final(unexpected()))
    }

    /// One package for each digest, in which everybody names the same presignature.
    async fn presigned(&self, job: &Job, chosen: &[SignerId]) -> Result<Vec<Package>, Failure> {
        let drawn = self.presignatures.draw(&job.subject(chosen), job.digests.len()).await;
        let drawn = drawn.map_err(|problem| self.unmade(chosen, problem))?;
        let package = |id: &Hash| {
            let commitment = Commitment::try_from(id.as_bytes().as_slice()).ok()?;
            let entry = |signer: &SignerId| SignerCommitment { signer: *signer, commitment: commitment.clone() };
            chosen.iter().map(entry).collect::<Vec<_>>().try_into().ok()
        };
        drawn.iter().map(package).collect::<Option<_>>().ok_or_else(|| Failure::Final(unexpected()))
    }

    /// Whom to replace when there are no presignatures.
    fn unmade(&self, chosen: &[SignerId], problem: Problem) -> Failure {
        let named = chosen.iter().find(|signer| problem.signer == Some(signer.get()));
        match named {
            _ if problem.is(HostCode::Overloaded) => Failure::Final(problem),
            _ if is_barred(&problem) => {
                tracing::warn!(%problem, "two signers may not sign together any more");
                self.presignatures.forget_barred();
                Failure::Again(problem)
            }
            Some(signer) => Failure::Replace(vec![(*signer, problem)]),
            None => Failure::Again(problem),
        }
    }

    async fn shares(&self, job: &Job, signer: SignerId, packages: &[Package]) -> Result<SignOutcome, Problem> {
        let packages = packages.to_vec().try_into().map_err(|_| Problem::refused(Refusal::PackageInvalid))?;
        let approvals = job.approvals.clone().try_into().map_err(|_| Problem::refused(Refusal::ApprovalInvalid))?;
        let lane = self.lanes.get(&signer).ok_or_else(unexpected)?;
        lane.sign(SignItem { request: job.requested.clone(), packages, approvals }).await
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
        R::PackageInvalid => match packages.iter().find_map(|package| job.child.group.bad_commitment(package)) {
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
        Unsigned::Suspect => Failure::Suspect,
        Unsigned::Failed => Failure::Final(Problem::host(HostCode::Internal, "the signature does not verify")),
    }
}

/// What a signer had against it says more than that there are too few.
pub(super) fn not_enough(failed: &[(SignerId, Problem)]) -> Problem {
    let told = failed.iter().rev().find(|(_, problem)| !problem.is(HostCode::SignerUnreachable));
    let reasons: Vec<_> =
        failed.iter().map(|(signer, problem)| format!("signer {signer}: {}", problem.detail)).collect();
    match told {
        Some((_, problem)) => problem.clone(),
        None => Problem::host(HostCode::NotEnoughSigners, reasons.join("; ")),
    }
}

/// Signers allow eight tries of one request.
pub(super) const ATTEMPTS: usize = 8;
