//! What any host may ask first, the heartbeat, and how long a boot takes.

use cloister_tests::nitro::{BOOT, SERVING};
use cloister_wire::{
    codec,
    identity::BootKeys,
    message::{Phase, StatusBody},
    tag::Tag,
};

use crate::{
    document::Document,
    enclave::{Enclave, NONCE},
};

#[test]
fn a_host_that_asks_first_hears_that_the_signer_is_blank_under_the_key_that_is_attested_later() {
    let enclave = Enclave::production();
    let status: StatusBody = codec::decode(enclave.status.body.as_slice()).expect("canonical");
    assert_eq!((status.nonce, status.phase), (Enclave::FIRST, Phase::Blank));
    let statement = enclave.statement();
    assert_eq!(status.boot, statement.boot());
    let signed = statement.keys.identity.verify(Tag::STATUS, enclave.status.body.as_slice(), &enclave.status.signature);
    assert_eq!(signed, Ok(()));
}

#[test]
fn the_document_answers_the_nonce_and_carries_the_hash_of_the_boot_statement_and_the_recipient_key() {
    let enclave = Enclave::production();
    let (document, statement) = (Document::read(enclave.introduction.document.as_slice()), enclave.statement());
    assert_eq!(document.nonce, NONCE);
    assert_eq!(document.user_data, statement.user_data().as_bytes());
    assert_eq!(BootKeys::recipient_hash(&document.public_key), statement.keys.recipient);
}

#[test]
fn the_parent_is_sent_the_heartbeat_and_one_that_is_deaf_holds_nothing_up() {
    let enclave = Enclave::production();
    // Behind this emulator nobody is CID 3: what the guest sends there is dropped, and it hears nothing of that.
    let attempt = enclave.vm.wait_for_parent("unknown cid: 3", BOOT);
    attempt.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(enclave.vm.console().contains(SERVING));
}

#[test]
fn says_how_long_a_boot_takes() {
    let vm = &Enclave::production().vm;
    let since_start = |sentence| vm.wait_for_console(sentence, BOOT).unwrap_or_else(|error| panic!("{error:#}"));
    // Emulated time is the machine's own. The kernel writes no times, and its first words come when it is half-way.
    let [first, init, serving] = ["Linux version", "as init process", SERVING].map(since_start);
    println!("since the emulator's start: first words {first:.1?}, /init {init:.1?}, serving {serving:.1?}");
}
