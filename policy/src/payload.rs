//! From a payload to what it does and the messages that are signed: parsed once, hashed here, never taken from a caller.

use core::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use cloister_chains::{
    bitcoin::{Foreign, Psbt, Spender, ToSign},
    cosmos::SignDoc,
    derivation::ChildPath,
    ethereum::{Address, AuthorizationRequest, Transaction, TypedData, UserOperation, personal_message_digest},
    message,
    solana::{self, Message, Pubkey},
};
use cloister_wire::{
    codec,
    ids::{CosmosChain, EthereumAccount, Hash},
    limits,
    policy::{ForeignInputs, LookupTable, Network, Permission},
    refusal::Refusal,
    request::{Chain, Purpose, Scheme, SignRequest},
    tag::Tag,
};
use minicbor::Encode;

use crate::facts::Facts;

/// A payload that was parsed for one key.
#[derive(Debug)]
pub struct Payload {
    /// What the policy judges.
    pub facts: Facts,
    /// What is signed: one message, or one for each of the key's Bitcoin inputs.
    pub digests: Vec<Vec<u8>>,
}

/// The key that signs, and what payloads have to be compared with.
pub struct Account<'a> {
    /// Its scheme.
    pub scheme: Scheme,
    /// The signing child's public key, in the certificate's encoding.
    pub public_key: &'a [u8],
    /// The scripts that it can spend from, if any.
    pub spender: Option<Spender>,
    /// Fingerprint (BIP-32) of the certified key, and who spends at a child of it: how change is recognised.
    pub change: Option<Change<'a>>,
    /// The lookup tables whose contents its tenant's policy pins.
    pub tables: &'a [LookupTable],
}

/// The certified key's children.
pub struct Change<'a> {
    /// BIP-32.
    pub fingerprint: [u8; 4],
    /// The child at a path.
    pub spender: &'a dyn Fn(&ChildPath) -> Option<Spender>,
}

/// Reads the payload of a request.
///
/// # Errors
/// [`Refusal::PayloadRejected`], or that chain, purpose and scheme do not fit together.
pub fn read(account: &Account<'_>, request: &SignRequest) -> Result<Payload, Refusal> {
    use {Chain as C, Purpose as P, Scheme as S};
    let payload = request.payload.as_slice();
    match (request.chain, request.purpose, account.scheme) {
        (C::Message, P::Message, S::Ed25519 | S::Secp256k1Schnorr) => {
            text(Permission::Message, payload, message::signing_bytes(payload).map_err(rejected)?)
        }
        (C::Message, P::Message, S::Secp256k1Taproot | S::Secp256k1Ecdsa) => {
            text(Permission::Message, payload, message::digest(payload).map_err(rejected)?)
        }
        (C::Solana, P::Transaction, S::Ed25519) => solana(account, payload),
        (C::Bitcoin, P::Transaction, S::Secp256k1Taproot | S::Secp256k1Ecdsa) => {
            bitcoin(account, request.path.as_slice(), payload)
        }
        (C::Ethereum, P::Transaction, S::Secp256k1Ecdsa) => ethereum(account, payload),
        (C::Ethereum, P::Message, S::Secp256k1Ecdsa) => {
            text(Permission::EthereumMessage, payload, personal_message_digest(payload).map_err(rejected)?)
        }
        (C::Ethereum, P::TypedData, S::Secp256k1Ecdsa) => typed_data(payload),
        (C::Ethereum, P::Authorization, S::Secp256k1Ecdsa) => authorization(account, payload),
        (C::Ethereum, P::UserOperation, S::Secp256k1Ecdsa) => user_operation(payload),
        (C::Cosmos, P::Transaction, S::Secp256k1Ecdsa) => cosmos(account, payload),
        (C::Message, P::Transaction | P::TypedData | P::Authorization | P::UserOperation, _)
        | (C::Solana | C::Bitcoin | C::Cosmos, P::Message | P::TypedData | P::Authorization | P::UserOperation, _) => {
            Err(Refusal::PurposeMismatch)
        }
        (C::Solana, P::Transaction, S::Secp256k1Taproot | S::Secp256k1Schnorr | S::Secp256k1Ecdsa)
        | (C::Bitcoin, P::Transaction, S::Ed25519 | S::Secp256k1Schnorr)
        | (C::Ethereum, _, S::Ed25519 | S::Secp256k1Taproot | S::Secp256k1Schnorr)
        | (C::Cosmos, P::Transaction, S::Ed25519 | S::Secp256k1Taproot | S::Secp256k1Schnorr) => {
            Err(Refusal::SchemeMismatch)
        }
    }
}

