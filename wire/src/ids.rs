//! Newtypes for every identifier, digest, name and counter. None can stand in another's place.

use core::{fmt, str::FromStr};

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::limits;

/// Text that is not what its type demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not hex digits, or not as many as needed.
    #[error("expected {0} bytes as {hex} hex digits", hex = .0 * 2)]
    Hex(usize),
    /// Empty, too long, or with a character that names may not have.
    #[error("a name is 1 to {0} printable ASCII characters without spaces")]
    Name(usize),
    /// Zero, or more than a group may have.
    #[error("signer ids run from 1 to {}", limits::SIGNERS)]
    SignerId,
}

macro_rules! fixed_bytes {
    ($($(#[$doc:meta])* $name:ident[$len:literal];)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            #[doc = concat!("Length in bytes: ", stringify!($len), ".")]
            pub const LEN: usize = $len;

            /// From its bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// Lower-case hex.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            /// From hex of either case.
            fn from_str(text: &str) -> Result<Self, Malformed> {
                from_hex(text).map(Self)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Malformed;

            fn try_from(bytes: &[u8]) -> Result<Self, Malformed> {
                bytes.try_into().map(Self).map_err(|_| Malformed::Hex($len))
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&self.0).map(drop)
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                d.bytes()?.try_into().map(Self).map_err(|_| decode::Error::message(concat!(stringify!($name), " of wrong length")))
            }
        }
    )+};
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident[$max:expr];)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let fits = !text.is_empty() && text.len() <= $max && text.bytes().all(|b| b.is_ascii_graphic());
                fits.then(|| Self(text.to_owned())).ok_or(Malformed::Name($max))
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
                e.str(&self.0).map(drop)
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                d.str()?.parse().map_err(|_| decode::Error::message(concat!("not a ", stringify!($name))))
            }
        }
    )+};
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub u64);

        impl $name {
            /// The next one; `None` after the last.
            #[must_use]
            pub fn next(self) -> Option<Self> {
                self.0.checked_add(1).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

fixed_bytes! {
    /// A tagged SHA-256 (see [`crate::tag`]).
    Hash[32];
    /// A group, for its whole life.
    GroupId[16];
    /// One boot of one signer: the tagged hash of the public keys that this boot made.
    BootId[32];
    /// A key: the tagged hash of its ceremony and group public key.
    KeyId[32];
    /// A ceremony: the tagged hash of every participant's boot id and fresh nonce. Never repeats.
    CeremonyId[32];
    /// A requester's choice, unique to one request; random.
    RequestId[16];
    /// A signer's contribution to a ceremony id, or its challenge to peers; random.
    Nonce[32];
    /// A SHA-384 platform configuration register.
    Pcr[48];
    /// An Ethereum address.
    EthereumAccount[20];
    /// A Solana account's address.
    SolanaAccount[32];
    /// The first four bytes of the Keccak-256 of a function's signature.
    Selector[4];
}

names! {
    /// What people call a key; unique within a tenant.
    KeyName[limits::NAME];
    /// A tenant: keys, requesters and rules of one never meet another's.
    Tenant[limits::NAME];
    /// A requester that the policy names.
    Requester[limits::NAME];
    /// A KMS key's full Amazon Resource Name; never an alias.
    Arn[limits::ARN];
    /// A Cosmos chain's id.
    CosmosChain[limits::NAME];
    /// An address of a Cosmos chain, in bech32.
    CosmosAccount[limits::BECH32];
    /// A coin of a Cosmos chain, such as `uatom`.
    DenominationName[limits::DENOMINATION];
    /// An account behind an IBC channel, such as `channel-141/osmo1…`.
    ChannelAccount[limits::CHANNEL_ACCOUNT];
    /// A rule of a tenant's policy.
    RuleName[limits::RULE_NAME];
    /// Members who approve together.
    SetName[limits::NAME];
    /// Accounts under one name.
    ListName[limits::NAME];
    /// A limit on spending.
    LimitName[limits::NAME];
    /// A WebAuthn relying party's id: a domain.
    RpId[limits::RP_ID];
    /// A web page's origin as browsers write it.
    Origin[limits::ORIGIN];
}

counters! {
    /// Position of a receipt in its boot's chain, from 0.
    Sequence;
    /// How often the group was started; strictly rising.
    Incarnation;
    /// Version of the policy, from 1.
    PolicyVersion;
    /// Sharing of a key: 0 after key generation, higher after each refresh or reshare.
    Epoch;
    /// A channel message's number.
    Counter;
}

/// Milliseconds since the Unix epoch, by the enclave's own clock unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct UnixMillis(#[n(0)] pub u64);

/// An amount, below 2^256; in CBOR its big-endian bytes without leading zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity([u8; 32]);

impl Quantity {
    /// From its 32 big-endian bytes.
    #[must_use]
    pub const fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 big-endian bytes.
    #[must_use]
    pub const fn to_be_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl<C> Encode<C> for Quantity {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        let zeros = self.0.iter().take_while(|byte| **byte == 0).count();
        e.bytes(self.0.get(zeros..).unwrap_or_default()).map(drop)
    }
}

impl<'b, C> Decode<'b, C> for Quantity {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes = d.bytes()?;
        let mut number = [0; 32];
        let place = number.len().checked_sub(bytes.len()).and_then(|zeros| number.get_mut(zeros..));
        place.ok_or_else(|| decode::Error::message("a quantity has at most 32 bytes"))?.copy_from_slice(bytes);
        if bytes.first() == Some(&0) {
            return Err(decode::Error::message("a quantity begins with a zero byte"));
        }
        Ok(Self(number))
    }
}

impl UnixMillis {
    /// Days since 1970-01-01, and the minute of the day.
    #[must_use]
    pub fn day_and_minute(self) -> (u64, u16) {
        const MINUTE: u64 = 60_000;
        let minutes = self.0 / MINUTE;
        (minutes / 1440, u16::try_from(minutes % 1440).unwrap_or_default())
    }

    /// This moment and `millis` more, at most the end of time.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A signer's number within its group, from 1: also its FROST identifier, which may not be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignerId(u16);

impl SignerId {
    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for SignerId {
    type Error = Malformed;

    fn try_from(id: u16) -> Result<Self, Malformed> {
        let fits = id >= 1 && usize::from(id) <= limits::SIGNERS;
        fits.then_some(Self(id)).ok_or(Malformed::SignerId)
    }
}

impl FromStr for SignerId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse::<u16>().map_err(|_| Malformed::SignerId)?.try_into()
    }
}

impl fmt::Display for SignerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<C> Encode<C> for SignerId {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.u16(self.0).map(drop)
    }
}

