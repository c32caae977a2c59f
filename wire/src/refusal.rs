//! Stable codes for everything that a signer refuses. They say what was wrong and never why in detail: internals stay inside.

use core::fmt;

use minicbor::{Decode, Encode};

macro_rules! refusals {
    ($($n:literal $name:ident $code:literal $sentence:literal)+) => {
        /// Why a signer refused. Numbers and codes are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum Refusal {
            $(#[doc = $sentence] #[n($n)] $name,)+
        }

        impl Refusal {
            /// Every refusal there is.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$name),+];

            /// The stable code, in snake case.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Refusal::$name => $code,)+ }
            }

            /// What was wrong and what to do, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Refusal::$name => $sentence,)+ }
            }
        }
    };
}

refusals! {
    0 Malformed "malformed" "The message cannot be read, is not canonical or is over a limit; send what this version's wire format says."
    1 WrongPhase "wrong_phase" "The signer is not in the phase for this; ask for its status and do the step that comes first."
    2 Halted "halted" "The signer met a fault that it cannot go on from and has stopped; restart it and name the new boot in a start order."
    3 ManifestInvalid "manifest_invalid" "The manifest describes no possible group; check threshold, signer ids, KMS keys, operators and quorum."
    4 NotEndorsed "not_endorsed" "Not enough operators signed this, or one of the signatures is not by an operator of the manifest; collect a quorum."
    5 WrongGroup "wrong_group" "This is for another group or another manifest; use the documents of the group that the signer was configured with."
    6 UnknownSigner "unknown_signer" "The manifest has no signer of this number; look at its list of signers."
    7 NotRostered "not_rostered" "No start order names this boot; operators have to name it before it takes part."
    8 StaleIncarnation "stale_incarnation" "The start order's incarnation is not higher than the one in force; issue one with a higher number."
    9 PolicyMismatch "policy_mismatch" "The policy is not the one that the start order names, or does not follow the one in force; supply the right version."
    10 AttestationRejected "attestation_rejected" "The attestation document does not verify for this group, signer, release and challenge; get a fresh one from the boot itself."
    11 ChannelFailed "channel_failed" "The peer message could not be opened and counts as lost; introduce the signers again and repeat the ceremony."
    12 BlobForeign "blob_foreign" "The sealed blob belongs to another signer, group, key or purpose; present the one that this signer sealed."
    13 BlobForged "blob_forged" "The sealed blob was not sealed by an attested boot of this signer; it is damaged or a forgery, so restore it from another copy."
    14 UnwrapFailed "unwrap_failed" "KMS's answer does not open the blob; check that the host asked KMS with the wrap, key and document that the signer gave."
    15 CertificateInvalid "certificate_invalid" "The key certificate is not signed by every signer of its ceremony, or does not fit the share; restore the right one."
    16 RequesterUnknown "requester_unknown" "The policy names no such requester; have the operators add it."
    17 RequestSignature "request_signature" "The request is not signed by the requester that it names; sign the exact canonical bytes with its key."
    18 TenantMismatch "tenant_mismatch" "The requester may not act for this tenant, or the key is another tenant's; name the requester's own tenant and its keys."
    19 NotYetValid "request_not_yet_valid" "The request was issued in the future; check the requester's clock."
    20 Expired "request_expired" "The request has expired; make and sign a new one."
    21 LifeTooLong "request_life_too_long" "The request lives longer than a day, or ends before it begins; choose an earlier end."
    22 BeforeStart "request_before_start" "The request is older than the group's last start and may have been answered before it; make and sign a new one."
    23 KeyUnknown "key_unknown" "The signer has no such key; check the key id, and have the host load its share if the signer was restarted."
    24 ChainNotAllowed "chain_not_allowed" "The policy does not allow this requester to sign for this chain with this key; have the operators change it."
    25 SchemeMismatch "scheme_mismatch" "The key's scheme cannot sign this; use ed25519 for Solana, secp256k1-taproot or -ecdsa for Bitcoin, secp256k1-ecdsa for Ethereum and Cosmos."
    26 PathNotSupported "path_not_supported" "Keys of this scheme have no child keys; leave the path empty, and make a key for each account."
    27 PurposeMismatch "purpose_mismatch" "The purpose does not fit the chain; texts are messages, typed data is typed data, EIP-7702 authorisations and ERC-4337 user operations are what they are called, everything else is a transaction."
    28 PayloadRejected "payload_rejected" "The payload cannot be parsed, or is not for this key to sign; look at it with the chain's own tools."
    29 CreationNotAllowed "creation_not_allowed" "The policy does not allow this requester to create keys; have the operators change it."
    30 KeyNameTaken "key_name_taken" "The tenant already has a key of this name; choose another."
    31 CeremonyUnknown "ceremony_unknown" "The signer knows no such ceremony; it may have restarted since, so begin again."
    32 CeremonyFailed "ceremony_failed" "A message between signers failed its checks while a key or presignatures were made; nothing was kept, so begin again."
    33 EchoMismatch "echo_mismatch" "The signers did not receive the same broadcasts, so no secret was sent; someone alters messages on the way."
    34 Busy "busy" "The signer has as much under way as it takes on; try again when something has finished."
    35 CommitmentUnknown "commitment_unknown" "The signing package holds no unused commitment of this boot; ask for fresh ones."
    36 PackageInvalid "package_invalid" "The signing package does not fit the request; send one per digest, by distinct signers of the key, as many as the threshold."
    37 RequestIdReused "request_id_reused" "This request id stands for another request; give every request its own random id."
    38 RetriesExhausted "retries_exhausted" "This request was tried too often; make and sign a new one."
    39 PoolFull "pool_full" "The signer keeps as many unused commitments for this key as it may; use those first."
    40 WrongGenesis "wrong_genesis" "The start order names another genesis than the one that this signer's key was made under; name the genesis order that counts, or restore the blob that was sealed under it."
    41 RequestCertified "request_certified" "A key was certified for this request in another key generation; make and sign a new request."
    42 RequesterBusy "requester_busy" "The signer remembers as much of this member as it may: requests, withdrawals, ended sessions; wait until some have expired, and give requests and sessions shorter lives."
    43 PathInvalid "path_invalid" "The path names no child; use at most eight steps, none of them hardened."
    44 PairMissing "pair_missing" "Two of these signers have not been set up for each other; have the host do it, then try again."
    45 PairBarred "pair_barred" "Two of these signers may not sign ECDSA together: one failed a check that must not be repeated between these boots; use other signers, and look into the one that is named."
    46 ChainIdNotAllowed "chain_id_not_allowed" "The policy does not allow this key to sign for the chain id in the transaction; have the operators add it."
    47 DomainNotAllowed "domain_not_allowed" "The policy does not know the EIP-712 domain of this typed data; have the operators add its domain separator."
    48 ForeignInputs "foreign_inputs" "The PSBT has inputs of other keys, and the policy does not allow that; have the operators change it."
    49 ThresholdTooHigh "threshold_too_high" "At most nine signers sign with an ECDSA key, and this group's threshold is higher; use another scheme."
    50 PolicyIncoherent "policy_incoherent" "The policy names something that it does not have, or the same twice; have `cloister policy check` say what."
    51 NoRule "no_rule" "No rule of the policy fits what this requester asks of this key; have the policy explained for the request, or the operators change it."
    52 EffectsNotAllowed "effects_not_allowed" "The transaction does what no rule of the policy lets this key do; look at its effects, and have the policy explained for it."
    53 AmountNotAllowed "amount_not_allowed" "The transaction spends more at once than any rule lets this key spend, or something else; split it, or have the operators change the policy."
    54 FeeNotAllowed "fee_not_allowed" "The highest fee of the transaction is above what the policy allows; lower it."
    55 OutsideHours "outside_hours" "The policy lets this be signed at other hours only; ask again then."
    56 LimitReached "limit_reached" "The transaction would exceed a limit of the policy within its window of time; ask again later, or for less."
    57 DeniedByRule "denied_by_rule" "A rule of the policy denies this; have the policy explained for the request."
    58 ApprovalsMissing "approvals_missing" "The policy lets this be signed once enough members have approved it; collect their approvals."
    59 ApprovalInvalid "approval_invalid" "An approval is not by a member of the set that has to approve, not for this request and the policy in force, stands twice, or is badly signed; leave it out."
    60 DelayRunning "delay_running" "The request was approved, and the policy's delay is not over; ask again then."
    61 Withdrawn "withdrawn" "The request was rejected or cancelled; make and sign a new one."
    62 AmountTooLarge "amount_too_large" "Amounts of the payload add up to 2^256 or more; no such transaction can succeed."
    63 SwitchClosed "switch_closed" "An operator has closed a kill switch for the group, the tenant or the key; ask the operators, whose quorum opens it."
    64 DelegationInvalid "delegation_invalid" "The session key's delegation is missing, not by the member that the request names, not for this time, revoked, or its scope makes no sense; have the member delegate anew."
    65 DelegationExceeded "delegation_exceeded" "The delegation's scope does not let the session key ask for this; ask with the member's own credential, or have the member delegate more."
    66 RecoveryInvalid "recovery_invalid" "The recovery is of a member without guardians, or does not replace the credential in force by another that can be used; look at the policy and at the recoveries, and draft a new one."
    67 RecoveryUnknown "recovery_unknown" "No such recovery waits or could begin: it is in force, or replaces a credential that is not; have the operators change the policy."
    68 RecoveryWaiting "recovery_waiting" "Another recovery of this member waits; have it cancelled, or wait until it is in force."
    69 RecoveryCancelled "recovery_cancelled" "The recovery was cancelled; draft a new one and have it approved."
    70 NotShown "not_shown" "The transaction does more than people can be shown, so that nobody can approve it; split it."
    71 TooManyEffects "too_many_effects" "The transaction does too much to be compared with so many rules; split it, or have the operators name keys in rules."
    72 StartExpired "start_expired" "The start order was issued more than seven days ago, or in the future; have the operators draft and sign a new one."
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl core::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_own_code() {
        let codes: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
    }
}
