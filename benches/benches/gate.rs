//! What a signer does before it signs: reading and authenticating a request, deciding, and verifying approvals.
//!
//! Measured is a review: all that the gate does before a share is made, with the frame around it and, beyond that, the boot's signature
//! on the review.

use std::hint::black_box;

use cloister_tests::{
    charter::{TREASURER, grant, list, member, requested, requester, signer},
    group::Group,
    hardware::{PAGE, person},
    payload::solana_transfer,
};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    codec,
    ids::{Hash, KeyId},
    message::{Body, Outcome, Request},
    policy::{Member, MemberSet, Permission, Quorum, Rule, Verdict},
    request::{Chain, Scheme, SignRequest},
    review::Standing,
    tag::Tag,
};
use criterion::Criterion;

const KEY: &str = "ed25519";
const BOARD: [&str; 3] = ["ann", "bob", "cleo"];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut gate = Gate::new();
    gate.measure(&mut criterion, "1 rule, no approval", 1, Verdict::Allow);
    gate.measure(&mut criterion, "1000 rules, no approval", 1000, Verdict::Allow);
    let quorum = Quorum { set: "board".parse().expect("a name"), count: 3, delay_ms: 0 };
    gate.measure(&mut criterion, "1000 rules, 3 approvals by P-256 passkeys", 1000, Verdict::Approve(quorum));
    criterion.final_summary();
}

struct Gate {
    group: Group,
    key: KeyId,
}

impl Gate {
    fn new() -> Self {
        let mut group = Group::founded(2, 2, 1);
        let key = group.make_key(KEY, Scheme::Ed25519);
        Self { group, key }
    }

    /// Where the last of so many rules decides.
    fn measure(&mut self, criterion: &mut Criterion, name: &str, rules: usize, verdict: Verdict) {
        let approved = matches!(verdict, Verdict::Approve(_));
        let policy = self.put_into_force(rules, verdict);
        let payload = solana_transfer(&self.group.keys[&self.key].verifying_key(), 5);
        let request = self.group.charter.sign_request(self.key, Chain::Solana, &payload, 1, self.group.now);
        let request = requested(&request, TREASURER);
        let approvals = if approved { self.approvals(request.hash::<SignRequest>(), policy) } else { Vec::new() };
        let review = Request::Review { request, approvals: list(approvals) };
        let group = &mut self.group;
        let mut ask = || group.ask(signer(1), review.clone());
        let Outcome::Done(Body::Review(reviewed)) = ask().outcome else { panic!("no review") };
        let standing = reviewed.unverified().expect("canonical").standing;
        assert!(
            matches!(standing, Standing::Signable | Standing::Waiting { signable_at: Some(_), .. }),
            "{standing:?}"
        );
        criterion.benchmark_group("gate").bench_function(name, |bencher| bencher.iter(|| black_box(ask())));
    }

    fn put_into_force(&mut self, rules: usize, verdict: Verdict) -> Hash {
        self.group.change_policy(|tenant| {
            let mut members: Vec<_> = core::mem::take(&mut tenant.members).into_vec();
            members.retain(|known| !BOARD.contains(&known.name.as_str()));
            members.extend(BOARD.map(|name| Member { credential: person().credential(), ..member(name) }));
            members.sort_by(|a, b| a.name.cmp(&b.name));
            tenant.members = list(members);
            let board = MemberSet { name: "board".parse().expect("a name"), members: list(BOARD.map(requester)) };
            tenant.sets = list([board]);
            let others = (1..rules).map(|number| grant(&format!("other-{number:04}"), &[Permission::Solana]));
            let last = Rule { verdict, ..grant(KEY, &[Permission::Solana]) };
            tenant.rules = list(others.chain([last]));
        })
    }

    fn approvals(&self, request: Hash, policy: Hash) -> Vec<Approval> {
        let group = self.group.charter.manifest.group;
        let says = |name| {
            let (member, stance, at) = (requester(name), Stance::Approve, self.group.now);
            let body = codec::encode(&ApprovalBody { group, request, policy, member, stance, at });
            let proof = person().confirm(&Tag::APPROVAL.hash(&body), PAGE);
            Approval { body: body.try_into().expect("short enough"), proof }
        };
        BOARD.map(says).into()
    }
}
