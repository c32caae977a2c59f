//! Every bound of this crate. Each is checked before anything is allocated for what it bounds.

/// Bytes of a Solana transaction, signatures included: what fits one packet (IPv6 minimum MTU
/// 1280 less headers, `PACKET_DATA_SIZE`).
pub const SOLANA_TRANSACTION: usize = 1232;

/// Bytes of a PSBT.
pub const PSBT: usize = 256 * 1024;

/// Inputs of a transaction to sign.
pub const PSBT_INPUTS: usize = 512;

/// Outputs of a transaction to sign.
pub const PSBT_OUTPUTS: usize = 2048;

/// Key-value pairs in all the maps of a PSBT together.
pub const PSBT_PAIRS: usize = 16 * 1024;

/// Bytes of a Cosmos sign document or signed transaction.
pub const COSMOS_SIGN_DOC: usize = 32 * 1024;

/// Messages of a Cosmos transaction.
pub const COSMOS_MESSAGES: usize = 64;

/// Coins of a message, and of a fee.
pub const COSMOS_COINS: usize = 16;

/// Bytes of a memo. The SDK takes 256 unless a chain says otherwise; the Cosmos Hub takes 512.
pub const COSMOS_MEMO: usize = 512;

/// Bytes of a chain id (CometBFT's `MaxChainIDLen`).
pub const COSMOS_CHAIN_ID: usize = 50;

/// Characters of an address: as many as bech32 takes.
pub const COSMOS_ADDRESS: usize = 90;

/// Characters of an address's prefix, so that one of 32 bytes fits behind it.
pub const COSMOS_PREFIX: usize = 31;

/// Characters of a receiver on another chain (ibc-go takes 2048).
pub const COSMOS_RECEIVER: usize = 256;

/// Steps from a key to the child that is derived from it.
pub const DERIVATION_STEPS: usize = 16;

/// Bytes of an unsigned Ethereum transaction: what nodes pass on (geth's `txMaxSize`).
pub const ETHEREUM_TRANSACTION: usize = 128 * 1024;

/// Bytes of a signed Ethereum transaction, sidecar aside: parity and both halves of a signature
/// take at most 75 bytes more.
pub const ETHEREUM_SIGNED_TRANSACTION: usize = ETHEREUM_TRANSACTION + 75;

/// Bytes of an Ethereum transaction with its sidecar.
pub const ETHEREUM_NETWORK_TRANSACTION: usize = 4 * 1024 * 1024;

/// Accounts of an access list.
pub const ETHEREUM_ACCESS_LIST: usize = 1024;

/// Storage slots of one account of an access list.
pub const ETHEREUM_STORAGE_KEYS: usize = 4096;

/// Blobs of a transaction (EIP-7594 takes 6; other networks may take more).
pub const ETHEREUM_BLOBS: usize = 16;

/// Authorisations of a transaction (EIP-7702).
pub const ETHEREUM_AUTHORIZATIONS: usize = 256;

/// Bytes of a user operation (ERC-4337) to sign.
pub const ETHEREUM_USER_OPERATION: usize = 128 * 1024;

/// Bytes of an Ethereum message (`personal_sign`).
pub const ETHEREUM_MESSAGE: usize = 128 * 1024;

/// Bytes of typed data (EIP-712) in canonical form.
pub const ETHEREUM_TYPED_DATA: usize = 128 * 1024;

/// Struct types of typed data.
pub const ETHEREUM_TYPED_DATA_TYPES: usize = 64;

/// Fields of a struct type.
pub const ETHEREUM_TYPED_DATA_FIELDS: usize = 64;

/// Bytes of a name of a struct type or a field.
pub const ETHEREUM_TYPED_DATA_NAME: usize = 64;

/// How deep structs and arrays may be nested in typed data.
pub const ETHEREUM_TYPED_DATA_DEPTH: usize = 16;

/// Values in typed data: elements, structs and all others.
pub const ETHEREUM_TYPED_DATA_VALUES: usize = 16 * 1024;

/// Bytes of a text to sign.
pub const MESSAGE_TEXT: usize = 16 * 1024;
