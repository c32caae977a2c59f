//! Random lives of a policy with approvals, a delay and a limit, under a host that gives each signer what it likes, when it likes, and
//! under crashes. Beside the signers runs a model, as short as the rules are said in `docs/policy.md`; every answer has to be the model's.

use std::collections::{BTreeMap, BTreeSet};

use cloister_tests::{
    charter::{CLERK, HOUR, TREASURER, grant, list, member, quantity, requested, requester, secret, signer},
    group::Group,
    machine::refusal,
    payload::solana_transfer,
};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    endorsement::Endorsed,
    ids::{Hash, KeyId, Nonce, RequestId, SignerId, UnixMillis},
    message::{Package, Request, SignOutcome},
    policy::{AssetName, Limit, Measure, MemberSet, Network, Per, Permission, Quorum, Rule, Verdict},
    refusal::Refusal,
    request::{Chain, Requested, Scheme, SignRequest},
    switch::{Closing, Opening, Scope},
};
use proptest::{prelude::*, sample::Index, test_runner::TestCaseResult};

const KEY: &str = "ed25519";
const SIGNERS: u16 = 3;
/// What a limit counts of a transfer beside its amount.
const FEE: u64 = 5_000;
const LIMIT: u64 = 30_000;
/// Members of the board. The requester is one of them.
const BOARD: [&str; 4] = ["ann", "bob", CLERK, TREASURER];
const ATTEMPTS: u8 = 8;

/// What happens next. Members say what they say once; the host keeps all of it and uses it when it likes.
#[derive(Clone, Debug)]
enum Step {
    Propose {
        lamports: u64,
    },
    Approve {
        request: Index,
        member: usize,
    },
    Sign {
        at: u16,
        request: Index,
        approvals: Choice,
    },
    /// The packages of the last signature of this request at this signer again.
    Repeat {
        at: u16,
        request: Index,
        approvals: Choice,
    },
    Review {
        at: u16,
        request: Index,
        approvals: Choice,
    },
    Withdraw {
        at: u16,
        request: Index,
        member: usize,
    },
    Close {
        at: u16,
    },
    Open {
        at: u16,
    },
    Wait {
        minutes: u64,
    },
    Crash {
        at: u16,
    },
}

/// Which approvals the host gives with a request.
#[derive(Clone, Debug)]
enum Choice {
    /// One of each member that has approved it, the requester left out: what an honest host gives.
    Honest,
    /// Any of all that it has.
    Any(Vec<Index>),
}

