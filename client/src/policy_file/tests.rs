use cloister_wire::{
    bounded::{Bytes, List},
    codec,
    ids::{Quantity, Requester, SolanaAccount},
    policy::{
        Account, AccountList, Amount, Argument, AssetName, Check, Counterparty, EffectKind, Effects, ForeignInputs,
        Function, Hours, Limit, LookupTable, Measure, Member, MemberSet, Network, Paths, Pattern, Per, Permission,
        Quantifier, Quorum, Rule, Verdict,
    },
    signature::PublicKey,
};
use ed25519_dalek::SigningKey;
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// Everything that the format has.
fn example() -> String {
    format!(
        r#"
[tenant.treasury]
key_creators = ["alice"]

[tenant.treasury.members]
alice = {{ ed25519 = "{KEY}" }}
bob = {{ ed25519 = "{KEY}", guardians = {{ approve = 1, of = "board", delay = "48h" }} }}

[tenant.treasury.sets]
board = ["bob", "alice"]

[tenant.treasury.lists]
exchanges = ["0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"]

[tenant.treasury.limits.daily-eth]
network = "ethereum:1"
asset = "native"
most = "10 ether"
window = "24h"
per = "tenant"

[[tenant.treasury.rules]]
name = "small-payouts"
requesters = ["alice"]
keys = ["hot-1"]
path = "m/0/*"
payloads = ["ethereum:1"]
effects = {{ every = [{{ kind = "transfer", assets = ["native"], to = ["list:exchanges"], most = "1 ether" }}] }}
spends = {{ native = "1.01 ether" }}
fee = "0.01 ether"
hours = {{ days = "mon-fri", from = "09:00", until = "17:00" }}
within = ["daily-eth"]
then = "allow"

[[tenant.treasury.rules]]
name = "rest"
then = {{ approve = 2, of = "board", delay = "1h" }}
"#
    )
}

#[test]
fn a_policy_reads_back_from_toml_and_json_as_it_was_written() {
    let tenants = read(&example()).unwrap();
    let toml = to_toml(&tenants);
    assert_eq!(read(&toml).unwrap(), tenants, "{toml}");
    assert!(toml.contains("most = \"10 ether\", window = \"1d\", per = \"tenant\""), "{toml}");
    assert!(toml.contains("guardians = { approve = 1, of = \"board\", delay = \"2d\" } }"), "{toml}");
    assert!(toml.contains("then = { approve = 2, of = \"board\", delay = \"1h\" }"), "{toml}");
    assert_eq!(read(&to_json(&tenants).to_string()).unwrap(), tenants);
}

#[test]
fn what_is_wrong_is_named_with_its_field_and_line() {
    for (old, new, said) in [
        ("fee = \"0.01 ether\"", "fees = \"0.01 ether\"", "LINE: tenant.treasury.rules[0].fees: unknown field `fees`"),
        ("m/0/*", "m/0'", "LINE: tenant.treasury.rules[0].path: "),
        ("most = \"1 ether\"", "most = \"1 eth\"", "LINE: tenant.treasury.rules[0].effects.every[0].most: "),
        ("\"0.01 ether\"", "\"0.01 btc\"", ": tenant.treasury.rules[0]: fee: btc is no unit"),
        ("per = \"tenant\"", "per = \"day\"", "LINE: tenant.treasury.limits.daily-eth.per: "),
        ("asset = \"native\"\n", "", "tenant.treasury.limits.daily-eth: a limit has either"),
        ("855A4F", "855A4f", "LINE: tenant.treasury.lists.exchanges[0]: "),
        ("delay = \"1h\"", "wait = \"1h\"", "LINE: tenant.treasury.rules[1].then.wait: "),
        ("then = \"allow\"", "then = \"ask\"", "LINE: tenant.treasury.rules[0].then: "),
        ("then = \"allow\"", "", "tenant.treasury.rules[0]: missing field `then`"),
        (", guardians =", ", guardian =", "LINE: tenant.treasury.members.bob.guardian: unknown field"),
        (", guardians =", ", p256 = \"02\", guardians =", "LINE: tenant.treasury.members.bob.p256: "),
        ("name = \"rest\"", "name = \"the rest\"", "LINE: tenant.treasury.rules[1].name: "),
        ("[tenant.treasury]", "[tenants.treasury]", "unknown field `tenants`"),
        ("= { approve", "= { approve = 1, approve", "LINE: "),
    ] {
        let text = example().replace(old, new);
        assert_ne!(text, example(), "{old}");
        // The line of what was changed.
        let line = example().split(old).next().unwrap().matches('\n').count() + 1;
        let said = said.replace("LINE", &format!("line {line}"));
        let why = read(&text).unwrap_err().to_string();
        assert!(why.contains(&said), "{said:?} is missing in {why:?}");
    }
    for (old, new, said) in [
        ("list:exchanges", "list:friends", "tenant treasury, rule small-payouts: there is no list named friends"),
        (
            "approve = 2",
            "approve = 3",
            "tenant treasury, rule rest: 3 approvals are asked for, and the set has 2 members",
        ),
        ("\"48h\"", "\"59m\"", "tenant treasury: guardians have a delay of an hour at least"),
        (
            "approve = 1",
            "approve = 2",
            "2 guardians have to agree on a new credential for bob, and the set has 1 other",
        ),
        ("\"rest\"", "\"small-payouts\"", "another rule has this name"),
    ] {
        let why = read(&example().replace(old, new)).unwrap_err();
        assert!(matches!(why, NotAPolicy::Plan(PlanError::Incoherent(_))), "{why:?}");
        assert!(why.to_string().contains(said), "{why}");
    }
}

