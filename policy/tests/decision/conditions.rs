//! Every condition of a rule, alone: what it lets fit and what not.

use cloister_chains::{
    U256,
    effect::{Asset, Effect, Party},
};
use cloister_policy::{Misfit, approving_sets};
use cloister_wire::{
    bounded::List,
    ids::{Hash, UnixMillis},
    policy::{
        Amount, Argument, AssetName, Check, Counterparty, EffectKind, Effects, ForeignInputs, Function, Hours, Paths,
        Pattern, Permission, Quantifier, Quorum, Rule, Verdict,
    },
};

use crate::fixture::*;

#[test]
fn a_rule_without_conditions_fits_what_pays() {
    assert!(Request::pays(5).fits(&rule("all")));
}

#[test]
fn requesters_are_those_who_may_ask() {
    let by = |names: &[&str]| Rule { requesters: Some(list(names.iter().map(|one| name(one)))), ..rule("by") };
    assert!(Request::pays(5).fits(&by(&["bob", "carol"])));
    assert_eq!(Request::pays(5).misfit(&by(&["bob", "dave"])), Some(Misfit::Requester));
}

#[test]
fn keys_are_those_that_may_be_used() {
    let with = |names: &[&str]| Rule { keys: Some(list(names.iter().map(|key| key.parse().unwrap()))), ..rule("with") };
    assert!(Request::pays(5).fits(&with(&["cold", "hot"])));
    assert_eq!(Request::pays(5).misfit(&with(&["cold", "warm"])), Some(Misfit::Key));
}

#[test]
fn paths_are_the_children_that_may_be_used() {
    let at = |paths| Rule { paths, ..rule("at") };
    let child = Request { path: vec![0, 5], ..Request::pays(5) };
    assert!(child.fits(&at(Paths::Below(list([0])))));
    assert_eq!(child.misfit(&at(Paths::Exactly(list([0])))), Some(Misfit::Path));
    assert_eq!(Request::pays(5).misfit(&at(Paths::Below(list([0])))), Some(Misfit::Path));
}

#[test]
fn payloads_are_the_kinds_that_may_be_signed() {
    let of = |payloads: Vec<Permission>| Rule { payloads: Some(list(payloads)), ..rule("of") };
    assert!(Request::pays(5).fits(&of(vec![Permission::Solana, ETHEREUM])));
    assert_eq!(
        Request::pays(5).misfit(&of(vec![Permission::Solana, Permission::Ethereum { chain_id: 5 }])),
        Some(Misfit::Payload)
    );
    let beside = |foreign| Request::of(Permission::Bitcoin { foreign }, None, Vec::new());
    let alone = of(vec![Permission::Bitcoin { foreign: ForeignInputs::Refused }]);
    assert!(beside(ForeignInputs::Refused).fits(&alone));
    assert_eq!(beside(ForeignInputs::LeftAlone).misfit(&alone), Some(Misfit::Payload));
    let beside_others = of(vec![Permission::Bitcoin { foreign: ForeignInputs::LeftAlone }]);
    assert!(beside(ForeignInputs::Refused).fits(&beside_others));
    assert_eq!(Request::pays(5).misfit(&beside_others), Some(Misfit::Payload), "others' inputs are no other chains");
}

#[test]
fn without_payloads_a_rule_is_for_transactions_alone() {
    let chain_id = "cosmoshub-4".parse().unwrap();
    for transaction in [
        ETHEREUM,
        Permission::Solana,
        Permission::Bitcoin { foreign: ForeignInputs::LeftAlone },
        Permission::Cosmos { chain_id },
    ] {
        assert!(Request::of(transaction, None, Vec::new()).fits(&rule("all")));
    }
    let typed_data = Permission::TypedData { domain: hash(4) };
    let orders = [
        Permission::Authorization { chain_id: 1 },
        Permission::UserOperation { chain_id: 1, account: cloister_wire::ids::EthereumAccount::from_bytes([1; 20]) },
    ];
    for text in [Permission::Message, Permission::EthereumMessage, typed_data].into_iter().chain(orders) {
        let request = Request::of(text.clone(), None, Vec::new());
        assert_eq!(request.misfit(&rule("all")), Some(Misfit::Payload), "{text:?}");
        assert!(request.fits(&Rule { payloads: Some(list([text])), ..rule("named") }));
    }
}

fn token_account(payer: Party) -> Effect {
    let account = |byte: u8| Party::Solana([byte; 32].into());
    Effect::TokenAccount { account: account(1), owner: account(2), mint: account(3), payer }
}

