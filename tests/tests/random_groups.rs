//! Whole random lives of random groups, under a host that drops, repeats and reorders: whatever happens, signers keep what they
//! promise, and the group goes on as soon as the host behaves.

use std::collections::{BTreeMap, BTreeSet};

use cloister_tests::{
    charter::{ANY_CHAIN, NOW, TREASURER, list, requested},
    group::{Group, Letter},
    payload::{solana_transfer, taproot_psbt},
    signature::verifies,
};
use cloister_wire::{
    ids::{CeremonyId, KeyId, RequestId, SignerId},
    message::{KeygenState, Package, Phase, Request, SignOutcome},
    request::{Chain, KeyRequest, Scheme, SignRequest},
};
use proptest::{prelude::*, sample::Index, test_runner::TestCaseResult};

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    /// A key generation through a host that interferes.
    Keygen { scheme: Scheme, interference: Vec<Interference> },
    /// A signature with a random signer set, and what is asked for again with its commitments.
    Sign { key: Index, signers: Vec<u16>, again: Again },
    /// All signers are killed and started again.
    Restart,
}

/// What the host does to the letter that is next, instead of delivering it.
#[derive(Clone, Debug)]
enum Interference {
    Deliver,
    Drop,
    Repeat,
    /// Puts it behind the others.
    Delay,
}

/// What is asked for with commitments that were used.
#[derive(Clone, Debug)]
enum Again {
    Same,
    OtherMessage,
    OtherSigners,
}

fn schemes() -> impl Strategy<Value = Scheme> {
    prop_oneof![Just(Scheme::Ed25519), Just(Scheme::Secp256k1Taproot), Just(Scheme::Secp256k1Schnorr)]
}

