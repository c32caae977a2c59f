//! Why a rule does not fit, in plain words.

use cloister_policy::{Asked, Facts, Misfit};
use cloister_wire::{
    ids::UnixMillis,
    policy::{AssetName, Rule},
};

use crate::{
    permission,
    policy_file::{Amount, Written, coin},
};

/// The condition that does not hold.
pub(crate) fn said(misfit: &Misfit, rule: &Rule, asked: Asked<'_>, facts: &Facts, now: UnixMillis) -> String {
    match misfit {
        Misfit::Requester => format!("it is for {}, and {} asks", all(&rule.requesters), asked.requester),
        Misfit::Key => format!("it is for {}, and the key is {}", all(&rule.keys), asked.key),
        Misfit::Path => {
            let path = asked.path.iter().fold("m".to_owned(), |path, step| format!("{path}/{step}"));
            format!("it is for {}, and the child is {path}", rule.paths.write())
        }
        Misfit::Payload => payload(rule, facts),
        Misfit::Effect(at) => {
            let effect = facts.effects.get(*at).map(ToString::to_string).unwrap_or_default();
            format!("none of its effects lets this through: {effect}")
        }
        Misfit::NoEffect => "nothing that the payload does is one of its effects".to_owned(),
        Misfit::Spending(asset) => spending(rule, asset),
        Misfit::Fee => {
            let fees: Vec<_> = facts.fees.iter().map(|(asset, fee)| format!("{fee} of {}", asset.write())).collect();
            let most = rule.fee.map(|most| shown(rule, most)).unwrap_or_default();
            format!("the fee may be {}, and it allows {most}", fees.join(" and "))
        }
        Misfit::FeeRate => format!(
            "the fee rate is {} satoshis per virtual byte, and it allows {}",
            facts.fee_rate.map_or_else(|| "not known".to_owned(), |rate| rate.to_string()),
            rule.fee_rate.unwrap_or_default()
        ),
        Misfit::Hours => format!("it is {}, outside its hours", moment(now)),
        Misfit::Limit(name) => format!("limit {name} would be exceeded"),
    }
}

fn payload(rule: &Rule, facts: &Facts) -> String {
    let is = permission::text(&facts.permission);
    match &rule.payloads {
        None => format!("it is for transactions, for it names no payloads, and this is {is}"),
        Some(payloads) => {
            let names: Vec<_> = payloads.iter().map(permission::text).collect();
            format!("it is for {}, and this is {is}", names.join(" and "))
        }
    }
}

fn spending(rule: &Rule, asset: &AssetName) -> String {
    let named = rule.spends.iter().flatten().find(|amount| amount.asset == *asset);
    let asset = asset.write();
    match named {
        Some(amount) => format!("more than {} of {asset} is spent", shown(rule, amount.most)),
        None => format!("{asset} is spent, and its spends does not name that"),
    }
}

fn shown(rule: &Rule, most: cloister_wire::ids::Quantity) -> String {
    Amount::shown(most, coin(rule.payloads.as_ref().map(cloister_wire::bounded::List::as_slice))).write()
}

fn all<T: ToString, const MAX: usize>(names: &Option<cloister_wire::bounded::List<T, MAX>>) -> String {
    let names: Vec<_> = names.iter().flatten().map(ToString::to_string).collect();
    names.join(" and ")
}

/// Day of the week and time.
fn moment(at: UnixMillis) -> String {
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    let (day, minute) = at.day_and_minute();
    let day = usize::try_from(day % 7).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default();
    format!("{day} {:02}:{:02} UTC", minute / 60, minute % 60)
}
