//! Who signs: those that answer and have the least to do, and in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use cloister_wire::{ids::SignerId, refusal::Refusal};

use super::{Coordinator, job::Job, presigning::Subject, signing::not_enough};
use crate::problem::Problem;

/// Whose turn it is, so that load goes round.
#[derive(Default)]
pub(super) struct Turns(AtomicUsize);

impl Coordinator {
    /// As many signers as the threshold, rising, without those that failed.
    pub(super) fn choose(&self, job: &Job, failed: &[(SignerId, Problem)]) -> Result<Vec<SignerId>, Problem> {
        let needed = usize::from(job.key.body.threshold);
        let mut left: Vec<_> = self.signers.ids().filter(|id| failed.iter().all(|(failed, _)| failed != id)).collect();
        if left.len() < needed {
            return Err(not_enough(failed));
        }
        let turn = self.turns.0.fetch_add(1, Ordering::Relaxed) % left.len();
        left.rotate_left(turn);
        if job.is_ecdsa() {
            return self.choose_set(job, left, needed);
        }
        left.sort_by_key(|id| (self.signers.is_down(*id), self.lanes.get(id).map_or(0, super::Lane::load)));
        left.truncate(needed);
        left.sort_unstable();
        Ok(left)
    }

    /// Presignatures belong to exact sets: one that has enough is preferred to the one whose turn it is, which gets its own then.
    fn choose_set(&self, job: &Job, left: Vec<SignerId>, needed: usize) -> Result<Vec<SignerId>, Problem> {
        let is_down = |signer: &SignerId| self.signers.is_down(*signer);
        let mut sets = sets(&left, needed, is_down, |set| self.presignatures.bars(set));
        if sets.is_empty() {
            // A bar goes with a new boot, of which this host may not have heard: the signers know.
            sets = self::sets(&left, needed, is_down, |_| false);
        }
        let subject = |set: &Vec<SignerId>| job.subject(set);
        let ready =
            |set: &&Vec<SignerId>| !set.iter().any(is_down) && self.presignatures.has(&subject(set), job.digests.len());
        match (sets.first(), sets.iter().find(ready)) {
            (Some(first), Some(ready)) => {
                if first != ready && !first.iter().any(is_down) {
                    self.presignatures.warm(&subject(first));
                }
                Ok(ready.clone())
            }
            (Some(first), None) => Ok(first.clone()),
            (None, _) => Err(Problem::refused(Refusal::PairBarred)
                .because("no set of signers is left in which any two may sign together")),
        }
    }
}

impl Job {
    /// The presignatures that these signers need.
    pub(super) fn subject(&self, signers: &[SignerId]) -> Subject {
        Subject { key: self.key.body.key, path: self.path.clone(), signers: signers.to_vec() }
    }
}

/// One set for each signer that it can begin with, in turn: its neighbours, those that are down last, none with two that are barred.
fn sets(
    left: &[SignerId],
    needed: usize,
    is_down: impl Fn(&SignerId) -> bool,
    bars: impl Fn(&[SignerId]) -> bool,
) -> Vec<Vec<SignerId>> {
    let from = |start: usize| {
        let mut order = left.to_vec();
        order.rotate_left(start);
        order.sort_by_key(&is_down);
        let mut set: Vec<SignerId> = Vec::with_capacity(needed);
        for signer in order {
            set.push(signer);
            if bars(&set) {
                set.pop();
            }
            if set.len() == needed {
                set.sort_unstable();
                return Some(set);
            }
        }
        None
    };
    (0..left.len()).filter_map(from).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::signing::ATTEMPTS, *};

    fn ids(ids: &[u16]) -> Vec<SignerId> {
        ids.iter().map(|id| SignerId::try_from(*id).unwrap()).collect()
    }

    fn numbers(sets: &[Vec<SignerId>]) -> Vec<Vec<u16>> {
        sets.iter().map(|set| set.iter().map(|id| id.get()).collect()).collect()
    }

    #[test]
    fn every_signer_begins_one_set_in_turn() {
        let sets = sets(&ids(&[2, 3, 1]), 2, |_| false, |_| false);
        assert_eq!(numbers(&sets), [[2, 3], [1, 3], [1, 2]]);
    }

    #[test]
    fn who_is_down_signs_only_if_there_are_too_few_others() {
        let down = |signer: &SignerId| signer.get() == 2;
        assert_eq!(numbers(&sets(&ids(&[1, 2, 3]), 2, down, |_| false)), [[1, 3], [1, 3], [1, 3]]);
        assert_eq!(numbers(&sets(&ids(&[1, 2]), 2, down, |_| false)), [[1, 2], [1, 2]]);
    }

    /// A presigning that fails and names nobody is tried again by the set whose turn it is then.
    #[test]
    fn whoever_spoils_a_presigning_unseen_is_left_out_within_the_attempts_of_one_request() {
        for (needed, all) in (2..ATTEMPTS).flat_map(|needed| (needed + 1..=9).map(move |all| (needed, all))) {
            let signers = ids(&(1..=9).collect::<Vec<_>>()[..all]);
            let chosen = |turn: usize| {
                let mut left = signers.clone();
                left.rotate_left(turn % all);
                sets(&left, needed, |_| false, |_| false).swap_remove(0)
            };
            for (start, spoiler) in (0..all).flat_map(|start| signers.iter().map(move |spoiler| (start, spoiler))) {
                let mut attempts = (start..start + ATTEMPTS).map(chosen);
                assert!(attempts.any(|set| !set.contains(spoiler)), "{needed} of {all} from {start}, {spoiler}");
            }
        }
    }

    #[test]
    fn two_that_are_barred_are_in_no_set_together() {
        let bars = |set: &[SignerId]| ids(&[1, 2]).iter().all(|signer| set.contains(signer));
        let without = sets(&ids(&[1, 2, 3, 4]), 3, |_| false, bars);
        assert_eq!(numbers(&without), [[1, 3, 4], [2, 3, 4], [1, 3, 4], [1, 3, 4]]);
        assert!(sets(&ids(&[1, 2, 3]), 3, |_| false, bars).is_empty());
    }
}
