//! The protobuf messages of `cosmos.tx.v1beta1` and what is inside them, and their one encoding.

use prost::Message;

use super::unsignable::{Part, Unsignable};

/// Reads a message that is encoded as ADR-027 demands. Whatever the decoder lets pass or does not
/// know is missing or written otherwise in the message that is encoded again.
pub(super) fn decode<M: Message + Default>(part: Part, bytes: &[u8]) -> Result<M, Unsignable> {
    let message = M::decode(bytes).map_err(|_| Unsignable::NotProtobuf { part })?;
    if message.encode_to_vec() == bytes { Ok(message) } else { Err(Unsignable::NotCanonical { part }) }
}

/// `cosmos.tx.v1beta1.SignDoc`
#[derive(Clone, PartialEq, Message)]
pub(super) struct SignDoc {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) body_bytes: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) auth_info_bytes: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(super) chain_id: String,
    #[prost(uint64, tag = "4")]
    pub(super) account_number: u64,
}

/// `cosmos.tx.v1beta1.TxRaw`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TxRaw {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) body_bytes: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) auth_info_bytes: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(super) signatures: Vec<Vec<u8>>,
}

/// `cosmos.tx.v1beta1.TxBody`. What is refused when it is there is left as bytes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TxBody {
    #[prost(message, repeated, tag = "1")]
    pub(super) messages: Vec<Any>,
    #[prost(string, tag = "2")]
    pub(super) memo: String,
    #[prost(uint64, tag = "3")]
    pub(super) timeout_height: u64,
    #[prost(bool, tag = "4")]
    pub(super) unordered: bool,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(super) timeout_timestamp: Option<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "1023")]
    pub(super) extension_options: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2047")]
    pub(super) non_critical_extension_options: Vec<Vec<u8>>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `cosmos.tx.v1beta1.AuthInfo`
#[derive(Clone, PartialEq, Message)]
pub(super) struct AuthInfo {
    #[prost(message, repeated, tag = "1")]
    pub(super) signer_infos: Vec<SignerInfo>,
    #[prost(message, optional, tag = "2")]
    pub(super) fee: Option<Fee>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(super) tip: Option<Vec<u8>>,
}

/// `cosmos.tx.v1beta1.SignerInfo`
#[derive(Clone, PartialEq, Message)]
pub(super) struct SignerInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) public_key: Option<Any>,
    #[prost(message, optional, tag = "2")]
    pub(super) mode_info: Option<ModeInfo>,
    #[prost(uint64, tag = "3")]
    pub(super) sequence: u64,
}

/// `cosmos.tx.v1beta1.ModeInfo`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ModeInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) single: Option<Single>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) multi: Option<Vec<u8>>,
}

/// `cosmos.tx.v1beta1.ModeInfo.Single`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Single {
    #[prost(int32, tag = "1")]
    pub(super) mode: i32,
}

/// `cosmos.tx.v1beta1.Fee`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Fee {
    #[prost(message, repeated, tag = "1")]
    pub(super) amount: Vec<Coin>,
    #[prost(uint64, tag = "2")]
    pub(super) gas_limit: u64,
    #[prost(string, tag = "3")]
    pub(super) payer: String,
    #[prost(string, tag = "4")]
    pub(super) granter: String,
}

/// `cosmos.base.v1beta1.Coin`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Coin {
    #[prost(string, tag = "1")]
    pub(super) denom: String,
    #[prost(string, tag = "2")]
    pub(super) amount: String,
}

/// `cosmos.bank.v1beta1.MsgSend`
#[derive(Clone, PartialEq, Message)]
pub(super) struct MsgSend {
    #[prost(string, tag = "1")]
    pub(super) from_address: String,
    #[prost(string, tag = "2")]
    pub(super) to_address: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) amount: Vec<Coin>,
}

/// `cosmos.staking.v1beta1.MsgDelegate`, and `MsgUndelegate`, which has the same fields.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MsgDelegate {
    #[prost(string, tag = "1")]
    pub(super) delegator_address: String,
    #[prost(string, tag = "2")]
    pub(super) validator_address: String,
    #[prost(message, optional, tag = "3")]
    pub(super) amount: Option<Coin>,
}

/// `cosmos.staking.v1beta1.MsgBeginRedelegate`
#[derive(Clone, PartialEq, Message)]
pub(super) struct MsgBeginRedelegate {
    #[prost(string, tag = "1")]
    pub(super) delegator_address: String,
    #[prost(string, tag = "2")]
    pub(super) validator_src_address: String,
    #[prost(string, tag = "3")]
    pub(super) validator_dst_address: String,
    #[prost(message, optional, tag = "4")]
    pub(super) amount: Option<Coin>,
}

/// `cosmos.distribution.v1beta1.MsgWithdrawDelegatorReward`
#[derive(Clone, PartialEq, Message)]
pub(super) struct MsgWithdrawDelegatorReward {
    #[prost(string, tag = "1")]
    pub(super) delegator_address: String,
    #[prost(string, tag = "2")]
    pub(super) validator_address: String,
}

