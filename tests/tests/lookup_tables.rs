//! Solana's lookup tables: what they hold is what the key's own tenant says, or nothing is signed.

use cloister_tests::{
    charter::{SOLANA_ONLY, TREASURER, list, requested, signer},
    group::Group,
    payload::solana_transfer_by_table,
};
use cloister_wire::{
    ids::{Hash, KeyId},
    message::SignOutcome,
    policy::LookupTable,
    refusal::Refusal,
    request::{Chain, Scheme},
};

const TABLE: u8 = 50;

struct Stage {
    group: Group,
    key: KeyId,
    next: u8,
}

impl Stage {
    fn new() -> Self {
        let mut group = Group::founded(2, 2, 1);
        let key = group.make_key(SOLANA_ONLY, Scheme::Ed25519);
        Self { group, key, next: 0 }
    }

    /// The tenant at `position` alone says what the table holds: `accounts` accounts.
    fn pin(&mut self, position: usize, accounts: u8) {
        let addresses = list((0..accounts).map(|account| Hash::from_bytes([100 + account; 32])));
        let table = LookupTable { address: Hash::from_bytes([TABLE; 32]), addresses };
        self.group.change_tenants(|tenants| {
            tenants.iter_mut().for_each(|tenant| tenant.tables = list([]));
            tenants[position].tables = list([table]);
        });
    }

    fn pay_account(&mut self, index: u8) -> Result<(), Refusal> {
        self.next += 1;
        let payload = solana_transfer_by_table(&self.group.keys[&self.key].verifying_key(), 5, TABLE, index);
        let request = self.group.charter.sign_request(self.key, Chain::Solana, &payload, self.next, self.group.now);
        let packages = self.group.commit(self.key, &[signer(1), signer(2)], 1);
        match self.group.sign(signer(1), &requested(&request, TREASURER), &packages) {
            SignOutcome::Released(_) => Ok(()),
            SignOutcome::Refused(refusal) => Err(refusal),
        }
    }
}

#[test]
fn a_transfer_to_an_account_of_a_table_is_signed_when_the_tenant_pins_the_table_that_far() {
    let mut stage = Stage::new();
    assert_eq!(stage.pay_account(1), Err(Refusal::PayloadRejected), "nobody pins it");
    stage.pin(0, 2);
    assert_eq!(stage.pay_account(1), Ok(()));
    assert_eq!(stage.pay_account(2), Err(Refusal::PayloadRejected), "behind what is pinned");
}

#[test]
fn a_table_that_another_tenant_pins_is_not_relied_on() {
    let mut stage = Stage::new();
    stage.pin(1, 2);
    assert_eq!(stage.pay_account(1), Err(Refusal::PayloadRejected));
    stage.pin(0, 2);
    assert_eq!(stage.pay_account(1), Ok(()));
}
