//! Everything that a policy may have wrong, one at a time.

use core::{fmt::Debug, str::FromStr};

use cloister_wire::{
    bounded::List,
    credential::Credential,
    ids::*,
    limits,
    policy::*,
    signature::PublicKey,
    webauthn::{Passkey, PasskeyKey},
};
use ed25519_dalek::SigningKey;

fn name<T: FromStr<Err: Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> List<T, MAX> {
    items.into_iter().collect::<Vec<_>>().try_into().map_err(|_| "too long").unwrap()
}

fn key() -> PublicKey {
    PublicKey::of(&SigningKey::from_bytes(&[1; 32]))
}

fn member(called: &str) -> Member {
    let credential = key().into();
    Member { name: name(called), credential, guardians: None }
}

fn set(called: &str, members: &[&str]) -> MemberSet {
    MemberSet { name: name(called), members: list(members.iter().map(|member| name(member))) }
}

fn accounts(called: &str, bytes: &[u8]) -> AccountList {
    let accounts = bytes.iter().map(|byte| Account::Ethereum(EthereumAccount::from_bytes([*byte; 20])));
    AccountList { name: name(called), accounts: list(accounts) }
}

fn limit(called: &str, window_ms: u64) -> Limit {
    Limit { name: name(called), measure: Measure::Requests { most: 1 }, window_ms, per: Per::Tenant }
}

fn table(byte: u8) -> LookupTable {
    LookupTable { address: Hash::from_bytes([byte; 32]), addresses: List::new() }
}

fn rule() -> Rule {
    Rule {
        name: name("rule"),
        requesters: None,
        keys: None,
        paths: Paths::Any,
        payloads: None,
        effects: None,
        spends: None,
        fee: None,
        fee_rate: None,
        hours: None,
        within: List::new(),
        verdict: Verdict::Allow,
    }
}

fn pattern(kind: EffectKind) -> Pattern {
    Pattern { kind, assets: None, with: None, most: None, functions: None }
}

fn of(pattern: Pattern) -> Rule {
    Rule { effects: Some(Effects { quantifier: Quantifier::Every, patterns: list([pattern]) }), ..rule() }
}

fn approved_by(set: &str, count: u16, delay_ms: u64) -> Rule {
    Rule { verdict: Verdict::Approve(Quorum { set: name(set), count, delay_ms }), ..rule() }
}

/// Of two members, a set, a list and a limit.
fn acme() -> TenantPolicy {
    TenantPolicy {
        members: list([member("ann"), member("bob")]),
        sets: list([set("both", &["ann", "bob"])]),
        lists: list([accounts("friends", &[1, 2])]),
        limits: list([limit("daily", 1)]),
        ..TenantPolicy::new(name("acme"))
    }
}

fn policy(tenants: impl IntoIterator<Item = TenantPolicy>) -> Policy {
    let group = GroupId::from_bytes([0; 16]);
    let manifest = Hash::from_bytes([0; 32]);
    Policy { group, manifest, version: PolicyVersion(1), previous: None, tenants: list(tenants) }
}

fn wrong(tenant: TenantPolicy) -> What {
    let incoherent = policy([tenant]).check().unwrap_err();
    assert_eq!(incoherent.tenant, name("acme"));
    incoherent.what
}

/// What is wrong with a rule, if anything.
fn judged(rule: Rule) -> Option<What> {
    let incoherent = policy([TenantPolicy { rules: list([rule]), ..acme() }]).check().err()?;
    assert_eq!(incoherent.rule, Some(name("rule")));
    Some(incoherent.what)
}

fn unknown(kind: &'static str, name: &str) -> Option<What> {
    Some(What::Unknown(kind, name.into()))
}

fn senseless(rule: Rule, part: &str) {
    match judged(rule) {
        Some(What::Senseless(text)) => assert!(text.contains(part), "{text}"),
        other => panic!("{other:?} instead of {part}"),
    }
}

#[test]
fn a_policy_in_order_is_coherent() {
    assert_eq!(policy([]).check(), Ok(()));
    assert_eq!(policy([acme(), TenantPolicy::new(name("other"))]).check(), Ok(()));
    assert_eq!(judged(rule()), None);
}

#[test]
fn tenants_stand_in_rising_order_and_once() {
    for second in ["acme", "aaa"] {
        let incoherent = policy([acme(), TenantPolicy::new(name(second))]).check().unwrap_err();
        assert_eq!((incoherent.what, incoherent.rule), (What::NotRising("tenants"), None));
    }
}

