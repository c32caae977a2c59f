use std::collections::BTreeMap;

use cloister_wire::ids::Quantity;
use proptest::prelude::*;

use super::*;

const ROOMY: Room = Room { entries: 1000, windows: 100 };

fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

fn charge(window: u8, same: u64, amount: u64, until: u64) -> Charge {
    let mut name = [0; 32];
    name[..8].copy_from_slice(&same.to_be_bytes());
    let amount = Quantity::from_be_bytes(U256::from(amount).to_be_bytes());
    let limit = "daily".parse().unwrap();
    Charge { limit, window: hash(window), same: Hash::from_bytes(name), amount, until: UnixMillis(until) }
}

fn of(amount: U256, charge: Charge) -> Charge {
    Charge { amount: Quantity::from_be_bytes(amount.to_be_bytes()), ..charge }
}

/// What is counted without anything new.
fn counted(spending: &Spending, window: u8, now: u64) -> U256 {
    spending.with(&charge(window, u64::MAX, 0, u64::MAX), UnixMillis(now)).unwrap()
}

/// Whether there is room for a charge in this window.
fn has_room(spending: &Spending, window: u8, now: u64) -> bool {
    spending.without_room(&[charge(window, u64::MAX, 1, u64::MAX)], UnixMillis(now)).is_none()
}

fn number(amount: u64) -> U256 {
    amount.into()
}

#[test]
fn a_charge_counts_until_its_window_is_over_and_not_a_moment_longer() {
    let mut spending = Spending::default();
    spending.charge(&charge(1, 1, 5, 100), UnixMillis(0));
    assert_eq!((counted(&spending, 1, 99), counted(&spending, 1, 100)), (number(5), number(0)));
    assert_eq!(counted(&spending, 2, 0), number(0));
}

#[test]
fn a_request_and_what_replaces_it_count_once_as_the_largest() {
    let mut spending = Spending::default();
    for (amount, now) in [(5, 0), (9, 1), (2, 2)] {
        spending.charge(&charge(1, 7, amount, now + 100), UnixMillis(now));
    }
    assert_eq!(counted(&spending, 1, 2), number(9));
    assert_eq!(spending.with(&charge(1, 7, 8, 200), UnixMillis(2)), Some(number(9)));
    assert_eq!(spending.with(&charge(1, 7, 10, 200), UnixMillis(2)), Some(number(10)));
    assert_eq!(counted(&spending, 1, 101), number(9), "until the last of them ends");
    assert_eq!(counted(&spending, 1, 102), number(0));
}

#[test]
fn what_is_over_is_not_revived_by_what_replaces_it() {
    let mut spending = Spending::default();
    (0..100).for_each(|same| spending.charge(&charge(1, same, 50, 10 + same), UnixMillis(0)));
    spending.charge(&charge(1, 99, 1, 2000), UnixMillis(1000));
    assert_eq!(counted(&spending, 1, 1000), number(1));
}

#[test]
fn what_is_over_and_not_yet_forgotten_is_not_taken_off() {
    let mut spending = Spending::default();
    for (same, amount, until) in [(1, 5, 10), (2, 7, 100)] {
        spending.charge(&charge(1, same, amount, until), UnixMillis(0));
    }
    assert_eq!(spending.with(&charge(1, 1, 2, 20), UnixMillis(10)), Some(number(9)));
}

#[test]
fn a_sum_of_2_to_the_256_is_refused_and_counts_again_once_it_is_less() {
    let mut spending = Spending::default();
    spending.charge(&of(U256::MAX, charge(1, 1, 0, 50)), UnixMillis(0));
    assert_eq!(spending.with(&charge(1, 2, 1, 100), UnixMillis(0)), None);
    spending.charge(&charge(1, 2, 1, 100), UnixMillis(0));
    assert_eq!(spending.with(&charge(1, 3, 0, 100), UnixMillis(0)), None);
    spending.charge(&charge(2, 3, 1, 100), UnixMillis(50));
    assert_eq!(counted(&spending, 1, 50), number(1));
}