fn one(facts: Facts, digest: impl Into<Vec<u8>>) -> Payload {
    Payload { facts, digests: vec![digest.into()] }
}

/// A text moves nothing by itself, and only its reader knows what it agrees to.
fn text(permission: Permission, text: &[u8], digest: impl Into<Vec<u8>>) -> Result<Payload, Refusal> {
    let kind = if permission == Permission::EthereumMessage { "Ethereum message" } else { "text" };
    let mut facts = Facts::new(permission, None, Vec::new())?;
    facts.lines = vec![format!("signs the {kind} {}", shown(text))];
    Ok(one(facts, digest))
}

/// In quotation marks, which no character of the text can end; bytes that are no text in hex.
fn shown(text: &[u8]) -> String {
    match core::str::from_utf8(text) {
        Ok(text) => format!("{text:?}"),
        Err(_) => text.iter().map(|byte| format!("{byte:02x}")).fold("0x".to_owned(), |all, byte| all + &byte),
    }
}

/// The message itself: Ed25519 signs it whole. The key has to be among its required signers.
///
/// There is no place for a durable nonce. What stands in place of the blockhash may be the nonce or a blockhash that is in fact recent, and
/// with such a one any number of transactions that begin by moving the same nonce on succeed one after the other.
fn solana(account: &Account<'_>, payload: &[u8]) -> Result<Payload, Refusal> {
    let signer = <[u8; 32]>::try_from(account.public_key).map(Pubkey::from).map_err(|_| Refusal::SchemeMismatch)?;
    let tables: Vec<_> = account.tables.iter().map(pinned).collect();
    let message = Message::parse_with_tables(payload, &tables).map_err(rejected)?;
    let signed = message.signing_bytes_for(&signer).map_err(rejected)?.to_vec();
    let mut facts = Facts::new(Permission::Solana, Some(Network::Solana), message.effects(&signer))?;
    facts.lines.extend((1_u32..).zip(message.accounts_of_calls(&signer)).map(|(number, accounts)| {
        let accounts: Vec<_> = accounts.iter().map(ToString::to_string).collect();
        format!("call {number} is given the accounts {}", accounts.join(", "))
    }));
    Ok(one(facts, signed))
}

/// A lookup table as the parser of messages takes it.
#[must_use]
pub fn pinned(table: &LookupTable) -> solana::LookupTable {
    let account = |address: &Hash| Pubkey::from(*address.as_bytes());
    solana::LookupTable { address: account(&table.address), addresses: table.addresses.iter().map(account).collect() }
}