#[test]
fn names_of_a_tenants_part_stand_in_rising_order_and_once() {
    let twice = |what, tenant| assert_eq!(wrong(tenant), What::NotRising(what));
    twice("members", TenantPolicy { members: list([member("bob"), member("ann")]), ..acme() });
    twice("key creators", TenantPolicy { key_creators: list([name("bob"), name("ann")]), ..acme() });
    twice("sets", TenantPolicy { sets: list([set("a", &[]), set("a", &[])]), ..acme() });
    twice("lists", TenantPolicy { lists: list([accounts("b", &[]), accounts("a", &[])]), ..acme() });
    twice("limits", TenantPolicy { limits: list([limit("a", 1), limit("a", 1)]), ..acme() });
    twice("lookup tables", TenantPolicy { tables: list([table(2), table(1)]), ..acme() });
    twice("members of a set", TenantPolicy { sets: list([set("a", &["bob", "ann"])]), ..acme() });
    twice("accounts of a list", TenantPolicy { lists: list([accounts("a", &[2, 2])]), ..acme() });
}

#[test]
fn names_of_a_rule_stand_in_rising_order_and_once() {
    let twice = |what, rule| assert_eq!(judged(rule), Some(What::NotRising(what)));
    twice("requesters", Rule { requesters: Some(list([name("bob"), name("ann")])), ..rule() });
    twice("keys", Rule { keys: Some(list([name("hot"), name("hot")])), ..rule() });
    twice("limits", Rule { within: list([name("daily"), name("daily")]), ..rule() });
}

#[test]
fn no_two_rules_of_a_tenant_have_one_name() {
    let twice = TenantPolicy { rules: list([rule(), rule()]), ..acme() };
    assert_eq!(wrong(twice), What::RuleNamedTwice);
    let other = TenantPolicy { rules: list([rule()]), ..TenantPolicy::new(name("other")) };
    assert_eq!(policy([TenantPolicy { rules: list([rule()]), ..acme() }, other]).check(), Ok(()));
}

#[test]
fn a_member_belongs_to_one_tenant() {
    let other = TenantPolicy { members: list([member("bob")]), ..TenantPolicy::new(name("other")) };
    let incoherent = policy([acme(), other]).check().unwrap_err();
    assert_eq!((incoherent.tenant, incoherent.what), (name("other"), What::MemberOfTwo("bob".into())));
}

#[test]
fn what_is_named_exists() {
    let creators = TenantPolicy { key_creators: list([name("eve")]), ..acme() };
    assert_eq!(Some(wrong(creators)), unknown("member", "eve"));
    let sets = TenantPolicy { sets: list([set("a", &["eve"])]), ..acme() };
    assert_eq!(Some(wrong(sets)), unknown("member", "eve"));
    assert_eq!(judged(Rule { requesters: Some(list([name("eve")])), ..rule() }), unknown("member", "eve"));
    assert_eq!(judged(Rule { within: list([name("weekly")]), ..rule() }), unknown("limit", "weekly"));
    assert_eq!(judged(approved_by("none", 1, 0)), unknown("set", "none"));
    let foes = || name("foes");
    let with = Some(list([Counterparty::List(foes())]));
    assert_eq!(judged(of(Pattern { with, ..pattern(EffectKind::Transfer) })), unknown("list", "foes"));
    let arguments = list([Argument { word: 0, check: Check::In(foes()) }]);
    let functions = Some(list([Function { selector: Selector::from_bytes([0; 4]), arguments }]));
    assert_eq!(judged(of(Pattern { functions, ..pattern(EffectKind::Call) })), unknown("list", "foes"));
}

#[test]
fn a_quorum_is_of_somebody_and_of_no_more_than_there_are() {
    assert_eq!(judged(approved_by("both", 2, 0)), None);
    for needed in [0, 3] {
        assert_eq!(judged(approved_by("both", needed, 0)), Some(What::Quorum { needed, members: 2 }));
    }
    let many = || crowd(&names(20));
    let judged = |rule| policy([TenantPolicy { rules: list([rule]), ..many() }]).check().err().map(|wrong| wrong.what);
    assert_eq!(judged(approved_by("crowd", 16, 0)), None);
    assert_eq!(judged(approved_by("crowd", 17, 0)), Some(What::Senseless("a request has room for sixteen approvals")));
    assert_eq!(limits::APPROVALS, 16);
}

fn names(count: u8) -> Vec<String> {
    (0..count).map(|number| format!("member-{number:02}")).collect()
}

/// Of these members, all in one set.
fn crowd(names: &[String]) -> TenantPolicy {
    let called: Vec<_> = names.iter().map(String::as_str).collect();
    let members = list(called.iter().map(|called| member(called)));
    TenantPolicy { members, sets: list([set("crowd", &called)]), ..TenantPolicy::new(name("acme")) }
}

