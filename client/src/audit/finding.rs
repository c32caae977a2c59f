use cloister_wire::{
    endorsement::NotEndorsed,
    ids::{BootId, Hash, Incarnation, KeyId, Pcr, PolicyVersion, Sequence, SignerId},
};

use crate::{boot::BootRejected, key::CertificateRejected};

/// Something wrong in an export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A host did not answer when the export was made.
    #[error("the host of signer {signer} did not answer when the export was made: what only it holds is missing")]
    HostMissing {
        /// Its signer.
        signer: u16,
    },
    /// An introduction that does not verify.
    #[error("introduction {position} does not verify: {why}")]
    Introduction {
        /// Its position in the export, from 0.
        position: usize,
        /// Why.
        why: BootRejected,
    },
    /// Two boots of one signer proved different signer keys.
    #[error("signer {signer} has shown two signer keys: one of them is not the group's")]
    TwoSignerKeys {
        /// The signer.
        signer: SignerId,
    },
    /// A boot that is named and never introduced.
    #[error("boot {boot} is named, but the export holds no attestation of it")]
    UnknownBoot {
        /// The boot.
        boot: BootId,
    },
    /// A start order without its quorum.
    #[error("start order {hash} does not count: {why}")]
    Order {
        /// Its hash.
        hash: Hash,
        /// Why.
        why: NotEndorsed,
    },
    /// Two orders of one incarnation.
    #[error("two start orders have incarnation {incarnation}")]
    TwoOrders {
        /// The incarnation.
        incarnation: Incarnation,
    },
    /// A restart under a genesis that is not there.
    #[error("start order {incarnation} goes on from a genesis order that the export lacks")]
    GenesisMissing {
        /// The restart's incarnation.
        incarnation: Incarnation,
    },
    /// A policy without its quorum.
    #[error("policy {hash} does not count: {why}")]
    Policy {
        /// Its hash.
        hash: Hash,
        /// Why.
        why: NotEndorsed,
    },
    /// A policy that follows one that is not there.
    #[error("policy version {version} follows one that the export lacks")]
    PolicyGap {
        /// The version.
        version: PolicyVersion,
    },
    /// Two policies of one version.
    #[error("there are two policies of version {version}")]
    TwoPolicies {
        /// The version.
        version: PolicyVersion,
    },
    /// A certificate that does not hold.
    #[error("certificate {position} does not hold: {why}")]
    Certificate {
        /// Its position in the export, from 0.
        position: usize,
        /// Why.
        why: CertificateRejected,
    },
    /// A certificate that one signer's boot did not sign.
    #[error("the certificate of key {key} is not signed by an attested boot of signer {signer}")]
    CertificateSignature {
        /// The key.
        key: KeyId,
        /// The signer.
        signer: SignerId,
    },
    /// Receipts of a boot that never showed itself.
    #[error("there are receipts of boot {boot}, but no attestation of it")]
    UnknownSigner {
        /// The boot.
        boot: BootId,
    },
    /// A receipt that cannot be read, is another boot's, or that its boot did not sign.
    #[error("receipt {position} in the chain of boot {boot} was altered: {what}")]
    Altered {
        /// The boot.
        boot: BootId,
        /// Its position in the export's list, from 0.
        position: usize,
        /// What does not hold.
        what: &'static str,
    },
    /// A receipt that withholds events in an export of all tenants.
    #[error("receipt {sequence} of boot {boot} withholds events, though the export is not of one tenant")]
    Withheld {
        /// The boot.
        boot: BootId,
        /// The number.
        sequence: Sequence,
    },
    /// A receipt that is not there.
    #[error("receipt {missing} of boot {boot} is missing")]
    Gap {
        /// The boot.
        boot: BootId,
        /// The first number that is missing.
        missing: Sequence,
    },
    /// Two receipts of one number.
    #[error("boot {boot} signed two receipts {sequence}: its chain forks")]
    Fork {
        /// The boot.
        boot: BootId,
        /// The number.
        sequence: Sequence,
    },
    /// A receipt that does not name the one before.
    #[error("receipt {sequence} of boot {boot} does not follow from the one before")]
    Unlinked {
        /// The boot.
        boot: BootId,
        /// The number.
        sequence: Sequence,
    },
    /// A receipt that runs backwards in time.
    #[error("receipt {sequence} of boot {boot} is older than the one before")]
    Backwards {
        /// The boot.
        boot: BootId,
        /// The number.
        sequence: Sequence,
    },
    /// A receipt of a boot that ran another image than the manifest's release.
    #[error("receipt {sequence} of boot {boot} is of image {image}, which is not the manifest's release")]
    WrongImage {
        /// The boot.
        boot: BootId,
        /// The number.
        sequence: Sequence,
        /// PCR0, as the receipt says.
        image: Pcr,
    },
    /// A receipt that speaks of something the export lacks.
    #[error("receipt {sequence} of boot {boot} speaks of {what} {hash}, which the export lacks")]
    Dangling {
        /// The boot.
        boot: BootId,
        /// The number.
        sequence: Sequence,
        /// Of what.
        what: &'static str,
        /// Which.
        hash: Hash,
    },
    /// A boot that an order names and that has no receipts.
    #[error("boot {boot} of signer {signer} was started, but its receipts are missing")]
    MissingChain {
        /// The signer.
        signer: SignerId,
        /// The boot.
        boot: BootId,
    },
}

impl Finding {
    /// The stable code, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::HostMissing { .. } => "host_missing",
            Self::Introduction { .. } => "introduction_invalid",
            Self::TwoSignerKeys { .. } => "two_signer_keys",
            Self::UnknownBoot { .. } => "unknown_boot",
            Self::Order { .. } => "order_invalid",
            Self::TwoOrders { .. } => "two_orders",
            Self::GenesisMissing { .. } => "genesis_missing",
            Self::Policy { .. } => "policy_invalid",
            Self::PolicyGap { .. } => "policy_gap",
            Self::TwoPolicies { .. } => "two_policies",
            Self::Certificate { .. } => "certificate_invalid",
            Self::CertificateSignature { .. } => "certificate_signature",
            Self::UnknownSigner { .. } => "unknown_signer",
            Self::Altered { .. } => "receipt_altered",
            Self::Withheld { .. } => "receipt_withheld",
            Self::Gap { .. } => "receipt_gap",
            Self::Fork { .. } => "receipt_fork",
            Self::Unlinked { .. } => "receipt_unlinked",
            Self::Backwards { .. } => "receipt_backwards",
            Self::WrongImage { .. } => "receipt_image",
            Self::Dangling { .. } => "receipt_dangling",
            Self::MissingChain { .. } => "chain_missing",
        }
    }
}
