//! Rules: conditions of which all have to hold, and what follows if they do.

use minicbor::{Decode, Encode};

use super::{AssetName, Effects};
use crate::{
    bounded::List,
    ids::{CosmosChain, EthereumAccount, Hash, KeyName, LimitName, Quantity, Requester, RuleName, SetName},
    limits,
    request::{Chain, Purpose},
};

/// One rule. A condition that is absent holds for every request, with two exceptions for rules that do not deny: without `payloads` they
/// are for transactions alone, and without `effects` they let transfers and allowances through and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Rule {
    /// Unique in the tenant's policy: what explanations and receipts name.
    #[n(0)]
    pub name: RuleName,
    /// Who asks, rising.
    #[n(1)]
    pub requesters: Option<List<Requester, { limits::RULE_MEMBERS }>>,
    /// With which key, rising.
    #[n(2)]
    pub keys: Option<List<KeyName, { limits::RULE_KEYS }>>,
    /// Which child keys.
    #[n(3)]
    pub paths: Paths,
    /// What kinds of payload. Texts, typed data, authorisations and user operations have to be named.
    #[n(4)]
    pub payloads: Option<List<Permission, { limits::PERMISSIONS }>>,
    /// What the payload does.
    #[n(5)]
    pub effects: Option<Effects>,
    /// How much of what it spends in all, the fee included, each asset once; what is not named here may not be spent.
    #[n(6)]
    pub spends: Option<List<Amount, { limits::SPENDS }>>,
    /// The highest fee, in the smallest unit of the chain's own coin; for Cosmos, of each coin.
    #[n(7)]
    pub fee: Option<Quantity>,
    /// The highest fee rate of a Bitcoin transaction, satoshis per virtual byte.
    #[n(8)]
    pub fee_rate: Option<u64>,
    /// When, by the signer's own clock.
    #[n(9)]
    pub hours: Option<Hours>,
    /// The limits that it counts against, rising. A rule does not fit while one of them would be exceeded.
    #[n(10)]
    pub within: List<LimitName, { limits::RULE_LIMITS }>,
    /// What follows.
    #[n(11)]
    pub verdict: Verdict,
}

/// What a rule comes to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Verdict {
    /// The request is refused.
    #[n(0)]
    Deny,
    /// It is signed.
    #[n(1)]
    Allow,
    /// It is signed once enough members have approved it.
    #[n(2)]
    Approve(#[n(0)] Quorum),
}

/// Who has to approve.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Quorum {
    /// The set that they belong to.
    #[n(0)]
    pub set: SetName,
    /// How many of them; the requester itself does not count.
    #[n(1)]
    pub count: u16,
    /// How long the request then waits, milliseconds, and can still be rejected or cancelled.
    #[n(2)]
    pub delay_ms: u64,
}

/// Which child keys a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Paths {
    /// The key itself and all of its children.
    #[n(0)]
    Any,
    /// One; the empty path is the key itself.
    #[n(1)]
    Exactly(#[n(0)] List<u32, { limits::PATH }>),
    /// All that begin so.
    #[n(2)]
    Below(#[n(0)] List<u32, { limits::PATH }>),
}

/// An amount of something.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Amount {
    /// Of what.
    #[n(0)]
    pub asset: AssetName,
    /// At most so much, in its smallest unit.
    #[n(1)]
    pub most: Quantity,
}

/// Hours of the week, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Hours {
    /// Bit 0 is Monday, bit 6 Sunday: the days on which it begins.
    #[n(0)]
    pub days: u8,
    /// From this minute of the day.
    #[n(1)]
    pub from: u16,
    /// Until before this minute: of the next day, if it is not after `from`.
    #[n(2)]
    pub until: u16,
}

/// A kind of payload.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Permission {
    /// Texts, under Cloister's own prefix.
    #[n(0)]
    Message,
    /// Solana transactions.
    #[n(1)]
    Solana,
    /// Bitcoin transactions.
    #[n(2)]
    Bitcoin {
        /// What becomes of inputs that are not the key's.
        #[n(0)]
        foreign: ForeignInputs,
    },
    /// Ethereum transactions for one chain.
    #[n(3)]
    Ethereum {
        /// EIP-155.
        #[n(0)]
        chain_id: u64,
    },
    /// Ethereum messages (EIP-191).
    #[n(4)]
    EthereumMessage,
    /// Typed data (EIP-712) of one domain.
    #[n(5)]
    TypedData {
        /// Its domain separator.
        #[n(0)]
        domain: Hash,
    },
    /// Cosmos transactions for one chain.
    #[n(6)]
    Cosmos {
        /// As the chain's genesis names it.
        #[n(0)]
        chain_id: CosmosChain,
    },
    /// Authorisations (EIP-7702) for one chain.
    #[n(7)]
    Authorization {
        /// EIP-155; 0 for authorisations that hold on every chain.
        #[n(0)]
        chain_id: u64,
    },
    /// User operations (ERC-4337) of one account at version 0.7's entry point on one chain.
    #[n(8)]
    UserOperation {
        /// EIP-155.
        #[n(0)]
        chain_id: u64,
        /// Who acts.
        #[n(1)]
        account: EthereumAccount,
    },
}

/// What becomes of a PSBT's inputs that are not the key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ForeignInputs {
    /// The whole PSBT is refused.
    #[n(0)]
    Refused,
    /// They are left to others to sign.
    #[n(1)]
    LeftAlone,
}

