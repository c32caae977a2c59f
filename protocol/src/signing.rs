//! Releases signature shares: gate, ledger, nonces, share, receipt, in this order and in this one place.

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
    fault::Fault,
    gate::{Authorized, Denied, Grounds},
    keyring::Keyring,
    ledger::{Claim, Ledger},
    share::SignatureShare,
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
    pub(crate) ledger: &'a mut Ledger,
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
            Ok((package, shares)) => return Decision::released(&authorized, package, shares),
            Err(Fault::Refused(refusal)) => Denied { refusal, signed: Some(authorized.hash()) },
            Err(Fault::Fatal) => return Err(Fault::Fatal),
        },
    };
    signing.burn(item);
    Ok(Decision::refused(denied))
}

impl Signing<'_> {
    /// Makes the shares of an authorized request; for identical packages, the ones that were made.
    fn release(
        &mut self,
        request: &Authorized<SignRequest>,
        item: &SignItem,
    ) -> Result<(Hash, Vec<SignatureShare>), Fault> {
        let package = Tag::SIGNING_PACKAGE.hash(&codec::encode(&(request.hash(), &item.packages)));
        if let Claim::Answered(shares) = self.ledger.claim(self.now, request, package)? {
            return Ok((package, shares));
        }
        let key = self.keyring.get_mut(request.body().key).ok_or(Refusal::KeyUnknown)?;
        let shares =
            key.share().sign(self.now, self.me, request.child(), request.digests(), item.packages.as_slice())?;
        self.ledger.answered(package, &shares);
        Ok((package, shares))
    }

    fn burn(&mut self, item: &SignItem) {
        let key = codec::decode(item.request.body.as_slice()).map(|request: SignRequest| request.key);
        if let Some(key) = key.ok().and_then(|key| self.keyring.get_mut(key)) {
            key.share().burn(self.me, item.packages.as_slice());
        }
    }
}

impl Decision {
    fn released(request: &Authorized<SignRequest>, package: Hash, shares: Vec<SignatureShare>) -> Result<Self, Fault> {
        let SignRequest { id, key, ref tenant, .. } = *request.body();
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
        };
        Ok(Self { outcome: SignOutcome::Released(shares.try_into()?), event: Some(event) })
    }

    fn refused(Denied { refusal, signed }: Denied) -> Self {
        let event = signed.map(|request| Event::Refused { request, refusal });
        Self { outcome: SignOutcome::Refused(refusal), event }
    }
}
