//! What a decision costs with many rules, what limits cost when they remember as much as they may, and the memory of both.

use std::{fs, hint::black_box, time::Instant};

use cloister_chains::effect::{Asset, Effect, Party};
use cloister_policy::{Asked, Facts, Spending, decide};
use cloister_wire::{
    bounded::List,
    codec,
    ids::{EthereumAccount, GroupId, Hash, KeyName, PolicyVersion, Quantity, Requester, UnixMillis},
    limits,
    policy::{
        Account, AccountList, AssetName, Counterparty, EffectKind, Effects, Limit, Measure, Network, Paths, Pattern,
        Per, Permission, Policy, Quantifier, Rule, TenantPolicy, Verdict,
    },
    receipt::Charge,
};
use criterion::{BatchSize, Criterion};

/// Lists among which the accounts are spread.
const LISTS: usize = 250;
const ACCOUNTS: usize = 100_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let full = charges(&mut criterion);
    let sizes = [(1000, 0), (10_000, ACCOUNTS)].map(|(rules, accounts)| decisions(&mut criterion, rules, accounts));
    criterion.final_summary();
    println!(
        "\n| in memory | encoded, KiB | resident, KiB | decoded and checked in, ms |\n| --- | ---: | ---: | ---: |"
    );
    for ((rules, accounts), Size { encoded, resident, decoded }) in sizes {
        println!("| {rules} rules, {accounts} accounts | {encoded} | {resident} | {decoded} |");
    }
    println!("| {} charges in {} windows | | {full} | |", limits::SPENDING_ENTRIES, limits::SPENDING_WINDOWS);
}

struct Size {
    encoded: usize,
    resident: usize,
    decoded: u128,
}

/// Where the last rule decides: once most rules are for other keys, and once all have to look in a list.
fn decisions(criterion: &mut Criterion, rules: usize, accounts: usize) -> ((usize, usize), Size) {
    let mut size = None;
    for (name, rule) in [("keys", for_its_key as fn(usize, usize) -> Rule), ("lists", for_its_list)] {
        let encoded = codec::encode(&policy(rules, accounts, rule));
        assert!(encoded.len() <= limits::ENDORSED, "{} bytes are too many for one document", encoded.len());
        let (before, started) = (resident(), Instant::now());
        let policy: Policy = codec::decode(&encoded).expect("it was encoded");
        policy.check().expect("it is coherent");
        let decoded = started.elapsed().as_millis();
        size = size.or(Some(Size { encoded: encoded.len() / 1024, resident: resident() - before, decoded }));
        decision(criterion, &format!("{rules} rules, {accounts} accounts, {name}"), &policy, accounts.max(1) - 1);
    }
    ((rules, accounts), size.expect("two were measured"))
}

fn decision(criterion: &mut Criterion, name: &str, policy: &Policy, payee: usize) {
    let tenant = policy.tenants.iter().next().expect("a tenant");
    let last = tenant.rules.iter().last().expect("a rule");
    let (requester, key): (Requester, KeyName) =
        (parsed("carol"), parsed(&format!("key-{:05}", tenant.rules.len() - 1)));
    let asked = Asked { requester: &requester, key: &key, path: &[], session: None };
    let (facts, spending) = (pays(payee), Spending::default());
    let decided = || decide(tenant, asked, &facts, Hash::from_bytes([1; 32]), &spending, UnixMillis(0));
    assert_eq!(decided().expect("a rule").rule.name, last.name, "the last rule decides");
    criterion.benchmark_group("decide").bench_function(name, |bencher| bencher.iter(|| black_box(decided())));
}

/// A charge where there is no room for another, and one of a request that is decided.
fn charges(criterion: &mut Criterion) -> usize {
    let before = resident();
    let mut spending = Spending::default();
    let mut number = 0;
    let mut next = |spending: &mut Spending, windows: u64| {
        number += 1;
        spending.charge(&charge(number % windows, number), UnixMillis(number));
    };
    let windows = limits::SPENDING_WINDOWS as u64;
    (0..2 * limits::SPENDING_ENTRIES).for_each(|_| next(&mut spending, windows));
    let full = resident() - before;
    let mut group = criterion.benchmark_group("charge");
    group.bench_function("full, many windows", |bencher| {
        bencher.iter_batched(|| (), |()| next(&mut spending, windows), BatchSize::SmallInput);
    });
    let mut spending = Spending::default();
    (0..2 * limits::SPENDING_ENTRIES).for_each(|_| next(&mut spending, 1));
    group.bench_function("full, one window", |bencher| bencher.iter(|| next(&mut spending, 1)));
    group.finish();
    limited(criterion, &spending);
    full
}

