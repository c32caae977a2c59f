//! RLP: strings and lists, each with its length in front, in one encoding each.
//!
//! `alloy-rlp` reads the headers and refuses every form but the shortest; here are the names and
//! offsets for its refusals, and the forms that Ethereum's fields have.

use alloy_rlp::{Encodable, Header};

use super::Address;
use crate::U256;
use crate::rejected::{Encoding, Fault, Malformed};

/// What is left to read of one list, or of one encoding.
pub(super) struct Reader<'a> {
    encoding: Encoding,
    rest: &'a [u8],
    /// Where `rest` ends in the whole encoding.
    end: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`, which stand behind `start` others.
    pub(super) fn new(encoding: Encoding, bytes: &'a [u8], start: usize) -> Self {
        Self { encoding, rest: bytes, end: start.saturating_add(bytes.len()) }
    }

    /// The next item, a list.
    pub(super) fn list(&mut self, field: &'static str) -> Result<Self, Malformed> {
        let payload = self.payload(field, |rest| Header::decode_bytes(rest, true))?;
        Ok(Self { encoding: self.encoding, rest: payload, end: self.at() })
    }

    /// The next item, a string.
    pub(super) fn string(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        self.payload(field, |rest| Header::decode_bytes(rest, false))
    }

    /// The next item, a string of `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let wrong = self.fault(Fault::WrongForm { field });
        self.string(field)?.try_into().map_err(|_| wrong)
    }

    /// The next item, an address.
    pub(super) fn address(&mut self, field: &'static str) -> Result<Address, Malformed> {
        self.array(field).map(Address::from)
    }

    /// The next item, a number without zeros in front.
    pub(super) fn number(&mut self, field: &'static str) -> Result<U256, Malformed> {
        let [padded, wrong] = [Fault::NotMinimal { field }, Fault::WrongForm { field }].map(|fault| self.fault(fault));
        match self.string(field)? {
            [0, ..] => Err(padded),
            bytes => U256::from_be_slice(bytes).ok_or(wrong),
        }
    }

    /// The next item, a number that fits `T`.
    pub(super) fn small<T: TryFrom<U256>>(&mut self, field: &'static str) -> Result<T, Malformed> {
        let wrong = self.fault(Fault::WrongForm { field });
        T::try_from(self.number(field)?).map_err(|_| wrong)
    }

    /// What `read` makes of each item of the next item, a list of at most `limit`.
    pub(super) fn items<T, E: From<Malformed>>(
        &mut self,
        field: &'static str,
        limit: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let mut list = self.list(field)?;
        let mut items = Vec::new();
        while !list.rest.is_empty() {
            if items.len() == limit {
                let count = limit.saturating_add(1) as u64;
                return Err(list.fault(Fault::TooMany { field, count, limit }).into());
            }
            items.push(read(&mut list)?);
        }
        Ok(items)
    }

    /// The whole encoding of the next item, a list, unread.
    pub(super) fn raw_list(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let before = self.rest;
        self.list(field)?;
        let length = before.len().saturating_sub(self.rest.len());
        Ok(before.get(..length).expect("the reader has read within what was left"))
    }

    /// Whether the next item is a list.
    pub(super) fn at_list(&self) -> bool {
        self.rest.first().is_some_and(|&byte| byte >= FIRST_LIST)
    }

    /// All that has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// A refusal at this offset.
    pub(super) fn fault(&self, fault: Fault) -> Malformed {
        Malformed { encoding: self.encoding, at: self.at(), fault }
    }

    /// Ends the reading: nothing may be left.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(self.fault(Fault::TrailingBytes { extra })),
        }
    }

    fn at(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    fn payload(
        &mut self,
        field: &'static str,
        decode: impl FnOnce(&mut &'a [u8]) -> alloy_rlp::Result<&'a [u8]>,
    ) -> Result<&'a [u8], Malformed> {
        let mut rest = self.rest;
        let payload = decode(&mut rest).map_err(|error| self.fault(fault(error, field)))?;
        self.rest = rest;
        Ok(payload)
    }
}

fn fault(error: alloy_rlp::Error, field: &'static str) -> Fault {
    use alloy_rlp::Error;
    match error {
        // A length beyond the address space is beyond the bytes that are left, too.
        Error::InputTooShort | Error::Custom(_) => Fault::Truncated { field },
        Error::LeadingZero | Error::NonCanonicalSingleByte | Error::NonCanonicalSize => Fault::NotMinimal { field },
        Error::Overflow
        | Error::UnexpectedLength
        | Error::UnexpectedString
        | Error::UnexpectedList
        | Error::ListLengthMismatch { .. } => Fault::WrongForm { field },
    }
}

