//! A bounded walker over BER (X.690 section 8) that takes indefinite lengths. It copies nothing and decodes no values.

use crate::{EnvelopeRejected, limits};

/// The elements of one content, left to right.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

/// One element: its identifier octet, its content, and all of its octets.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, depth: limits::ENVELOPE_DEPTH }
    }

    /// Enters the next element, which has to be a constructed one with this identifier octet.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Reader<'a>, EnvelopeRejected> {
        let depth = self.depth.checked_sub(1).ok_or(NOT_BER)?;
        Ok(Reader { rest: self.expect(tag)?.content, depth })
    }

    /// The content of the next element, which has to be a primitive one with this identifier octet.
    pub(crate) fn primitive(&mut self, tag: u8) -> Result<&'a [u8], EnvelopeRejected> {
        Ok(self.expect(tag)?.content)
    }

    /// All octets of the next element, which has to have this identifier octet.
    pub(crate) fn whole(&mut self, tag: u8) -> Result<&'a [u8], EnvelopeRejected> {
        Ok(self.expect(tag)?.whole)
    }

    /// The identifier octet of the next element, if there is one.
    pub(crate) fn next_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), EnvelopeRejected> {
        if self.rest.is_empty() { Ok(()) } else { Err(NOT_BER) }
    }

    fn expect(&mut self, tag: u8) -> Result<Element<'a>, EnvelopeRejected> {
        let (element, rest) = split(self.rest, self.depth)?;
        if element.tag != tag {
            return Err(EnvelopeRejected::Malformed("unexpected element"));
        }
        self.rest = rest;
        Ok(element)
    }
}

/// Splits off the first element; one of indefinite length is searched for its end, at most `depth` levels deep.
fn split(bytes: &[u8], depth: u8) -> Result<(Element<'_>, &[u8]), EnvelopeRejected> {
    let (&tag, after_tag) = bytes.split_first().ok_or(NOT_BER)?;
    if tag & LONG_FORM_TAG == LONG_FORM_TAG {
        return Err(NOT_BER);
    }
    let (&first, after) = after_tag.split_first().ok_or(NOT_BER)?;
    let (content, rest) = match first {
        0..=0x7f => after.split_at_checked(first.into()),
        INDEFINITE if tag & CONSTRUCTED != 0 => Some(split_indefinite(after, depth)?),
        0x81 => after.split_first().and_then(|(&length, after)| after.split_at_checked(length.into())),
        0x82 => after
            .split_first_chunk()
            .and_then(|(length, after)| after.split_at_checked(u16::from_be_bytes(*length).into())),
        _ => None,
    }
    .ok_or(NOT_BER)?;
    let whole = bytes.len().checked_sub(rest.len()).and_then(|length| bytes.get(..length)).ok_or(NOT_BER)?;
    Ok((Element { tag, content, whole }, rest))
}

/// Splits at the end-of-contents octets that belong to this level.
fn split_indefinite(bytes: &[u8], depth: u8) -> Result<(&[u8], &[u8]), EnvelopeRejected> {
    let depth = depth.checked_sub(1).ok_or(NOT_BER)?;
    let mut rest = bytes;
    loop {
        if let Some(after) = rest.strip_prefix(&END_OF_CONTENTS) {
            let content = bytes.len().checked_sub(rest.len()).and_then(|length| bytes.get(..length)).ok_or(NOT_BER)?;
            return Ok((content, after));
        }
        (_, rest) = split(rest, depth)?;
    }
}

const NOT_BER: EnvelopeRejected = EnvelopeRejected::Malformed("not BER within bounds");
const CONSTRUCTED: u8 = 0x20;
const LONG_FORM_TAG: u8 = 0x1f;
const INDEFINITE: u8 = 0x80;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_nested_indefinite_lengths() {
        let bytes = [0x30, 0x80, 0x30, 0x80, 0x04, 0x02, 0, 0, 0, 0, 0, 0];
        let mut outer = Reader::new(&bytes);
        let mut middle = outer.enter(0x30).expect("sequence");
        let mut inner = middle.enter(0x30).expect("sequence");
        assert_eq!(inner.primitive(0x04), Ok([0, 0].as_slice()));
        assert!(inner.finish().is_ok() && middle.finish().is_ok() && outer.finish().is_ok());
    }

    #[test]
    fn refuses_depth_beyond_the_bound_and_lengths_beyond_the_input() {
        assert!(Reader::new(&[0x30, 0x80].repeat(4000)).enter(0x30).is_err());
        for bytes in [
            &[0x30][..],
            &[0x30, 1],
            &[0x30, 0x81],
            &[0x30, 0x82, 1],
            &[0x30, 0x84, 0, 0, 0, 0],
            &[0x04, 0x80, 0, 0],
            &[0x3f, 0],
        ] {
            assert!(Reader::new(bytes).whole(bytes[0]).is_err(), "{bytes:x?}");
        }
    }
}
