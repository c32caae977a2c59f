//! Releases signature shares: gate, request id, nonces, share, receipt, in this order and in this one place.

use cloister_wire::{
    codec,
    ids::{Hash, SignerId, UnixMillis},
    message::{SignItem, SignOutcome},
    receipt::Event,
    refusal::Refusal,
    request::SignRequest,
    tag::Tag,
};

use crate::{
    answers::Answers,
    fault::Fault,
    gate::{Authorized, Denied, Grounds},
    keyring::Keyring,
    share::SignatureShare,
    state::RequestIds,
};

/// What one item of a batch came to, and the receipt it leaves.
pub(crate) struct Decision {
    pub(crate) outcome: SignOutcome,
    pub(crate) event: Option<Event>,
}

/// The memory that signing uses.
pub(crate) struct Signing<'a> {
    pub(crate) me: SignerId,
    pub(crate) now: UnixMillis,
    pub(crate) keyring: &'a mut Keyring,
    pub(crate) answers: &'a mut Answers,
    pub(crate) requests: &'a RequestIds,
    /// How many of them each tenant may have.
    pub(crate) part: usize,
}

/// Shares for one request.
struct Release {
    package: Hash,
    /// Which attempt at the request it is, from 1.
    attempt: u8,
    shares: Vec<SignatureShare>,
}

/// Decides one item. A refusal uses up the commitments that the item names: the host drops them in any case.
pub(crate) fn decide(
    item: &SignItem,
    authorized: Result<Authorized<SignRequest>, Denied>,
    signing: &mut Signing<'_>,
) -> Result<Decision, Fault> {
    let denied = match authorized {
        Err(denied) => denied,
        Ok(authorized) => match signing.release(&authorized, item) {
            Ok(release) => return Decision::released(&authorized, release),
            Err(Fault::Refused(refusal)) => {
                Denied { refusal, signed: Some((authorized.hash(), authorized.body().tenant.clone())) }
            }
            Err(Fault::Fatal) => return Err(Fault::Fatal),
        },
    };
    signing.burn(item);
    Ok(Decision::refused(denied))
}

impl Signing<'_> {
    /// Makes the shares of an authorized request; for identical packages, the ones that were made.
    fn release(&mut self, request: &Authorized<SignRequest>, item: &SignItem) -> Result<Release, Fault> {
        let package = Tag::SIGNING_PACKAGE.hash(&codec::encode(&(request.hash(), &item.packages)));
        let (asked, hash) = (request.body(), request.hash());
        if let Some(shares) = self.answers.get(&package) {
            let attempt = self.requests.attempts((&asked.tenant, &asked.requester), asked.id, &hash, self.part)?;
            return Ok(Release { package, attempt, shares: shares.to_vec() });
        }
        let attempt = self.requests.next_attempt((&asked.tenant, &asked.requester), asked.id, &hash, self.part)?;
        let key = self.keyring.get_mut(request.body().key).ok_or(Refusal::KeyUnknown)?;
        let shares =
            key.share().sign(self.now, self.me, request.child(), request.digests(), item.packages.as_slice())?;
        self.answers.keep(package, &shares);
        Ok(Release { package, attempt, shares })
    }

    fn burn(&mut self, item: &SignItem) {
        let key = codec::decode(item.request.body.as_slice()).map(|request: SignRequest| request.key);
        if let Some(key) = key.ok().and_then(|key| self.keyring.get_mut(key)) {
            key.share().burn(self.me, item.packages.as_slice());
        }
    }
}

impl Decision {
    fn released(request: &Authorized<SignRequest>, release: Release) -> Result<Self, Fault> {
        let SignRequest { id, key, ref tenant, ref requester, not_after, .. } = *request.body();
        let Release { package, attempt, shares } = release;
        let Grounds { rule, approved, effects, charges, session } = request.grounds().clone();
        let (approved, charges) = (approved.try_into()?, charges.try_into()?);
        let request = request.hash();
        let event = Event::Released {
            request,
            id,
            key,
            package,
            tenant: tenant.clone(),
            rule,
            approved,
            effects,
            charges,
            session,
            requester: requester.clone(),
            attempt,
            not_after,
        };
        Ok(Self { outcome: SignOutcome::Released(shares.try_into()?), event: Some(event) })
    }

    fn refused(Denied { refusal, signed }: Denied) -> Self {
        let event = signed.map(|(request, tenant)| Event::Refused { request, refusal, tenant });
        Self { outcome: SignOutcome::Refused(refusal), event }
    }
}
