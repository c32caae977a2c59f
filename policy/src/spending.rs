//! What limits have counted.
//!
//! A charge counts from the moment of its release until its window is over. Charges of the same request, and of requests that replace each
//! other, count once, as the largest.
//!
//! Memory is bounded by [`limits::SPENDING_ENTRIES`] and [`limits::SPENDING_WINDOWS`]. With more charges, the first of the fullest window
//! are joined: all that end within one sixth of its length count together until that sixth is over. With more windows, what needs a new
//! one is refused. So what is counted is never too little, and after joins too much by a sixth's worth at most.

use std::collections::{BTreeMap, BTreeSet};

use cloister_chains::U256;
use cloister_wire::{
    ids::{Hash, UnixMillis},
    limits,
    receipt::Charge,
};

use crate::spent::number;

/// What is counted at present.
#[derive(Debug)]
pub struct Spending {
    room: Room,
    /// None of them empty.
    windows: BTreeMap<Hash, Window>,
    /// All of them, by the first end of a charge.
    due: BTreeSet<(UnixMillis, Hash)>,
    /// All of them, by the number of their charges.
    sizes: BTreeSet<(usize, Hash)>,
    /// Charges of all of them.
    entries: usize,
}

/// How much is remembered.
#[derive(Debug, Clone, Copy)]
struct Room {
    entries: usize,
    windows: usize,
}

/// What counts together.
#[derive(Debug)]
struct Window {
    /// The end of each charge, by what counts once.
    ends: BTreeMap<Hash, UnixMillis>,
    amounts: BTreeMap<End, U256>,
    /// Charges that were joined, by their common end.
    joined: BTreeMap<UnixMillis, U256>,
    /// The sum of all amounts; `None` for 2^256 or more.
    total: Option<U256>,
    /// How long the last charge counts, milliseconds.
    length: u64,
}

/// A charge by its end.
type End = (UnixMillis, Hash);

impl Default for Spending {
    fn default() -> Self {
        Self::in_room(Room { entries: limits::SPENDING_ENTRIES, windows: limits::SPENDING_WINDOWS })
    }
}

impl Spending {
    const fn in_room(room: Room) -> Self {
        Self { room, windows: BTreeMap::new(), due: BTreeSet::new(), sizes: BTreeSet::new(), entries: 0 }
    }

    /// Counts a charge of which a share is released.
    pub fn charge(&mut self, charge: &Charge, now: UnixMillis) {
        self.forget(now);
        self.make_room(charge, now);
        self.change(charge.window, |window| window.charge(charge, now));
        self.join();
    }

    /// What would be counted with this charge; `None` if that is 2^256 or more.
    pub(crate) fn with(&self, charge: &Charge, now: UnixMillis) -> Option<U256> {
        let amount = number(charge.amount);
        let Some(window) = self.windows.get(&charge.window) else { return Some(amount) };
        let before = window.amount_of(&charge.same, now);
        window.counted(now)?.minus(before)?.plus(amount.max(before))
    }

    /// The first of these charges for whose window there is no room beside the others', even once what is over is forgotten.
    pub(crate) fn without_room<'a>(&self, charges: &'a [Charge], now: UnixMillis) -> Option<&'a Charge> {
        let over: BTreeSet<_> = self.over(now).collect();
        let free = self.room.windows.saturating_add(over.len()).saturating_sub(self.windows.len());
        let counts = |window| self.windows.contains_key(window) && !over.contains(window);
        charges.iter().filter(|charge| !counts(&charge.window)).nth(free)
    }

    /// The windows in which nothing counts any more.
    fn over(&self, now: UnixMillis) -> impl Iterator<Item = Hash> {
        let due = self.due.iter().take_while(move |(end, _)| *end <= now).map(|(_, window)| *window);
        due.filter(move |window| self.windows.get(window).is_some_and(|window| window.last_end() <= Some(now)))
    }

    /// Forgets a window that is over, if the charge needs its place.
    fn make_room(&mut self, charge: &Charge, now: UnixMillis) {
        let full = self.windows.len() >= self.room.windows && !self.windows.contains_key(&charge.window);
        if let Some(over) = full.then(|| self.over(now).next()).flatten() {
            self.change(over, |window| *window = Window::EMPTY);
        }
    }

    /// Forgets charges that are over; a few at a time, and more than can come in between.
    fn forget(&mut self, now: UnixMillis) {
        for _ in 0..FORGOTTEN {
            let Some(&(_, window)) = self.due.first().filter(|(end, _)| *end <= now) else { return };
            self.change(window, Window::forget_first);
        }
    }

    fn join(&mut self) {
        while self.entries > self.room.entries
            && let Some(fullest) = self.fullest()
        {
            self.change(fullest, Window::join_first);
        }
    }

    /// The fullest window of which something can be joined. One whose limit had a longer window before may be full of what was.
    fn fullest(&self) -> Option<Hash> {
        let can_join = |window: &Hash| self.windows.get(window).is_some_and(|window| !window.amounts.is_empty());
        self.sizes.iter().rev().map(|(_, window)| *window).find(can_join)
    }

    /// Changes a window, in whose place in the orders it then stands; it comes into being and goes with its charges.
    fn change(&mut self, id: Hash, change: impl FnOnce(&mut Window)) {
        let mut window = self.windows.remove(&id).unwrap_or(Window::EMPTY);
        let before = window.len();
        if let Some(end) = window.first_end() {
            self.due.remove(&(end, id));
            self.sizes.remove(&(before, id));
        }
        change(&mut window);
        let after = window.len();
        self.entries = self.entries.saturating_add(after).saturating_sub(before);
        if let Some(end) = window.first_end() {
            self.due.insert((end, id));
            self.sizes.insert((after, id));
            self.windows.insert(id, window);
        }
    }
}