/// One effect of each kind that a rule has to name.
fn unknown() -> Vec<(EffectKind, Effect)> {
    let party = party(ALICE);
    let (asset, amount) = (Asset::Denomination("uatom".into()), U256::from(5_u64));
    let operator = Effect::Operator { collection: party.clone(), operator: party.clone(), allowed: true };
    let stake = Effect::Stake { asset: asset.clone(), validator: party.clone(), amount };
    let unstake = Effect::Unstake { asset: asset.clone(), validator: party.clone(), amount };
    let restake = Effect::Restake { asset, from: party.clone(), to: party.clone(), amount };
    vec![
        (EffectKind::Operator, operator),
        (EffectKind::Call, call(BOB, vec![1, 2, 3, 4])),
        (EffectKind::Creation, Effect::Creation { code: [1; 32], value: 3_u64.into() }),
        (EffectKind::Delegation, Effect::Delegation { code: BOB.into(), chain_id: 1_u64.into(), nonce: 0 }),
        (EffectKind::Agreement, Effect::Agreement { domain: [1; 32], kind: [2; 32], message: [3; 32] }),
        (EffectKind::Stake, stake),
        (EffectKind::Stake, unstake),
        (EffectKind::Stake, restake),
        (EffectKind::Stake, Effect::Rewards { validator: party }),
        (EffectKind::TokenAccount, token_account(Party::Signer)),
    ]
}

#[test]
fn an_authorisation_needs_a_rule_that_names_it_and_what_it_does() {
    let authorization = Permission::Authorization { chain_id: 1 };
    let delegation = Effect::Delegation { code: BOB.into(), chain_id: 1_u64.into(), nonce: 0 };
    let request = Request::of(authorization.clone(), None, vec![delegation]);
    let anything = Rule { effects: effects(Quantifier::Every, [pattern(EffectKind::Anything)]), ..rule("anything") };
    assert_eq!(request.misfit(&anything), Some(Misfit::Payload));
    let named = Rule { payloads: Some(list([authorization])), ..rule("named") };
    assert_eq!(request.misfit(&named), Some(Misfit::Effect(0)));
    let both = Rule { effects: effects(Quantifier::Every, [pattern(EffectKind::Delegation)]), ..named };
    assert!(request.fits(&both));
    assert!(request.fits(&Rule { verdict: Verdict::Deny, ..rule("denies") }));
    for chain_id in [0, 5] {
        let other = Rule { payloads: Some(list([Permission::Authorization { chain_id }])), ..both.clone() };
        assert_eq!(request.misfit(&other), Some(Misfit::Payload));
    }
}

#[test]
fn without_effects_a_rule_lets_transfers_and_allowances_through_and_nothing_else() {
    assert!(Request::doing([transfer(Asset::Wei, BOB, 1), allowance(TOKEN, 5_u64.into())]).fits(&rule("all")));
    for (kind, effect) in unknown() {
        let request = Request::doing([transfer(Asset::Wei, BOB, 1), effect]);
        assert_eq!(request.misfit(&rule("all")), Some(Misfit::Effect(1)), "{kind:?}");
    }
}

#[test]
fn what_is_not_understood_fits_a_pattern_that_names_its_kind_or_anything() {
    for (kind, effect) in unknown() {
        let request = Request::doing([effect]);
        assert!(request.fits(&only(pattern(kind))), "{kind:?}");
        assert!(request.fits(&only(pattern(EffectKind::Anything))), "{kind:?}");
        for other in [EffectKind::Transfer, EffectKind::Allowance] {
            assert_eq!(request.misfit(&only(pattern(other))), Some(Misfit::Effect(0)), "{kind:?}");
        }
    }
}

#[test]
fn a_rule_that_denies_leaves_nothing_out_that_it_does_not_mention() {
    let denies = Rule { verdict: Verdict::Deny, ..rule("frozen") };
    assert!(Request::text().fits(&denies));
    for (kind, effect) in unknown() {
        assert!(Request::doing([effect]).fits(&denies), "{kind:?}");
    }
}

#[test]
fn every_means_every_effect_and_some_means_one() {
    let transfers = || [pattern(EffectKind::Transfer)];
    let rule = |quantifier| Rule { effects: effects(quantifier, transfers()), ..rule("transfers") };
    let (pays, calls) = (transfer(Asset::Wei, BOB, 1), call(BOB, vec![1; 4]));
    let both = Request::doing([pays, calls.clone()]);
    assert_eq!(both.misfit(&rule(Quantifier::Every)), Some(Misfit::Effect(1)));
    assert!(both.fits(&rule(Quantifier::Some)));
    assert_eq!(Request::doing([calls]).misfit(&rule(Quantifier::Some)), Some(Misfit::NoEffect));
    assert_eq!(Request::doing([]).misfit(&rule(Quantifier::Some)), Some(Misfit::NoEffect));
}

