//! How long requests, sessions and recoveries are remembered, and whose they are: each tenant has its part of the room, and each of its
//! members a quarter of that, so that none takes the room of the others alone.

use std::collections::{BTreeMap, btree_map::Entry};

use cloister_wire::{
    ids::{Hash, Requester, Tenant, UnixMillis},
    limits,
    refusal::Refusal,
};

/// What is remembered, by its end.
#[derive(Default)]
pub(super) struct Expiry {
    due: BTreeMap<(UnixMillis, Hash), (Tenant, Option<Requester>)>,
    tenants: BTreeMap<Tenant, BTreeMap<Option<Requester>, usize>>,
}

/// One thing to remember.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a Tenant,
    /// The member who takes it up; nobody if operators do.
    pub(crate) by: Option<&'a Requester>,
    pub(crate) hash: Hash,
    pub(crate) until: UnixMillis,
}

impl Expiry {
    /// Whether there is room for it. What is remembered already has its own. `part` is how much a tenant may have.
    pub(super) fn check(&self, place: &Place<'_>, part: usize) -> Result<(), Refusal> {
        let own = self.tenants.get(place.tenant).and_then(|members| members.get(&place.by.cloned()));
        let quarter = part.div_ceil(4);
        if self.due.contains_key(&(place.until, place.hash)) {
            return Ok(());
        }
        if own.is_some_and(|own| *own >= quarter) {
            return Err(place.by.map_or(Refusal::Busy, |_| Refusal::RequesterBusy));
        }
        if self.of(place.tenant) >= part || self.len() >= limits::REMEMBERED { Err(Refusal::Busy) } else { Ok(()) }
    }

    /// Takes the place, unless it is taken.
    pub(super) fn remember(&mut self, place: &Place<'_>) {
        let Place { tenant, by, hash, until } = *place;
        let whose = (tenant.clone(), by.cloned());
        if let Entry::Vacant(vacant) = self.due.entry((until, hash)) {
            let of_member = self.tenants.entry(whose.0.clone()).or_default().entry(whose.1.clone()).or_default();
            *of_member = of_member.saturating_add(1);
            vacant.insert(whose);
        }
    }

    /// Takes one out whose time is over.
    pub(super) fn forget_first(&mut self, now: UnixMillis) -> Option<Hash> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, hash), (tenant, by)) = first.remove_entry();
        let members = self.tenants.get_mut(&tenant)?;
        let left = members.get(&by).map_or(0, |of_member| of_member.saturating_sub(1));
        match left {
            0 => members.remove(&by),
            left => members.insert(by, left),
        };
        if members.is_empty() {
            self.tenants.remove(&tenant);
        }
        Some(hash)
    }

    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    /// How many are this tenant's.
    fn of(&self, tenant: &Tenant) -> usize {
        self.tenants.get(tenant).map_or(0, |members| members.values().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: usize = 12;

    fn hash(byte: u8) -> Hash {
        Hash::from_bytes([byte; 32])
    }

    impl Expiry {
        /// Remembers what `by` takes up, `member@tenant` or `@tenant`, if there is room.
        fn ask(&mut self, by: &str, byte: u8, until: u64) -> Result<(), Refusal> {
            let (member, tenant) = by.split_once('@').unwrap();
            let (tenant, by) = (tenant.parse().unwrap(), member.parse().ok());
            let place = Place { tenant: &tenant, by: by.as_ref(), hash: hash(byte), until: UnixMillis(until) };
            self.check(&place, PART)?;
            self.remember(&place);
            Ok(())
        }
    }

    #[test]
    fn what_is_remembered_counts_once_until_its_end() {
        let mut expiry = Expiry::default();
        let [first, second] = ["first", "second"].map(|name| name.parse::<Tenant>().unwrap());
        for (by, byte, until) in [("ann@first", 1, 10), ("bob@first", 1, 10), ("@first", 2, 20), ("cat@second", 3, 10)]
        {
            expiry.ask(by, byte, until).unwrap();
        }
        assert_eq!((expiry.len(), expiry.of(&first), expiry.of(&second)), (3, 2, 1));
        assert_eq!(expiry.forget_first(UnixMillis(9)), None);
        let forgotten = [(); 2].map(|()| expiry.forget_first(UnixMillis(10)));
        assert_eq!((forgotten, expiry.forget_first(UnixMillis(10))), ([Some(hash(1)), Some(hash(3))], None));
        assert_eq!((expiry.len(), expiry.of(&first), expiry.of(&second)), (1, 1, 0));
        assert_eq!(
            expiry.tenants.values().map(BTreeMap::len).collect::<Vec<_>>(),
            [1],
            "nothing is kept of the others"
        );
    }

    #[test]
    fn a_member_has_a_quarter_of_its_tenants_part_and_operators_have_one() {
        let mut expiry = Expiry::default();
        (0..3).for_each(|byte| expiry.ask("ann@acme", byte, 10).unwrap());
        assert_eq!(expiry.ask("ann@acme", 3, 10), Err(Refusal::RequesterBusy));
        assert_eq!(expiry.ask("ann@acme", 0, 10), Ok(()), "it has its place");
        (3..6).for_each(|byte| expiry.ask("@acme", byte, 10).unwrap());
        assert_eq!(expiry.ask("@acme", 6, 10), Err(Refusal::Busy));
        (6..12).for_each(|byte| expiry.ask(if byte < 9 { "bob@acme" } else { "cat@acme" }, byte, 10).unwrap());
        assert_eq!(expiry.ask("dan@acme", 12, 10), Err(Refusal::Busy), "all of them together have the part");
        assert_eq!(expiry.ask("dan@rivals", 12, 10), Ok(()));
        assert_eq!(expiry.ask("dan@acme", 11, 10), Ok(()), "what another member took up has its place, too");
        while expiry.forget_first(UnixMillis(10)).is_some() {}
        assert_eq!(expiry.ask("ann@acme", 3, 20), Ok(()), "what has expired makes room");
    }
}
