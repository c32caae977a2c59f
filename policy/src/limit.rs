//! What a limit is charged for a request.

use cloister_chains::U256;
use cloister_wire::{
    codec,
    ids::{Hash, Quantity},
    policy::{Limit, Measure, Per},
    receipt::Charge,
    tag::Tag,
};

use crate::{fit::Inquiry, spent::number};

/// How much a limit allows.
pub(crate) fn most(limit: &Limit) -> U256 {
    match &limit.measure {
        Measure::Requests { most } => (*most).into(),
        Measure::Spending { most, .. } => number(*most),
    }
}

/// The charge of a request; `None` if the limit is not about what it spends.
pub(crate) fn charge(limit: &Limit, inquiry: &Inquiry<'_>) -> Option<Charge> {
    let amount = Quantity::from_be_bytes(amount(limit, inquiry)?.to_be_bytes());
    let (window, until) = (window(limit, inquiry), inquiry.now.plus(limit.window_ms));
    Some(Charge { limit: limit.name.clone(), window, same: inquiry.same, amount, until })
}

fn amount(limit: &Limit, inquiry: &Inquiry<'_>) -> Option<U256> {
    match &limit.measure {
        Measure::Requests { .. } => Some(1_u64.into()),
        Measure::Spending { network, asset, .. } => {
            // Where the payload does not say which network it is for, it may be this one.
            let concerned = inquiry.facts.network.as_ref().is_none_or(|its| its == network);
            inquiry.spent.of(asset).filter(|_| concerned)
        }
    }
}

/// What counts together: how much is allowed and for how long may change without a new beginning.
fn window(limit: &Limit, inquiry: &Inquiry<'_>) -> Hash {
    let whose = match limit.per {
        Per::Tenant => "",
        Per::Key => inquiry.asked.key.as_str(),
        Per::Requester => inquiry.asked.requester.as_str(),
    };
    let what = match &limit.measure {
        Measure::Requests { .. } => None,
        Measure::Spending { network, asset, .. } => Some((network, asset)),
    };
    Tag::SPENDING.hash(&codec::encode(&(&inquiry.tenant.tenant, &limit.name, what, limit.per, whose)))
}