impl Window {
    const EMPTY: Self = Self {
        ends: BTreeMap::new(),
        amounts: BTreeMap::new(),
        joined: BTreeMap::new(),
        total: Some(U256::ZERO),
        length: 0,
    };

    fn charge(&mut self, charge: &Charge, now: UnixMillis) {
        let (mut until, mut amount) = (charge.until, number(charge.amount));
        self.length = until.0.saturating_sub(now.0);
        if let Some(before) = self.ends.get(&charge.same).copied() {
            amount = amount.max(self.amount_of(&charge.same, now));
            until = until.max(before);
            self.remove((before, charge.same));
        }
        self.ends.insert(charge.same, until);
        self.amounts.insert((until, charge.same), amount);
        self.total = self.total.and_then(|total| total.plus(amount));
        self.recount();
    }

    /// What is counted of this at present, as far as it was not joined.
    fn amount_of(&self, same: &Hash, now: UnixMillis) -> U256 {
        let end = self.ends.get(same).filter(|until| **until > now);
        end.and_then(|until| self.amounts.get(&(*until, *same))).copied().unwrap_or_default()
    }

    /// What is counted at present: all but what is over and not yet forgotten.
    fn counted(&self, now: UnixMillis) -> Option<U256> {
        let alone =
            self.amounts.iter().map(|((until, _), amount)| (until, amount)).take_while(|(until, _)| **until <= now);
        let mut over = alone.chain(self.joined.range(..=now));
        over.try_fold(self.total?, |total, (_, amount)| total.minus(*amount))
    }

    fn len(&self) -> usize {
        self.amounts.len().saturating_add(self.joined.len())
    }

    fn first(&self) -> Option<End> {
        self.amounts.first_key_value().map(|(end, _)| *end)
    }

    fn first_end(&self) -> Option<UnixMillis> {
        let joined = self.joined.first_key_value().map(|(until, _)| *until);
        self.first().map(|(until, _)| until).into_iter().chain(joined).min()
    }

    fn last_end(&self) -> Option<UnixMillis> {
        let joined = self.joined.last_key_value().map(|(until, _)| *until);
        self.amounts.last_key_value().map(|((until, _), _)| *until).max(joined)
    }

    fn forget_first(&mut self) {
        match self.first().filter(|(until, _)| Some(*until) == self.first_end()) {
            Some(first) => {
                self.remove(first);
            }
            None => {
                let amount = self.joined.pop_first().map_or(U256::ZERO, |(_, amount)| amount);
                self.total = self.total.and_then(|total| total.minus(amount));
            }
        }
        self.recount();
    }

    /// Takes a charge out.
    fn remove(&mut self, end: End) -> U256 {
        self.ends.remove(&end.1);
        let amount = self.amounts.remove(&end).unwrap_or_default();
        self.total = self.total.and_then(|total| total.minus(amount));
        amount
    }

    /// Joins the charge that ends first with others of its sixth.
    fn join_first(&mut self) {
        let Some(first) = self.first() else { return };
        let sixth = self.length.div_ceil(6).max(1);
        let until = first.0.0.checked_next_multiple_of(sixth).map_or(UnixMillis(u64::MAX), UnixMillis);
        let amount = self.remove(first);
        let joined = self.joined.entry(until).or_default();
        // A sum that is too much stays too much: there is nothing that could be added to it.
        *joined = joined.plus(amount).unwrap_or(U256::MAX);
        self.total = self.total.and_then(|total| total.plus(amount));
        self.recount();
    }

    /// Adds up anew what was too much before. No limit lets it come to that.
    fn recount(&mut self) {
        if self.total.is_none() {
            self.total =
                self.amounts.values().chain(self.joined.values()).try_fold(U256::ZERO, |sum, amount| sum.plus(*amount));
        }
    }
}

/// Charges that are forgotten for each that is counted.
const FORGOTTEN: usize = 16;

#[cfg(test)]
mod tests;
