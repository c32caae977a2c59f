//! How documents travel in JSON: standard base64 of their canonical bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_wire::codec;
use minicbor::{Decode, Encode};

use crate::problem::{HostCode, Problem};

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The base64 of a document's canonical bytes.
pub(crate) fn to_base64<T: Encode<()>>(document: &T) -> String {
    base64(&codec::encode(document))
}

/// Reads a document from base64; `what` names it in the problem.
pub(crate) fn from_base64<T: Encode<()> + for<'b> Decode<'b, ()>>(what: &str, text: &str) -> Result<T, Problem> {
    let invalid = |why: String| Problem::host(HostCode::RequestInvalid, format!("{what}: {why}"));
    let bytes = STANDARD.decode(text.trim()).map_err(|error| invalid(format!("not base64: {error}")))?;
    codec::decode(&bytes).map_err(|error| invalid(error.to_string()))
}
