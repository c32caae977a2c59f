//! What a requester is told when no rule fits: what kept the request from the rule that came closest.

use cloister_chains::{U256, effect::Asset};
use cloister_wire::{
    policy::{
        Amount, AssetName, Counterparty, EffectKind, Effects, ForeignInputs, Hours, Limit, Measure, Paths, Pattern,
        Per, Permission, Quantifier, Rule, Verdict,
    },
    refusal::Refusal,
};

use crate::fixture::*;

fn refused(request: &Request, rules: impl IntoIterator<Item = Rule>) -> Refusal {
    request.by(&tenant(rules)).unwrap_err()
}

fn allows(payload: Permission) -> Rule {
    Rule { payloads: Some(list([payload])), ..rule("allows") }
}

#[test]
fn what_no_rule_fits_is_refused() {
    assert_eq!(refused(&Request::pays(5), []), Refusal::NoRule);
}

#[test]
fn the_first_rule_that_fits_decides_also_if_it_denies() {
    let denies = Rule { verdict: Verdict::Deny, ..rule("denies") };
    let large = Rule {
        effects: effects(Quantifier::Every, [Pattern { most: Some(quantity(9_u64)), ..pattern(EffectKind::Transfer) }]),
        ..rule("small")
    };
    let by = |rules: [Rule; 3], amount| Request::pays(amount).by(&tenant(rules)).unwrap();
    assert_eq!(by([large.clone(), denies.clone(), rule("all")], 9), "small");
    assert_eq!(by([large.clone(), denies.clone(), rule("all")], 10), "denies");
    assert_eq!(by([large, rule("all"), denies], 10), "all");
}

#[test]
fn a_misfit_of_requester_key_or_path_means_that_there_is_no_rule() {
    let request = Request::pays(5);
    let rules = [
        Rule { requesters: Some(list([name("dave")])), ..rule("dave's") },
        Rule { keys: Some(list(["cold".parse().unwrap()])), ..rule("cold") },
        Rule { paths: Paths::Exactly(list([1])), ..rule("child") },
    ];
    for rule in rules {
        assert_eq!(refused(&request, [rule]), Refusal::NoRule);
    }
}

#[test]
fn another_payload_means_the_chain_or_what_the_chain_has_to_be_named_by() {
    let cosmos = |chain_id: &str| Permission::Cosmos { chain_id: chain_id.parse().unwrap() };
    let bitcoin = |foreign| Permission::Bitcoin { foreign };
    let typed_data = |byte| Permission::TypedData { domain: hash(byte) };
    let ethereum = |chain_id| Permission::Ethereum { chain_id };
    let authorization = |chain_id| Permission::Authorization { chain_id };
    let user_operation = |chain_id| Permission::UserOperation {
        chain_id,
        account: cloister_wire::ids::EthereumAccount::from_bytes([1; 20]),
    };
    for (asked, allowed, refusal) in [
        (authorization(1), authorization(0), Refusal::ChainIdNotAllowed),
        (authorization(1), ethereum(1), Refusal::ChainNotAllowed),
        (user_operation(1), user_operation(5), Refusal::ChainIdNotAllowed),
        (user_operation(1), Permission::EthereumMessage, Refusal::ChainNotAllowed),
        (ethereum(1), Permission::Solana, Refusal::ChainNotAllowed),
        (ethereum(1), ethereum(5), Refusal::ChainIdNotAllowed),
        (cosmos("a"), cosmos("b"), Refusal::ChainIdNotAllowed),
        (cosmos("a"), ethereum(1), Refusal::ChainNotAllowed),
        (typed_data(1), typed_data(2), Refusal::DomainNotAllowed),
        (typed_data(1), ethereum(1), Refusal::DomainNotAllowed),
        (bitcoin(ForeignInputs::LeftAlone), bitcoin(ForeignInputs::Refused), Refusal::ForeignInputs),
        (bitcoin(ForeignInputs::Refused), Permission::Solana, Refusal::ChainNotAllowed),
        (Permission::Solana, Permission::Message, Refusal::ChainNotAllowed),
        (Permission::Message, Permission::EthereumMessage, Refusal::ChainNotAllowed),
        (Permission::EthereumMessage, ethereum(1), Refusal::ChainNotAllowed),
    ] {
        let request = Request::of(asked.clone(), None, Vec::new());
        assert_eq!(refused(&request, [allows(allowed)]), refusal, "{asked:?}");
    }
    assert_eq!(refused(&Request::text(), [rule("all")]), Refusal::ChainNotAllowed);
}

#[test]
fn what_another_requesters_rule_names_does_not_count() {
    let daves = Rule { requesters: Some(list([name("dave")])), ..allows(Permission::Ethereum { chain_id: 5 }) };
    assert_eq!(refused(&Request::pays(5), [daves, allows(Permission::Solana)]), Refusal::ChainNotAllowed);
}

#[test]
fn what_a_rule_that_denies_names_does_not_count() {
    let denies = Rule { verdict: Verdict::Deny, ..allows(Permission::Ethereum { chain_id: 5 }) };
    assert_eq!(refused(&Request::pays(5), [denies, allows(Permission::Solana)]), Refusal::ChainNotAllowed);
}