/// A list that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RlpList {
    payload: Vec<u8>,
}

impl RlpList {
    /// The list without items.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a string.
    pub fn string(mut self, bytes: &[u8]) -> Self {
        bytes.encode(&mut self.payload);
        self
    }

    /// Appends a number: the string of its big-endian bytes, without zeros in front.
    pub fn number(self, number: impl Into<U256>) -> Self {
        let bytes = number.into().to_be_bytes();
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        self.string(bytes.get(zeros..).unwrap_or_default())
    }

    /// Appends a list.
    pub fn list(self, list: Self) -> Self {
        self.encoded(&list.finish())
    }

    /// Appends a list of what `item` makes of each of `items`.
    pub fn items<T>(self, items: impl IntoIterator<Item = T>, item: impl Fn(Self, T) -> Self) -> Self {
        self.list(items.into_iter().fold(Self::new(), item))
    }

    /// Appends items that are encoded already.
    pub(super) fn encoded(mut self, items: &[u8]) -> Self {
        self.payload.extend(items);
        self
    }

    /// The encoding of the list.
    pub fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        Header { list: true, payload_length: self.payload.len() }.encode(&mut bytes);
        bytes.extend(self.payload);
        bytes
    }
}

/// The least byte with which a list begins.
pub(super) const FIRST_LIST: u8 = 0xc0;

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader::new(Encoding::EthereumTransaction, bytes, 0)
    }

    #[test]
    fn refuses_every_form_of_a_string_or_list_but_the_shortest() {
        let zeros = |head: &[u8], length: usize| [head, &vec![0; length]].concat();
        let longer_strings = [
            vec![0x81, 0x00],
            vec![0x81, 0x7f],
            vec![0xb8, 0x00],
            vec![0xb8, 0x01, 0xff],
            zeros(&[0xb8, 55], 55),
            zeros(&[0xb9, 0, 56], 56),
            zeros(&[0xbf, 0, 0, 0, 0, 0, 0, 0, 56], 56),
        ];
        for bytes in longer_strings {
            let refused = reader(&bytes).string("s").unwrap_err();
            assert_eq!(refused.fault, Fault::NotMinimal { field: "s" }, "{bytes:02x?}");
        }
        for bytes in [vec![0xf8, 0x00], zeros(&[0xf8, 55], 55), zeros(&[0xf9, 0, 56], 56)] {
            let refused = reader(&bytes).list("l").err().unwrap();
            assert_eq!(refused.fault, Fault::NotMinimal { field: "l" }, "{bytes:02x?}");
        }
        for bytes in [&[0x00][..], &[0x82, 0x00, 0x01]] {
            assert_eq!(reader(bytes).number("n").unwrap_err().fault, Fault::NotMinimal { field: "n" });
        }
    }

    #[test]
    fn refuses_lengths_beyond_what_is_left_or_what_there_can_be() {
        let endless = [&[0xbf][..], &[0xff; 8]].concat();
        for bytes in [&[][..], &[0x82, 1], &[0xb8], &[0xb8, 60, 1], &[0xb9, 1], &endless] {
            assert_eq!(reader(bytes).string("s").unwrap_err().fault, Fault::Truncated { field: "s" });
        }
        let above = [vec![0xa1], vec![1; 33]].concat();
        assert_eq!(reader(&above).number("n").unwrap_err().fault, Fault::WrongForm { field: "n" });
        let above = [vec![0x89], vec![1; 9]].concat();
        assert_eq!(reader(&above).small::<u64>("n").unwrap_err().fault, Fault::WrongForm { field: "n" });
    }

    #[test]
    fn refuses_lists_for_strings_and_strings_for_lists() {
        assert_eq!(reader(&[0xc0]).string("s").unwrap_err().fault, Fault::WrongForm { field: "s" });
        assert_eq!(reader(&[0x80]).list("l").err().unwrap().fault, Fault::WrongForm { field: "l" });
    }

    #[test]
    fn reads_what_it_writes_at_every_change_of_form() {
        for length in [0, 1, 2, 55, 56, 255, 256, 65535, 65536] {
            let string = vec![0x80; length];
            let bytes = RlpList::new().string(&string).number(length as u64).finish();
            let mut outer = reader(&bytes);
            let mut list = outer.list("l").unwrap();
            assert_eq!(list.string("s").unwrap(), string);
            assert_eq!(list.small::<u64>("n").unwrap(), length as u64);
            list.finish().unwrap();
            outer.finish().unwrap();
        }
    }
}
