//! What a transaction asks of its chain: the messages that are understood, as effects.

use super::{
    Address, Coin, Timeout,
    coin::{read_coin, read_coins},
    protobuf::{
        self, MSG_BEGIN_REDELEGATE, MSG_DELEGATE, MSG_SEND, MSG_TRANSFER, MSG_UNDELEGATE,
        MSG_WITHDRAW_DELEGATOR_REWARD, decode,
    },
    unsignable::{Part, Unsignable},
};
use crate::{
    effect::{Asset, Effect, Party},
    limits,
    message::misleads,
};

/// A message of the signer's: at least one effect.
pub(super) struct Message {
    /// The signer's address, as the message has it.
    pub(super) sender: Address,
    pub(super) effects: Vec<Effect>,
}

impl Message {
    /// Message number `message`, which has to be in the name of this key.
    pub(super) fn read(any: &protobuf::Any, message: usize, public_key: &[u8; 33]) -> Result<Self, Unsignable> {
        let reader = Reader { message, public_key };
        match any.type_url.as_str() {
            MSG_SEND => reader.send(&any.value),
            MSG_DELEGATE => reader.delegate(&any.value),
            MSG_UNDELEGATE => reader.undelegate(&any.value),
            MSG_BEGIN_REDELEGATE => reader.redelegate(&any.value),
            MSG_WITHDRAW_DELEGATOR_REWARD => reader.withdraw_reward(&any.value),
            MSG_TRANSFER => reader.transfer(&any.value),
            _ => Err(Unsignable::MessageType { message }),
        }
    }
}

/// Where a message stands, and whose it has to be.
struct Reader<'a> {
    message: usize,
    public_key: &'a [u8; 33],
}