#[test]
fn an_effect_may_fit_any_of_several_patterns() {
    let patterns = [pattern(EffectKind::Call), pattern(EffectKind::Transfer)];
    let rule = Rule { effects: effects(Quantifier::Every, patterns), ..rule("either") };
    assert!(Request::doing([transfer(Asset::Wei, BOB, 1), call(BOB, vec![1; 4])]).fits(&rule));
}

#[test]
fn a_pattern_with_assets_is_about_those_alone() {
    let of = |asset| only(Pattern { assets: Some(list([asset])), ..pattern(EffectKind::Anything) });
    let pays = |asset| Request::doing([transfer(asset, BOB, 1)]);
    assert!(pays(Asset::Wei).fits(&of(AssetName::Native)));
    assert!(!pays(Asset::Wei).fits(&of(token(TOKEN))));
    assert!(pays(Asset::Token(party(TOKEN))).fits(&of(token(TOKEN))));
    assert!(!pays(Asset::Token(party(BOB))).fits(&of(token(TOKEN))));
    assert!(!Request::doing([call(BOB, vec![1; 4])]).fits(&of(AssetName::Native)), "a call has no asset");
}

#[test]
fn items_belong_to_their_collection_and_so_does_what_could_be_an_item() {
    let of = |asset| only(Pattern { assets: Some(list([asset])), ..pattern(EffectKind::Transfer) });
    let collection = AssetName::Collection(account(TOKEN));
    let item = Asset::Item { collection: party(TOKEN), id: 7_u64.into() };
    let item = Request::doing([transfer(item, BOB, 1)]);
    let ambiguous = Request::doing([transfer(Asset::Token(party(TOKEN)), BOB, 7)]);
    assert!(item.fits(&of(collection.clone())) && ambiguous.fits(&of(collection)));
    assert!(!item.fits(&of(token(TOKEN))) && ambiguous.fits(&of(token(TOKEN))));
    assert!(!item.fits(&of(AssetName::Collection(account(BOB)))));
}

#[test]
fn a_pattern_with_other_sides_is_about_those_alone() {
    let to = |sides: Vec<Counterparty>| only(Pattern { with: Some(list(sides)), ..pattern(EffectKind::Anything) });
    let friends = to(vec![Counterparty::List("friends".parse().unwrap())]);
    let alice = to(vec![Counterparty::Account(account(BOB)), Counterparty::Account(account(ALICE))]);
    for (rule, kind) in [(&friends, "list"), (&alice, "account")] {
        assert!(Request::pays(5).fits(rule), "{kind}");
        assert!(Request::doing([call(ALICE, vec![1; 4])]).fits(rule), "{kind}");
    }
    assert!(!Request::doing([transfer(Asset::Wei, BOB, 1)]).fits(&friends));
    assert!(!Request::doing([transfer(Asset::Wei, TOKEN, 1)]).fits(&alice));
}

#[test]
fn a_list_says_the_same_however_often_it_is_asked() {
    let to = |name: &str| Some(list([Counterparty::List(name.parse().unwrap())]));
    let friends = || only(Pattern { with: to("friends"), ..pattern(EffectKind::Transfer) });
    let none = |_| only(Pattern { with: to("none"), ..pattern(EffectKind::Transfer) });
    let last = Rule { name: "last".parse().unwrap(), ..friends() };
    let tenant = tenant((0..100).map(none).chain([last]));
    assert_eq!(Request::pays(5).by(&tenant), Ok("last".into()));
    assert!(Request::doing([transfer(Asset::Wei, BOB, 5)]).by(&tenant).is_err());
}

#[test]
fn the_signer_is_another_side_that_only_itself_is() {
    let to = |side| only(Pattern { with: Some(list([side])), ..pattern(EffectKind::Transfer) });
    let change = Effect::Transfer { asset: Asset::Satoshis, from: Party::Signer, to: Party::Signer, amount: U256::MAX };
    assert!(Request::doing([change.clone()]).fits(&to(Counterparty::Signer)));
    assert!(!Request::doing([change]).fits(&to(Counterparty::Account(account(ALICE)))));
    assert!(!Request::pays(5).fits(&to(Counterparty::Signer)));
}