#[test]
fn json_is_refused_with_field_and_line_as_well() {
    let why = read("{\"tenant\": {\"t\": {\n\"rules\": [{\"name\": \"a\", \"then\": \"maybe\"}]}}}").unwrap_err();
    assert!(why.to_string().starts_with("line 2: tenant.t.rules[0].then: "), "{why}");
    assert!(read("{\"tenant\": {}} more").is_err());
}

#[test]
fn what_differs_is_found_thing_by_thing() {
    let before = read(&example()).unwrap();
    let edit = |old: &str, new: &str| read(&example().replace(old, new)).unwrap();
    let changed = |after: &[TenantPolicy]| -> Vec<String> {
        compare(&before, after).iter().map(|change| format!("{} {:?}", change.subject, change.after)).collect()
    };
    assert_eq!(changed(&before), [""; 0]);
    let [fee] = &changed(&edit("fee = \"0.01 ether\"", "fee = \"0.02 ether\""))[..] else { panic!() };
    assert!(fee.starts_with("rule small-payouts Some") && fee.contains("fee = \\\"0.02 ether\\\""), "{fee}");
    let other = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu";
    let one_less = changed(&edit(&format!(", \"{other}\""), ""));
    assert_eq!(one_less, [format!("list exchanges: {other} None")]);
    let renamed = changed(&edit("\"rest\"", "\"others\""));
    assert_eq!(renamed.len(), 3, "{renamed:?}");
    assert!(renamed.contains(&"order of the rules Some(\"small-payouts, others\")".to_owned()));
}

fn list<T, const MAX: usize>(values: Vec<T>) -> List<T, MAX> {
    values.try_into().unwrap()
}

fn name<T: std::str::FromStr<Err = cloister_wire::ids::Malformed> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    "[!-~]{1,12}".prop_map(|text| text.parse().unwrap())
}

fn names() -> Vec<Requester> {
    ["alice", "bob", "car\"ol", "d.'e"].iter().map(|name| name.parse().unwrap()).collect()
}

/// Each has a credential, and all but the first have guardians.
fn members(key: PublicKey) -> Vec<Member> {
    let guardians = |number: u64| Quorum {
        set: "board".parse().unwrap(),
        count: 3,
        delay_ms: cloister_wire::limits::RECOVERY_DELAY_LEAST_MS + number,
    };
    let member = |(number, name)| Member { name, credential: key.into(), guardians: Some(guardians(number)) };
    let mut members: Vec<_> = (0..).zip(names()).map(member).collect();
    members[0].guardians = None;
    members
}

fn quantity() -> impl Strategy<Value = Quantity> {
    let any = any::<[u8; 32]>().prop_map(Quantity::from_be_bytes);
    let small = (0_u64..20, 0_u32..20).prop_map(|(number, zeros)| {
        let text = format!("{number}{}", "0".repeat(zeros as usize));
        let number: cloister_chains::U256 = text.parse().unwrap_or(cloister_chains::U256::ZERO);
        Quantity::from_be_bytes(number.to_be_bytes())
    });
    prop_oneof![any, small]
}

