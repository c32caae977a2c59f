//! Delivers what signers have for each other, until there is nothing left.

use std::collections::BTreeMap;

use cloister_wire::{
    ids::SignerId,
    message::Request,
    peer::{Envelope, PeerFrame},
};
use futures_util::future::try_join_all;

use crate::{
    problem::{HostCode, Problem},
    signers::Signers,
};

/// Envelopes and who sent each, in the order in which each sender made them.
#[derive(Debug, Default)]
pub(super) struct Mail(Vec<(SignerId, Envelope)>);

impl Mail {
    /// Adds what came out of a signer's reply.
    pub(super) fn add(&mut self, from: SignerId, outbox: Vec<Envelope>) {
        self.0.extend(outbox.into_iter().map(|envelope| (from, envelope)));
    }

    /// Adds what another delivery brought.
    pub(super) fn append(&mut self, other: Mail) {
        self.0.extend(other.0);
    }

    fn by_receiver(self) -> BTreeMap<SignerId, Vec<(SignerId, PeerFrame)>> {
        let mut sorted = BTreeMap::<_, Vec<_>>::new();
        for (from, Envelope { to, frame }) in self.0 {
            sorted.entry(to).or_default().push((from, frame));
        }
        sorted
    }

    /// Delivers until quiet. A channel's messages arrive in the order in which they were sent.
    pub(super) async fn deliver(self, signers: &Signers) -> Result<(), Problem> {
        let mut mail = self;
        for _ in 0..ROUNDS {
            if mail.0.is_empty() {
                return Ok(());
            }
            let rounds = mail.by_receiver().into_iter().map(|(to, letters)| deliver_to(signers, to, letters));
            mail = Mail::default();
            try_join_all(rounds).await?.into_iter().for_each(|answers| mail.append(answers));
        }
        Err(Problem::host(HostCode::SignerReplyInvalid, "the signers don't stop sending each other messages"))
    }
}

async fn deliver_to(signers: &Signers, to: SignerId, letters: Vec<(SignerId, PeerFrame)>) -> Result<Mail, Problem> {
    let mut answers = Mail::default();
    for (from, frame) in letters {
        let answer = signers.ask(to, &Request::Deliver { from, frame }).await?;
        answers.add(to, answer.outbox);
    }
    Ok(answers)
}

/// Rounds of messages; a handshake takes two, key generation three.
const ROUNDS: usize = 16;