#[test]
fn what_has_no_other_side_fits_no_pattern_that_names_one() {
    let rule = only(Pattern { with: friends(), ..pattern(EffectKind::Anything) });
    let long_script = Party::Bitcoin(vec![1; cloister_wire::limits::SCRIPT + 1]);
    let asset = Asset::Denomination("uatom".into());
    for effect in [
        Effect::Creation { code: [1; 32], value: 0_u64.into() },
        Effect::Agreement { domain: [1; 32], kind: [2; 32], message: [3; 32] },
        Effect::Transfer { asset: Asset::Satoshis, from: Party::Signer, to: long_script, amount: 1_u64.into() },
        Effect::Transfer { asset, from: Party::Signer, to: Party::Channel("channel-1".into()), amount: 1_u64.into() },
    ] {
        assert_eq!(Request::doing([effect]).misfit(&rule), Some(Misfit::Effect(0)));
    }
}

#[test]
fn a_pattern_with_an_amount_is_about_no_more_than_that() {
    let most = |most: u64| only(Pattern { most: Some(quantity(most)), ..pattern(EffectKind::Anything) });
    assert!(Request::pays(5).fits(&most(5)));
    assert_eq!(Request::pays(6).misfit(&most(5)), Some(Misfit::Effect(0)));
    assert!(!Request::doing([transfer(Asset::Wei, ALICE, 5), allowance(TOKEN, U256::MAX)]).fits(&most(5)));
}

#[test]
fn what_has_no_amount_fits_no_pattern_that_bounds_one() {
    let rule = only(Pattern { most: Some(quantity(U256::MAX)), ..pattern(EffectKind::Anything) });
    assert_eq!(Request::doing([call(ALICE, vec![1; 4])]).misfit(&rule), Some(Misfit::Effect(0)));
    let rewards = Effect::Rewards { validator: party(ALICE) };
    assert_eq!(Request::doing([rewards]).misfit(&rule), Some(Misfit::Effect(0)));
}

const SELECTOR: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

fn calling(arguments: &[(u16, Check)]) -> Rule {
    let arguments = arguments.iter().map(|(word, check)| Argument { word: *word, check: check.clone() });
    let selector = SELECTOR.as_slice().try_into().unwrap();
    let functions = Some(list([Function { selector, arguments: list(arguments) }]));
    only(Pattern { functions, ..pattern(EffectKind::Call) })
}

fn word(number: u64) -> [u8; 32] {
    U256::from(number).to_be_bytes()
}

fn address(address: [u8; 20]) -> [u8; 32] {
    [&[0; 12], &address[..]].concat().try_into().unwrap()
}

/// A call of the function with these words.
fn called(words: &[[u8; 32]]) -> Request {
    Request::doing([call(BOB, [&SELECTOR, words.concat().as_slice()].concat())])
}

#[test]
fn functions_are_known_by_the_first_four_bytes_of_the_input() {
    let any = calling(&[]);
    assert!(called(&[]).fits(&any) && called(&[word(1)]).fits(&any));
    assert!(!Request::doing([call(BOB, vec![1, 2, 3, 4])]).fits(&any));
    assert!(!Request::doing([call(BOB, SELECTOR[..3].to_vec())]).fits(&any));
    let ragged = [&SELECTOR[..], &[0; 31]].concat();
    assert!(!Request::doing([call(BOB, ragged)]).fits(&any), "arguments come in words");
}

#[test]
fn a_function_is_one_of_an_ethereum_contract() {
    let program = Party::Solana([7; 32].into());
    let effect = Effect::Call { contract: program, function: None, input: SELECTOR.to_vec() };
    assert!(!Request::of(Permission::Solana, None, vec![effect]).fits(&calling(&[])));
}

#[test]
fn an_argument_that_has_to_equal_a_word_is_that_word() {
    let rule = calling(&[(1, Check::Equals(Hash::from_bytes(word(7))))]);
    assert!(called(&[word(1), word(7)]).fits(&rule));
    assert!(!called(&[word(7), word(1)]).fits(&rule));
    assert!(!called(&[word(7)]).fits(&rule), "there is no such word");
}

#[test]
fn an_argument_that_is_bounded_is_at_most_that_number() {
    let rule = calling(&[(0, Check::AtMost(quantity(7_u64)))]);
    assert!(called(&[word(7)]).fits(&rule) && !called(&[word(8)]).fits(&rule) && !called(&[[0xff; 32]]).fits(&rule));
}