/// The digest of every input of the key. Inputs of others are the policy's to allow.
fn bitcoin(account: &Account<'_>, path: &[u32], payload: &[u8]) -> Result<Payload, Refusal> {
    let spender = account.spender.as_ref().ok_or(Refusal::SchemeMismatch)?;
    let psbt = Psbt::parse(payload).map_err(rejected)?;
    let ToSign { sighashes, foreign } = psbt.sighashes(spender, Foreign::LeaveAlone).map_err(rejected)?;
    let foreign = if foreign.is_empty() { ForeignInputs::Refused } else { ForeignInputs::LeftAlone };
    let digests = sighashes.iter().map(|input| input.digest.to_vec()).collect();
    let no_child = |_: &ChildPath| None;
    let none = Change { fingerprint: [0; 4], spender: &no_child };
    let Change { fingerprint, spender: child } = account.change.as_ref().unwrap_or(&none);
    let (change, looked_up) = (RefCell::new(BTreeSet::new()), Cell::new(0_usize));
    let near = |to: &ChildPath| {
        looked_up.set(looked_up.get().saturating_add(1));
        let child = (is_near(path, to.steps()) && looked_up.get() <= CHANGES).then(|| child(to)).flatten();
        if child.is_some() {
            change.borrow_mut().insert(to.to_string());
        }
        child
    };
    let effects = psbt.effects(spender, *fingerprint, near).map_err(rejected)?;
    let mut facts = Facts::new(Permission::Bitcoin { foreign }, Some(Network::Bitcoin), effects)?;
    facts.lines.extend(change.into_inner().iter().map(|path| format!("an output names child {path} of the signer")));
    facts.fee_rate = Some(psbt.fee_rate().map_err(rejected)?);
    let mut coins: Vec<_> =
        psbt.outpoints().map(|coin| (Hash::from_bytes(*coin.txid.as_bytes()), coin.index)).collect();
    coins.sort_unstable();
    facts.place = Some(place(&("bitcoin", coins)));
    Ok(Payload { facts, digests })
}

/// Whether an output that belongs to the child at `to` is change of the child at `from`: of the same account, which is all but the last two
/// steps (change and index, BIP-44). Other children are others: rules may let somebody else spend there, and a path that nobody can ask for
/// loses what is sent to it.
fn is_near(from: &[u32], to: &[u32]) -> bool {
    let account = from.len().saturating_sub(2);
    to.len() <= from.len().max(2) && to.len() <= limits::PATH && to.get(..account) == from.get(..account)
}

/// Outputs of a PSBT whose derivations are followed.
const CHANGES: usize = 64;

/// The transaction's own chain id says where it counts.
fn ethereum(account: &Account<'_>, payload: &[u8]) -> Result<Payload, Refusal> {
    let transaction = Transaction::parse(payload).map_err(rejected)?;
    let chain_id = transaction.chain_id();
    let (permission, network) = (Permission::Ethereum { chain_id }, Network::Ethereum { chain_id });
    let mut facts = Facts::new(permission, Some(network), transaction.effects())?;
    facts.lines.insert(0, format!("Ethereum transaction on chain {chain_id}, nonce {}", transaction.nonce()));
    facts.place = Some(place(&("ethereum", account.public_key, chain_id, transaction.nonce())));
    Ok(one(facts, transaction.signing_hash()))
}

fn typed_data(payload: &[u8]) -> Result<Payload, Refusal> {
    let data = TypedData::parse(payload).map_err(rejected)?;
    let permission = Permission::TypedData { domain: Hash::from_bytes(data.domain_separator()) };
    let network = data.domain().chain_id().and_then(|id| u64::try_from(id).ok());
    let network = network.map(|chain_id| Network::Ethereum { chain_id });
    let mut facts = Facts::new(permission, network, data.effects())?;
    let chain = data.domain().chain_id().map_or_else(|| "any chain".to_owned(), |id| format!("chain {id}"));
    let contract = data.domain().verifying_contract();
    let contract = contract.map_or_else(|| "any contract".to_owned(), |contract| format!("contract {contract}"));
    facts.lines.insert(0, format!("typed data (EIP-712) for {contract} on {chain}"));
    Ok(one(facts, data.signing_hash()))
}