#[test]
fn a_delay_ends_before_the_request() {
    assert_eq!(judged(approved_by("both", 1, limits::REQUEST_LIFE_MS - 1)), None);
    senseless(approved_by("both", 1, limits::REQUEST_LIFE_MS), "a delay of a day");
}

#[test]
fn lists_that_nothing_could_fit_are_refused() {
    senseless(Rule { requesters: Some(List::new()), ..rule() }, "list of requesters");
    senseless(Rule { keys: Some(List::new()), ..rule() }, "no key");
    senseless(Rule { payloads: Some(List::new()), ..rule() }, "no payload");
    let none = Effects { quantifier: Quantifier::Some, patterns: List::new() };
    senseless(Rule { effects: Some(none), ..rule() }, "list of effects");
    senseless(of(Pattern { assets: Some(List::new()), ..pattern(EffectKind::Transfer) }), "no asset");
    senseless(of(Pattern { with: Some(List::new()), ..pattern(EffectKind::Transfer) }), "other sides");
    senseless(of(Pattern { functions: Some(List::new()), ..pattern(EffectKind::Call) }), "no function");
    assert_eq!(judged(Rule { spends: Some(List::new()), ..rule() }), None, "nothing may be spent");
}

#[test]
fn conditions_that_no_effect_of_a_kind_could_meet_are_refused() {
    use EffectKind as K;
    let amounts = |kind| of(Pattern { most: Some(Quantity::default()), ..pattern(kind) });
    let assets = |kind| of(Pattern { assets: Some(list([AssetName::Native])), ..pattern(kind) });
    let sides = |kind| of(Pattern { with: Some(list([Counterparty::Signer])), ..pattern(kind) });
    let selector = Selector::from_bytes([0; 4]);
    let functions =
        |kind| of(Pattern { functions: Some(list([Function { selector, arguments: List::new() }])), ..pattern(kind) });
    for kind in [K::Operator, K::Call, K::Creation, K::Delegation, K::Agreement, K::Anything] {
        senseless(amounts(kind), "have an amount");
    }
    for kind in [K::Call, K::Creation, K::Delegation, K::Agreement, K::Anything] {
        senseless(assets(kind), "have an asset");
    }
    for kind in [K::Creation, K::Agreement] {
        senseless(sides(kind), "no other side");
    }
    for kind in [K::Transfer, K::Allowance, K::Operator, K::Creation, K::Delegation, K::Agreement, K::Anything] {
        senseless(functions(kind), "only calls");
    }
    for kind in [K::Transfer, K::Allowance, K::Stake] {
        assert_eq!([judged(amounts(kind)), judged(assets(kind)), judged(sides(kind))], [None, None, None]);
    }
    assert_eq!([judged(assets(K::Operator)), judged(sides(K::Call)), judged(functions(K::Call))], [None, None, None]);
}

#[test]
fn an_asset_stands_once_among_what_may_be_spent() {
    let amount = |most| Amount { asset: AssetName::Native, most: Quantity::from_be_bytes([most; 32]) };
    senseless(Rule { spends: Some(list([amount(1), amount(2)])), ..rule() }, "an asset stands twice");
}

#[test]
fn hours_are_of_some_day_and_within_it() {
    let at = |days, from, until| Rule { hours: Some(Hours { days, from, until }), ..rule() };
    assert_eq!(judged(at(0x7f, 1439, 0)), None);
    senseless(at(0, 0, 1), "no day of the week");
    senseless(at(0x80, 0, 1), "no day of the week");
    senseless(at(1, 1440, 1), "minutes of a day");
    senseless(at(1, 0, 1440), "minutes of a day");
}

#[test]
fn a_rule_that_denies_counts_against_no_limit() {
    senseless(Rule { verdict: Verdict::Deny, within: list([name("daily")]), ..rule() }, "counts against no limit");
    assert_eq!(judged(Rule { verdict: Verdict::Deny, ..rule() }), None);
    assert_eq!(judged(Rule { within: list([name("daily")]), ..rule() }), None);
}

