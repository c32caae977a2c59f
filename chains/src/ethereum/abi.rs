//! Arguments of contract calls, in the one encoding that Solidity's ABI makes of them.

use super::Address;
use crate::U256;

/// Arguments that are read one after the other, each a word of 32 bytes; then the tails of those that have one.
pub(super) struct Arguments<'a> {
    words: &'a [[u8; 32]],
    next: usize,
}

impl<'a> Arguments<'a> {
    /// What stands behind the function; `None` unless it is whole words.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks();
        rest.is_empty().then_some(Self { words, next: 0 })
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

    /// The last argument: bytes, whose tail is the only one.
    pub(super) fn skip_bytes(&mut self) -> Option<()> {
        let tail = self.number()?;
        self.skip_bytes_at(tail)
    }

    /// The last three arguments: two lists of numbers and bytes.
    pub(super) fn two_arrays_and_bytes(&mut self) -> Option<[Vec<U256>; 2]> {
        let [first, second, bytes] = [self.number()?, self.number()?, self.number()?];
        let arrays = [self.array_at(first)?, self.array_at(second)?];
        self.skip_bytes_at(bytes)?;
        Some(arrays)
    }

    fn array_at(&mut self, tail: U256) -> Option<Vec<U256>> {
        let length = self.length_at(tail)?;
        // No more is allocated than there are words.
        let end = self.next.checked_add(length)?;
        let words = self.words.get(self.next..end)?;
        self.next = end;
        Some(words.iter().copied().map(U256::from).collect())
    }

    fn skip_bytes_at(&mut self, tail: U256) -> Option<()> {
        let length = self.length_at(tail)?;
        let end = self.next.checked_add(length.div_ceil(32))?;
        let bytes = self.words.get(self.next..end)?.as_flattened();
        self.next = end;
        bytes.get(length..)?.iter().all(|byte| *byte == 0).then_some(())
    }

    /// The length that a tail begins with, if the tail begins where the one before has ended.
    fn length_at(&mut self, tail: U256) -> Option<usize> {
        let expected = u64::try_from(self.next).ok()?.checked_mul(32)?;
        if tail != U256::from(expected) {
            return None;
        }
        usize::try_from(u64::try_from(self.number()?).ok()?).ok()
    }

    fn word(&mut self) -> Option<[u8; 32]> {
        let word = *self.words.get(self.next)?;
        self.next = self.next.checked_add(1)?;
        Some(word)
    }
}