/// What replaces it is another authorisation of the same nonce. A transaction of that nonce does, too, but counts apart: both were signed.
/// One for every chain is used on each of them, and nothing takes its place.
fn authorization(account: &Account<'_>, payload: &[u8]) -> Result<Payload, Refusal> {
    let request = AuthorizationRequest::parse(payload).map_err(rejected)?;
    let chain_id = u64::try_from(request.chain_id()).map_err(|_| Refusal::PayloadRejected)?;
    let one_chain = (chain_id > 0).then_some(chain_id);
    let network = one_chain.map(|chain_id| Network::Ethereum { chain_id });
    let mut facts = Facts::new(Permission::Authorization { chain_id }, network, request.effects())?;
    let turn = |chain_id| place(&("authorization", account.public_key, chain_id, request.nonce()));
    facts.place = one_chain.map(turn);
    let holds = one_chain.map_or_else(|| "on every chain".to_owned(), |chain_id| format!("on chain {chain_id}"));
    facts.lines.insert(0, format!("EIP-7702 authorisation {holds}, nonce {}", request.nonce()));
    Ok(one(facts, request.signing_hash()))
}

/// Who acts is the account, a contract, of which the key is at most the owner.
fn user_operation(payload: &[u8]) -> Result<Payload, Refusal> {
    let operation = UserOperation::parse(payload).map_err(rejected)?;
    let (chain_id, sender, nonce) = (operation.chain_id(), operation.sender(), operation.nonce());
    let (permission, network) =
        (Permission::UserOperation { chain_id, account: sender_of(&sender) }, Network::Ethereum { chain_id });
    let mut facts = Facts::new(permission, Some(network), operation.effects())?;
    facts.place = Some(place(&("user-operation", sender.as_bytes(), chain_id, nonce.to_be_bytes())));
    facts.lines.insert(0, format!("user operation of account {sender} on chain {chain_id}, nonce {nonce}"));
    Ok(one(facts, operation.signing_hash()))
}

fn sender_of(sender: &Address) -> EthereumAccount {
    EthereumAccount::from_bytes(*sender.as_bytes())
}

/// The key has to be the only signer.
fn cosmos(account: &Account<'_>, payload: &[u8]) -> Result<Payload, Refusal> {
    let key: &[u8; 33] = account.public_key.try_into().map_err(|_| Refusal::SchemeMismatch)?;
    let sign_doc = SignDoc::parse(payload).map_err(rejected)?;
    let chain_id: CosmosChain = sign_doc.chain_id().parse().map_err(|_| Refusal::PayloadRejected)?;
    let digest = sign_doc.digest_for(key).map_err(rejected)?;
    let (permission, network) =
        (Permission::Cosmos { chain_id: chain_id.clone() }, Network::Cosmos { chain_id: chain_id.clone() });
    let transaction = sign_doc.transaction();
    let mut facts = Facts::new(permission, Some(network), transaction.effects())?;
    let turn = (sign_doc.account_number(), transaction.sequence());
    facts.place = Some(place(&("cosmos", account.public_key, chain_id, turn)));
    facts.lines.insert(0, format!("Cosmos transaction on chain {}", sign_doc.chain_id()));
    if !transaction.memo().is_empty() {
        facts.lines.insert(1, format!("memo {:?}", transaction.memo()));
    }
    Ok(one(facts, digest))
}

/// What only one transaction can use.
fn place(what: &impl Encode<()>) -> Hash {
    Tag::SPENDING.hash(&codec::encode(what))
}

fn rejected(_: cloister_chains::Rejected) -> Refusal {
    Refusal::PayloadRejected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_of_the_same_account() {
        let near: [(&[u32], &[u32]); 6] =
            [(&[], &[]), (&[], &[1, 7]), (&[0, 5], &[1, 7]), (&[0, 5], &[0]), (&[3, 0, 5], &[3, 1, 9]), (&[5], &[6])];
        assert!(near.iter().all(|(from, to)| is_near(from, to)), "{near:?}");
        let far: [(&[u32], &[u32]); 5] = [
            (&[], &[0, 1, 2]),
            (&[3, 0, 5], &[4, 0, 5]),
            (&[3, 0, 5], &[3, 0, 5, 1]),
            (&[3, 0, 5], &[]),
            (&[0, 5], &[0, 0, 5]),
        ];
        assert!(!far.iter().any(|(from, to)| is_near(from, to)), "{far:?}");
    }
}
