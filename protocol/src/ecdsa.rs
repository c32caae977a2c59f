//! Threshold ECDSA over secp256k1: DKLs23 (Doerner, Kondi, Lee, shelat, *Threshold ECDSA in Three Rounds*, ePrint 2023/765), by the
//! `dkls23` library, which nobody outside has audited. **For external review**: the set-up of a pair ([`pair`]), how presigning is
//! composed ([`presigning`]), and what a failed check leads to ([`abort`]).
//!
//! | step | paper | library | here |
//! |---|---|---|---|
//! | the key: Shamir shares of a joint secret | any key generation that commits first (ePrint 2023/602, protocol 9.1) | `frost-secp256k1` | `keygen` |
//! | set-up of two signers: base transfers, common seed | 2023/765, functionalities 3.4 and 3.5 | `MulSender`, `MulReceiver`, `ZeroShare` | [`pair`] |
//! | presigning, two rounds, no message | protocol 3.6, steps 4–9 | `sign_phase1`–`sign_phase3` | [`presigning`] |
//! | the share of a signature | protocol 3.6, step 9 | two products and a sum | [`presignature`] |
//! | combination, by the host | protocol 3.6, step 10 | | `host/src/aggregate/ecdsa.rs` |
//!
//! The functionalities of a pair know nothing of a key: only protocol 3.6 brings them together. So a pair of *boots* sets up once, in
//! memory, for all keys, and a share of a key stays 32 bytes. A restart forgets the base transfers, and with them whatever a failed
//! check may have told a peer about them, which no host can bring back (docs/adr/0006).
//!
//! # Rules that are kept here
//! - A presignature is bound to key, epoch, exact signers and child path when it is made, and to the first message that claims it; it
//!   is used by value, erased on every failure, never written, and gone after a restart. A derived path is fixed before anybody knows
//!   the nonce point (Groth, Shoup, ePrint 2021/1330: presignatures and additive derivation together lose security otherwise).
//! - The digest is computed inside, from the parsed payload: the same paper's attack on presignatures needs one that is chosen freely.
//! - A failed check of oblivious transfer or multiplication tells a peer that cheats something about the pair's base transfers: the pair
//!   is barred for as long as both boots live, its set-up erased, and every presignature of that pair with it.
//! - `dkls23` draws from the thread's generator, seeded by the kernel, which the NSM has seeded: the one place where randomness does not
//!   come in as an argument.

mod abort;
mod pair;
mod presignature;
mod presigning;
mod share;

use cloister_wire::{bounded::SecretBytes, ids::SignerId, limits, refusal::Refusal};
use dkls23::protocols::PartyIndex;
use k256_dkls::{
    AffinePoint, FieldBytes, Scalar, Secp256k1,
    elliptic_curve::{PrimeField as _, ops::Reduce as _, sec1::FromSec1Point as _},
};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use abort::Abort;
pub(crate) use pair::Pairs;
pub(crate) use presigning::{Batch, Terms};
pub(crate) use share::Share;

use crate::fault::Fault;

/// What the library runs a protocol step on.
type Party = dkls23::protocols::Party<Secp256k1>;

/// The library's number of a signer: the same one.
fn index(signer: SignerId) -> Result<PartyIndex, Refusal> {
    u8::try_from(signer.get()).ok().and_then(|number| PartyIndex::new(number).ok()).ok_or(Refusal::UnknownSigner)
}

/// The signer of the library's number.
fn signer(index: PartyIndex) -> Option<SignerId> {
    SignerId::try_from(u16::from(index.as_u8())).ok()
}

/// What the library's types look like in messages. The buffer is made as long as it has to be: growing would leave copies behind.
fn write<T: Serialize>(value: &T) -> Result<SecretBytes<{ limits::PAIRWISE }>, Fault> {
    let length = postcard::experimental::serialized_size(value).map_err(|_| Fault::Fatal)?;
    let bytes = postcard::to_extend(value, Vec::with_capacity(length)).map_err(|_| Fault::Fatal)?;
    Ok(bytes.try_into()?)
}

/// Reads the whole of `bytes`.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        Ok(_) | Err(_) => None,
    }
}

/// A scalar that is written canonically.
fn scalar(bytes: &[u8]) -> Option<Scalar> {
    let bytes = <[u8; 32]>::try_from(bytes).ok()?;
    Scalar::from_repr(bytes.into()).into_option()
}

/// Thirty-two bytes modulo the group's order, as ECDSA takes digests and x-coordinates.
fn reduced(bytes: &[u8; 32]) -> Scalar {
    Scalar::reduce(&FieldBytes::from(*bytes))
}

/// A point from its compressed form; never the identity.
fn point(compressed: &[u8]) -> Option<AffinePoint> {
    // The compact form (05) has 33 bytes, too.
    let [0x02 | 0x03, ..] = compressed else { return None };
    AffinePoint::from_sec1_bytes(compressed).ok()
}

/// A compressed point, bytes.
const POINT: usize = 33;

#[cfg(test)]
mod tests;
