//! Why an operator's plan cannot be carried out.

use cloister_wire::{
    bounded::TooLong,
    ids::{Incarnation, KeyName, Requester, RuleName, SetName, SignerId},
    policy::Incoherent,
    signature::PublicKey,
};

/// Why an operator's plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A list that is too long.
    #[error("too many {what}: {why}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The numbers.
        why: TooLong,
    },
    /// A signer number that the group cannot have.
    #[error("a group has 1 to 32 signers")]
    Signers,
    /// The key is no operator's.
    #[error("{0} is no operator key of this manifest")]
    NotAnOperator(Box<PublicKey>),
    /// The operator has signed already.
    #[error("operator {0} has signed this document already")]
    SignedAlready(u16),
    /// A boot stands twice for one signer.
    #[error("signer {0} has two boots: name the one that is to count")]
    TwoBoots(SignerId),
    /// At genesis every signer takes part.
    #[error("genesis needs every signer: {named} of {signers} are named")]
    Incomplete {
        /// How many boots are named.
        named: usize,
        /// *n*.
        signers: usize,
    },
    /// The order starts a group again.
    #[error("this start order is no genesis")]
    NotGenesis,
    /// The numbers have run out.
    #[error("there is no next version")]
    NoNextVersion,
    /// The number of a start was taken by another.
    #[error("incarnation {given} is taken: the group's last start known is {last}; give a higher number")]
    IncarnationTaken {
        /// Of the order.
        given: Incarnation,
        /// The highest that a signer or host shows.
        last: Incarnation,
    },
    /// What the policy would say.
    #[error(transparent)]
    Incoherent(#[from] Incoherent),
    /// Approvals that nobody could give any more.
    #[error("rule {rule} asks for {needed} approvals of set {set}, which would have {left} members left")]
    QuorumBroken {
        /// The rule.
        rule: RuleName,
        /// The set that it names.
        set: SetName,
        /// How many have to approve.
        needed: u16,
        /// How many could.
        left: usize,
    },
    /// A rule with the name of a grant, and with other conditions.
    #[error("rule {0} says more than who may sign what with the key")]
    NotAGrant(RuleName),
    /// The policy has no such requester.
    #[error("the policy names no requester {0}")]
    UnknownRequester(Requester),
    /// Nobody can replace the member's credential but operators.
    #[error("the policy gives {0} no guardians")]
    NoGuardians(Requester),
    /// Approves a recovery for nothing.
    #[error("{name} is no guardian of {member}")]
    NotAGuardian {
        /// Who approves.
        name: Requester,
        /// Whose credential is to be replaced.
        member: Requester,
    },
    /// A recovery that would change nothing.
    #[error("this is the credential that {0} has")]
    CredentialInForce(Requester),
    /// What is to be denied is not allowed.
    #[error("the policy does not allow all of this with the key {0}")]
    NotAllowed(KeyName),
    /// The name stands for another key or tenant.
    #[error("the policy names a requester {0} with another key or tenant; choose another name")]
    RequesterTaken(Requester),
}