#[test]
fn charges_that_are_joined_count_together_until_their_sixth_is_over() {
    let mut spending = Spending::in_room(Room { entries: 2, windows: 2 });
    for (same, until) in [(1, 81), (2, 84), (3, 89), (4, 99)] {
        spending.charge(&charge(1, same, 5, until), UnixMillis(until - 60));
    }
    assert_eq!((spending.entries, spending.windows[&hash(1)].joined.len()), (2, 1));
    assert_eq!((counted(&spending, 1, 89), counted(&spending, 1, 90)), (number(20), number(5)));
    assert_eq!((counted(&spending, 1, 98), counted(&spending, 1, 99)), (number(5), number(0)));
}

#[test]
fn the_fullest_window_makes_room() {
    let mut spending = Spending::in_room(Room { entries: 3, windows: 3 });
    spending.charge(&charge(1, 1, 1, 10), UnixMillis(0));
    (0..3).for_each(|same| spending.charge(&charge(2, same, 1, 10 + same), UnixMillis(0)));
    let sizes = [1, 2].map(|window| spending.windows[&hash(window)].len());
    assert_eq!(sizes, [1, 2]);
}

#[test]
fn a_window_full_of_joined_charges_keeps_no_other_from_joining() {
    let mut spending = Spending::in_room(Room { entries: 5, windows: 2 });
    // The operators shorten the window: what it had counted ends at five times that have no sixth in common any more.
    (1..=5).for_each(|same| spending.charge(&charge(1, same, 1, 1000 * same), UnixMillis(0)));
    spending.charge(&charge(1, 6, 1, 6), UnixMillis(0));
    assert_eq!((spending.windows[&hash(1)].amounts.len(), spending.windows[&hash(1)].joined.len()), (0, 6));
    (1..=4).for_each(|same| spending.charge(&charge(2, same, 1, 60 + same), UnixMillis(0)));
    let other = &spending.windows[&hash(2)];
    assert_eq!((other.amounts.len(), other.joined.len(), other.total), (0, 1, Some(number(4))));
}

#[test]
fn a_window_for_which_there_is_no_room_is_refused_until_another_is_over() {
    let mut spending = Spending::in_room(Room { entries: 4, windows: 2 });
    [1, 2].iter().for_each(|window| spending.charge(&charge(*window, 1, 1, 10), UnixMillis(0)));
    assert!(!has_room(&spending, 3, 9) && has_room(&spending, 2, 9) && has_room(&spending, 3, 10));
    spending.charge(&charge(3, 1, 1, 20), UnixMillis(10));
    assert_eq!(spending.windows.len(), 1);
}

#[test]
fn a_window_in_which_something_counts_makes_no_room_for_another() {
    let mut spending = Spending::in_room(Room { entries: 100, windows: 2 });
    for (window, same, until) in [(1, 1, 10), (1, 2, 100), (2, 1, 10), (2, 2, 90)] {
        spending.charge(&charge(window, same, 1, until), UnixMillis(0));
    }
    assert!(!has_room(&spending, 3, 89) && has_room(&spending, 3, 90));
    spending.charge(&charge(3, 1, 1, 200), UnixMillis(90));
    assert_eq!(spending.windows.keys().copied().collect::<Vec<_>>(), [1, 3].map(hash));
}

#[test]
fn a_window_full_of_what_is_over_makes_room_at_once() {
    let mut spending = Spending::in_room(Room { entries: 100, windows: 2 });
    (0..40).for_each(|same| spending.charge(&charge(1, same, 1, 10), UnixMillis(0)));
    (0..40).for_each(|same| spending.charge(&charge(2, same, 1, 10), UnixMillis(0)));
    (3..=5).for_each(|window| {
        assert_eq!(has_room(&spending, window, 20), window < 5);
        if window < 5 {
            spending.charge(&charge(window, 1, 1, 30), UnixMillis(20));
        }
        assert_eq!(spending.windows.len(), 2, "{window}");
    });
}

#[test]
fn the_charges_of_one_request_need_room_for_all_their_windows() {
    let mut spending = Spending::in_room(Room { entries: 100, windows: 3 });
    spending.charge(&charge(1, 1, 1, 10), UnixMillis(0));
    let charges = [1, 2, 3, 4].map(|window| charge(window, 2, 1, 20));
    assert_eq!(spending.without_room(&charges[..3], UnixMillis(5)), None);
    assert_eq!(spending.without_room(&charges, UnixMillis(5)), Some(&charges[3]));
    assert_eq!(spending.without_room(&charges[1..], UnixMillis(10)), None, "the first is over");
    assert_eq!(spending.without_room(&charges, UnixMillis(10)), Some(&charges[3]), "and would begin anew");
}

