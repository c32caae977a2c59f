//! Solana messages: golden ones of solders, random and damaged ones judged by the `solana-*` crates.

use std::collections::BTreeSet;

use bincode::Options;
use cloister_chains::{
    limits,
    solana::{LookupTable, Message, Pubkey, Transaction, Version},
};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;
use solana_message::{
    AccountKeys, Address, Hash, MessageHeader, VersionedMessage,
    compiled_instruction::CompiledInstruction,
    legacy,
    v0::{self, LoadedAddresses},
};
use solana_transaction::versioned::VersionedTransaction;

use crate::{bytes, damage, golden, list, text};

#[test]
fn reads_what_solders_wrote_and_writes_what_solders_signed() {
    let golden = golden("solana_golden.json");
    for case in list(&golden["cases"]) {
        let message = bytes(&case["message"]);
        let message = Message::parse(&message).unwrap();
        compare(&message, case);
        let mut transaction = Transaction::from_message(&message);
        assert_eq!(transaction.to_bytes(), bytes(&case["unsigned"]));
        for (signer, signature) in message.required_signers().iter().zip(list(&case["signatures"])) {
            let signature = bytes(signature).try_into().unwrap();
            transaction.insert_signature(signer, signature).unwrap();
        }
        assert_eq!(transaction.to_bytes(), bytes(&case["signed"]));
        assert_eq!(Transaction::parse(&bytes(&case["signed"])), Ok(transaction));
    }
}

