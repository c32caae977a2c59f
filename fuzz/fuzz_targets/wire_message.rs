//! Whatever is decoded is encoded again to the same bytes: messages, and what operators, requesters and signers sign.
#![no_main]

use cloister_wire::{
    approval::{Approval, ApprovalBody},
    blob::SealedBlob,
    certificate::Certificate,
    codec,
    identity::Introduction,
    manifest::Manifest,
    message::{Reply, Request},
    order::StartOrder,
    peer::PeerMessage,
    policy::Policy,
    receipt::{Receipt, ReceiptBody},
    recovery::RecoveryBody,
    request::{KeyRequest, SignRequest},
    review::{Review, ReviewBody},
};
use libfuzzer_sys::fuzz_target;

macro_rules! each_has_one_encoding {
    ($bytes:ident: $($message:ty)+) => {
        $(if let Ok(message) = codec::decode::<$message>($bytes) {
            assert_eq!(codec::encode(&message), $bytes);
        })+
    };
}

fuzz_target!(|bytes: &[u8]| {
    each_has_one_encoding! { bytes:
        Request Reply PeerMessage
        Manifest StartOrder Policy KeyRequest SignRequest
        Approval ApprovalBody Review ReviewBody RecoveryBody
        Introduction SealedBlob Certificate Receipt ReceiptBody
    }
});