impl<'b, C> Decode<'b, C> for SignerId {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        d.u16()?.try_into().map_err(|_| decode::Error::message("signer id out of range"))
    }
}

fn from_hex<const N: usize>(text: &str) -> Result<[u8; N], Malformed> {
    let mut bytes = [0; N];
    let digits = text.as_bytes();
    if digits.len() != N.saturating_mul(2) {
        return Err(Malformed::Hex(N));
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match pair {
            [high, low] => *byte = digit(high).zip(digit(low)).map(|(h, l)| h << 4 | l).ok_or(Malformed::Hex(N))?,
            _ => return Err(Malformed::Hex(N)),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_of_an_id_reads_back_and_anything_else_is_refused() {
        let id = RequestId::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("0102".parse::<RequestId>(), Err(Malformed::Hex(16)));
        assert_eq!("zz".repeat(16).parse::<RequestId>(), Err(Malformed::Hex(16)));
    }

    #[test]
    fn names_have_no_spaces_control_characters_or_excess_length() {
        assert!("treasury-1".parse::<KeyName>().is_ok());
        for bad in ["", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(bad.parse::<KeyName>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_signer_id_is_never_zero() {
        assert_eq!(SignerId::try_from(0), Err(Malformed::SignerId));
        assert!(decode::<SignerId>(&[0]).is_err());
    }
}