/// A decision by a rule with a limit, beside as many charges as there may be.
fn limited(criterion: &mut Criterion, spending: &Spending) {
    let policy = policy(1, 1, for_its_key);
    let tenant = policy.tenants.iter().next().expect("a tenant");
    let (requester, key): (Requester, KeyName) = (parsed("carol"), parsed("key-00000"));
    let asked = Asked { requester: &requester, key: &key, path: &[], session: None };
    let facts = pays(0);
    criterion.benchmark_group("decide").bench_function("one rule, full limits", |bencher| {
        bencher.iter(|| black_box(decide(tenant, asked, &facts, Hash::from_bytes([1; 32]), spending, UnixMillis(0))));
    });
}

fn charge(window: u64, number: u64) -> Charge {
    let hash = |number: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        Hash::from_bytes(bytes)
    };
    let until = UnixMillis(number + 86_400_000);
    Charge { limit: parsed("daily"), window: hash(window), same: hash(number), amount: quantity(1), until }
}

fn policy(rules: usize, accounts: usize, rule: fn(usize, usize) -> Rule) -> Policy {
    let each = accounts.div_ceil(LISTS).max(1);
    let lists = (0..accounts.div_ceil(each)).map(|number| AccountList {
        name: parsed(&list_name(number)),
        accounts: list((number * each..accounts.min((number + 1) * each)).map(|at| Account::Ethereum(account(at)))),
    });
    let lists: Vec<_> = lists.collect();
    let measure =
        Measure::Spending { network: MAINNET, asset: AssetName::Native, most: Quantity::from_be_bytes([0xff; 32]) };
    let limit = Limit { name: parsed("daily"), measure, window_ms: 86_400_000, per: Per::Key };
    let tenant = TenantPolicy {
        rules: list((0..rules).map(|number| rule(number, lists.len()))),
        lists: list(lists),
        limits: list([limit]),
        ..TenantPolicy::new(parsed("acme"))
    };
    let (group, manifest) = (GroupId::from_bytes([0; 16]), Hash::from_bytes([0; 32]));
    Policy { group, manifest, version: PolicyVersion(1), previous: None, tenants: list([tenant]) }
}

/// What pays to a list, with a key that no other rule is for.
fn for_its_key(number: usize, lists: usize) -> Rule {
    Rule { keys: Some(list([parsed(&format!("key-{number:05}"))])), ..for_its_list(number, lists) }
}

/// What pays to a list; of all rules the last one's alone is the last list.
fn for_its_list(number: usize, lists: usize) -> Rule {
    let with = lists.checked_sub(1).map(|last| if number % 10_000 == LAST || last == 0 { last } else { number % last });
    let with = with.map(|at| list([Counterparty::List(parsed(&list_name(at)))]));
    let most = Some(quantity(if lists == 0 && number % 1000 != 999 { 0 } else { 1000 }));
    let pattern =
        Pattern { kind: EffectKind::Transfer, assets: Some(list([AssetName::Native])), with, most, functions: None };
    Rule {
        name: parsed(&format!("rule-{number:05}")),
        requesters: None,
        keys: None,
        paths: Paths::Any,
        payloads: Some(list([Permission::Ethereum { chain_id: 1 }])),
        effects: Some(Effects { quantifier: Quantifier::Every, patterns: list([pattern]) }),
        spends: None,
        fee: None,
        fee_rate: None,
        hours: None,
        within: list([parsed("daily")]),
        verdict: Verdict::Allow,
    }
}

/// The last of ten thousand rules.
const LAST: usize = 9999;
const MAINNET: Network = Network::Ethereum { chain_id: 1 };

fn pays(payee: usize) -> Facts {
    let to = Party::Ethereum((*account(payee).as_bytes()).into());
    Facts {
        permission: Permission::Ethereum { chain_id: 1 },
        network: Some(MAINNET),
        effects: vec![Effect::Transfer { asset: Asset::Wei, from: Party::Signer, to, amount: 5_u64.into() }],
        fees: vec![(AssetName::Native, 21_u64.into())],
        fee_rate: None,
        place: None,
        lines: Vec::new(),
    }
}

/// Rising with the number, and unlike from the third byte on.
fn account(number: usize) -> EthereumAccount {
    let number = number as u64;
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&(number << 32).to_be_bytes());
    bytes[8..16].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    EthereumAccount::from_bytes(bytes)
}

fn list_name(number: usize) -> String {
    format!("list-{number:03}")
}

fn quantity(amount: u64) -> Quantity {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&amount.to_be_bytes());
    Quantity::from_be_bytes(bytes)
}

fn parsed<T: std::str::FromStr>(name: &str) -> T {
    name.parse().unwrap_or_else(|_| panic!("{name}"))
}

fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> List<T, MAX> {
    let items: Vec<_> = items.into_iter().collect();
    items.try_into().expect("within its bound")
}

/// KiB of this process that are in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
