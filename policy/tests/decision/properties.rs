//! What holds for every policy and every request, here of few names so that they meet.

use cloister_chains::{
    U256,
    effect::{Asset, Effect, Party},
};
use cloister_policy::{Spending, explain};
use cloister_wire::{
    bounded::List,
    ids::UnixMillis,
    policy::{
        Amount, AssetName, Counterparty, EffectKind, Hours, Limit, Measure, Paths, Pattern, Per, Permission,
        Quantifier, Rule, TenantPolicy, Verdict,
    },
};
use proptest::{option, prelude::*, sample::select};

use crate::fixture::*;

fn address() -> impl Strategy<Value = [u8; 20]> {
    select(&[ALICE, BOB, TOKEN][..])
}

fn amount() -> impl Strategy<Value = U256> {
    prop_oneof![(0_u64..20).prop_map(U256::from), Just(U256::MAX)]
}

fn asset_name() -> impl Strategy<Value = AssetName> {
    prop_oneof![
        Just(AssetName::Native),
        address().prop_map(token),
        address().prop_map(|collection| AssetName::Collection(account(collection))),
    ]
}

fn asset() -> impl Strategy<Value = Asset> {
    let item = |collection| Asset::Item { collection: party(collection), id: 1_u64.into() };
    prop_oneof![Just(Asset::Wei), address().prop_map(|token| Asset::Token(party(token))), address().prop_map(item)]
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        (asset(), prop_oneof![address().prop_map(party), Just(Party::Signer)], amount())
            .prop_map(|(asset, to, amount)| Effect::Transfer { asset, from: Party::Signer, to, amount }),
        (address(), amount()).prop_map(|(token, amount)| allowance(token, amount)),
        (address(), prop::collection::vec(any::<u8>(), 0..70)).prop_map(|(contract, input)| call(contract, input)),
        amount().prop_map(|value| Effect::Creation { code: [1; 32], value }),
        (address(), any::<bool>()).prop_map(|(operator, allowed)| Effect::Operator {
            collection: party(TOKEN),
            operator: party(operator),
            allowed
        }),
        Just(Effect::Agreement { domain: [1; 32], kind: [2; 32], message: [3; 32] }),
    ]
}

fn permission() -> impl Strategy<Value = Permission> {
    let other = Permission::Ethereum { chain_id: 5 };
    select(vec![ETHEREUM, other, Permission::Message, Permission::TypedData { domain: hash(1) }])
}

prop_compose! {
    fn request()(
        permission in permission(), effects in prop::collection::vec(effect(), 0..4), who in select(&["carol", "dave"][..]),
        key in select(&["hot", "cold"][..]), path in prop::collection::vec(0_u32..2, 0..2), now in 0_u64..1_000_000_000,
        network in option::of(Just(MAINNET)), place in option::of(0_u8..3), number: u8,
    ) -> Request {
        let mut request = Request::of(permission, network, effects);
        request.facts.place = place.map(hash);
        Request { requester: name(who), key: key.parse().unwrap(), path, hash: hash(number), now: UnixMillis(now), ..request }
    }
}

fn kind() -> impl Strategy<Value = EffectKind> {
    use EffectKind as K;
    select(vec![K::Transfer, K::Allowance, K::Operator, K::Call, K::Creation, K::Agreement, K::Anything])
}

fn counterparty() -> impl Strategy<Value = Counterparty> {
    prop_oneof![
        address().prop_map(|address| Counterparty::Account(account(address))),
        Just(Counterparty::List("friends".parse().unwrap())),
        Just(Counterparty::Signer),
    ]
}

prop_compose! {
    fn any_pattern()(
        kind in kind(), assets in option::of(asset_name()), with in option::of(counterparty()), most in option::of(amount()),
    ) -> Pattern {
        let (assets, with) = (assets.map(|asset| list([asset])), with.map(|with| list([with])));
        Pattern { kind, assets, with, most: most.map(quantity), functions: None }
    }
}