impl Paths {
    /// Whether the child at `path` is meant.
    #[must_use]
    pub fn cover(&self, path: &[u32]) -> bool {
        match self {
            Paths::Any => true,
            Paths::Exactly(steps) => path == steps.as_slice(),
            Paths::Below(steps) => path.starts_with(steps.as_slice()),
        }
    }
}

impl Hours {
    /// Whether it is one of them.
    #[must_use]
    pub fn contain(&self, at: crate::ids::UnixMillis) -> bool {
        let (day, minute) = at.day_and_minute();
        let begins = |day: u64| self.days.checked_shr(weekday(day)).is_some_and(|days| days & 1 == 1);
        if self.from < self.until {
            return begins(day) && (self.from..self.until).contains(&minute);
        }
        (begins(day) && minute >= self.from) || (begins(day.saturating_add(6)) && minute < self.until)
    }
}

/// From 0 for Monday; 1970-01-01 was a Thursday.
fn weekday(days_since_1970: u64) -> u32 {
    u32::try_from(days_since_1970.saturating_add(3) % 7).unwrap_or_default()
}

impl Permission {
    /// Whether what this allows includes what `needed` is.
    #[must_use]
    pub fn covers(&self, needed: &Self) -> bool {
        // Who may sign beside others may sign alone.
        let beside_others = Self::Bitcoin { foreign: ForeignInputs::LeftAlone };
        self == needed || (*self == beside_others && matches!(needed, Self::Bitcoin { .. }))
    }

    /// Chain and purpose of the requests that it is for.
    #[must_use]
    pub fn kind(&self) -> (Chain, Purpose) {
        match self {
            Permission::Message => (Chain::Message, Purpose::Message),
            Permission::Solana => (Chain::Solana, Purpose::Transaction),
            Permission::Bitcoin { .. } => (Chain::Bitcoin, Purpose::Transaction),
            Permission::Ethereum { .. } => (Chain::Ethereum, Purpose::Transaction),
            Permission::EthereumMessage => (Chain::Ethereum, Purpose::Message),
            Permission::TypedData { .. } => (Chain::Ethereum, Purpose::TypedData),
            Permission::Cosmos { .. } => (Chain::Cosmos, Purpose::Transaction),
            Permission::Authorization { .. } => (Chain::Ethereum, Purpose::Authorization),
            Permission::UserOperation { .. } => (Chain::Ethereum, Purpose::UserOperation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UnixMillis;

    /// 2026-11-20, a Friday, at 22:30 UTC.
    const FRIDAY_EVENING: u64 = 1_795_213_800_000;
    const HOUR: u64 = 3_600_000;

    #[test]
    fn hours_that_pass_midnight_belong_to_the_day_on_which_they_begin() {
        let weekdays = Hours { days: 0b1_1111, from: 22 * 60, until: 6 * 60 };
        let at = |hours: u64| weekdays.contain(UnixMillis(FRIDAY_EVENING + hours * HOUR));
        assert!(at(0), "Friday 22:30");
        assert!(at(7), "Saturday 05:30 belongs to Friday");
        assert!(!at(8), "Saturday 06:30");
        assert!(!at(24), "Saturday 22:30");
        assert!(!at(31), "Sunday 05:30 belongs to Saturday");
        assert!(!at(48 + 7), "Monday 05:30 belongs to Sunday");
        assert!(at(72), "Monday 22:30");
        let millis = |millis: u64| weekdays.contain(UnixMillis(FRIDAY_EVENING - HOUR / 2 + millis));
        assert!(millis(0) && millis(8 * HOUR - 1) && !millis(8 * HOUR), "from 22:00 to 06:00");
    }

    #[test]
    fn hours_that_end_when_they_begin_are_a_day() {
        let from_friday = Hours { days: 0b1_0000, from: 1350, until: 1350 };
        let at = |millis: u64| from_friday.contain(UnixMillis(millis));
        assert!(!at(FRIDAY_EVENING - 1) && at(FRIDAY_EVENING));
        assert!(at(FRIDAY_EVENING + 24 * HOUR - 1) && !at(FRIDAY_EVENING + 24 * HOUR));
    }

    #[test]
    fn hours_of_a_day_end_before_their_last_minute() {
        let office = Hours { days: 0b1_1111, from: 9 * 60, until: 17 * 60 };
        let friday = FRIDAY_EVENING - 22 * HOUR - HOUR / 2;
        let at = |millis: u64| office.contain(UnixMillis(friday + millis));
        assert!(!at(9 * HOUR - 1) && at(9 * HOUR) && at(17 * HOUR - 1) && !at(17 * HOUR));
        assert!(!at(34 * HOUR), "Saturday 10:00");
    }

    #[test]
    fn a_path_covers_itself_or_all_that_begin_with_it() {
        let steps = |steps: &[u32]| List::try_from(steps.to_vec()).unwrap();
        assert!(Paths::Any.cover(&[]) && Paths::Any.cover(&[1, 2]));
        assert!(Paths::Exactly(steps(&[])).cover(&[]) && !Paths::Exactly(steps(&[])).cover(&[0]));
        let below = Paths::Below(steps(&[0]));
        assert!(below.cover(&[0]) && below.cover(&[0, 5]) && !below.cover(&[]) && !below.cover(&[1, 0]));
    }
}