fn steps() -> impl Strategy<Value = Step> {
    let at = || 1..=SIGNERS;
    let request = || any::<Index>();
    let any_of_all = || prop::collection::vec(any::<Index>(), 0..4).prop_map(Choice::Any);
    let approvals = || prop_oneof![3 => Just(Choice::Honest), 1 => any_of_all()];
    let member = || 0..BOARD.len();
    prop_oneof![
        4 => (0..=15_000_u64).prop_map(|lamports| Step::Propose { lamports }),
        12 => (request(), member()).prop_map(|(request, member)| Step::Approve { request, member }),
        16 => (at(), request(), approvals()).prop_map(|(at, request, approvals)| Step::Sign { at, request, approvals }),
        4 => (at(), request(), approvals()).prop_map(|(at, request, approvals)| Step::Repeat { at, request, approvals }),
        8 => (at(), request(), approvals()).prop_map(|(at, request, approvals)| Step::Review { at, request, approvals }),
        2 => (at(), request(), member()).prop_map(|(at, request, member)| Step::Withdraw { at, request, member }),
        1 => at().prop_map(|at| Step::Close { at }),
        1 => at().prop_map(|at| Step::Open { at }),
        4 => (1..=40_u64).prop_map(|minutes| Step::Wait { minutes }),
        1 => at().prop_map(|at| Step::Crash { at }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_signer_decides_as_the_rules_say_whatever_the_host_does(
        count in 1..=3_u16,
        delayed in any::<bool>(),
        steps in prop::collection::vec(steps(), 1..80),
    ) {
        let mut life = Life::new(count, if delayed { 10 * MINUTE } else { 0 });
        for step in steps {
            life.take(&step)?;
        }
    }
}

/// What the model knows of one signer.
#[derive(Default)]
struct Known {
    /// When it released a share for a request last, and how often with other packages.
    released: BTreeMap<Hash, (UnixMillis, u8)>,
    /// When a request may be signed, of those with their approvals.
    signable: BTreeMap<Hash, UnixMillis>,
    withdrawn: BTreeSet<Hash>,
    closed: BTreeSet<Hash>,
    lifted: BTreeSet<Hash>,
    /// The last packages that gave shares, and the shares.
    last: BTreeMap<Hash, (Vec<Package>, SignOutcome)>,
}

struct Life {
    group: Group,
    key: KeyId,
    policy: Hash,
    count: u16,
    delay: u64,
    started: UnixMillis,
    requests: Vec<(SignRequest, Requested, u64)>,
    /// What members have said: the request, who, and the document.
    approvals: Vec<(Hash, &'static str, Approval)>,
    closings: Vec<Endorsed<Closing>>,
    known: BTreeMap<SignerId, Known>,
}

const MINUTE: u64 = 60_000;

impl Life {
    fn new(count: u16, delay: u64) -> Self {
        let mut group = Group::founded(2, SIGNERS, 1);
        let key = group.make_key(KEY, Scheme::Ed25519);
        let policy = group.change_policy(|tenant| {
            let mut members = core::mem::take(&mut tenant.members).into_vec();
            members.extend(["ann", "bob"].map(member));
            members.sort_by(|a, b| a.name.cmp(&b.name));
            tenant.members = list(members);
            tenant.sets = list([MemberSet { name: "board".parse().unwrap(), members: list(BOARD.map(requester)) }]);
            let most = quantity(LIMIT);
            let measure = Measure::Spending { network: Network::Solana, asset: AssetName::Native, most };
            tenant.limits =
                list([Limit { name: "hourly".parse().unwrap(), measure, window_ms: HOUR, per: Per::Tenant }]);
            let verdict = Verdict::Approve(Quorum { set: "board".parse().unwrap(), count, delay_ms: delay });
            let within = list(["hourly".parse().unwrap()]);
            tenant.rules = list([Rule { verdict, within, ..grant(KEY, &[Permission::Solana]) }]);
        });
        let (started, known) = (group.now, (1..=SIGNERS).map(|id| (signer(id), Known::default())).collect());
        let (requests, approvals, closings) = (Vec::new(), Vec::new(), Vec::new());
        Self { group, key, policy, count, delay, started, requests, approvals, closings, known }
    }

    fn take(&mut self, step: &Step) -> TestCaseResult {
        match step {
            Step::Propose { lamports } => self.propose(*lamports),
            Step::Wait { minutes } => self.group.now = self.group.now.plus(minutes * MINUTE),
            Step::Crash { at } => self.crash(signer(*at)),
            Step::Close { at } => self.close(signer(*at)),
            Step::Open { at } => self.open(signer(*at)),
            _ if self.requests.is_empty() => {}
            Step::Approve { request, member } => self.approve(request, BOARD[*member]),
            Step::Withdraw { at, request, member } => return self.withdraw(signer(*at), request, BOARD[*member]),
            Step::Review { at, request, approvals } => return self.review(signer(*at), request, approvals),
            Step::Sign { at, request, approvals } => return self.sign(signer(*at), request, approvals),
            Step::Repeat { at, request, approvals } => return self.repeat(signer(*at), request, approvals),
        }
        Ok(())
    }

    fn propose(&mut self, lamports: u64) {
        let payload = solana_transfer(&self.group.keys[&self.key].verifying_key(), lamports);
        let mut request = self.group.charter.sign_request(self.key, Chain::Solana, &payload, 0, self.group.now);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(self.requests.len() as u64).to_be_bytes());
        request.id = RequestId::from_bytes(id);
        let signed = requested(&request, TREASURER);
        self.requests.push((request, signed, lamports + FEE));
    }

    fn says(&self, request: Hash, member: &str, stance: Stance) -> Approval {
        let (group, policy, at) = (self.group.charter.manifest.group, self.policy, self.group.now);
        let body = ApprovalBody { group, request, policy, member: requester(member), stance, at };
        Approval::sign(&body, &secret(member)).unwrap()
    }

    fn approve(&mut self, request: &Index, member: &'static str) {
        let hash = request.get(&self.requests).1.hash::<SignRequest>();
        let approval = self.says(hash, member, Stance::Approve);
        self.approvals.push((hash, member, approval));
    }

    fn crash(&mut self, at: SignerId) {
        self.group.restart_one(at);
        self.started = self.group.now;
        self.known.insert(at, Known::default());
        // A start ends the delays that run.
        self.known.values_mut().for_each(|known| known.signable.clear());
    }

    fn close(&mut self, at: SignerId) {
        let charter = &self.group.charter;
        let nonce = Nonce::from_bytes([u8::try_from(self.closings.len()).unwrap(); 32]);
        let closing =
            Closing { group: charter.manifest.group, manifest: charter.hash(), scope: Scope::Key(self.key), nonce };
        let closing = charter.endorse_by(&closing, &[0]);
        self.group.done(at, Request::Close { closing: closing.clone() });
        self.known.get_mut(&at).unwrap().closed.insert(closing.hash());
        self.closings.push(closing);
    }

    /// Lifts all closings, of which the host then repeats the first.
    fn open(&mut self, at: SignerId) {
        let charter = &self.group.charter;
        let closings: Vec<_> = self.closings.iter().map(Endorsed::hash).take(8).collect();
        let opening = Opening {
            group: charter.manifest.group,
            manifest: charter.hash(),
            closings: list(closings.iter().copied()),
        };
        let opening = charter.endorse(&opening);
        self.group.done(at, Request::Open { opening });
        let known = self.known.get_mut(&at).unwrap();
        known
            .lifted
            .extend(closings.iter().filter(|closing| known.closed.remove(*closing)).copied().collect::<Vec<_>>());
        if let Some(closing) = self.closings.first().cloned() {
            let hash = closing.hash();
            self.group.done(at, Request::Close { closing });
            if !known.lifted.contains(&hash) {
                known.closed.insert(hash);
            }
        }
    }

    fn withdraw(&mut self, at: SignerId, request: &Index, member: &str) -> TestCaseResult {
        let (request, signed, _) = request.get(&self.requests).clone();
        let hash = signed.hash::<SignRequest>();
        let withdrawal = self.says(hash, member, Stance::Withdraw);
        let reply = self.group.ask(at, Request::Withdraw { request: signed, withdrawal });
        let expected = self.in_time(&request);
        prop_assert_eq!(refusal(&reply), expected);
        if expected.is_none() {
            self.known.get_mut(&at).unwrap().withdrawn.insert(hash);
        }
        Ok(())
    }

    fn review(&mut self, at: SignerId, request: &Index, approvals: &Choice) -> TestCaseResult {
        let (request, signed, amount) = request.get(&self.requests).clone();
        let hash = signed.hash::<SignRequest>();
        let chosen = self.chosen(hash, approvals);
        let documents = list(chosen.iter().map(|(_, _, approval)| approval.clone()));
        let reply = self.group.ask(at, Request::Review { request: signed, approvals: documents });
        let stopped = self.stopped(at, hash).is_some() || !self.has_room(at, hash, amount);
        let begins = match (self.in_time(&request), stopped, self.count_of(hash, &chosen)) {
            (Some(refusal), ..) => Err(refusal),
            (None, true, _) => Ok(false),
            (None, false, None) => Err(Refusal::ApprovalInvalid),
            (None, false, Some(approvals)) => Ok(approvals >= usize::from(self.count) && self.delay > 0),
        };
        prop_assert_eq!(refusal(&reply), begins.err());
        if begins == Ok(true) {
            let at_last = self.group.now.plus(self.delay);
            self.known.get_mut(&at).unwrap().signable.entry(hash).or_insert(at_last);
        }
        Ok(())
    }

    fn sign(&mut self, at: SignerId, request: &Index, approvals: &Choice) -> TestCaseResult {
        let other = if at == signer(1) { signer(2) } else { signer(1) };
        let mut signers = [at, other];
        signers.sort_unstable();
        let packages = self.group.commit(self.key, &signers, 1);
        self.ask(at, request, approvals, &packages, Attempt::Another)
    }

    fn repeat(&mut self, at: SignerId, request: &Index, approvals: &Choice) -> TestCaseResult {
        let hash = request.get(&self.requests).1.hash::<SignRequest>();
        let Some((packages, _)) = self.known[&at].last.get(&hash).cloned() else { return Ok(()) };
        self.ask(at, request, approvals, &packages, Attempt::Same)
    }

    fn ask(
        &mut self,
        at: SignerId,
        request: &Index,
        approvals: &Choice,
        packages: &[Package],
        attempt: Attempt,
    ) -> TestCaseResult {
        let (request, signed, amount) = request.get(&self.requests).clone();
        let hash = signed.hash::<SignRequest>();
        let chosen = self.chosen(hash, approvals);
        let documents: Vec<_> = chosen.iter().map(|(_, _, approval)| approval.clone()).collect();
        let expected = self.decision(at, &request, hash, amount, &chosen, attempt);
        let outcome = self.group.sign_approved(at, &signed, packages, &documents);
        let (now, known) = (self.group.now, self.known.get_mut(&at).unwrap());
        match (&outcome, expected) {
            (SignOutcome::Refused(refusal), Some(expected)) => prop_assert_eq!(*refusal, expected),
            (SignOutcome::Released(_), None) => {
                let (last, attempts) = known.released.entry(hash).or_default();
                *last = now;
                *attempts += u8::from(attempt == Attempt::Another);
                if attempt == Attempt::Same {
                    prop_assert_eq!(&known.last[&hash].1, &outcome, "the same shares");
                }
                known.last.insert(hash, (packages.to_vec(), outcome));
            }
            (_, expected) => prop_assert!(false, "{outcome:?} where {expected:?} was expected"),
        }
        Ok(())
    }

    /// What signer `at` has to refuse the request with, if it has to.
    fn decision(
        &self,
        at: SignerId,
        request: &SignRequest,
        hash: Hash,
        amount: u64,
        approvals: &[Said],
        attempt: Attempt,
    ) -> Option<Refusal> {
        let known = &self.known[&at];
        let (_, attempts) = known.released.get(&hash).copied().unwrap_or_default();
        let count = self.count_of(hash, approvals);
        let over = self.delay == 0 || known.signable.get(&hash).is_some_and(|at| *at <= self.group.now);
        let exhausted = attempt == Attempt::Another && attempts == ATTEMPTS;
        self.in_time(request)
            .or_else(|| self.stopped(at, hash))
            .or_else(|| (!self.has_room(at, hash, amount)).then_some(Refusal::LimitReached))
            .or_else(|| count.is_none().then_some(Refusal::ApprovalInvalid))
            .or_else(|| (count < Some(self.count.into())).then_some(Refusal::ApprovalsMissing))
            .or_else(|| (!over).then_some(Refusal::DelayRunning))
            .or_else(|| exhausted.then_some(Refusal::RetriesExhausted))
    }

    fn in_time(&self, request: &SignRequest) -> Option<Refusal> {
        match self.group.now {
            now if now >= request.not_after => Some(Refusal::Expired),
            _ if request.issued_at < self.started => Some(Refusal::BeforeStart),
            _ => None,
        }
    }

    fn stopped(&self, at: SignerId, request: Hash) -> Option<Refusal> {
        let known = &self.known[&at];
        match known.withdrawn.contains(&request) {
            true => Some(Refusal::Withdrawn),
            false => (!known.closed.is_empty()).then_some(Refusal::SwitchClosed),
        }
    }

    /// Whether what this signer has released within the hour, each request once, leaves room for this one.
    fn has_room(&self, at: SignerId, request: Hash, amount: u64) -> bool {
        let counts =
            |(hash, (last, _)): &(&Hash, &(UnixMillis, u8))| **hash != request && last.plus(HOUR) > self.group.now;
        let others = self.known[&at].released.iter().filter(counts).map(|(hash, _)| self.amount(*hash)).sum::<u64>();
        others + amount <= LIMIT
    }

    fn amount(&self, request: Hash) -> u64 {
        self.requests.iter().find(|(_, signed, _)| signed.hash::<SignRequest>() == request).unwrap().2
    }

    /// How many approve, if every one of these counts.
    fn count_of(&self, request: Hash, approvals: &[Said]) -> Option<usize> {
        let members: BTreeSet<_> = approvals.iter().map(|(_, member, _)| *member).collect();
        let good = approvals.iter().all(|(of, member, _)| *of == request && *member != TREASURER);
        (good && members.len() == approvals.len()).then_some(members.len())
    }

    fn chosen(&self, request: Hash, approvals: &Choice) -> Vec<Said> {
        let all = &self.approvals;
        match approvals {
            Choice::Any(_) if all.is_empty() => Vec::new(),
            Choice::Any(indices) => indices.iter().map(|index| index.get(all).clone()).collect(),
            Choice::Honest => {
                let good = all.iter().filter(|(of, member, _)| *of == request && *member != TREASURER);
                let once: BTreeMap<_, _> = good.map(|said| (said.1, said.clone())).collect();
                once.into_values().collect()
            }
        }
    }
}

type Said = (Hash, &'static str, Approval);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Another,
    Same,
}