prop_compose! {
    fn any_rule()(
        who in option::of(select(&["carol", "dave"][..])), key in option::of(select(&["hot", "cold"][..])),
        payload in option::of(permission()), every: bool, patterns in prop::collection::vec(any_pattern(), 0..3),
        spends in option::weighted(0.2, (asset_name(), amount())), fee in option::weighted(0.2, 0..2 * FEE),
        days in option::weighted(0.2, 1_u8..0x80), below in option::weighted(0.2, 0_u32..2),
        limits in prop::sample::subsequence(vec!["few", "wei"], 0..=2), allows: bool,
    ) -> Rule {
        let quantifier = if every { Quantifier::Every } else { Quantifier::Some };
        Rule {
            requesters: who.map(|who| list([name(who)])),
            keys: key.map(|key| list([key.parse().unwrap()])),
            paths: below.map_or(Paths::Any, |step| Paths::Below(list([step]))),
            payloads: payload.map(|payload| list([payload])),
            effects: if patterns.is_empty() { None } else { effects(quantifier, patterns) },
            spends: spends.map(|(asset, most)| list([Amount { asset, most: quantity(most) }])),
            fee: fee.map(quantity),
            hours: days.map(|days| Hours { days, from: 0, until: 720 }),
            within: if allows { list(limits.iter().map(|name| name.parse().unwrap())) } else { List::new() },
            verdict: if allows { Verdict::Allow } else { Verdict::Deny },
            ..rule("any")
        }
    }
}

prop_compose! {
    fn any_tenant()(rules in prop::collection::vec(any_rule(), 0..6), per in select(vec![Per::Tenant, Per::Key, Per::Requester])) -> TenantPolicy {
        let named = (0..).zip(rules).map(|(number, rule): (u32, _)| Rule { name: format!("rule-{number}").parse().unwrap(), ..rule });
        let limit = |name: &str, measure| Limit { name: name.parse().unwrap(), measure, window_ms: 1_000_000, per };
        let wei = Measure::Spending { network: MAINNET, asset: AssetName::Native, most: quantity(100_u64) };
        with_limits(named, [limit("few", Measure::Requests { most: 3 }), limit("wei", wei)])
    }
}

/// What some requests have left behind.
fn spent(tenant: &TenantPolicy, requests: &[Request]) -> Spending {
    let mut spending = Spending::default();
    for request in requests {
        if let Ok(decision) = request.decided(tenant, &spending) {
            decision.charges.iter().for_each(|charge| spending.charge(charge, request.now));
        }
    }
    spending
}

proptest! {
    #[test]
    fn the_rule_that_decides_is_the_first_that_the_explanation_finds_no_misfit_for(
        tenant in any_tenant(), before in prop::collection::vec(request(), 0..8), request in request(),
    ) {
        let spending = spent(&tenant, &before);
        let decided = request.decided(&tenant, &spending);
        match explain(&tenant, request.asked(), &request.facts, request.hash, &spending, request.now) {
            Ok(explained) => {
                let (last, others) = explained.split_last().map_or((None, &[][..]), |(last, others)| (Some(last), others));
                prop_assert!(others.iter().all(|explained| explained.misfit.is_some()));
                let fits = last.filter(|explained| explained.misfit.is_none()).map(|explained| &explained.rule.name);
                prop_assert_eq!(decided.as_ref().ok().map(|decision| &decision.rule.name), fits);
                prop_assert!(fits.is_some() || explained.len() == tenant.rules.len());
            }
            Err(refusal) => prop_assert_eq!(decided.err(), Some(refusal)),
        }
    }

    #[test]
    fn the_same_request_is_decided_the_same(tenant in any_tenant(), request in request()) {
        let spending = Spending::default();
        let decided = || request.decided(&tenant, &spending).map(|decision| (decision.rule.name.clone(), decision.charges));
        prop_assert_eq!(decided(), decided());
    }

    #[test]
    fn what_is_decided_within_a_limit_never_exceeds_it(tenant in any_tenant(), requests in prop::collection::vec(request(), 0..40)) {
        let (mut spending, mut released) = (Spending::default(), Vec::new());
        // The clock of a signer does not go back.
        for (number, request) in requests.into_iter().enumerate() {
            let mut request = Request { now: UnixMillis(number as u64), ..request };
            request.facts.place = None;
            request.hash = hash(u8::try_from(number).unwrap());
            if let Ok(decision) = request.decided(&tenant, &spending) {
                decision.charges.iter().for_each(|charge| spending.charge(charge, request.now));
                released.extend(decision.charges);
            }
        }
        for charge in &released {
            let together = released.iter().filter(|other| other.window == charge.window);
            let sum = together.fold(U256::ZERO, |sum, other| sum.plus(other.amount.to_be_bytes().into()).unwrap());
            let most = if charge.limit.as_str() == "few" { 3_u64 } else { 100 };
            prop_assert!(sum <= most.into());
        }
    }
}