fn interference() -> impl Strategy<Value = Interference> {
    prop_oneof![
        12 => Just(Interference::Deliver),
        1 => Just(Interference::Drop),
        2 => Just(Interference::Repeat),
        2 => Just(Interference::Delay),
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let again = prop_oneof![Just(Again::Same), Just(Again::OtherMessage), Just(Again::OtherSigners)];
    let signers = Just((1..=5).collect::<Vec<u16>>()).prop_shuffle();
    prop_oneof![
        4 => (schemes(), prop::collection::vec(interference(), 0..40))
            .prop_map(|(scheme, interference)| Event::Keygen { scheme, interference }),
        6 => (any::<Index>(), signers, again).prop_map(|(key, signers, again)| Event::Sign { key, signers, again }),
        1 => Just(Event::Restart),
    ]
}

fn sizes() -> impl Strategy<Value = (u16, u16)> {
    (2..=5_u16).prop_flat_map(|signers| (2..=signers, Just(signers)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold_through_random_lives((threshold, signers) in sizes(), seed: u32, first: Index, events in prop::collection::vec(events(), 1..12)) {
        let mut life = Life { group: Group::founded(threshold, signers, seed.into()), requests: 0, shares: BTreeMap::new() };
        for event in events {
            match event {
                Event::Keygen { scheme, interference } => life.keygen(scheme, interference)?,
                Event::Sign { key, signers, again } => life.sign(&key, &signers, &again)?,
                Event::Restart => life.group.restart(),
            }
            life.everybody_is_well()?;
        }
        // Whatever happened, an honest host makes a key and a signature now.
        life.group.introduce_all();
        life.keygen(Scheme::Ed25519, Vec::new())?;
        prop_assert!(!life.group.keys.is_empty());
        life.sign(&first, &[1, 2, 3, 4, 5], &Again::Same)?;
    }
}

struct Life {
    group: Group,
    requests: u8,
    /// What each signer released under each of its commitments.
    shares: BTreeMap<(SignerId, Vec<u8>), BTreeSet<Vec<u8>>>,
}

impl Life {
    fn next(&mut self) -> RequestId {
        self.requests += 1;
        RequestId::from_bytes([self.requests; 16])
    }

    /// Either every signer gets a share of the same key, or none gets one that is usable.
    fn keygen(&mut self, scheme: Scheme, interference: Vec<Interference>) -> TestCaseResult {
        let request = self.key_request(scheme);
        let opened = self.group.open_keygen(&requested(&request, TREASURER));
        let ceremony = self.group.start_opened(&opened);
        self.carry(interference);
        if self.all_made(ceremony) {
            let key = self.group.certify(ceremony);
            let public = self.group.keys[&key].body().public_key;
            prop_assert!(!public.as_slice().is_empty());
            return Ok(());
        }
        let before = self.keys_of_all();
        for contribution in opened {
            let nonce = contribution.nonce;
            self.group.done(contribution.signer, Request::Abandon { nonce });
        }
        prop_assert_eq!(self.keys_of_all(), before, "a ceremony that did not end leaves no key");
        self.group.introduce_all();
        Ok(())
    }

    /// The policy has one name for each scheme; later keys of it get names of their own and only ever sign nothing.
    fn key_request(&mut self, scheme: Scheme) -> KeyRequest {
        let taken = |group: &Group, name: &str| group.keys.values().any(|key| key.body().name.as_str() == name);
        let named = ANY_CHAIN.into_iter().find(|(name, of)| *of == scheme && !taken(&self.group, name));
        let name = named.map_or_else(|| format!("spare-{}", self.requests), |(name, _)| name.to_owned());
        KeyRequest { id: self.next(), ..self.group.charter.key_request(&name, scheme, self.group.now) }
    }

    /// Empties the post. What a signer refuses is lost.
    fn carry(&mut self, interference: Vec<Interference>) {
        let mut interference = interference.into_iter();
        while let Some(letter) = self.group.post.pop_front() {
            match interference.next().unwrap_or(Interference::Deliver) {
                Interference::Deliver => drop(self.group.deliver(letter)),
                Interference::Drop => {}
                Interference::Delay => self.group.post.push_back(letter),
                Interference::Repeat => {
                    let again: Letter = letter.clone();
                    self.group.deliver(letter);
                    self.group.deliver(again);
                }
            }
        }
    }

    fn all_made(&mut self, ceremony: CeremonyId) -> bool {
        let signers = self.group.charter.signers();
        signers.into_iter().all(|signer| matches!(self.group.keygen(signer, ceremony), KeygenState::Sealed { .. }))
    }

    fn keys_of_all(&mut self) -> Vec<u16> {
        let signers = self.group.charter.signers();
        signers.into_iter().map(|signer| self.group.machine(signer).status(NOW).keys).collect()
    }

    /// Signs with the first *t* of these signers, verifies, and asks for more with the same commitments.
    fn sign(&mut self, key: &Index, signers: &[u16], again: &Again) -> TestCaseResult {
        let usable: Vec<KeyId> = self.signing_keys();
        if usable.is_empty() {
            return Ok(());
        }
        let key = *key.get(&usable);
        let mut known: Vec<_> =
            signers.iter().copied().filter(|id| usize::from(*id) <= self.group.machines.len()).collect();
        let others: Vec<_> = known.split_off(self.group.charter.manifest.threshold.into());
        known.sort_unstable();
        let signers: Vec<SignerId> = known.into_iter().map(|id| id.try_into().unwrap()).collect();
        let request = self.request(key);
        let messages = self.group.messages(&request);
        let packages = self.group.commit(key, &signers, messages.len());
        let mut shares = Vec::new();
        for signer in &signers {
            shares.push(self.released(*signer, &request, &packages).expect("an honest request is granted"));
        }
        let stored = &self.group.keys[&key];
        for (digest, message) in messages.iter().enumerate() {
            let shares: Vec<_> = shares.iter().map(|of| of[digest].as_slice()).collect();
            let signature = stored.aggregate(message, &packages[digest], &shares);
            prop_assert!(verifies(stored.body().scheme, &stored.verifying_key(), message, &signature));
        }
        self.ask_again(&request, &signers, others.first().copied(), &packages, &shares, again)
    }

    fn ask_again(
        &mut self,
        request: &SignRequest,
        signers: &[SignerId],
        other: Option<u16>,
        packages: &[Package],
        shares: &[Vec<Vec<u8>>],
        again: &Again,
    ) -> TestCaseResult {
        let first = signers[0];
        match (again, other) {
            (Again::Same, _) | (Again::OtherSigners, None) => {
                let repeated = self.released(first, request, packages);
                prop_assert_eq!(repeated.as_ref(), Some(&shares[0]), "the same answer to the same question");
            }
            (Again::OtherMessage, _) => {
                let other = self.request(request.key);
                prop_assert_eq!(self.released(first, &other, packages), None);
            }
            (Again::OtherSigners, Some(other)) => {
                let fresh = self.group.commit(request.key, &[other.try_into().unwrap()], packages.len());
                let rebound = packages.iter().zip(fresh).map(|(package, fresh)| {
                    let mut entries = package.clone().into_vec();
                    entries.pop();
                    entries.extend(fresh.into_vec());
                    entries.sort_by_key(|entry| entry.signer);
                    list(entries)
                });
                let rebound: Vec<Package> = rebound.collect();
                if signers.len() > 1 {
                    prop_assert_eq!(self.released(first, request, &rebound), None);
                }
            }
        }
        Ok(())
    }

    /// Asks for shares and books them under the commitments that they used.
    fn released(&mut self, signer: SignerId, request: &SignRequest, packages: &[Package]) -> Option<Vec<Vec<u8>>> {
        let SignOutcome::Released(shares) = self.group.sign(signer, &requested(request, TREASURER), packages) else {
            return None;
        };
        let shares: Vec<_> = shares.into_vec().into_iter().map(|share| share.into_vec()).collect();
        for (package, share) in packages.iter().zip(&shares) {
            let own = package.iter().find(|entry| entry.signer == signer).unwrap().commitment.clone().into_vec();
            self.shares.entry((signer, own)).or_default().insert(share.clone());
        }
        Some(shares)
    }

    /// The keys that the policy has a rule for.
    fn signing_keys(&self) -> Vec<KeyId> {
        let named = |name: &str| ANY_CHAIN.iter().any(|(known, _)| *known == name);
        self.group.keys.iter().filter(|(_, key)| named(key.body().name.as_str())).map(|(id, _)| *id).collect()
    }

    /// A transaction where the scheme has a chain, a text where not.
    fn request(&mut self, key: KeyId) -> SignRequest {
        let public = self.group.keys[&key].verifying_key();
        let lamports = u64::from(self.requests);
        let (chain, payload) = match self.group.keys[&key].body().scheme {
            Scheme::Ed25519 => (Chain::Solana, solana_transfer(&public, lamports)),
            Scheme::Secp256k1Taproot => {
                (Chain::Bitcoin, taproot_psbt(&vec![&public[1..]; 1 + usize::from(self.requests % 3)]))
            }
            Scheme::Secp256k1Schnorr | Scheme::Secp256k1Ecdsa => {
                (Chain::Message, format!("number {lamports}").into_bytes())
            }
        };
        let id = self.next();
        SignRequest { id, ..self.group.charter.sign_request(key, chain, &payload, 0, self.group.now) }
    }

    /// Nobody has halted, and no commitment has given two shares.
    fn everybody_is_well(&mut self) -> TestCaseResult {
        for signer in self.group.charter.signers() {
            prop_assert_eq!(self.group.machine(signer).status(NOW).phase, Phase::Active);
        }
        prop_assert!(self.shares.values().all(|shares| shares.len() == 1), "two shares from one commitment");
        Ok(())
    }
}