/// `ibc.applications.transfer.v1.MsgTransfer`
#[derive(Clone, PartialEq, Message)]
pub(super) struct MsgTransfer {
    #[prost(string, tag = "1")]
    pub(super) source_port: String,
    #[prost(string, tag = "2")]
    pub(super) source_channel: String,
    #[prost(message, optional, tag = "3")]
    pub(super) token: Option<Coin>,
    #[prost(string, tag = "4")]
    pub(super) sender: String,
    #[prost(string, tag = "5")]
    pub(super) receiver: String,
    #[prost(message, optional, tag = "6")]
    pub(super) timeout_height: Option<Height>,
    #[prost(uint64, tag = "7")]
    pub(super) timeout_timestamp: u64,
    #[prost(string, tag = "8")]
    pub(super) memo: String,
}

/// `ibc.core.client.v1.Height`
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Height {
    #[prost(uint64, tag = "1")]
    pub(super) revision: u64,
    #[prost(uint64, tag = "2")]
    pub(super) height: u64,
}

/// `cosmos.crypto.secp256k1.PubKey`
#[derive(Clone, PartialEq, Message)]
pub(super) struct PubKey {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
}

/// The type URL of [`MsgSend`].
pub(super) const MSG_SEND: &str = "/cosmos.bank.v1beta1.MsgSend";
/// The type URL of [`MsgDelegate`].
pub(super) const MSG_DELEGATE: &str = "/cosmos.staking.v1beta1.MsgDelegate";
/// The type URL of `MsgUndelegate`.
pub(super) const MSG_UNDELEGATE: &str = "/cosmos.staking.v1beta1.MsgUndelegate";
/// The type URL of [`MsgBeginRedelegate`].
pub(super) const MSG_BEGIN_REDELEGATE: &str = "/cosmos.staking.v1beta1.MsgBeginRedelegate";
/// The type URL of [`MsgWithdrawDelegatorReward`].
pub(super) const MSG_WITHDRAW_DELEGATOR_REWARD: &str = "/cosmos.distribution.v1beta1.MsgWithdrawDelegatorReward";
/// The type URL of [`MsgTransfer`].
pub(super) const MSG_TRANSFER: &str = "/ibc.applications.transfer.v1.MsgTransfer";
/// The type URL of [`PubKey`].
pub(super) const SECP256K1_KEY: &str = "/cosmos.crypto.secp256k1.PubKey";
/// `SIGN_MODE_DIRECT`
pub(super) const DIRECT: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// The message of ADR-027's test vector.
    #[derive(Clone, PartialEq, Message)]
    struct Article {
        #[prost(string, tag = "1")]
        title: String,
        #[prost(string, tag = "2")]
        description: String,
        #[prost(uint64, tag = "3")]
        created: u64,
        #[prost(uint64, tag = "4")]
        updated: u64,
        #[prost(bool, tag = "5")]
        public: bool,
        #[prost(bool, tag = "6")]
        promoted: bool,
        #[prost(int32, tag = "7")]
        kind: i32,
        #[prost(int32, tag = "8")]
        review: i32,
        #[prost(string, repeated, tag = "9")]
        comments: Vec<String>,
        #[prost(string, repeated, tag = "10")]
        backlinks: Vec<String>,
    }

    fn read(bytes: &[u8]) -> Result<Article, Unsignable> {
        decode(Part::Body, bytes)
    }

    /// The bytes of ADR-027's test vector: fields 1, 3, 5, 7 and twice 9.
    fn vector() -> Vec<u8> {
        let title = "0a1b54686520776f726c64206e65656473206368616e676520f09f8cb3";
        let rest = "18e8bebec8bc2e280138024a084e696365206f6e654a095468616e6b20796f75";
        hex::decode([title, rest].concat()).unwrap()
    }

    #[test]
    fn reads_the_vector_of_adr_027() {
        let article = read(&vector()).unwrap();
        assert_eq!(article.title, "The world needs change 🌳");
        assert_eq!((article.created, article.public, article.kind), (1_596_806_111_080, true, 2));
        assert_eq!(article.comments, ["Nice one", "Thank you"]);
    }

    #[test]
    fn refuses_the_vector_with_anything_that_adr_027_forbids() {
        let (title, rest) = (vector()[..29].to_vec(), vector()[29..].to_vec());
        let not_canonical = Err(Unsignable::NotCanonical { part: Part::Body });
        for (rule, inserted) in [
            ("1: a field twice", &[0x0a, 0x01, b'a'][..]),
            ("2: an extra field", &[0x58, 0x01]),
            ("3: a default text", &[0x12, 0x00]),
            ("3: a default number", &[0x20, 0x00]),
            ("3: a default truth", &[0x30, 0x00]),
            ("3: a default enum", &[0x40, 0x00]),
        ] {
            assert_eq!(read(&[&title[..], inserted, &rest].concat()), not_canonical, "{rule}");
        }
        assert_eq!(read(&[&rest[..], &title].concat()), not_canonical, "1: out of order");
        for (rule, bytes) in [
            ("5: trailing zero bytes", &[0x18, 0x81, 0x00][..]),
            ("5: more than 64 bits", &[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03]),
            ("5: more than 32 bits", &[0x38, 0x81, 0x80, 0x80, 0x80, 0x10]),
            ("5: a negative enum in five bytes", &[0x38, 0xff, 0xff, 0xff, 0xff, 0x0f]),
            ("5: a truth of 2", &[0x28, 0x02]),
        ] {
            assert!(read(bytes).is_err(), "{rule}");
        }
        assert!(read(&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).is_ok());
        assert!(read(&[0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).is_ok());
    }
}
