//! How long requests and recoveries are remembered, and whose they are: no tenant takes the room of the others.

use std::collections::BTreeMap;

use cloister_wire::ids::{Hash, Tenant, UnixMillis};

/// What is remembered, by its end.
#[derive(Default)]
pub(super) struct Expiry {
    due: BTreeMap<(UnixMillis, Hash), Tenant>,
    tenants: BTreeMap<Tenant, usize>,
}

impl Expiry {
    pub(super) fn remember(&mut self, tenant: &Tenant, hash: Hash, until: UnixMillis) {
        if self.due.insert((until, hash), tenant.clone()).is_none() {
            let of_tenant = self.tenants.entry(tenant.clone()).or_default();
            *of_tenant = of_tenant.saturating_add(1);
        }
    }

    /// Takes one out whose time is over.
    pub(super) fn forget_first(&mut self, now: UnixMillis) -> Option<Hash> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, hash), tenant) = first.remove_entry();
        let left = self.of(&tenant).saturating_sub(1);
        match left {
            0 => self.tenants.remove(&tenant),
            left => self.tenants.insert(tenant, left),
        };
        Some(hash)
    }

    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    /// How many are this tenant's.
    pub(super) fn of(&self, tenant: &Tenant) -> usize {
        self.tenants.get(tenant).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_counts_once_for_its_tenant_until_its_end() {
        let mut expiry = Expiry::default();
        let [first, second] = ["first", "second"].map(|name| name.parse::<Tenant>().unwrap());
        let hash = |byte| Hash::from_bytes([byte; 32]);
        for (tenant, byte, until) in [(&first, 1, 10), (&first, 1, 10), (&first, 2, 20), (&second, 3, 10)] {
            expiry.remember(tenant, hash(byte), UnixMillis(until));
        }
        assert_eq!((expiry.len(), expiry.of(&first), expiry.of(&second)), (3, 2, 1));
        assert_eq!(expiry.forget_first(UnixMillis(9)), None);
        let forgotten = [(); 2].map(|()| expiry.forget_first(UnixMillis(10)));
        assert_eq!((forgotten, expiry.forget_first(UnixMillis(10))), ([Some(hash(1)), Some(hash(3))], None));
        assert_eq!((expiry.len(), expiry.of(&first), expiry.of(&second)), (1, 1, 0));
        assert_eq!(expiry.tenants.len(), 1, "nothing is kept of a tenant without any");
    }
}
