//! Puts policies into force, one version after the other.

use cloister_wire::{
    endorsement::Endorsed,
    ids::{PolicyVersion, SignerId},
    message::Request,
    policy::Policy,
    refusal::Refusal,
};
use futures_util::future::join_all;

use super::Coordinator;
use crate::{
    desk::fresh_nonce,
    problem::{HostCode, Problem},
    store::DocumentKind,
};

impl Coordinator {
    /// Gives a policy to every signer that can be reached, with the versions before it that a signer has missed. Fewer signers than
    /// the threshold are a failure; the others get it when it is posted again, or by the next start order.
    pub(crate) async fn apply_policy(
        &self,
        policy: Endorsed<Policy>,
    ) -> Result<(PolicyVersion, Vec<SignerId>), Problem> {
        let version = self.verify(&policy)?.version;
        let results = join_all(self.signers.ids().map(|signer| self.bring_up(signer, version, &policy))).await;
        let (mut applied, mut failure) = (Vec::new(), None);
        for (signer, result) in self.signers.ids().zip(results) {
            match result {
                Ok(()) => applied.push(signer),
                Err(problem) if problem.is(HostCode::SignerUnreachable) => failure = Some(problem),
                Err(problem) => return Err(problem),
            }
        }
        match failure {
            Some(problem) if applied.len() < usize::from(self.signers.manifest.threshold) => Err(problem),
            _ => Ok((version, applied)),
        }
    }

    async fn bring_up(
        &self,
        signer: SignerId,
        version: PolicyVersion,
        policy: &Endorsed<Policy>,
    ) -> Result<(), Problem> {
        let (status, _) = self.signers.status(signer, fresh_nonce()?).await?;
        let in_force = status.policy.ok_or_else(|| Problem::refused(Refusal::WrongPhase).at(signer))?;
        for missed in in_force.0 + 1..version.0 {
            let earlier = self.signers.desk.store.document(DocumentKind::Policy, missed).await?;
            let missing = || {
                Problem::refused(Refusal::PolicyMismatch)
                    .because(format!("version {missed} is not in the store"))
                    .at(signer)
            };
            self.signers.ask(signer, &Request::ApplyPolicy { policy: earlier.ok_or_else(missing)? }).await?;
        }
        if in_force < version {
            self.signers.ask(signer, &Request::ApplyPolicy { policy: policy.clone() }).await?;
        } else if status.policy_hash != Some(policy.hash()) {
            let other = format!("version {in_force} is in force already, and it is another policy");
            return Err(Problem::refused(Refusal::PolicyMismatch).because(other).at(signer));
        }
        Ok(())
    }
}
