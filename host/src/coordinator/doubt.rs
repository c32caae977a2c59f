//! Finds out who sent a bad ECDSA share: nothing in the shares says it. One member of the set after the other is exchanged; the one
//! without whom the others succeed is the one.

use std::collections::BTreeSet;

use cloister_wire::ids::SignerId;

use crate::problem::{HostCode, Problem};

/// A set of signers whose shares made no signature.
#[derive(Debug)]
pub(super) struct Doubt {
    set: Vec<SignerId>,
    /// How many of them were exchanged, each by itself, and it did not help.
    cleared: usize,
    /// Whether there was anybody to put in somebody's place.
    tried: bool,
}

impl Doubt {
    pub(super) fn about(set: Vec<SignerId>) -> Self {
        Self { set, cleared: 0, tried: false }
    }

    /// The exchange that was tried last made no signature either.
    pub(super) fn did_not_help(&mut self) {
        self.cleared += 1;
    }

    /// The set with its next member exchanged for one of `left`, those that may sign; the first one that suits `fits` is taken.
    pub(super) fn next(
        &mut self,
        left: &[SignerId],
        fits: impl Fn(&[SignerId]) -> bool,
    ) -> Result<Vec<SignerId>, Problem> {
        while let Some(member) = self.set.get(self.cleared) {
            let others: BTreeSet<_> = self.set.iter().filter(|other| *other != member).copied().collect();
            let spare = left.iter().filter(|spare| !self.set.contains(spare));
            let with = |spare: &SignerId| others.iter().chain([spare]).copied().collect::<BTreeSet<_>>();
            let mut sets = spare.map(|spare| with(spare).into_iter().collect::<Vec<_>>());
            let all_left = others.iter().all(|other| left.contains(other));
            if let Some(set) = sets.find(|set| all_left && fits(set)) {
                self.tried = true;
                return Ok(set);
            }
            self.cleared += 1;
        }
        Err(self.unsettled())
    }

    /// The member that was exchanged when it succeeded.
    pub(super) fn culprit(&self) -> Option<Problem> {
        let why = "the signature verifies as soon as another signer takes its place";
        self.set.get(self.cleared).map(|culprit| Problem::host(HostCode::BadShare, why).at(*culprit))
    }

    /// It was not found out.
    pub(super) fn unsettled(&self) -> Problem {
        let set: Vec<_> = self.set.iter().map(ToString::to_string).collect();
        let set = set.join(", ");
        let why = if self.tried {
            format!("one of the signers {set} sends shares that do not verify; exchanging one of them did not help")
        } else {
            format!("one of the signers {set} sends shares that do not verify; there is no other to find out which")
        };
        Problem::host(HostCode::BadShare, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u16]) -> Vec<SignerId> {
        ids.iter().map(|id| SignerId::try_from(*id).unwrap()).collect()
    }

    #[test]
    fn each_member_is_exchanged_by_itself_until_one_is_found() {
        let mut doubt = Doubt::about(ids(&[1, 2]));
        assert_eq!(doubt.next(&ids(&[1, 2, 3]), |_| true).unwrap(), ids(&[2, 3]));
        doubt.did_not_help();
        assert_eq!(doubt.next(&ids(&[1, 2, 3]), |_| true).unwrap(), ids(&[1, 3]));
        let culprit = doubt.culprit().unwrap();
        assert_eq!((culprit.code.as_ref(), culprit.signer), ("bad_share", Some(2)));
    }

    #[test]
    fn a_spare_that_fails_for_another_reason_is_replaced_and_clears_nobody() {
        let mut doubt = Doubt::about(ids(&[1, 2]));
        assert_eq!(doubt.next(&ids(&[1, 2, 3, 4]), |_| true).unwrap(), ids(&[2, 3]));
        assert_eq!(doubt.next(&ids(&[1, 2, 4]), |_| true).unwrap(), ids(&[2, 4]));
        assert_eq!(doubt.next(&ids(&[1, 2, 3, 4]), |set| *set != ids(&[2, 3])).unwrap(), ids(&[2, 4]));
        assert_eq!(doubt.culprit().unwrap().signer, Some(1));
    }

    #[test]
    fn when_nobody_is_left_to_exchange_it_is_said_and_nobody_is_named() {
        let mut alone = Doubt::about(ids(&[1, 2]));
        let problem = alone.next(&ids(&[1, 2]), |_| true).unwrap_err();
        assert!(problem.detail.contains("signers 1, 2") && problem.detail.contains("no other"), "{problem}");
        let mut doubt = Doubt::about(ids(&[1, 2]));
        for _ in 0..2 {
            doubt.next(&ids(&[1, 2, 3]), |_| true).unwrap();
            doubt.did_not_help();
        }
        let problem = doubt.next(&ids(&[1, 2, 3]), |_| true).unwrap_err();
        assert!(problem.detail.contains("did not help") && problem.signer.is_none(), "{problem}");
    }
}
