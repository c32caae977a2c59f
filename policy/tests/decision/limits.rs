//! What limits count of requests, and for whom together.

use cloister_chains::{U256, effect::Asset};
use cloister_policy::Spending;
use cloister_wire::{
    ids::UnixMillis,
    policy::{AssetName, EffectKind, Limit, Measure, Network, Per, Permission, Rule, TenantPolicy},
    receipt::Charge,
    refusal::Refusal,
};

use crate::fixture::*;

const WINDOW: u64 = 1000;

fn limit(asset: AssetName, most: u64) -> Limit {
    let measure = Measure::Spending { network: MAINNET, asset, most: quantity(most) };
    Limit { name: "daily".parse().unwrap(), measure, window_ms: WINDOW, per: Per::Tenant }
}

fn within(limit: Limit) -> TenantPolicy {
    let within = list([limit.name.clone()]);
    with_limits([Rule { within, ..only(pattern(EffectKind::Anything)) }], [limit])
}

/// Decides and counts, as a signer does.
fn sign(tenant: &TenantPolicy, spending: &mut Spending, request: &Request) -> Result<Vec<Charge>, Refusal> {
    let charges = request.decided(tenant, spending)?.charges;
    charges.iter().for_each(|charge| spending.charge(charge, request.now));
    Ok(charges)
}

/// How many requests, of which each is another one, come through.
fn signed(tenant: &TenantPolicy, requests: impl IntoIterator<Item = Request>) -> usize {
    let mut spending = Spending::default();
    let numbered = (0..).zip(requests).map(|(number, request)| Request { hash: hash(number), ..request });
    numbered.filter(|request| sign(tenant, &mut spending, request).is_ok()).count()
}

#[test]
fn a_limit_is_reached_by_amounts_and_fees_together() {
    let tenant = within(limit(AssetName::Native, 3 * (10 + FEE)));
    let mut spending = Spending::default();
    for number in 0..3 {
        let request = Request { hash: hash(number), ..Request::pays(10) };
        assert!(sign(&tenant, &mut spending, &request).is_ok());
    }
    let another = Request { hash: hash(9), ..Request::pays(0) };
    assert_eq!(sign(&tenant, &mut spending, &another), Err(Refusal::LimitReached));
    let later = Request { now: UnixMillis(WINDOW), ..another };
    assert!(sign(&tenant, &mut spending, &later).is_ok());
}

#[test]
fn a_request_that_is_asked_again_counts_once() {
    let tenant = within(limit(AssetName::Native, 10 + FEE));
    let mut spending = Spending::default();
    let request = Request::pays(10);
    for _ in 0..3 {
        assert!(sign(&tenant, &mut spending, &request).is_ok());
    }
    assert!(sign(&tenant, &mut spending, &Request { hash: hash(2), ..request }).is_err());
}

#[test]
fn requests_that_compete_for_one_place_count_once_as_the_largest() {
    let tenant = within(limit(AssetName::Native, 20 + FEE));
    let at = |amount, place, number| {
        let mut request = Request { hash: hash(number), ..Request::pays(amount) };
        request.facts.place = Some(hash(place));
        request
    };
    let mut spending = Spending::default();
    for (amount, place, number, fits) in
        [(10, 1, 1, true), (20, 1, 2, true), (21, 1, 3, false), (15, 1, 4, true), (1, 2, 5, false)]
    {
        assert_eq!(sign(&tenant, &mut spending, &at(amount, place, number)).is_ok(), fits, "request {number}");
    }
}

#[test]
fn a_limit_counts_what_is_of_its_network_and_its_asset() {
    let tenant = within(limit(AssetName::Native, 10 + FEE));
    let elsewhere = |network| {
        let mut request = Request::pays(1000);
        request.facts.network = network;
        request
    };
    let charges = |request: Request| request.decided(&tenant, &Spending::default()).map(|decision| decision.charges);
    assert_eq!(charges(elsewhere(Some(Network::Ethereum { chain_id: 5 }))), Ok(Vec::new()));
    assert_eq!(charges(elsewhere(None)), Err(Refusal::LimitReached), "it may be for this one");
    let tenant = within(limit(token(TOKEN), 10));
    let pays = |amount| Request::doing([transfer(Asset::Token(party(TOKEN)), ALICE, amount)]);
    assert_eq!(signed(&tenant, [pays(10), pays(1), Request::pays(1000)]), 2);
}

#[test]
fn an_allowance_without_end_is_more_than_any_limit() {
    let tenant = within(limit(token(TOKEN), u64::MAX));
    assert_eq!(signed(&tenant, [Request::doing([allowance(TOKEN, U256::MAX)])]), 0);
}

