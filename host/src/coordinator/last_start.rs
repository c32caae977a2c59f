//! The newest start order of every host. A host that was away, or whose signer had no part in a start, has to learn of it: the next
//! start takes a number that no other has.

use std::{collections::BTreeSet, time::Duration};

use cloister_wire::{endorsement::Endorsed, limits, order::StartOrder, policy::Policy};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::Coordinator;
use crate::{
    encoding::{from_base64, to_base64},
    problem::{HostCode, Problem},
    store::DocumentKind,
};

/// The newest start order that one host has filed, and the policy that it names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Filed {
    order: String,
    policy: String,
}

/// What all hosts show.
#[derive(Debug, Default, Serialize)]
pub(crate) struct LastStart {
    /// The newest order of each host, base64.
    orders: BTreeSet<String>,
    /// Signers whose hosts did not answer.
    unreachable: Vec<u16>,
}

impl Coordinator {
    /// What this host has filed.
    pub(crate) async fn filed(&self) -> Result<Option<Filed>, Problem> {
        let store = &self.signers.desk.store;
        let Some(order) = store.latest::<Endorsed<StartOrder>>(DocumentKind::Order).await? else { return Ok(None) };
        let hash = order.unverified().map_err(|_| damaged())?.policy;
        let policies = store.documents(DocumentKind::Policy).await?;
        let policies = policies.iter().rev().filter_map(|body| cloister_wire::codec::decode(body).ok());
        let policy = policies.into_iter().find(|policy: &Endorsed<Policy>| policy.hash() == hash);
        let policy = policy.ok_or_else(damaged)?;
        Ok(Some(Filed { order: to_base64(&order), policy: to_base64(&policy) }))
    }

    /// Asks every host, and files what this one lacks.
    pub(crate) async fn last_start(&self) -> Result<LastStart, Problem> {
        let mut last = LastStart {
            orders: self.filed().await?.into_iter().map(|own| own.order).collect(),
            ..LastStart::default()
        };
        let peers: Vec<_> = self.signers.ids().filter(|signer| *signer != self.signers.desk.me).collect();
        let ask = async |signer| {
            let theirs = self.signers.peers.get::<Option<Filed>>(signer, "/v1/local/start", MOST);
            let silent = |_| Err(Problem::host(HostCode::SignerUnreachable, "its host does not answer in time"));
            timeout(self.signers.patience(signer), theirs).await.unwrap_or_else(silent)
        };
        for (signer, answer) in peers.iter().zip(join_all(peers.iter().map(|signer| ask(*signer))).await) {
            match answer {
                Ok(Some(theirs)) if !last.orders.contains(&theirs.order) => match self.adopt(&theirs).await {
                    Ok(()) => drop(last.orders.insert(theirs.order)),
                    Err(problem) => tracing::warn!(%signer, %problem, "a host's newest start order was not filed"),
                },
                Ok(_) => {}
                Err(_) => last.unreachable.push(signer.get()),
            }
        }
        Ok(last)
    }

    /// Learns of starts that were made without this host. Never returns.
    pub(crate) async fn follow(&self) {
        loop {
            let all = self.last_start().await.is_ok_and(|last| last.unreachable.is_empty());
            sleep(if all { RARELY } else { SOON }).await;
        }
    }

    /// Files another host's newest start, if the operators signed it.
    async fn adopt(&self, theirs: &Filed) -> Result<(), Problem> {
        let start = self.read_start(from_base64("order", &theirs.order)?, from_base64("policy", &theirs.policy)?)?;
        self.signers.desk.adopt(&start.request).await
    }
}

fn damaged() -> Problem {
    Problem::host(HostCode::StorageFailed, "the newest start order in the store, or its policy, is damaged")
}

/// When to ask again: all hosts answered.
const RARELY: Duration = Duration::from_secs(60);
/// Some host did not.
const SOON: Duration = Duration::from_secs(5);
/// Bytes of one host's answer.
const MOST: usize = 4 * limits::ENDORSED;