#[test]
fn a_session_key_is_let_through_what_its_scope_and_a_rule_let_through() {
    let most = |most: u64| only(Pattern { most: Some(quantity(most)), ..pattern(EffectKind::Transfer) });
    let asks = |wei| Request { session: Some(most(5)), ..Request::pays(wei) };
    assert_eq!(asks(5).by(&tenant([rule("all")])), Ok("all".into()));
    assert_eq!(refused(&asks(6), [rule("all")]), Refusal::DelegationExceeded);
    assert_eq!(refused(&asks(5), [most(4)]), Refusal::EffectsNotAllowed);
}

#[test]
fn every_other_misfit_has_its_refusal() {
    let request = Request::pays(5);
    let calls = only(pattern(EffectKind::Call));
    let some = Rule { effects: effects(Quantifier::Some, [pattern(EffectKind::Call)]), ..rule("some") };
    let spends = |most: u64| Some(list([Amount { asset: AssetName::Native, most: quantity(most) }]));
    let hours = Some(Hours { days: 1, from: 0, until: 1 });
    for (rule, refusal) in [
        (calls, Refusal::EffectsNotAllowed),
        (some, Refusal::EffectsNotAllowed),
        (Rule { spends: spends(5), ..rule("spends") }, Refusal::AmountNotAllowed),
        (Rule { fee: Some(quantity(1_u64)), ..rule("fee") }, Refusal::FeeNotAllowed),
        (Rule { hours, ..rule("hours") }, Refusal::OutsideHours),
    ] {
        assert_eq!(refused(&request, [rule]), refusal);
    }
    let mut bitcoin = Request::of(Permission::Bitcoin { foreign: ForeignInputs::Refused }, None, Vec::new());
    bitcoin.facts.fee_rate = Some(2);
    assert_eq!(refused(&bitcoin, [Rule { fee_rate: Some(1), ..rule("rate") }]), Refusal::FeeNotAllowed);
    let limit = "few".parse().unwrap();
    let within = Rule { within: list(["few".parse().unwrap()]), ..rule("within") };
    let none = Limit { name: limit, measure: Measure::Requests { most: 0 }, window_ms: 1, per: Per::Tenant };
    assert_eq!(request.by(&with_limits([within], [none])), Err(Refusal::LimitReached));
}

#[test]
fn the_rule_that_came_closest_says_why_wherever_it_stands() {
    let rules = || {
        [
            Rule { requesters: Some(list([name("dave")])), ..rule("dave's") },
            Rule { fee: Some(quantity(1_u64)), ..rule("cheap") },
            only(pattern(EffectKind::Call)),
        ]
    };
    assert_eq!(refused(&Request::pays(5), rules()), Refusal::FeeNotAllowed);
    assert_eq!(refused(&Request::pays(5), rules().into_iter().rev()), Refusal::FeeNotAllowed);
}

#[test]
fn a_rule_that_denies_comes_close_to_nothing() {
    let calls = Rule { verdict: Verdict::Deny, ..only(pattern(EffectKind::Call)) };
    let daves = Rule { requesters: Some(list([name("dave")])), ..rule("dave's") };
    assert_eq!(refused(&Request::pays(5), [calls, daves]), Refusal::NoRule);
}

#[test]
fn amounts_without_a_sum_are_refused_before_any_rule_is_looked_at() {
    let twice = Request::doing([allowance(TOKEN, U256::MAX), allowance(TOKEN, 1_u64.into())]);
    assert_eq!(refused(&twice, [rule("all")]), Refusal::AmountTooLarge);
    let other = Request::doing([allowance(TOKEN, U256::MAX), transfer(Asset::Wei, BOB, 1)]);
    assert_eq!(other.by(&tenant([rule("all")])), Ok("all".into()));
}

#[test]
fn what_does_too_much_to_be_compared_with_all_rules_for_it_is_refused_whatever_their_order() {
    let pays = |times| Request::doing((0..times).map(|_| transfer(Asset::Wei, ALICE, 1)));
    let many = pays(2048);
    let rules =
        |count| (0..count).map(|number| Rule { name: rule_name(number), ..only(pattern(EffectKind::Transfer)) });
    assert_eq!(many.by(&tenant(rules(512))), Ok("rule-0".into()), "two comparisons a rule");
    assert_eq!(refused(&many, rules(513)), Refusal::TooManyEffects, "although the first fits");
    let of_another_key = rules(513).map(|rule| Rule { keys: Some(list(["another".parse().unwrap()])), ..rule });
    let of_another_chain = rules(513).map(|rule| Rule { payloads: Some(list([Permission::Solana])), ..rule });
    assert_eq!(many.by(&tenant(of_another_key.chain([rule("all")]))), Ok("all".into()));
    assert_eq!(many.by(&tenant(of_another_chain.chain([rule("all")]))), Ok("all".into()));
    let sides = || Some(list((0..64).map(|byte| Counterparty::Account(account([byte; 20])))));
    let long = || {
        rules(600).map(|rule| Rule { effects: any_of(Pattern { with: sides(), ..pattern(EffectKind::Call) }), ..rule })
    };
    assert_eq!(pays(64).by(&tenant(long().chain([rule("all")]))), Ok("all".into()), "few effects are no burden");
    assert_eq!(refused(&pays(65), long().chain([rule("all")])), Refusal::TooManyEffects);
}

fn any_of(pattern: Pattern) -> Option<Effects> {
    effects(Quantifier::Every, [pattern])
}

fn rule_name(number: usize) -> cloister_wire::ids::RuleName {
    format!("rule-{number}").parse().unwrap()
}
