//! The JSON of an EIP-7702 authorisation that is to be signed: `{ "chainId", "address", "nonce" }`.

use cloister_chains::{
    Rejected,
    ethereum::{AuthorizationRequest, RlpList},
};
use serde::Deserialize;

use crate::json_value::{Json, Misfit, Sign, address, number};

/// Why a JSON document is no authorisation that can be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAuthorization {
    /// Not JSON, or with other members.
    #[error("this is not the JSON of an EIP-7702 authorisation: {0}")]
    Json(String),
    /// A member of the wrong form.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// An authorisation that no signer takes.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl NotAnAuthorization {
    /// The stable code, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Misfit(_) => "authorization_json_invalid",
            Self::Rejected(why) => why.code(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    chain_id: Json,
    #[serde(alias = "contractAddress")]
    address: Json,
    nonce: Json,
}

/// What [`AuthorizationRequest::parse`] reads.
///
/// # Errors
/// [`NotAnAuthorization`].
pub fn from_json(json: &[u8]) -> Result<Vec<u8>, NotAnAuthorization> {
    let Document { chain_id, address: code, nonce } =
        serde_json::from_slice(json).map_err(|why| NotAnAuthorization::Json(why.to_string()))?;
    let list = RlpList::new().number(number(&chain_id, Sign::Unsigned, "chainId")?);
    let list = list.string(address(&code, "address")?.as_bytes());
    let bytes = list.number(number(&nonce, Sign::Unsigned, "nonce")?).finish();
    AuthorizationRequest::parse(&bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// `chains/vectors/ethereum.py` wrote them, with eth-account.
    #[test]
    fn writes_what_eth_account_writes() {
        let vectors: Value = serde_json::from_str(include_str!("../../chains/vectors/ethereum.json")).unwrap();
        for case in vectors["authorizations"].as_array().unwrap() {
            let json = json!({"chainId": case["chain_id"], "address": case["address"], "nonce": case["nonce"]});
            assert_eq!(hex::encode(from_json(json.to_string().as_bytes()).unwrap()), case["encoded"]);
        }
    }

    #[test]
    fn refuses_what_is_missing_too_many_or_of_another_form() {
        let address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        for wrong in [
            json!({"chainId": 1, "address": address}),
            json!({"chainId": 1, "address": address, "nonce": 1, "yParity": 1}),
            json!({"chainId": 1, "address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", "nonce": 1}),
            json!({"chainId": -1, "address": address, "nonce": 1}),
        ] {
            assert_eq!(from_json(wrong.to_string().as_bytes()).unwrap_err().code(), "authorization_json_invalid");
        }
    }
}
