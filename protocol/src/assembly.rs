//! Messages in pieces: a Noise message has at most 65,535 bytes (Noise specification, section 3), a round of DKLs23 three times as many.
//!
//! A message of which a piece is lost is a lost message. So is the oldest unfinished one when there are too many: only the peer itself
//! can make them.

use std::collections::BTreeMap;

use cloister_wire::{
    bounded::SecretBytes,
    codec,
    ids::Counter,
    limits,
    peer::{PeerMessage, Piece},
    refusal::Refusal,
};
use zeroize::Zeroizing;

/// The messages of one channel of which pieces are missing, by the counter of their first.
#[derive(Default)]
pub(crate) struct Assembly(BTreeMap<Counter, Vec<Option<Part>>>);

type Part = SecretBytes<{ limits::PIECE }>;

/// Cuts a message whose first piece will have the counter `first`.
pub(crate) fn pieces(first: Counter, message: &PeerMessage) -> Result<Vec<Piece>, Refusal> {
    let encoded = codec::encode_secret(message);
    let parts = encoded.chunks(limits::PIECE);
    let count = u8::try_from(parts.len()).ok().filter(|count| usize::from(*count) <= limits::PIECES);
    let count = count.ok_or(Refusal::ChannelFailed)?;
    let piece = |part: &[u8]| Some(Piece { first, count, bytes: part.try_into().ok()? });
    parts.map(piece).collect::<Option<_>>().ok_or(Refusal::ChannelFailed)
}

impl Assembly {
    /// Takes the piece that had this counter; returns the message that it completes.
    pub(crate) fn add(&mut self, counter: Counter, piece: Piece) -> Result<Option<PeerMessage>, Refusal> {
        let Piece { first, count, bytes } = piece;
        let index = counter.0.checked_sub(first.0).and_then(|index| usize::try_from(index).ok());
        let count = usize::from(count);
        let index = index.filter(|index| *index < count && count <= limits::PIECES).ok_or(Refusal::ChannelFailed)?;
        let parts = self.0.entry(first).or_insert_with(|| vec![None; count]);
        if parts.len() != count {
            return Err(Refusal::ChannelFailed);
        }
        *parts.get_mut(index).ok_or(Refusal::ChannelFailed)? = Some(bytes);
        if parts.iter().any(Option::is_none) {
            self.forget_oldest();
            return Ok(None);
        }
        let parts = self.0.remove(&first).unwrap_or_default();
        let whole = Zeroizing::new(parts.iter().flatten().map(|part| part.as_slice()).collect::<Vec<_>>().concat());
        codec::decode(&whole).map(Some).map_err(|_| Refusal::ChannelFailed)
    }

    fn forget_oldest(&mut self) {
        if self.0.len() > limits::UNFINISHED {
            self.0.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use cloister_wire::{ids::Nonce, peer::PairRound};

    use super::*;

    fn message(length: usize) -> PeerMessage {
        let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        PeerMessage::Pair(PairRound::Open { to: Nonce::from_bytes([7; 32]), opening: bytes.try_into().unwrap() })
    }

    fn same(a: &PeerMessage, b: &PeerMessage) -> bool {
        codec::encode(a) == codec::encode(b)
    }

    fn numbered(first: u64, message: &PeerMessage) -> Vec<(Counter, Piece)> {
        (first..).map(Counter).zip(pieces(Counter(first), message).unwrap()).collect()
    }

    #[test]
    fn a_message_is_whole_again_whatever_the_order_of_its_pieces() {
        for length in [0, 1, limits::PIECE, limits::PAIRWISE] {
            let sent = message(length);
            let mut letters = numbered(5, &sent);
            letters.reverse();
            let last = letters.pop().unwrap();
            let mut assembly = Assembly::default();
            for (counter, piece) in letters {
                assert!(assembly.add(counter, piece).unwrap().is_none());
            }
            assert!(same(&assembly.add(last.0, last.1).unwrap().unwrap(), &sent), "{length} bytes");
        }
    }

    #[test]
    fn pieces_of_two_messages_do_not_mix() {
        let (one, two) = (message(limits::PAIRWISE), message(limits::PAIRWISE - 1));
        let mut assembly = Assembly::default();
        let mut whole = Vec::new();
        for ((a, one), (b, two)) in numbered(0, &one).into_iter().zip(numbered(4, &two)) {
            whole.extend(assembly.add(a, one).unwrap());
            whole.extend(assembly.add(b, two).unwrap());
        }
        assert!(whole.len() == 2 && same(&whole[0], &one) && same(&whole[1], &two));
    }

    #[test]
    fn a_piece_that_does_not_fit_its_message_is_refused() {
        let letters = numbered(3, &message(limits::PAIRWISE));
        let piece = |change: fn(&mut Piece)| {
            let mut piece = letters[0].1.clone();
            change(&mut piece);
            piece
        };
        let mut assembly = Assembly::default();
        assert!(assembly.add(Counter(3), letters[0].1.clone()).unwrap().is_none());
        assert!(assembly.add(Counter(3), piece(|piece| piece.first = Counter(4))).is_err(), "before its first");
        assert!(assembly.add(Counter(7), piece(|_| ())).is_err(), "after its last");
        assert!(assembly.add(Counter(4), piece(|piece| piece.count = 3)).is_err(), "of another count");
        assert!(assembly.add(Counter(9), piece(|piece| piece.first = Counter(9))).is_ok());
        assert!(assembly.add(Counter(9), piece(|piece| piece.count = 0)).is_err(), "of no message");
        assert!(assembly.add(Counter(9), piece(|piece| piece.count = 200)).is_err(), "of too large a message");
    }

    #[test]
    fn unfinished_messages_have_a_bound() {
        let mut assembly = Assembly::default();
        for first in (0..1000).step_by(4) {
            let (counter, piece) = numbered(first, &message(limits::PAIRWISE)).swap_remove(0);
            assembly.add(counter, piece).unwrap();
        }
        assert_eq!(assembly.0.len(), limits::UNFINISHED);
    }
}