#[test]
fn an_argument_that_has_to_be_on_a_list_is_an_address_there() {
    let rule = calling(&[(0, Check::In("friends".parse().unwrap()))]);
    assert!(called(&[address(ALICE)]).fits(&rule) && !called(&[address(BOB)]).fits(&rule));
    let mut dirty = address(ALICE);
    dirty[11] = 1;
    assert!(!called(&[dirty]).fits(&rule));
}

#[test]
fn all_arguments_have_to_hold() {
    let rule = calling(&[(0, Check::In("friends".parse().unwrap())), (1, Check::AtMost(quantity(7_u64)))]);
    assert!(called(&[address(ALICE), word(7)]).fits(&rule));
    assert!(!called(&[address(ALICE), word(8)]).fits(&rule) && !called(&[address(BOB), word(7)]).fits(&rule));
}

fn spending(bounds: &[(AssetName, u64)]) -> Rule {
    let amounts = bounds.iter().map(|(asset, most)| Amount { asset: asset.clone(), most: quantity(*most) });
    let effects = Some(Effects { quantifier: Quantifier::Every, patterns: list([pattern(EffectKind::Anything)]) });
    Rule { spends: Some(list(amounts)), effects, ..rule("spends") }
}

#[test]
fn what_is_spent_in_all_is_bounded_fees_included() {
    let twice = Request::doing([transfer(Asset::Wei, ALICE, 5), transfer(Asset::Wei, BOB, 5)]);
    assert!(twice.fits(&spending(&[(AssetName::Native, 10 + FEE)])));
    assert_eq!(twice.misfit(&spending(&[(AssetName::Native, 9 + FEE)])), Some(Misfit::Spending(AssetName::Native)));
}

#[test]
fn what_is_spent_and_not_named_does_not_fit() {
    let request = Request::doing([transfer(Asset::Token(party(TOKEN)), ALICE, 1)]);
    assert_eq!(request.misfit(&spending(&[(AssetName::Native, FEE)])), Some(Misfit::Spending(token(TOKEN))));
    assert_eq!(request.misfit(&spending(&[(token(TOKEN), 1)])), Some(Misfit::Spending(AssetName::Native)));
    assert!(request.fits(&spending(&[(AssetName::Native, FEE), (token(TOKEN), 1)])));
    assert!(Request::pays(0).fits(&spending(&[(AssetName::Native, FEE)])));
    let nothing = Request::doing([transfer(Asset::Denomination("uatom".into()), BOB, 0)]);
    assert!(nothing.fits(&spending(&[(AssetName::Native, FEE)])), "of what is not spent");
}

#[test]
fn allowances_stakes_values_of_creations_and_collections_are_spent() {
    let party = || party(BOB);
    let asset = || Asset::Denomination("uatom".into());
    let uatom = AssetName::Denomination("uatom".parse().unwrap());
    let amount = U256::from(5_u64);
    let channel = Effect::ChannelTransfer {
        asset: asset(),
        amount,
        channel: "channel-1".into(),
        receiver: "osmo1".into(),
        timeout: cloister_chains::cosmos::Timeout { revision: 0, height: 0, timestamp: 0 },
    };
    let collection = AssetName::Collection(account(TOKEN));
    let operator = |allowed| Effect::Operator { collection: crate::fixture::party(TOKEN), operator: party(), allowed };
    for (effect, asset) in [
        (allowance(TOKEN, amount), token(TOKEN)),
        (Effect::Stake { asset: asset(), validator: party(), amount }, uatom.clone()),
        (Effect::Restake { asset: asset(), from: party(), to: party(), amount }, uatom.clone()),
        (channel, uatom),
        (Effect::Creation { code: [1; 32], value: amount }, AssetName::Native),
        (operator(true), collection),
    ] {
        let rule = spending(&[(AssetName::Native, FEE)]);
        assert_eq!(Request::doing([effect.clone()]).misfit(&rule), Some(Misfit::Spending(asset)), "{effect}");
    }
    let back = Effect::Unstake { asset: asset(), validator: party(), amount };
    for effect in [back, operator(false), Effect::Rewards { validator: party() }] {
        assert!(Request::doing([effect.clone()]).fits(&spending(&[(AssetName::Native, FEE)])), "{effect}");
    }
}

