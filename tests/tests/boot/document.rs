//! Attestation documents, read with none of our code: nobody signed those of the emulated module, so ours refuses to.

use std::collections::BTreeMap;

use coset::cbor::Value;

/// A document's fields.
pub(crate) struct Document {
    pub(crate) pcrs: BTreeMap<u8, Vec<u8>>,
    pub(crate) nonce: Vec<u8>,
    pub(crate) user_data: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Document {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let [_, _, payload, signature] = parts(bytes);
        let payload = decode(payload.as_bytes().expect("bytes"));
        let fields = payload.as_map().expect("a map");
        let field = |name: &str| {
            let field = fields.iter().find(|(key, _)| key.as_text() == Some(name));
            &field.unwrap_or_else(|| panic!("the document has no {name}")).1
        };
        let bytes = |name: &str| field(name).as_bytes().unwrap_or_else(|| panic!("{name} is no bytes")).clone();
        let pcr = |(index, value): &(Value, Value)| {
            let index = index.as_integer().expect("a number").try_into().expect("0 to 31");
            (index, value.as_bytes().expect("bytes").clone())
        };
        Self {
            pcrs: field("pcrs").as_map().expect("a map").iter().map(pcr).collect(),
            nonce: bytes("nonce"),
            user_data: bytes("user_data"),
            public_key: bytes("public_key"),
            signature: signature.into_bytes().expect("bytes"),
        }
    }
}

/// The document under the header that the NSM's specification asks for and the emulated module does not write, so that nothing but the
/// signature is wrong with it. It signs nothing, so anyone may do that.
pub(crate) fn with_proper_header(bytes: &[u8]) -> Vec<u8> {
    const ES384: [u8; 4] = [0xa1, 0x01, 0x38, 0x22];
    let [_, unprotected, payload, signature] = parts(bytes);
    let mut proper = Vec::new();
    let document = Value::Array(vec![Value::Bytes(ES384.into()), unprotected, payload, signature]);
    coset::cbor::into_writer(&document, &mut proper).expect("memory");
    proper
}

/// Protected header, unprotected header, payload, signature.
fn parts(bytes: &[u8]) -> [Value; 4] {
    decode(bytes).into_array().expect("an array").try_into().expect("four parts")
}

fn decode(bytes: &[u8]) -> Value {
    coset::cbor::from_reader(bytes).expect("CBOR")
}