#[test]
fn under_steady_load_joined_charges_end_and_memory_is_bounded() {
    const WINDOW: u64 = 1000;
    let mut spending = Spending::in_room(Room { entries: 50, windows: 2 });
    for now in 0..20 * WINDOW {
        spending.charge(&charge(1, now, 1, now + WINDOW), UnixMillis(now));
        assert!(spending.entries <= 50);
        let counted = counted(&spending, 1, now);
        let expected = (now + 1).min(WINDOW);
        assert!(counted >= number(expected) && counted <= number(expected + WINDOW.div_ceil(6)), "{counted} at {now}");
    }
    assert_eq!(counted(&spending, 1, 22 * WINDOW), number(0));
}

#[test]
fn the_indices_go_with_the_last_charge() {
    let mut spending = Spending::default();
    (0..10).for_each(|window| spending.charge(&charge(window, 1, 1, 10), UnixMillis(0)));
    spending.charge(&charge(10, 1, 1, 20), UnixMillis(10));
    assert_eq!([spending.windows.len(), spending.due.len(), spending.sizes.len(), spending.entries], [1; 4]);
}

/// One charge: its window, what counts once, how much, how long after the one before, for how long.
type Step = (u8, u64, u64, u64, u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = prop_oneof![0_u64..10, Just(u64::MAX)];
    prop::collection::vec((0_u8..3, 0_u64..12, amount, 0_u64..40, 1_u64..100), 1..120)
}

/// All that was ever charged: the window, what counts once, how much, and until when.
struct Model {
    charges: Vec<(u8, u64, u64, u64)>,
    /// Whether a replacement makes what it replaces last as long as itself.
    lasting: bool,
}

impl Model {
    fn charge(&mut self, (window, same, amount, _, length): Step, now: u64) {
        let mut until = now + length;
        let replaced = |charge: &&mut (u8, u64, u64, u64)| (charge.0, charge.1) == (window, same) && charge.3 > now;
        for charge in self.charges.iter_mut().filter(replaced).filter(|_| self.lasting) {
            until = until.max(charge.3);
            charge.3 = until;
        }
        self.charges.push((window, same, amount, until));
    }

    fn counted(&self, window: u8, now: u64) -> U256 {
        let mut largest: BTreeMap<u64, u64> = BTreeMap::new();
        for (_, same, amount, _) in self.charges.iter().filter(|charge| charge.0 == window && charge.3 > now) {
            let one = largest.entry(*same).or_default();
            *one = (*one).max(*amount);
        }
        largest.values().fold(U256::ZERO, |sum, amount| sum.plus(number(*amount)).unwrap())
    }
}

fn compare(
    steps: &[Step],
    room: Room,
    mut model: Model,
    agrees: impl Fn(U256, U256) -> bool,
) -> Result<(), TestCaseError> {
    let (mut spending, mut now) = (Spending::in_room(room), 0);
    for step in steps {
        let (window, same, amount, later, length) = *step;
        now += later;
        for window in 0..3 {
            let (is, should) = (counted(&spending, window, now), model.counted(window, now));
            prop_assert!(agrees(is, should), "{is} instead of {should}");
        }
        spending.charge(&charge(window, same, amount, now + length), UnixMillis(now));
        model.charge(*step, now);
        let sum: usize = spending.windows.values().map(Window::len).sum();
        prop_assert!(spending.entries == sum && sum <= room.entries.max(3 * 8));
        prop_assert!(spending.windows.values().all(|window| window.ends.len() == window.amounts.len()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_counted_is_what_a_list_of_all_charges_adds_up_to(steps in steps()) {
        compare(&steps, ROOMY, Model { charges: Vec::new(), lasting: true }, |is, should| is == should)?;
    }

    #[test]
    fn what_is_counted_is_never_too_little_when_charges_are_joined(steps in steps(), entries in 1_usize..12) {
        compare(&steps, Room { entries, windows: 3 }, Model { charges: Vec::new(), lasting: false }, |is, should| is >= should)?;
    }
}
