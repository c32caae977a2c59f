//! Transactions: what they ask of their chain, and what it costs.

use super::{
    Address, Coin,
    coin::read_coins,
    message::Message,
    protobuf::{self, DIRECT, SECP256K1_KEY, decode},
    unsignable::{Part, Unsignable},
};
use crate::{effect::Effect, limits, message::misleads};

/// Body and auth info of a transaction whose one signer pays the fee and sends all the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    body_bytes: Vec<u8>,
    auth_info_bytes: Vec<u8>,
    signer: Signer,
    sender: Address,
    /// What the messages do.
    asked: Vec<Effect>,
    fee: Fee,
    memo: String,
    timeout_height: u64,
}

/// What the transaction may cost the signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// The coins, by denomination; maybe none.
    pub amount: Vec<Coin>,
    /// How much work it pays for.
    pub gas_limit: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer {
    public_key: [u8; 33],
    sequence: u64,
}

impl Transaction {
    pub(super) fn parse(body_bytes: Vec<u8>, auth_info_bytes: Vec<u8>) -> Result<Self, Unsignable> {
        let body: protobuf::TxBody = decode(Part::Body, &body_bytes)?;
        let auth_info: protobuf::AuthInfo = decode(Part::AuthInfo, &auth_info_bytes)?;
        check_extras(&body, &auth_info)?;
        let signer = read_signer(auth_info.signer_infos)?;
        let (sender, asked) = read_messages(&body.messages, &signer.public_key)?;
        let fee = read_fee(auth_info.fee, &sender)?;
        let timeout_height = body.timeout_height;
        let memo = read_memo(body.memo)?;
        Ok(Self { body_bytes, auth_info_bytes, signer, sender, asked, fee, memo, timeout_height })
    }

    /// The one signer's compressed key.
    pub fn public_key(&self) -> &[u8; 33] {
        &self.signer.public_key
    }

    /// How many transactions the signer's account has had.
    pub fn sequence(&self) -> u64 {
        self.signer.sequence
    }

    /// The signer's address, which sends all the messages and pays the fee.
    pub fn sender(&self) -> &Address {
        &self.sender
    }

    /// What the messages do: at least one effect.
    pub(super) fn asked(&self) -> &[Effect] {
        &self.asked
    }

    /// What the sender pays for it at most.
    pub fn fee(&self) -> &Fee {
        &self.fee
    }

    /// A text for the recipient, maybe empty, at most [`limits::COSMOS_MEMO`] bytes.
    pub fn memo(&self) -> &str {
        &self.memo
    }

    /// The last block that may hold the transaction; 0 if any may.
    pub fn timeout_height(&self) -> u64 {
        self.timeout_height
    }

    /// The `TxBody`.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body_bytes
    }

    /// The `AuthInfo`.
    pub fn auth_info_bytes(&self) -> &[u8] {
        &self.auth_info_bytes
    }
}

/// Refuses everything that could change what the rest means.
fn check_extras(body: &protobuf::TxBody, auth_info: &protobuf::AuthInfo) -> Result<(), Unsignable> {
    if !body.extension_options.is_empty() || !body.non_critical_extension_options.is_empty() {
        return Err(Unsignable::Extension);
    }
    if body.unordered || body.timeout_timestamp.is_some() {
        return Err(Unsignable::Unordered);
    }
    if auth_info.tip.is_some() { Err(Unsignable::Tip) } else { Ok(()) }
}

fn read_signer(signer_infos: Vec<protobuf::SignerInfo>) -> Result<Signer, Unsignable> {
    let count = signer_infos.len();
    let [signer] = <[_; 1]>::try_from(signer_infos).map_err(|_| Unsignable::SignerCount { count })?;
    let direct = protobuf::ModeInfo { single: Some(protobuf::Single { mode: DIRECT }), multi: None };
    if signer.mode_info != Some(direct) {
        return Err(Unsignable::SignMode);
    }
    let key = signer.public_key.filter(|key| key.type_url == SECP256K1_KEY).ok_or(Unsignable::BadPublicKey)?;
    let key: protobuf::PubKey = decode(Part::PublicKey, &key.value)?;
    let public_key = key.key.try_into().map_err(|_| Unsignable::BadPublicKey)?;
    Ok(Signer { public_key, sequence: signer.sequence })
}

/// The one sender of all messages, and what they do.
fn read_messages(messages: &[protobuf::Any], public_key: &[u8; 33]) -> Result<(Address, Vec<Effect>), Unsignable> {
    let count = messages.len();
    let (Some(first), 1..=limits::COSMOS_MESSAGES) = (messages.first(), count) else {
        return Err(Unsignable::MessageCount { count });
    };
    let sender = Message::read(first, 0, public_key)?.sender;
    let mut effects = Vec::new();
    for (message, any) in messages.iter().enumerate() {
        let read = Message::read(any, message, public_key)?;
        if read.sender != sender {
            return Err(Unsignable::FromAddress { message });
        }
        effects.extend(read.effects);
    }
    Ok((sender, effects))
}

fn read_fee(fee: Option<protobuf::Fee>, sender: &Address) -> Result<Fee, Unsignable> {
    let fee = fee.ok_or(Unsignable::NoFee)?;
    if !fee.payer.is_empty() && fee.payer != sender.as_str() {
        return Err(Unsignable::FeePayer);
    }
    if !fee.granter.is_empty() {
        return Err(Unsignable::FeeGranter);
    }
    Ok(Fee { amount: read_coins(fee.amount, Part::Fee)?, gas_limit: fee.gas_limit })
}

fn read_memo(memo: String) -> Result<String, Unsignable> {
    if memo.len() > limits::COSMOS_MEMO {
        return Err(Unsignable::MemoTooLong { length: memo.len() });
    }
    match memo.char_indices().find(|&(_, character)| misleads(character)) {
        Some((at, character)) => Err(Unsignable::MemoControlCharacter { character, at }),
        None => Ok(memo),
    }
}