#[test]
fn the_rent_of_a_token_account_is_spent_by_whoever_pays_it() {
    let request = |payer| Request::of(Permission::Solana, None, vec![token_account(payer)]);
    let other = Party::Solana([4; 32].into());
    let rule = spending(&[(AssetName::Native, FEE)]);
    assert_eq!(request(Party::Signer).misfit(&rule), Some(Misfit::Spending(AssetName::Native)));
    assert!(request(Party::Signer).fits(&spending(&[(AssetName::Native, 2_700_000)])));
    assert!(request(other).fits(&rule));
}

#[test]
fn what_comes_back_to_the_signer_is_not_spent() {
    let change = Effect::Transfer { asset: Asset::Satoshis, from: Party::Signer, to: Party::Signer, amount: U256::MAX };
    assert!(Request::doing([change]).fits(&spending(&[(AssetName::Native, FEE)])));
}

#[test]
fn the_fee_is_bounded() {
    let most = |fee: u64| Rule { fee: Some(quantity(fee)), ..rule("fee") };
    assert!(Request::pays(5).fits(&most(FEE)));
    assert_eq!(Request::pays(5).misfit(&most(FEE - 1)), Some(Misfit::Fee));
    let mut two = Request::pays(5);
    two.facts.fees.insert(0, (AssetName::Denomination("uatom".parse().unwrap()), 1_u64.into()));
    assert_eq!(two.misfit(&most(FEE - 1)), Some(Misfit::Fee), "each coin's");
}

#[test]
fn the_fee_rate_is_bounded_and_one_that_is_not_known_does_not_fit() {
    let most = Rule { fee_rate: Some(10), ..rule("rate") };
    let mut bitcoin = Request::of(Permission::Bitcoin { foreign: ForeignInputs::Refused }, None, Vec::new());
    for (rate, misfit) in [(Some(10), None), (Some(11), Some(Misfit::FeeRate)), (None, Some(Misfit::FeeRate))] {
        bitcoin.facts.fee_rate = rate;
        assert_eq!(bitcoin.misfit(&most), misfit, "{rate:?}");
    }
    assert!(Request::pays(5).fits(&most), "there are no virtual bytes on Ethereum");
}

#[test]
fn hours_are_when_it_may_be_signed() {
    // 1970-01-01 was a Thursday.
    let thursdays = Rule { hours: Some(Hours { days: 0b1000, from: 0, until: 60 }), ..rule("hours") };
    assert!(Request::pays(5).fits(&thursdays));
    let later = Request { now: UnixMillis(3_600_000), ..Request::pays(5) };
    assert_eq!(later.misfit(&thursdays), Some(Misfit::Hours));
}

#[test]
fn a_limit_that_does_not_exist_lets_nothing_through() {
    let within = Rule { within: list(["daily".parse().unwrap()]), ..rule("within") };
    assert_eq!(Request::pays(5).misfit(&within), Some(Misfit::Limit("daily".parse().unwrap())));
    assert!(Request::pays(5).fits(&Rule { within: List::new(), ..within }));
}

#[test]
fn what_one_name_covers_is_added_up() {
    let item = Asset::Item { collection: party(TOKEN), id: 7_u64.into() };
    let both = Request::doing([transfer(item, BOB, 1), transfer(Asset::Token(party(TOKEN)), BOB, 1)]);
    let collection = AssetName::Collection(account(TOKEN));
    let up_to = |most| Rule { ..spending(&[(AssetName::Native, FEE), (collection.clone(), most)]) };
    assert!(both.fits(&up_to(2)));
    assert_eq!(both.misfit(&up_to(1)), Some(Misfit::Spending(collection.clone())));
}

#[test]
fn the_sets_that_may_reject_a_request_are_of_rules_that_fit_at_some_time_up_to_one_that_always_fits() {
    let by = |set: &str| {
        let verdict = Verdict::Approve(Quorum { set: set.parse().unwrap(), count: 1, delay_ms: 0 });
        Rule { name: set.parse().unwrap(), verdict, ..rule("by") }
    };
    // A request comes on a Thursday.
    let on_mondays = Rule { hours: Some(Hours { days: 1, from: 0, until: 60 }), ..by("on-mondays") };
    let for_others = Rule { requesters: Some(list([name("dave")])), ..by("for-others") };
    let within = Rule { within: list(["daily".parse().unwrap()]), ..by("within") };
    let rules = [on_mondays, for_others, within, by("always"), by("never-reached")];
    let (tenant, request) = (tenant(rules), Request::pays(5));
    let sets = approving_sets(&tenant, request.asked(), &request.facts, request.hash).unwrap();
    assert_eq!(sets.iter().map(|set| set.as_str()).collect::<Vec<_>>(), ["on-mondays", "within", "always"]);
}
