//! What people write for what a key may sign: `message`, `bitcoin+foreign`, `ethereum:1`.

use cloister_chains::ethereum::{Address, TypedData};
use cloister_wire::{
    ids::{EthereumAccount, Hash},
    policy::{ForeignInputs, Permission},
    request::Scheme,
};

use crate::{error::Error, typed_data};

/// A text that names nothing that can be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is none of message, solana, bitcoin, bitcoin+foreign, ethereum:CHAIN_ID, ethereum-message, \
     typed-data:0xDOMAIN_SEPARATOR, ethereum-authorization:CHAIN_ID, user-operation:CHAIN_ID:0xACCOUNT and cosmos:CHAIN_ID"
)]
pub struct NotAPermission(String);

/// The permission that a text names.
///
/// # Errors
/// [`NotAPermission`].
pub fn parse(text: &str) -> Result<Permission, NotAPermission> {
    read(text).ok_or_else(|| NotAPermission(text.to_owned()))
}

fn read(text: &str) -> Option<Permission> {
    Some(match text.split_once(':').map_or((text, None), |(what, which)| (what, Some(which))) {
        ("message", None) => Permission::Message,
        ("solana", None) => Permission::Solana,
        ("bitcoin", None) => Permission::Bitcoin { foreign: ForeignInputs::Refused },
        ("bitcoin+foreign", None) => Permission::Bitcoin { foreign: ForeignInputs::LeftAlone },
        ("ethereum", Some(id)) => Permission::Ethereum { chain_id: chain_id(id)? },
        ("ethereum-message", None) => Permission::EthereumMessage,
        ("typed-data", Some(domain)) => Permission::TypedData { domain: domain.strip_prefix("0x")?.parse().ok()? },
        // Authorisations of chain 0 hold on every chain.
        ("ethereum-authorization", Some("0")) => Permission::Authorization { chain_id: 0 },
        ("ethereum-authorization", Some(id)) => Permission::Authorization { chain_id: chain_id(id)? },
        ("user-operation", Some(which)) => {
            let (id, account) = which.split_once(':')?;
            let account: Address = account.parse().ok()?;
            let account = EthereumAccount::from_bytes(*account.as_bytes());
            Permission::UserOperation { chain_id: chain_id(id)?, account }
        }
        ("cosmos", Some(id)) => Permission::Cosmos { chain_id: id.parse().ok()? },
        _ => return None,
    })
}

/// A number from 1, in its one decimal form.
fn chain_id(text: &str) -> Option<u64> {
    text.parse().ok().filter(|id: &u64| *id > 0 && id.to_string() == text)
}

/// The permission for all typed data of the domain that the document in `json` has.
///
/// # Errors
/// [`Error::TypedData`].
pub fn for_domain_of(json: &[u8]) -> Result<Permission, Error> {
    let canonical = typed_data::from_json(json)?;
    let domain = Hash::from_bytes(TypedData::parse(&canonical)?.domain_separator());
    Ok(Permission::TypedData { domain })
}

/// Whether a key of this scheme can ever sign what the permission allows.
#[must_use]
pub fn fits(permission: &Permission, scheme: Scheme) -> bool {
    match permission {
        Permission::Message => true,
        Permission::Solana => scheme == Scheme::Ed25519,
        Permission::Bitcoin { .. } => matches!(scheme, Scheme::Secp256k1Taproot | Scheme::Secp256k1Ecdsa),
        Permission::Ethereum { .. }
        | Permission::EthereumMessage
        | Permission::TypedData { .. }
        | Permission::Authorization { .. }
        | Permission::UserOperation { .. }
        | Permission::Cosmos { .. } => scheme == Scheme::Secp256k1Ecdsa,
    }
}

/// The text that [`parse`] reads.
#[must_use]
pub fn text(permission: &Permission) -> String {
    match permission {
        Permission::Message => "message".to_owned(),
        Permission::Solana => "solana".to_owned(),
        Permission::Bitcoin { foreign: ForeignInputs::Refused } => "bitcoin".to_owned(),
        Permission::Bitcoin { foreign: ForeignInputs::LeftAlone } => "bitcoin+foreign".to_owned(),
        Permission::Ethereum { chain_id } => format!("ethereum:{chain_id}"),
        Permission::EthereumMessage => "ethereum-message".to_owned(),
        Permission::TypedData { domain } => format!("typed-data:0x{domain}"),
        Permission::Authorization { chain_id } => format!("ethereum-authorization:{chain_id}"),
        Permission::UserOperation { chain_id, account } => {
            format!("user-operation:{chain_id}:{}", Address::from(*account.as_bytes()))
        }
        Permission::Cosmos { chain_id } => format!("cosmos:{chain_id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_written_as_it_is_read() {
        let domain = format!("typed-data:0x{}", "ab".repeat(32));
        let texts = [
            "message",
            "solana",
            "bitcoin",
            "bitcoin+foreign",
            "ethereum:1",
            "ethereum:8453",
            "ethereum-message",
            &domain,
            "ethereum-authorization:0",
            "ethereum-authorization:1",
            "user-operation:1:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "cosmos:cosmoshub-4",
        ];
        for written in texts {
            assert_eq!(text(&parse(written).unwrap()), written);
        }
    }

    #[test]
    fn what_leaves_open_which_chain_or_domain_is_refused() {
        let wrong = [
            "",
            "ethereum",
            "ethereum:",
            "ethereum:0",
            "ethereum:01",
            "ethereum:+1",
            "ethereum:mainnet",
            "ethereum-message:1",
            "typed-data",
            "ethereum-authorization",
            "ethereum-authorization:00",
            "user-operation:0",
            "typed-data:0x00",
            "typed-data:0xzz",
            "cosmos",
            "cosmos:",
            "bitcoin+all",
            "Message",
            "message:1",
        ];
        for text in wrong {
            assert_eq!(parse(text), Err(NotAPermission(text.to_owned())));
        }
    }
}
