//! Arguments of contract calls, in the one encoding that Solidity's ABI makes of them.

use super::Address;
use crate::U256;

/// Arguments that are read one after the other, each a word of 32 bytes; then the tails of those that have one.
pub(super) struct Arguments<'a> {
    words: &'a [[u8; 32]],
    next: usize,
    /// The word from which the places of tails are counted.
    base: usize,
}

/// What a batch of calls says of one: whom, with how many wei, with what input.
pub(super) type InnerCall<'a> = (Address, U256, &'a [u8]);

impl<'a> Arguments<'a> {
    /// What stands behind the function; `None` unless it is whole words.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks();
        rest.is_empty().then_some(Self { words, next: 0, base: 0 })
    }

    /// Whether everything was read.
    pub(super) fn is_empty(&self) -> bool {
        self.next == self.words.len()
    }

    pub(super) fn number(&mut self) -> Option<U256> {
        self.word().map(U256::from)
    }

    pub(super) fn address(&mut self) -> Option<Address> {
        let word = self.word()?;
        let (padding, address) = word.split_last_chunk::<20>()?;
        padding.iter().all(|byte| *byte == 0).then(|| Address::from(*address))
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match u8::try_from(self.number()?) {
            Ok(0) => Some(false),
            Ok(1) => Some(true),
            _ => None,
        }
    }

    /// Any 32 bytes.
    pub(super) fn word(&mut self) -> Option<[u8; 32]> {
        let word = *self.words.get(self.next)?;
        self.next = self.next.checked_add(1)?;
        Some(word)
    }

    /// The last argument: bytes, whose tail is the only one.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let tail = self.number()?;
        self.bytes_at(tail)
    }

    /// The last three arguments: two lists of numbers and bytes.
    pub(super) fn two_arrays_and_bytes(&mut self) -> Option<([Vec<U256>; 2], &'a [u8])> {
        let [first, second, bytes] = [self.number()?, self.number()?, self.number()?];
        let arrays = [self.array_at(first, Self::number)?, self.array_at(second, Self::number)?];
        Some((arrays, self.bytes_at(bytes)?))
    }

    /// `address[], uint256[], bytes[]`, all of the same length.
    pub(super) fn calls_in_arrays(&mut self) -> Option<Vec<InnerCall<'a>>> {
        let [targets, values, inputs] = [self.number()?, self.number()?, self.number()?];
        let targets = self.array_at(targets, Self::address)?;
        let values = self.array_at(values, Self::number)?;
        let inputs = self.tails_at(inputs, |arguments, tail| arguments.bytes_at(tail))?;
        let same = targets.len() == values.len() && values.len() == inputs.len();
        same.then(|| {
            targets.into_iter().zip(values).zip(inputs).map(|((to, value), input)| (to, value, input)).collect()
        })
    }

    /// `(address,uint256,bytes)[]`.
    pub(super) fn calls_in_structs(&mut self) -> Option<Vec<InnerCall<'a>>> {
        let tail = self.number()?;
        self.tails_at(tail, |arguments, tail| {
            arguments.start_at(tail)?;
            arguments.nested(|call| Some((call.address()?, call.number()?, call.bytes()?)))
        })
    }

    /// What `read` makes of a struct or list whose tails are counted from here.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let outer = core::mem::replace(&mut self.base, self.next);
        let value = read(self);
        self.base = outer;
        value
    }

    /// Bytes whose tail is here.
    pub(super) fn bytes_at(&mut self, tail: U256) -> Option<&'a [u8]> {
        let length = self.length_at(tail)?;
        let end = self.next.checked_add(length.div_ceil(32))?;
        let (bytes, padding) = self.words.get(self.next..end)?.as_flattened().split_at_checked(length)?;
        self.next = end;
        padding.iter().all(|byte| *byte == 0).then_some(bytes)
    }

    /// A list of values of a word each. No more is allocated than there are words.
    fn array_at<T>(&mut self, tail: U256, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length_at(tail)?;
        (0..length).map(|_| read(self)).collect()
    }

    /// A list of values that have tails themselves.
    fn tails_at<T>(&mut self, tail: U256, mut read: impl FnMut(&mut Self, U256) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length_at(tail)?;
        self.nested(|list| {
            let tails: Vec<U256> = (0..length).map(|_| list.number()).collect::<Option<_>>()?;
            tails.into_iter().map(|tail| read(list, tail)).collect()
        })
    }

    /// The length that a tail begins with.
    fn length_at(&mut self, tail: U256) -> Option<usize> {
        self.start_at(tail)?;
        usize::try_from(u64::try_from(self.number()?).ok()?).ok()
    }

    /// Whether the tail begins where the one before has ended.
    pub(super) fn start_at(&self, tail: U256) -> Option<()> {
        let words = u64::try_from(self.next.checked_sub(self.base)?).ok()?;
        (tail == U256::from(words.checked_mul(32)?)).then_some(())
    }
}
