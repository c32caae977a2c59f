//! Cosmos SDK: sign documents of `SIGN_MODE_DIRECT`, and the transactions around them.
//!
//! ```text
//! SignDoc = body bytes, auth info bytes, chain id, account number      a key signs its SHA-256
//! TxRaw   = body bytes, auth info bytes, signature                     what the network takes
//! ```
//!
//! Both are protobuf, and are taken only as ADR-027 has them encoded: fields in order, defaults
//! left out, numbers in their shortest form, nothing unknown. There is one signer, who pays the fee
//! and whose messages all of them are: transfers (`MsgSend`, and `MsgTransfer` over IBC), staking
//! (`MsgDelegate`, `MsgUndelegate`, `MsgBeginRedelegate`) and its rewards (`MsgWithdrawDelegatorReward`).
//!
//! A sign document without its last field is another one, of account number 0: protobuf's end is
//! where the bytes end. Whoever shows a document shows the account number too.

mod address;
mod coin;
mod effects;
mod message;
mod protobuf;
mod sign_doc;
#[cfg(test)]
mod tests;
mod timeout;
mod transaction;
mod unsignable;

pub use address::Address;
pub use coin::Coin;
pub use sign_doc::{SignDoc, SignedTransaction};
pub use timeout::Timeout;
pub use transaction::{Fee, Transaction};
pub use unsignable::{Part, Unsignable};