fn account() -> impl Strategy<Value = Account> {
    let cosmos = "cosmos1h806c7khnvmjlywdrkdgk2vrayy2mmvf9rxk2r";
    prop_oneof![
        any::<[u8; 20]>().prop_map(|bytes| Account::Ethereum(bytes.as_slice().try_into().unwrap())),
        any::<[u8; 32]>().prop_map(|bytes| Account::Solana(SolanaAccount::from_bytes(bytes))),
        Just(Account::Cosmos(cosmos.parse().unwrap())),
        Just(Account::Channel(format!("channel-7/{cosmos}").parse().unwrap())),
        vec(any::<u8>(), 0..64).prop_map(|script| Account::Bitcoin(Bytes::try_from(script).unwrap())),
        any::<[u8; 20]>().prop_map(|hash| Account::Bitcoin([&[0, 20][..], &hash].concat().try_into().unwrap())),
    ]
}

fn asset() -> impl Strategy<Value = AssetName> {
    prop_oneof![
        Just(AssetName::Native),
        account().prop_map(AssetName::Token),
        account().prop_map(AssetName::Collection),
        name().prop_map(AssetName::Denomination),
    ]
}

fn permission() -> impl Strategy<Value = Permission> {
    prop_oneof![
        Just(Permission::Message),
        Just(Permission::Solana),
        Just(Permission::Bitcoin { foreign: ForeignInputs::Refused }),
        Just(Permission::Bitcoin { foreign: ForeignInputs::LeftAlone }),
        (1_u64..).prop_map(|chain_id| Permission::Ethereum { chain_id }),
        any::<[u8; 32]>().prop_map(|domain| Permission::TypedData { domain: Hash::from_bytes(domain) }),
        any::<u64>().prop_map(|chain_id| Permission::Authorization { chain_id }),
        (1_u64.., any::<[u8; 20]>()).prop_map(|(chain_id, account)| Permission::UserOperation {
            chain_id,
            account: cloister_wire::ids::EthereumAccount::from_bytes(account)
        }),
        name().prop_map(|chain_id| Permission::Cosmos { chain_id }),
    ]
}

fn network() -> impl Strategy<Value = Network> {
    prop_oneof![
        Just(Network::Bitcoin),
        Just(Network::Solana),
        (1_u64..).prop_map(|chain_id| Network::Ethereum { chain_id }),
        name().prop_map(|chain_id| Network::Cosmos { chain_id }),
    ]
}

