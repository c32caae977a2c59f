//! What the launcher is doing, in words.

use cloister_simulator::group::Progress;

pub(crate) fn of(step: Progress) -> String {
    match step {
        Progress::KmsKey { made, of } => format!("making KMS keys: {made} of {of}"),
        Progress::Founded => "manifest, key policies and credentials are written".into(),
        Progress::KmsServes => "the KMS stand-in serves".into(),
        Progress::SignerServes(signer) => format!("signer {signer} serves"),
        Progress::HostServes(signer) => format!("the host of signer {signer} serves"),
        Progress::Attested(signers) => format!("{signers} signers attested; the operators order the start"),
        Progress::Started(incarnation) => format!("the group has started (incarnation {incarnation})"),
    }
}