#[test]
fn a_limits_window_is_neither_empty_nor_longer_than_366_days() {
    let of = |window_ms| policy([TenantPolicy { limits: list([limit("daily", window_ms)]), ..acme() }]).check();
    assert_eq!((of(1), of(limits::WINDOW_MS)), (Ok(()), Ok(())));
    for (window, part) in [(0, "is empty"), (limits::WINDOW_MS + 1, "366 days")] {
        let said = of(window).unwrap_err().to_string();
        assert!(said.starts_with("tenant acme: ") && said.contains(part), "{said}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let rules = list([Rule { within: list([name("weekly")]), ..rule() }]);
    let incoherent = policy([TenantPolicy { rules, ..acme() }]).check().unwrap_err();
    assert_eq!(incoherent.to_string(), "tenant acme, rule rule: there is no limit named weekly");
}

#[test]
fn tenants_members_sets_lists_and_limits_are_found_by_name() {
    let policy = policy([acme(), TenantPolicy::new(name("other"))]);
    let tenant = policy.tenant(&name("acme")).unwrap();
    assert_eq!(policy.tenant(&name("none")), None);
    assert_eq!(
        policy.member(&name("bob")).map(|(tenant, member)| (&tenant.tenant, &member.name)),
        Some((&tenant.tenant, &name("bob")))
    );
    assert!(policy.member(&name("eve")).is_none());
    assert!(
        tenant.set(&name("both")).unwrap().has(&name("ann")) && !tenant.set(&name("both")).unwrap().has(&name("eve"))
    );
    let friends = tenant.list(&name("friends")).unwrap();
    let account = |byte| Account::Ethereum(EthereumAccount::from_bytes([byte; 20]));
    assert!(friends.has(&account(2)) && !friends.has(&account(3)));
    assert!(tenant.limit(&name("daily")).is_some() && tenant.limit(&name("weekly")).is_none());
    let creator = TenantPolicy { key_creators: list([name("ann")]), ..acme() };
    assert!(creator.may_create_keys(&name("ann")) && !creator.may_create_keys(&name("bob")));
    assert!(!tenant.may_create_keys(&name("ann")));
}

#[test]
fn guardians_are_a_set_of_enough_others_with_a_delay_to_cancel_in() {
    let guarded = |set: &str, count, delay_ms| {
        let mut tenant = acme();
        let [ann, bob] = [member("ann"), member("bob")];
        let guardians = Some(Quorum { set: name(set), count, delay_ms });
        tenant.members = list([Member { guardians, ..ann }, bob]);
        policy([tenant]).check().err().map(|incoherent| incoherent.what)
    };
    let hour = limits::RECOVERY_DELAY_LEAST_MS;
    let month = limits::RECOVERY_DELAY_MOST_MS;
    assert_eq!((guarded("both", 1, hour), guarded("both", 1, month)), (None, None));
    assert_eq!(guarded("family", 1, hour), unknown("set", "family"));
    for needed in [0, 2] {
        let member = "ann".to_owned();
        assert_eq!(guarded("both", needed, hour), Some(What::Guardians { member, needed, others: 1 }));
    }
    let of_many = |count| {
        let mut tenant = crowd(&names(20));
        let mut members = core::mem::take(&mut tenant.members).into_vec();
        members[0].guardians = Some(Quorum { set: name("crowd"), count, delay_ms: hour });
        policy([TenantPolicy { members: list(members), ..tenant }]).check().err().map(|incoherent| incoherent.what)
    };
    assert_eq!(of_many(16), None);
    assert_eq!(of_many(17), Some(What::Senseless("a recovery has room for sixteen approvals")));
    let member = "member-00".to_owned();
    assert_eq!(of_many(20), Some(What::Guardians { member, needed: 20, others: 19 }));
    for delay in [0, hour - 1, month + 1] {
        assert!(matches!(guarded("both", 1, delay), Some(What::Senseless(text)) if text.contains("delay")), "{delay}");
    }
}

#[test]
fn a_passkey_names_a_page_on_which_it_can_be_used() {
    let passkey = |origins| Passkey { key: PasskeyKey::Ed25519(key()), rp_id: name("acme.example"), origins };
    let member = |origins| Member { credential: Credential::WebAuthn(passkey(origins)), ..member("ann") };
    let of = |origins| policy([TenantPolicy { members: list([member(origins)]), ..TenantPolicy::new(name("acme")) }]);
    assert_eq!(of(list([name("https://acme.example")])).check(), Ok(()));
    let what = of(List::new()).check().unwrap_err().what;
    assert_eq!(what, What::Senseless("a passkey names no page, so that nobody could use it"));
}

#[test]
fn the_scope_of_a_session_key_names_nobody_and_no_limits_and_allows_what_a_rule_could() {
    let says = |scope: Rule, part: &str| match acme().check_scope(&scope) {
        Err(What::Senseless(text)) => assert!(text.contains(part), "{text}"),
        other => panic!("{other:?} instead of {part}"),
    };
    assert_eq!(acme().check_scope(&rule()), Ok(()));
    says(Rule { requesters: Some(list([name("ann")])), ..rule() }, "names no requesters");
    says(Rule { within: list([name("daily")]), ..rule() }, "names no limits");
    says(Rule { verdict: Verdict::Deny, ..rule() }, "a session key's scope allows");
    says(approved_by("both", 1, 0), "a session key's scope allows");
    says(Rule { keys: Some(List::new()), ..rule() }, "no key");
}
