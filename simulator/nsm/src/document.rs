use std::convert::Infallible;

use cloister_attestation::{Pcr, UnixMillis};
use minicbor::Encoder;
use minicbor::encode::Error;

/// What a document says, before it is signed.
pub(super) struct Fields<'a> {
    pub(super) module_id: &'a str,
    pub(super) timestamp: UnixMillis,
    pub(super) pcrs: Vec<(u8, Pcr)>,
    pub(super) user_data: Option<&'a [u8]>,
    pub(super) nonce: Option<&'a [u8]>,
    pub(super) public_key: Option<&'a [u8]>,
}

impl Fields<'_> {
    /// The payload in Nitro's own field order, in its outer map of indefinite length.
    pub(super) fn encode(&self, certificate: &[u8], bundle: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(6 * 1024);
        self.write(&mut Encoder::new(&mut bytes), certificate, bundle).expect("a Vec takes everything");
        bytes
    }

    fn write(
        &self,
        out: &mut Encoder<&mut Vec<u8>>,
        certificate: &[u8],
        bundle: &[Vec<u8>],
    ) -> Result<(), Error<Infallible>> {
        out.begin_map()?;
        out.str("module_id")?.str(self.module_id)?;
        out.str("digest")?.str("SHA384")?;
        out.str("timestamp")?.u64(self.timestamp.0)?;
        out.str("pcrs")?.map(self.pcrs.len() as u64)?;
        for (index, value) in &self.pcrs {
            out.u8(*index)?.bytes(value.as_bytes())?;
        }
        out.str("certificate")?.bytes(certificate)?;
        out.str("cabundle")?.array(bundle.len() as u64)?;
        for der in bundle {
            out.bytes(der)?;
        }
        for (name, field) in [("public_key", self.public_key), ("user_data", self.user_data), ("nonce", self.nonce)] {
            out.str(name)?;
            match field {
                Some(bytes) => out.bytes(bytes)?,
                None => out.null()?,
            };
        }
        out.end()?;
        Ok(())
    }
}
