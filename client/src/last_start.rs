//! The last start that anybody shows, so that no number is taken twice.

use cloister_wire::{
    endorsement::Endorsed,
    ids::{Hash, Incarnation, SignerId},
    manifest::ValidManifest,
    order::StartOrder,
};

use crate::{
    api::{LastStartAnswer, from_base64},
    error::Error,
    operator::PlanError,
};

/// The newest start order of every host that answers, and the start that running signers are in. Signers that were restarted have
/// forgotten theirs, and hosts can hide what they have: nobody invents a start, but the last one of all may not show.
#[derive(Clone, Debug)]
pub struct LastStart {
    orders: Vec<(Incarnation, Hash)>,
    running: Option<Incarnation>,
    unreachable: Vec<SignerId>,
}

impl LastStart {
    /// Only orders with the operators' quorum count.
    pub(crate) fn new(
        manifest: &ValidManifest,
        answer: LastStartAnswer,
        running: Option<Incarnation>,
    ) -> Result<Self, Error> {
        let order = |text: &String| {
            let order: Endorsed<StartOrder> = from_base64("start order", text)?;
            let document =
                order.verify(manifest).map_err(|why| Error::NotEndorsed { what: "newest start order", why })?;
            Ok((document.incarnation, order.hash()))
        };
        let orders = answer.orders.iter().map(order).collect::<Result<_, Error>>()?;
        let unreachable = answer.unreachable.into_iter().filter_map(|signer| signer.try_into().ok()).collect();
        Ok(Self { orders, running, unreachable })
    }

    /// Its number; `None` before genesis.
    #[must_use]
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.orders.iter().map(|(incarnation, _)| *incarnation).chain(self.running).max()
    }

    /// Signers whose hosts could not be asked.
    #[must_use]
    pub fn unreachable(&self) -> &[SignerId] {
        &self.unreachable
    }

    /// Whether an order of this number and hash may be carried out: it is newer than all, or the newest itself, which may be repeated.
    ///
    /// # Errors
    /// [`PlanError::IncarnationTaken`].
    pub fn allows(&self, given: Incarnation, order: Hash) -> Result<(), PlanError> {
        match self.incarnation() {
            Some(last) if last > given || (last == given && !self.orders.contains(&(given, order))) => {
                Err(PlanError::IncarnationTaken { given, last })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(orders: &[(u64, u8)], running: Option<u64>) -> LastStart {
        let orders =
            orders.iter().map(|(number, hash)| (Incarnation(*number), Hash::from_bytes([*hash; 32]))).collect();
        LastStart { orders, running: running.map(Incarnation), unreachable: Vec::new() }
    }

    #[test]
    fn the_last_start_is_the_highest_that_any_host_or_signer_shows() {
        assert_eq!(last(&[], None).incarnation(), None);
        assert_eq!(last(&[(1, 1), (3, 3), (2, 2)], Some(2)).incarnation(), Some(Incarnation(3)));
        assert_eq!(last(&[(1, 1)], Some(4)).incarnation(), Some(Incarnation(4)));
    }

    #[test]
    fn a_number_is_taken_once_and_its_own_order_may_be_repeated() {
        let last = last(&[(1, 1), (2, 2)], Some(2));
        let allows = |number, hash| last.allows(Incarnation(number), Hash::from_bytes([hash; 32]));
        assert_eq!(allows(3, 3), Ok(()));
        assert_eq!(allows(2, 2), Ok(()));
        let taken = |given| Err(PlanError::IncarnationTaken { given: Incarnation(given), last: Incarnation(2) });
        assert_eq!(allows(2, 9), taken(2));
        assert_eq!(allows(1, 1), taken(1));
    }
}