impl Reader<'_> {
    /// `cosmos.bank.v1beta1.MsgSend`
    fn send(&self, bytes: &[u8]) -> Result<Message, Unsignable> {
        let send: protobuf::MsgSend = self.decode(bytes)?;
        let sender = self.sender(&send.from_address)?;
        let to = Address::read(&send.to_address).filter(|to| to.prefix() == sender.prefix());
        let to = to.ok_or(Unsignable::ToAddress { message: self.message })?;
        let coins = read_coins(send.amount, self.part())?;
        if coins.is_empty() {
            return Err(Unsignable::NoCoins { message: self.message });
        }
        let transfer = |Coin { denom, amount }| {
            let (asset, to) = (Asset::Denomination(denom), Party::Cosmos(to.clone()));
            Effect::Transfer { asset, from: Party::Signer, to, amount }
        };
        Ok(Message { sender, effects: coins.into_iter().map(transfer).collect() })
    }

    /// `cosmos.staking.v1beta1.MsgDelegate`
    fn delegate(&self, bytes: &[u8]) -> Result<Message, Unsignable> {
        let (sender, validator, Coin { denom, amount }) = self.staked(bytes)?;
        let effect = Effect::Stake { asset: Asset::Denomination(denom), validator, amount };
        Ok(Message { sender, effects: vec![effect] })
    }

    /// `cosmos.staking.v1beta1.MsgUndelegate`
    fn undelegate(&self, bytes: &[u8]) -> Result<Message, Unsignable> {
        let (sender, validator, Coin { denom, amount }) = self.staked(bytes)?;
        let effect = Effect::Unstake { asset: Asset::Denomination(denom), validator, amount };
        Ok(Message { sender, effects: vec![effect] })
    }

    /// What `MsgDelegate` and `MsgUndelegate` say alike.
    fn staked(&self, bytes: &[u8]) -> Result<(Address, Party, Coin), Unsignable> {
        let staked: protobuf::MsgDelegate = self.decode(bytes)?;
        let sender = self.sender(&staked.delegator_address)?;
        let validator = self.validator(&staked.validator_address, &sender)?;
        Ok((sender, validator, self.coin(staked.amount)?))
    }

    /// `cosmos.staking.v1beta1.MsgBeginRedelegate`
    fn redelegate(&self, bytes: &[u8]) -> Result<Message, Unsignable> {
        let staked: protobuf::MsgBeginRedelegate = self.decode(bytes)?;
        let sender = self.sender(&staked.delegator_address)?;
        let from = self.validator(&staked.validator_src_address, &sender)?;
        let to = self.validator(&staked.validator_dst_address, &sender)?;
        let Coin { denom, amount } = self.coin(staked.amount)?;
        let effect = Effect::Restake { asset: Asset::Denomination(denom), from, to, amount };
        Ok(Message { sender, effects: vec![effect] })
    }

    /// `cosmos.distribution.v1beta1.MsgWithdrawDelegatorReward`
    fn withdraw_reward(&self, bytes: &[u8]) -> Result<Message, Unsignable> {
        let reward: protobuf::MsgWithdrawDelegatorReward = self.decode(bytes)?;
        let sender = self.sender(&reward.delegator_address)?;
        let validator = self.validator(&reward.validator_address, &sender)?;
        Ok(Message { sender, effects: vec![Effect::Rewards { validator }] })
    }

    /// `ibc.applications.transfer.v1.MsgTransfer`. The chain at the other end may take its memo for a command, so that one is a call.
    fn transfer(&self, bytes: &[u8]) -> Result<Message, Unsignable> {
        let message = self.message;
        let transfer: protobuf::MsgTransfer = self.decode(bytes)?;
        let sender = self.sender(&transfer.sender)?;
        if transfer.source_port != "transfer" || !is_channel(&transfer.source_channel) {
            return Err(Unsignable::Channel { message });
        }
        let (channel, receiver) = (transfer.source_channel, transfer.receiver);
        let bounded = (1..=limits::COSMOS_RECEIVER).contains(&receiver.len());
        if !bounded || !receiver.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unsignable::Receiver { message });
        }
        let protobuf::Height { revision, height } = transfer.timeout_height.unwrap_or_default();
        let timeout = Timeout { revision, height, timestamp: transfer.timeout_timestamp };
        if (height, timeout.timestamp) == (0, 0) || height == 0 && revision != 0 {
            return Err(Unsignable::Timeout { message });
        }
        if let Some((at, character)) = transfer.memo.char_indices().find(|&(_, character)| misleads(character)) {
            return Err(Unsignable::MemoControlCharacter { character, at });
        }
        let Coin { denom, amount } = self.coin(transfer.token)?;
        let contract = Party::Channel(channel.clone());
        let input = transfer.memo.into_bytes();
        let mut effects =
            vec![Effect::ChannelTransfer { asset: Asset::Denomination(denom), amount, channel, receiver, timeout }];
        effects.extend((!input.is_empty()).then_some(Effect::Call { contract, function: None, input }));
        Ok(Message { sender, effects })
    }

    fn decode<M: prost::Message + Default>(&self, bytes: &[u8]) -> Result<M, Unsignable> {
        decode(self.part(), bytes)
    }

    fn part(&self) -> Part {
        Part::Message(self.message)
    }

    /// The address of the key that signs.
    fn sender(&self, text: &str) -> Result<Address, Unsignable> {
        let own = |sender: &Address| Address::of_key(self.public_key, sender.prefix()).as_ref() == Ok(sender);
        Address::read(text).filter(own).ok_or(Unsignable::FromAddress { message: self.message })
    }

    fn validator(&self, text: &str, sender: &Address) -> Result<Party, Unsignable> {
        let on_chain = |address: &Address| address.prefix().strip_suffix("valoper") == Some(sender.prefix());
        let validator = Address::read(text).filter(on_chain).map(Party::Cosmos);
        validator.ok_or(Unsignable::Validator { message: self.message })
    }

    fn coin(&self, coin: Option<protobuf::Coin>) -> Result<Coin, Unsignable> {
        read_coin(coin.ok_or(Unsignable::NoCoins { message: self.message })?, self.part())
    }
}

/// `channel-` and a number, as IBC numbers channels.
fn is_channel(text: &str) -> bool {
    text.strip_prefix("channel-").is_some_and(|number| number.parse().is_ok_and(|n: u64| n.to_string() == number))
}
