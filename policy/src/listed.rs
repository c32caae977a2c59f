//! Which lists an account is on.

use std::cell::{Cell, OnceCell};

use cloister_wire::{
    ids::ListName,
    policy::{Account, TenantPolicy},
};

/// What is known of one effect's other side. Lists are looked at one by one, as rules name them; once that was as often as there are lists,
/// all are looked at and remembered, so that ten thousand rules cost little more than a few hundred and never twice as much as they would.
#[derive(Debug, Default)]
pub(crate) struct Listed<'a> {
    asked: Cell<usize>,
    /// The lists that it is on, rising.
    on: OnceCell<Vec<&'a ListName>>,
}

impl<'a> Listed<'a> {
    /// Whether the account is on this list. It is always the same account.
    pub(crate) fn has(&self, tenant: &'a TenantPolicy, name: &ListName, account: &Account) -> bool {
        self.asked.set(self.asked.get().saturating_add(1));
        if self.asked.get() <= tenant.lists.len() {
            return tenant.list(name).is_some_and(|list| list.has(account));
        }
        let lists = tenant.lists.iter();
        let on = self.on.get_or_init(|| lists.filter(|list| list.has(account)).map(|list| &list.name).collect());
        on.binary_search(&name).is_ok()
    }
}
