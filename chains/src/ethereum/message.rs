//! Messages as wallets sign them (`personal_sign`, version `0x45` of EIP-191).

use super::{keccak256, unsignable::Unsignable};
use crate::{Rejected, limits};

/// The digest that a key signs for `message`, at most [`limits::ETHEREUM_MESSAGE`] bytes of any kind but not 32:
/// `keccak256(0x19 "Ethereum Signed Message:\n" decimal-length message)`.
///
/// # Security
/// Accounts that are contracts take a signed hash for an order: a user operation (ERC-4337) is signed as the message of its hash. Nobody
/// sees in 32 bytes what that order is.
pub fn personal_message_digest(message: &[u8]) -> Result<[u8; 32], Rejected> {
    let length = message.len();
    if length > limits::ETHEREUM_MESSAGE {
        return Err(Unsignable::MessageTooLong { length }.into());
    }
    if length == 32 {
        return Err(Unsignable::MessageIsHash.into());
    }
    Ok(digest(message))
}

/// The same for whoever knows what a hash is of.
pub(super) fn digest(message: &[u8]) -> [u8; 32] {
    keccak256([PREFIX, message.len().to_string().as_bytes(), message].concat())
}

const PREFIX: &[u8] = b"\x19Ethereum Signed Message:\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_messages_of_the_length_of_a_hash() {
        for length in 31..34 {
            let refused = personal_message_digest(&vec![b'a'; length]).err();
            assert_eq!(refused, (length == 32).then_some(Unsignable::MessageIsHash.into()));
        }
    }

    #[test]
    fn refuses_messages_beyond_the_bound() {
        let length = limits::ETHEREUM_MESSAGE + 1;
        assert!(personal_message_digest(&vec![0xff; length - 1]).is_ok());
        assert_eq!(personal_message_digest(&vec![0; length]), Err(Unsignable::MessageTooLong { length }.into()));
    }
}
