//! Messages as wallets sign them (`personal_sign`, version `0x45` of EIP-191).

use super::{keccak256, unsignable::Unsignable};
use crate::{Rejected, limits};

/// The digest that a key signs for `message`, at most [`limits::ETHEREUM_MESSAGE`] bytes of any kind:
/// `keccak256(0x19 "Ethereum Signed Message:\n" decimal-length message)`.
pub fn personal_message_digest(message: &[u8]) -> Result<[u8; 32], Rejected> {
    let length = message.len();
    if length > limits::ETHEREUM_MESSAGE {
        return Err(Unsignable::MessageTooLong { length }.into());
    }
    Ok(keccak256([PREFIX, length.to_string().as_bytes(), message].concat()))
}

const PREFIX: &[u8] = b"\x19Ethereum Signed Message:\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_messages_beyond_the_bound() {
        let length = limits::ETHEREUM_MESSAGE + 1;
        assert!(personal_message_digest(&vec![0xff; length - 1]).is_ok());
        assert_eq!(personal_message_digest(&vec![0; length]), Err(Unsignable::MessageTooLong { length }.into()));
    }
}
