//! Requests that wait for members: kept here, judged by every signer.
//!
//! This host only collects. What a request does, who has to approve it and whose word counts, each signer says in a [`Review`] of its own;
//! what it says is passed on as it is.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use cloister_wire::{
    approval::{Approval, Stance},
    codec,
    endorsement::Endorsed,
    ids::{Hash, SignerId},
    limits,
    message::{Body, Request},
    policy::Policy,
    refusal::Refusal,
    request::{Requested, SignRequest},
    review::Review,
};
use futures_util::future::join_all;

use super::{Coordinator, now};
use crate::{
    desk::unexpected,
    problem::{HostCode, Problem},
    store::{DocumentKind, Store, StoreError, Write},
};

/// Hashes of the requests of which members have said something, so that all the others are signed without a look into the store.
pub(super) struct Heard(Mutex<HashSet<Hash>>);

impl Heard {
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(store.heard().await?.into_iter().collect())))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Hash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request with what members said, and what each signer makes of it.
pub(crate) struct Pending {
    pub(crate) requested: Requested,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) reviews: BTreeMap<SignerId, Result<Review, Problem>>,
}

impl Coordinator {
    /// Keeps a request for members to look at. One that no signer would take into account is not kept.
    pub(crate) async fn propose(&self, requested: Requested) -> Result<Pending, Problem> {
        let request: SignRequest = codec::decode(requested.body.as_slice())
            .map_err(|error| Problem::refused(Refusal::Malformed).because(error.to_string()))?;
        let hash = requested.hash::<SignRequest>();
        let pending = self.reviewed(requested.clone(), self.approvals(&hash).await?).await;
        pending.any()?;
        if self.signers.desk.store.waiting(now()).await?.len() >= WAITING {
            return Err(Problem::host(HostCode::Overloaded, "too many requests wait for members"));
        }
        let body = codec::encode(&requested);
        self.signers.desk.store.write(vec![Write::Request { hash, not_after: request.not_after, body }]).await?;
        Ok(pending)
    }

    /// All that wait and have not expired.
    pub(crate) async fn waiting(&self) -> Result<Vec<Requested>, Problem> {
        Ok(self.signers.desk.store.waiting(now()).await?)
    }

    /// One that waits.
    pub(crate) async fn pending(&self, hash: &Hash) -> Result<Pending, Problem> {
        let requested = self.requested(hash).await?;
        Ok(self.reviewed(requested, self.approvals(hash).await?).await)
    }

    /// Takes what a member says of a request, if a signer takes it. A delay begins at every signer that has all approvals.
    pub(crate) async fn hear(&self, hash: &Hash, approval: Approval) -> Result<Pending, Problem> {
        let requested = self.requested(hash).await?;
        let said = approval.unverified().map_err(|_| Problem::refused(Refusal::ApprovalInvalid))?;
        let mut approvals = self.approvals(hash).await?;
        if said.stance == Stance::Withdraw {
            self.withdraw(&requested, &approval).await?;
            return Ok(self.reviewed(requested, approvals).await);
        }
        let is_new = !approvals.contains(&approval);
        if is_new {
            approvals.push(approval.clone());
        }
        if approvals.len() > limits::APPROVALS {
            return Err(
                Problem::refused(Refusal::ApprovalInvalid).because("the request has as many approvals as it can")
            );
        }
        let pending = self.reviewed(requested, approvals).await;
        pending.any()?;
        let (request, body) = (*hash, codec::encode(&approval));
        self.signers.desk.store.write(vec![Write::Approval { request, hash: approval.hash(), body }]).await?;
        self.heard.lock().insert(request);
        Ok(pending)
    }

    /// Forgets requests that have expired.
    pub(super) async fn prune_requests(&self) {
        let store = &self.signers.desk.store;
        // What has expired stays until the next time if the store has no room for its removal.
        drop(store.write(vec![Write::PruneRequests { before: now() }]).await);
        // Of requests that are heard of in the meantime nothing is said here.
        let known = self.heard.lock().clone();
        if let Ok(still) = store.heard().await {
            let mut heard = self.heard.lock();
            heard.retain(|hash| still.contains(hash) || !known.contains(hash));
        }
    }

    /// The approvals that were given under the policy in force.
    pub(super) async fn approvals(&self, hash: &Hash) -> Result<Vec<Approval>, Problem> {
        if !self.heard.lock().contains(hash) {
            return Ok(Vec::new());
        }
        let store = &self.signers.desk.store;
        let policy = store.latest::<Endorsed<Policy>>(DocumentKind::Policy).await?.map(|policy| policy.hash());
        let counts = |approval: &Approval| approval.unverified().is_ok_and(|said| Some(said.policy) == policy);
        Ok(store.approvals(hash).await?.into_iter().filter(counts).collect())
    }

    async fn requested(&self, hash: &Hash) -> Result<Requested, Problem> {
        let unknown = || Problem::host(HostCode::NotFound, format!("no request {hash} waits here"));
        self.signers.desk.store.request(hash).await?.ok_or_else(unknown)
    }

    async fn reviewed(&self, requested: Requested, approvals: Vec<Approval>) -> Pending {
        let reviews = join_all(self.signers.ids().map(|signer| self.review(signer, &requested, &approvals))).await;
        let reviews = self.signers.ids().zip(reviews).collect();
        Pending { requested, approvals, reviews }
    }

    async fn review(&self, signer: SignerId, requested: &Requested, approvals: &[Approval]) -> Result<Review, Problem> {
        let approvals = approvals.to_vec().try_into().map_err(|_| Problem::refused(Refusal::ApprovalInvalid))?;
        let request = Request::Review { request: requested.clone(), approvals };
        match self.signers.ask(signer, &request).await?.body {
            Body::Review(review) => Ok(review),
            _ => Err(unexpected().at(signer)),
        }
    }

    /// Tells every signer; those that cannot be reached are told again when it is posted again.
    async fn withdraw(&self, requested: &Requested, withdrawal: &Approval) -> Result<(), Problem> {
        let request = Request::Withdraw { request: requested.clone(), withdrawal: withdrawal.clone() };
        self.tell(&request, self.blocking()).await.map(drop)
    }
}

impl Pending {
    /// Fails if no signer reviews it, with what one of them says.
    fn any(&self) -> Result<(), Problem> {
        let refused = |review: &Result<Review, Problem>| review.as_ref().err().cloned();
        let unreachable = |problem: &Problem| problem.is(HostCode::SignerUnreachable);
        if self.reviews.values().any(Result::is_ok) {
            return Ok(());
        }
        let mut problems = self.reviews.values().filter_map(refused);
        let first = problems.next().unwrap_or_else(unexpected);
        Err(if unreachable(&first) { problems.find(|problem| !unreachable(problem)).unwrap_or(first) } else { first })
    }
}

/// Requests that wait at once.
const WAITING: usize = 1024;