#[test]
fn a_limit_on_a_collection_counts_what_could_be_an_item_number_zero_included() {
    let tenant = within(limit(AssetName::Collection(account(TOKEN)), 2));
    let item = || Request::doing([transfer(Asset::Item { collection: party(TOKEN), id: 900_u64.into() }, BOB, 1)]);
    let plain = |id| Request::doing([transfer(Asset::Token(party(TOKEN)), BOB, id)]);
    assert_eq!(signed(&tenant, [item(), plain(0), item(), plain(0)]), 2);
    assert_eq!(signed(&tenant, [plain(900)]), 0);
}

#[test]
fn a_limit_of_requests_counts_each() {
    let measure = Measure::Requests { most: 2 };
    let tenant = within(Limit { measure, ..limit(AssetName::Native, 0) });
    assert_eq!(signed(&tenant, [Request::pays(0), Request::pays(1), Request::pays(2)]), 2);
}

#[test]
fn limits_per_key_and_per_requester_count_apart_and_others_together() {
    let both = || {
        let other_key = Request { key: "cold".parse().unwrap(), ..Request::pays(10) };
        let other_requester = Request { requester: name("dave"), ..Request::pays(10) };
        [Request::pays(10), other_key, other_requester]
    };
    for (per, come_through) in [(Per::Tenant, 1), (Per::Key, 2), (Per::Requester, 2)] {
        let tenant = within(Limit { per, ..limit(AssetName::Native, 10 + FEE) });
        assert_eq!(signed(&tenant, both()), come_through, "{per:?}");
    }
}

#[test]
fn children_count_with_their_key() {
    let tenant = within(Limit { per: Per::Key, ..limit(AssetName::Native, 10 + FEE) });
    assert_eq!(signed(&tenant, [Request::pays(10), Request { path: vec![1], ..Request::pays(10) }]), 1);
}

#[test]
fn what_was_counted_stays_when_a_limit_allows_less_or_has_another_window() {
    let mut spending = Spending::default();
    let before = within(limit(AssetName::Native, 10 + FEE));
    assert!(sign(&before, &mut spending, &Request::pays(10)).is_ok());
    let another = |now| Request { hash: hash(2), now: UnixMillis(now), ..Request::pays(10) };
    for window_ms in [1, 100 * WINDOW] {
        let after = within(Limit { window_ms, ..limit(AssetName::Native, 10 + FEE) });
        assert_eq!(sign(&after, &mut spending, &another(WINDOW - 1)), Err(Refusal::LimitReached));
        assert!(another(WINDOW).decided(&after, &spending).is_ok());
    }
    let of_a_token = within(limit(token(TOKEN), 10));
    let pays = Request::doing([transfer(Asset::Token(party(TOKEN)), ALICE, 10)]);
    assert!(pays.decided(&of_a_token, &spending).is_ok(), "another asset is another limit");
}

#[test]
fn every_limit_of_a_rule_is_charged_and_none_may_be_exceeded() {
    let named = |name: &str, most| Limit { name: name.parse().unwrap(), ..limit(AssetName::Native, most) };
    let limits = || [named("daily", 10 + FEE), named("weekly", 100 + FEE)];
    let rule = |names: &[&str]| Rule { within: list(names.iter().map(|name| name.parse().unwrap())), ..rule("both") };
    let both = with_limits([rule(&["daily", "weekly"])], limits());
    let charges = sign(&both, &mut Spending::default(), &Request::pays(10)).unwrap();
    let names: Vec<_> = charges.iter().map(|charge| charge.limit.to_string()).collect();
    assert_eq!(names, ["daily", "weekly"]);
    assert!(charges.iter().all(|charge| charge.amount == quantity(10 + FEE) && charge.until == UnixMillis(WINDOW)));
    assert_eq!(sign(&both, &mut Spending::default(), &Request::pays(11)), Err(Refusal::LimitReached));
    assert!(sign(&with_limits([rule(&["weekly"])], limits()), &mut Spending::default(), &Request::pays(11)).is_ok());
}

#[test]
fn a_text_spends_nothing_and_is_a_request_all_the_same() {
    let text = || Rule {
        payloads: Some(list([Permission::Message])),
        within: list(["daily".parse().unwrap()]),
        ..rule("text")
    };
    let of = |measure| with_limits([text()], [Limit { measure, ..limit(AssetName::Native, 0) }]);
    let spends = of(Measure::Spending { network: MAINNET, asset: AssetName::Native, most: quantity(0_u64) });
    assert_eq!(signed(&spends, [Request::text(), Request::text()]), 2);
    assert_eq!(signed(&of(Measure::Requests { most: 1 }), [Request::text(), Request::text()]), 1);
}
