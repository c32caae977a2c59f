//! Session keys: what a member delegates to another key, and ending that before its time.

use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    bounded::Bytes,
    codec,
    credential::Credential as SessionCredential,
    delegation::{Delegation, DelegationBody},
    ids::{GroupId, Hash},
    limits,
    policy::{Incoherent, Rule, TenantPolicy},
    tag::Tag,
};
use serde::Serialize;

use crate::{
    api::to_base64,
    boot,
    error::Error,
    operator::{self, PlanError},
    policy_file::{self, NotAPolicy},
    requester::Credential,
    requests::Unsaid,
    session::Attested,
};

#[derive(Serialize)]
struct RevocationQuestion {
    delegation: String,
    withdrawal: String,
}

/// Reads a scope: one rule as policy files have it, which has to make sense among the tenant's lists.
///
/// # Errors
/// [`NotAPolicy`], with the place.
pub fn scope(text: &str, tenant: &TenantPolicy) -> Result<Rule, NotAPolicy> {
    let rule = policy_file::rule(text)?;
    let lone = TenantPolicy { rules: operator::list("rules", vec![rule])?, ..tenant.clone() };
    let lone = operator::in_order(lone)?;
    let scope = lone.rules.as_slice().first().expect("the one that was put there");
    let wrong = |what| Incoherent { tenant: tenant.tenant.clone(), rule: Some(scope.name.clone()), what };
    lone.check_scope(scope).map_err(wrong).map_err(PlanError::from)?;
    Ok(scope.clone())
}

/// The scope in TOML.
#[must_use]
pub fn scope_to_toml(scope: &Rule) -> String {
    policy_file::rule_to_toml(scope)
}

impl Credential {
    /// Lets a session key ask in this member's name for what is in `scope`, from now on for so many milliseconds.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a scope over [`limits::DELEGATION`], [`Error::NoRandomness`].
    pub fn delegate(
        &self,
        group: GroupId,
        session: SessionCredential,
        scope: Rule,
        life_ms: u64,
    ) -> Result<Delegation, Error> {
        let from = boot::now();
        let until = from.plus(life_ms);
        let (tenant, by) = (self.tenant.clone(), self.name.clone());
        let body = codec::encode(&DelegationBody { group, tenant, by, session, scope, from, until });
        let body: Bytes<{ limits::DELEGATION }> =
            body.try_into().map_err(|why| Error::TooLarge { what: "scope", why })?;
        Ok(Delegation { proof: self.secret.prove(&Tag::DELEGATION.hash(body.as_slice()))?, body })
    }

    /// Takes a delegation of this member back, under the policy of this hash.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn withdraw(&self, group: GroupId, delegation: &Delegation, policy: Hash) -> Result<Approval, Error> {
        let (request, member, at) = (delegation.hash(), self.name.clone(), boot::now());
        let body = ApprovalBody { group, request, policy, member, stance: Stance::Withdraw, at };
        Unsaid::new(&body).prove(&self.secret)
    }
}

impl Attested {
    /// Has every signer that can be reached end a session key; says which did.
    ///
    /// # Errors
    /// What hosts and signers say.
    pub async fn revoke(&self, delegation: &Delegation, withdrawal: &Approval) -> Result<Vec<u16>, Error> {
        let (delegation, withdrawal) = (to_base64(delegation), to_base64(withdrawal));
        let question = RevocationQuestion { delegation, withdrawal };
        self.api().tell("/v1/sessions/revoke", &question).await
    }
}