fn function() -> impl Strategy<Value = Function> {
    let check = prop_oneof![
        any::<[u8; 32]>().prop_map(|word| Check::Equals(Hash::from_bytes(word))),
        quantity().prop_map(Check::AtMost),
        Just(Check::In("friends".parse().unwrap())),
    ];
    let argument = (any::<u16>(), check).prop_map(|(word, check)| Argument { word, check });
    (any::<[u8; 4]>(), vec(argument, 0..4)).prop_map(|(selector, arguments)| Function {
        selector: selector.as_slice().try_into().unwrap(),
        arguments: list(arguments),
    })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    use EffectKind as K;
    let with = prop_oneof![
        account().prop_map(Counterparty::Account),
        Just(Counterparty::List("friends".parse().unwrap())),
        Just(Counterparty::Signer),
    ];
    let others = select(vec![K::Creation, K::Delegation, K::Agreement, K::TokenAccount, K::Anything]);
    let amounts = (select(vec![K::Transfer, K::Allowance, K::Stake]), option::of(quantity()));
    let shape = prop_oneof![
        amounts.prop_map(|(kind, most)| (kind, most, None)),
        option::of(vec(function(), 1..3)).prop_map(|functions| (K::Call, None, functions)),
        others.prop_map(|kind| (kind, None, None)),
    ];
    (shape, option::of(vec(asset(), 1..3)), option::of(vec(with, 1..3))).prop_map(
        |((kind, most, functions), assets, with)| {
            let assets = assets.filter(|_| matches!(kind, K::Transfer | K::Allowance | K::Stake));
            let with = with.filter(|_| !matches!(kind, K::Creation | K::Agreement));
            Pattern { kind, assets: assets.map(list), with: with.map(list), most, functions: functions.map(list) }
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let steps = || vec(0_u32..1 << 31, 0..4);
    let paths = prop_oneof![
        Just(Paths::Any),
        steps().prop_map(|steps| Paths::Exactly(list(steps))),
        steps().prop_map(|steps| Paths::Below(list(steps))),
    ];
    let quantifier = select(vec![Quantifier::Every, Quantifier::Some]);
    let effects = (quantifier, vec(pattern(), 1..4))
        .prop_map(|(quantifier, patterns)| Effects { quantifier, patterns: list(patterns) });
    let spends = proptest::collection::btree_map(asset(), quantity(), 0..3)
        .prop_map(|spends| list(spends.into_iter().map(|(asset, most)| Amount { asset, most }).collect()));
    let hours = (1_u8..128, 0_u16..1440, 0_u16..1440).prop_map(|(days, from, until)| Hours { days, from, until });
    let verdict = prop_oneof![
        Just(Verdict::Allow),
        Just(Verdict::Deny),
        (0_u64..86_400_000).prop_map(|delay_ms| Verdict::Approve(Quorum {
            set: "board".parse().unwrap(),
            count: 2,
            delay_ms
        })),
    ];
    let who = (
        option::of(Just(list(names()))),
        option::of(name().prop_map(|name| list(vec![name]))),
        paths,
        option::of(vec(permission(), 1..3).prop_map(list)),
    );
    let what =
        (option::of(effects), option::of(spends), option::of(quantity()), option::of(any::<u32>()), option::of(hours));
    (who, what, select(vec![vec![], vec!["daily".parse().unwrap()]]), verdict).prop_map(
        |((requesters, keys, paths, payloads), (effects, spends, fee, fee_rate, hours), within, verdict)| Rule {
            name: "rule".parse().unwrap(),
            requesters,
            keys,
            paths,
            payloads,
            effects,
            spends,
            fee,
            fee_rate: fee_rate.map(u64::from),
            hours,
            within: list(if verdict == Verdict::Deny { Vec::new() } else { within }),
            verdict,
        },
    )
}

fn limit() -> impl Strategy<Value = Limit> {
    let measure = prop_oneof![
        (network(), asset(), quantity()).prop_map(|(network, asset, most)| Measure::Spending { network, asset, most }),
        any::<u32>().prop_map(|most| Measure::Requests { most: most.into() }),
    ];
    let per = select(vec![Per::Tenant, Per::Key, Per::Requester]);
    (measure, 1_u64..1_000_000_000, per).prop_map(|(measure, window_ms, per)| Limit {
        name: "daily".parse().unwrap(),
        measure,
        window_ms,
        per,
    })
}

fn tenant() -> impl Strategy<Value = TenantPolicy> {
    let table = (any::<[u8; 32]>(), vec(any::<[u8; 32]>(), 0..3)).prop_map(|(address, addresses)| LookupTable {
        address: Hash::from_bytes(address),
        addresses: list(addresses.into_iter().map(Hash::from_bytes).collect()),
    });
    (name(), vec(rule(), 0..3), limit(), option::of(table), vec(account(), 0..6)).prop_map(
        |(tenant, mut rules, limit, table, mut accounts)| {
            for (number, rule) in rules.iter_mut().enumerate() {
                rule.name = format!("rule-{number}").parse().unwrap();
            }
            accounts.sort();
            accounts.dedup();
            let key = PublicKey::of(&SigningKey::from_bytes(&[7; 32]));
            TenantPolicy {
                tenant,
                members: list(members(key)),
                key_creators: list(names()),
                sets: list(vec![MemberSet { name: "board".parse().unwrap(), members: list(names()) }]),
                lists: list(vec![AccountList { name: "friends".parse().unwrap(), accounts: list(accounts) }]),
                limits: list(vec![limit]),
                tables: list(table.into_iter().collect()),
                rules: list(rules),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_policy_reads_back_byte_for_byte_as_it_was_written(tenant in tenant()) {
        let tenant = operator::in_order(tenant).unwrap();
        let toml = to_toml(std::slice::from_ref(&tenant));
        let json = to_json(std::slice::from_ref(&tenant)).to_string();
        for text in [toml, json] {
            let read = read(&text);
            prop_assert!(read.is_ok(), "{}\n{}", read.unwrap_err(), text);
            prop_assert_eq!(codec::encode(&read.unwrap()[0]), codec::encode(&tenant), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}") {
        let line = format!("[[tenant.t.rules]]\nname = \"a\"\nthen = \"allow\"\nfee = {text:?}\npath = {text:?}\n");
        drop((read(&text), read(&line)));
        let functions = format!("effects = {{ every = [{{ kind = \"call\", functions = [{{ signature = {text:?} }}] }}] }}");
        drop(read(&format!("{line}{functions}")));
    }
}
