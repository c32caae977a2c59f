//! The payload of a document: bytes to bounded fields. Nothing here is authenticated.

use minicbor::data::Type;
use minicbor::decode::Error as CborError;
use minicbor::{Decode, Decoder};

use crate::{Pcr, PcrIndex, Rejected, UnixMillis, limits};

/// What a document says, within the bounds of the NSM specification.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    pub(crate) module_id: String,
    pub(crate) timestamp: UnixMillis,
    pub(crate) pcrs: Pcrs,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) public_key: Option<Vec<u8>>,
}

/// The registers of a document, by index.
#[derive(Debug, Clone)]
pub(crate) struct Pcrs([Option<Pcr>; limits::PCRS as usize]);

impl Pcrs {
    pub(crate) fn get(&self, index: PcrIndex) -> Option<Pcr> {
        self.0.get(usize::from(index.get())).copied().flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PcrIndex, Pcr)> + '_ {
        (0..limits::PCRS).filter_map(PcrIndex::new).filter_map(|index| Some((index, self.get(index)?)))
    }
}

/// A decoded payload: the claims and the certificates that should vouch for them.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) claims: Claims,
    pub(crate) certificate: Vec<u8>,
    pub(crate) cabundle: Vec<Vec<u8>>,
}

impl Payload {
    /// Decodes the NSM's map. Unknown and repeated fields are refused: AWS has added none since 2020, and a field that this
    /// code does not know might be one that it ought to check.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Payload, Rejected> {
        let mut decoder = Decoder::new(bytes);
        let mut fields = Fields::default();
        each_entry(&mut decoder, FIELDS, |decoder| fields.read(decoder))?;
        if decoder.position() != bytes.len() {
            return Err(Rejected::Malformed("bytes after the payload"));
        }
        fields.complete()
    }
}

#[derive(Default)]
struct Fields<'b> {
    module_id: Option<&'b str>,
    digest: Option<&'b str>,
    timestamp: Option<u64>,
    pcrs: Option<Pcrs>,
    certificate: Option<&'b [u8]>,
    cabundle: Option<Vec<Vec<u8>>>,
    public_key: Option<Optional<'b>>,
    user_data: Option<Optional<'b>>,
    nonce: Option<Optional<'b>>,
}

impl<'b> Fields<'b> {
    fn read(&mut self, decoder: &mut Decoder<'b>) -> Result<(), Rejected> {
        match decoder.str()? {
            "module_id" => once(&mut self.module_id, decoder.str()?),
            "digest" => once(&mut self.digest, decoder.str()?),
            "timestamp" => once(&mut self.timestamp, decoder.u64()?),
            "pcrs" => once(&mut self.pcrs, pcrs(decoder)?),
            "certificate" => once(&mut self.certificate, decoder.bytes()?),
            "cabundle" => once(&mut self.cabundle, cabundle(decoder)?),
            "public_key" => once(&mut self.public_key, decoder.decode()?),
            "user_data" => once(&mut self.user_data, decoder.decode()?),
            "nonce" => once(&mut self.nonce, decoder.decode()?),
            _ => Err(Rejected::Malformed("unknown field")),
        }
    }

    fn complete(self) -> Result<Payload, Rejected> {
        if self.digest != Some("SHA384") {
            return Err(Rejected::Malformed("digest is not SHA384"));
        }
        let module_id = self.module_id.filter(|id| (1..=limits::MODULE_ID).contains(&id.len()));
        let timestamp = self.timestamp.filter(|&time| time != 0);
        let certificate = self.certificate.filter(|der| (1..=limits::CERTIFICATE).contains(&der.len()));
        Ok(Payload {
            claims: Claims {
                module_id: module_id.ok_or(Rejected::Malformed("module_id"))?.to_owned(),
                timestamp: UnixMillis(timestamp.ok_or(Rejected::Malformed("timestamp"))?),
                pcrs: self.pcrs.ok_or(Rejected::Malformed("pcrs"))?,
                user_data: optional(self.user_data, limits::USER_DATA, "user_data")?,
                nonce: optional(self.nonce, limits::NONCE, "nonce")?,
                public_key: optional(self.public_key, limits::PUBLIC_KEY, "public_key")?,
            },
            certificate: certificate.ok_or(Rejected::Malformed("certificate"))?.to_owned(),
            cabundle: self.cabundle.ok_or(Rejected::Malformed("cabundle"))?,
        })
    }
}

/// A field that the NSM writes as `null` when its caller gave none.
struct Optional<'b>(Option<&'b [u8]>);

impl<'b, C> Decode<'b, C> for Optional<'b> {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, CborError> {
        if decoder.datatype()? == Type::Null {
            return decoder.null().map(|()| Optional(None));
        }
        decoder.bytes().map(|bytes| Optional(Some(bytes)))
    }
}

fn optional(field: Option<Optional<'_>>, most: usize, name: &'static str) -> Result<Option<Vec<u8>>, Rejected> {
    let bytes = field.and_then(|Optional(bytes)| bytes);
    if bytes.is_some_and(|bytes| bytes.len() > most) {
        return Err(Rejected::Malformed(name));
    }
    Ok(bytes.map(<[u8]>::to_vec))
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Rejected> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Rejected::Malformed("repeated field")),
    }
}

fn pcrs(decoder: &mut Decoder<'_>) -> Result<Pcrs, Rejected> {
    let mut pcrs = Pcrs(Default::default());
    each_entry(decoder, limits::PCRS.into(), |decoder| {
        let slot = pcrs.0.get_mut(usize::from(decoder.u8()?)).ok_or(Rejected::Malformed("PCR index above 31"))?;
        once(slot, Pcr::try_from(decoder.bytes()?).map_err(|_| Rejected::Malformed("PCR is not 48 bytes"))?)
    })?;
    if pcrs.iter().next().is_none() { Err(Rejected::Malformed("no PCRs")) } else { Ok(pcrs) }
}

fn cabundle(decoder: &mut Decoder<'_>) -> Result<Vec<Vec<u8>>, Rejected> {
    let count = decoder.array()?.and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| (1..=limits::CA_BUNDLE).contains(count)).ok_or(Rejected::Malformed("cabundle"))?;
    let mut bundle = Vec::with_capacity(count);
    for _ in 0..count {
        let der = decoder.bytes()?;
        if !(1..=limits::CERTIFICATE).contains(&der.len()) {
            return Err(Rejected::Malformed("cabundle"));
        }
        bundle.push(der.to_vec());
    }
    Ok(bundle)
}

/// Reads a map of at most `most` entries, of definite or (as the NSM writes the outermost) indefinite length.
fn each_entry<'b>(
    decoder: &mut Decoder<'b>,
    most: usize,
    mut read: impl FnMut(&mut Decoder<'b>) -> Result<(), Rejected>,
) -> Result<(), Rejected> {
    let definite = decoder.map()?;
    for seen in 0..=most {
        let ended = match definite {
            Some(count) => count == seen as u64,
            None => decoder.datatype()? == Type::Break,
        };
        if !ended {
            read(decoder)?;
            continue;
        }
        return if definite.is_none() { decoder.skip().map_err(Rejected::from) } else { Ok(()) };
    }
    Err(Rejected::Malformed("too many entries"))
}

impl From<CborError> for Rejected {
    fn from(_: CborError) -> Self {
        Rejected::Malformed("payload is not the NSM's CBOR")
    }
}

/// Fields of the NSM's map.
const FIELDS: usize = 9;