fn compare(message: &Message<'_>, case: &Value) {
    let names = |keys: &[Pubkey]| keys.iter().map(|key| Value::from(key.to_string())).collect::<Vec<_>>();
    assert_eq!(names(message.accounts()), list(&case["accounts"]));
    assert_eq!(names(message.required_signers()), list(&case["signers"]));
    assert_eq!(message.fee_payer().to_string(), text(&case["fee_payer"]));
    assert_eq!(message.recent_blockhash()[..], bytes(&case["blockhash"]));
    let version = match message.version() {
        Version::Legacy => "legacy",
        Version::V0 => "v0",
    };
    assert_eq!(version, text(&case["version"]));
    assert_eq!(message.instructions().len(), list(&case["instructions"]).len());
    for (ours, theirs) in message.instructions().iter().zip(list(&case["instructions"])) {
        assert_eq!(ours.program.to_string(), text(&theirs["program"]));
        assert_eq!(Value::from(ours.accounts), theirs["accounts"]);
        assert_eq!(ours.data, bytes(&theirs["data"]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn takes_exactly_the_messages_that_a_validator_takes(message in message(), damage in damage()) {
        let mut bytes = message.serialize();
        agree_on_message(&bytes)?;
        damage.into_iter().for_each(|damage| damage.apply(&mut bytes));
        agree_on_message(&bytes)?;
    }

    #[test]
    fn takes_exactly_the_transactions_that_a_validator_takes(message in message(), fill: u8, damage in damage()) {
        let count = usize::from(message.header().num_required_signatures);
        let signatures = vec![[fill; 64].into(); count];
        let transaction = VersionedTransaction { signatures, message };
        let mut bytes = bincode::serialize(&transaction).unwrap();
        agree_on_transaction(&bytes)?;
        damage.into_iter().for_each(|damage| damage.apply(&mut bytes));
        agree_on_transaction(&bytes)?;
    }

    #[test]
    fn survives_any_bytes(bytes in vec(any::<u8>(), 0..1300)) {
        agree_on_message(&bytes)?;
        agree_on_transaction(&bytes)?;
    }
}

fn agree_on_message(bytes: &[u8]) -> Result<(), TestCaseError> {
    let judged = exactly::<VersionedMessage>(bytes).filter(|message| message.sanitize().is_ok() && we_take(message));
    let without_tables = judged.as_ref().filter(|message| message.address_table_lookups().is_none_or(<[_]>::is_empty));
    prop_assert_eq!(Message::parse(bytes).is_ok(), without_tables.is_some());
    let parsed = Message::parse_with_tables(bytes, &tables());
    prop_assert_eq!(parsed.is_ok(), judged.is_some(), "{:?} {:?}", parsed, judged);
    let (Ok(ours), Some(theirs)) = (parsed, judged) else { return Ok(()) };
    prop_assert_eq!(ours.signing_bytes(), theirs.serialize());
    prop_assert_eq!(ours.recent_blockhash(), &theirs.recent_blockhash().to_bytes());
    let loaded = loaded(&theirs).unwrap();
    let keys = AccountKeys::new(theirs.static_account_keys(), Some(&loaded));
    let keys: Vec<Address> = keys.iter().copied().collect();
    let same = |ours: &[Pubkey], theirs: &[Address]| {
        ours.iter().map(Pubkey::as_bytes).eq(theirs.iter().map(Address::as_array))
    };
    prop_assert!(same(ours.accounts(), &keys));
    prop_assert!(same(ours.required_signers(), &keys[..usize::from(theirs.header().num_required_signatures)]));
    prop_assert_eq!(ours.instructions().len(), theirs.instructions().len());
    for (ours, theirs) in ours.instructions().iter().zip(theirs.instructions()) {
        prop_assert_eq!(ours.program.as_bytes(), keys[usize::from(theirs.program_id_index)].as_array());
        prop_assert_eq!((ours.accounts, ours.data), (&theirs.accounts[..], &theirs.data[..]));
    }
    Ok(())
}

fn agree_on_transaction(bytes: &[u8]) -> Result<(), TestCaseError> {
    let judged = exactly::<VersionedTransaction>(bytes)
        .filter(|transaction| transaction.sanitize().is_ok() && we_take(&transaction.message))
        .filter(|transaction| transaction.message.address_table_lookups().is_none_or(<[_]>::is_empty));
    let parsed = Transaction::parse(bytes);
    prop_assert_eq!(parsed.is_ok(), judged.is_some(), "{:?} {:?}", parsed, judged);
    let (Ok(ours), Some(theirs)) = (parsed, judged) else { return Ok(()) };
    prop_assert_eq!(ours.to_bytes(), bytes);
    prop_assert_eq!(ours.message().signing_bytes(), theirs.message.serialize());
    Ok(())
}

/// What the bytes are for the Solana SDK, if there are no more than that.
fn exactly<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    bincode::DefaultOptions::new().with_fixint_encoding().reject_trailing_bytes().deserialize(bytes).ok()
}

/// The things that the sanitisation of a message lets through and the rest of a validator (the packet, the runtime) does not.
fn we_take(message: &VersionedMessage) -> bool {
    let Some(loaded) = loaded(message) else { return false };
    let keys = AccountKeys::new(message.static_account_keys(), Some(&loaded));
    let signatures = usize::from(message.header().num_required_signatures) * 64;
    1 + signatures + message.serialize().len() <= limits::SOLANA_TRANSACTION
        && keys.iter().collect::<BTreeSet<_>>().len() == keys.len()
}

/// What the message takes from tables, if they hold it.
fn loaded(message: &VersionedMessage) -> Option<LoadedAddresses> {
    let mut loaded = LoadedAddresses::default();
    for lookup in message.address_table_lookups().unwrap_or_default() {
        let table = tables().into_iter().find(|table| table.address.as_bytes() == lookup.account_key.as_array())?;
        let at = |index: &u8| Some(Address::from(*table.addresses.get(usize::from(*index))?.as_bytes()));
        loaded.writable.extend(lookup.writable_indexes.iter().map(at).collect::<Option<Vec<_>>>()?);
        loaded.readonly.extend(lookup.readonly_indexes.iter().map(at).collect::<Option<Vec<_>>>()?);
    }
    Some(loaded)
}

/// The tables whose contents are pinned.
fn tables() -> [LookupTable; 2] {
    let table = |address: u8, accounts: std::ops::Range<u8>| LookupTable {
        address: [address; 32].into(),
        addresses: accounts.map(|account| [account; 32].into()).collect(),
    };
    [table(200, 35..45), table(201, 100..110)]
}

/// Messages of few accounts with all kinds of headers and instructions, about half of them sound.
fn message() -> impl Strategy<Value = VersionedMessage> {
    let header = (0..4u8, 0..3u8, 0..3u8);
    let instruction = (0..7u8, vec(0..7u8, 0..5), vec(any::<u8>(), 0..150));
    let accounts = vec(0..40u8, 1..8);
    let lookup = (prop_oneof![19 => 200..202u8, 1 => Just(202)], vec(0..11u8, 0..3), vec(0..11u8, 0..3));
    let lookups = prop_oneof![vec(lookup, 1..3), Just(vec![])];
    (header, accounts, vec(instruction, 0..4), any::<[u8; 32]>(), any::<bool>(), lookups).prop_map(
        |(header, accounts, instructions, blockhash, legacy, lookups)| {
            let header = MessageHeader {
                num_required_signatures: header.0,
                num_readonly_signed_accounts: header.1,
                num_readonly_unsigned_accounts: header.2,
            };
            let account_keys = accounts.into_iter().map(|n| Address::from([n; 32])).collect();
            let recent_blockhash = Hash::from(blockhash);
            let instructions = instructions
                .into_iter()
                .map(|(program_id_index, accounts, data)| CompiledInstruction { program_id_index, accounts, data })
                .collect();
            if legacy {
                VersionedMessage::Legacy(legacy::Message { header, account_keys, recent_blockhash, instructions })
            } else {
                let lookup = |(table, writable_indexes, readonly_indexes)| {
                    let account_key = Address::from([table; 32]);
                    v0::MessageAddressTableLookup { account_key, writable_indexes, readonly_indexes }
                };
                let address_table_lookups = lookups.into_iter().map(lookup).collect();
                VersionedMessage::V0(v0::Message {
                    header,
                    account_keys,
                    recent_blockhash,
                    instructions,
                    address_table_lookups,
                })
            }
        },
    )
}
