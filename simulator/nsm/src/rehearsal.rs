use cloister_attestation::{Pcr, UnixMillis};
use cloister_enclave::device::{DeviceFailed, Nsm};
use cloister_wire::ids;
use coset::cbor::{self, Value};

use super::{ModuleId, TestRoot, chain::Chain, document::Fields};

/// The device of the rehearsal image. An emulator's module measures and fills in documents, and cannot sign them as AWS's does; so the
/// enclave signs its module's fields itself. Anyone could sign the same, and such a document proves nothing.
pub struct Rehearsal<N> {
    module: N,
    root: TestRoot,
    chain: Option<Chain>,
}

impl<N> Rehearsal<N> {
    /// Signs what `module` fills in, under `root`.
    pub fn new(module: N, root: TestRoot) -> Self {
        Self { module, root, chain: None }
    }

    fn sign(&mut self, unsigned: &[u8]) -> Option<Vec<u8>> {
        let [_, _, payload, _] = <[Value; 4]>::try_from(decode(unsigned)?.into_array().ok()?).ok()?;
        let payload = decode(payload.as_bytes()?)?.into_map().ok()?;
        let field = |name| payload.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value);
        let bytes = |name| field(name).and_then(Value::as_bytes).map(Vec::as_slice);
        let module = ModuleId(field("module_id")?.as_text()?.to_owned());
        let timestamp = UnixMillis(field("timestamp")?.as_integer()?.try_into().ok()?);
        let fields = Fields {
            module_id: &module.0,
            timestamp,
            pcrs: field("pcrs")?.as_map()?.iter().map(register).collect::<Option<_>>()?,
            user_data: bytes("user_data"),
            nonce: bytes("nonce"),
            public_key: bytes("public_key"),
        };
        Chain::serving(&mut self.chain, &self.root, &module, timestamp).ok()?.sign(&fields).ok()
    }
}

impl<N: Nsm> Nsm for Rehearsal<N> {
    fn measure(&mut self, index: u8, data: &[u8]) -> Result<(), DeviceFailed> {
        self.module.measure(index, data)
    }

    fn image(&mut self) -> Result<ids::Pcr, DeviceFailed> {
        self.module.image()
    }

    fn attest(&mut self, user_data: &[u8], nonce: Option<&[u8]>, public_key: &[u8]) -> Result<Vec<u8>, DeviceFailed> {
        let unsigned = self.module.attest(user_data, nonce, public_key)?;
        self.sign(&unsigned).ok_or(DeviceFailed)
    }
}

fn register((index, value): &(Value, Value)) -> Option<(u8, Pcr)> {
    Some((index.as_integer()?.try_into().ok()?, Pcr::try_from(value.as_bytes()?.as_slice()).ok()?))
}

fn decode(bytes: &[u8]) -> Option<Value> {
    cbor::from_reader(bytes).ok()
}

#[cfg(test)]
mod tests {
    use cloister_attestation::{Mode, PcrIndex, Unverified};

    use super::*;
    use crate::StandInNsm;

    /// A module that leaves signature and certificates out, as an emulator's does, or says something else altogether.
    struct Unsigned(StandInNsm, fn(Vec<u8>) -> Vec<u8>);

    impl Nsm for Unsigned {
        fn measure(&mut self, index: u8, data: &[u8]) -> Result<(), DeviceFailed> {
            self.0.measure(index, data)
        }

        fn image(&mut self) -> Result<ids::Pcr, DeviceFailed> {
            self.0.image()
        }

        fn attest(
            &mut self,
            user_data: &[u8],
            nonce: Option<&[u8]>,
            public_key: &[u8],
        ) -> Result<Vec<u8>, DeviceFailed> {
            Nsm::attest(&mut self.0, user_data, nonce, public_key).map(self.1)
        }
    }

    fn rehearsal(leave: fn(Vec<u8>) -> Vec<u8>) -> Rehearsal<Unsigned> {
        let foreign = TestRoot::generate().expect("keys");
        let image = Pcr::ZERO.extended(b"image");
        let module = StandInNsm::new(foreign, &[(0, image), (1, image), (2, image)]).expect("in range");
        Rehearsal::new(Unsigned(module, leave), TestRoot::of_rehearsals())
    }

    #[test]
    fn fields_that_nobody_signed_come_out_signed_under_the_root_of_rehearsals() {
        let mut nsm = rehearsal(|mut document| {
            let signature = document.len() - 96..;
            document[signature].fill(0);
            document
        });
        nsm.measure(16, b"manifest").unwrap();
        let document = nsm.attest(b"statement", Some(b"nonce"), b"key").unwrap();
        let root = TestRoot::of_rehearsals().trust_root();
        let document = Unverified::parse(&document).unwrap().authenticate(&root, Mode::Archival).unwrap();
        let register = |index| document.pcr(PcrIndex::new(index).unwrap());
        assert_eq!(register(0), Some(Pcr::ZERO.extended(b"image")));
        assert_eq!(register(16), Some(Pcr::ZERO.extended(b"manifest")));
        assert_eq!(register(17), None);
        assert_eq!(document.user_data(), Some(&b"statement"[..]));
        assert_eq!(document.public_key(), Some(&b"key"[..]));
    }

    #[test]
    fn what_is_no_document_is_not_signed() {
        for nonsense in [|_| Vec::new(), |_| vec![0x80], |document: Vec<u8>| document[..document.len() / 2].to_vec()] {
            assert_eq!(rehearsal(nonsense).attest(b"", None, b"key"), Err(DeviceFailed));
        }
    }
}
