//! A host's REST API: bounded answers, problems as errors. What it says is nobody's word but the host's.

use core::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_wire::codec;
use minicbor::{Decode, Encode};
use reqwest::{RequestBuilder, Response, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{error::Error, problem::Problem};

/// A host's address.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    base: Url,
    http: reqwest::Client,
}

impl Api {
    /// For a URL such as `http://127.0.0.1:8080`. Hosts are reached directly, not through a proxy that the environment names.
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let base = Url::parse(url).ok().filter(|base| base.has_host() && base.scheme() == "http");
        let base = base.ok_or_else(|| Error::Address(url.to_owned()))?;
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).build();
        Ok(Self { base, http: http.map_err(|_| Error::Address(url.to_owned()))? })
    }

    /// What the host knows by itself. Asked first, so it is also what shows soon that a host hangs.
    pub(crate) async fn group(&self) -> Result<GroupAnswer, Error> {
        parse(&self.fetch(self.http.get(self.url("/v1/group", &[])?), HELLO, ANSWER).await?)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Error> {
        parse(&self.fetch(self.http.get(self.url(path, query)?), READ, ANSWER).await?)
    }

    /// An answer that may be as large as an audit export.
    pub(crate) async fn download(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<u8>, Error> {
        self.fetch(self.http.get(self.url(path, query)?), EXPORT, DOWNLOAD).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        patience: Duration,
    ) -> Result<T, Error> {
        parse(&self.fetch(self.http.post(self.url(path, &[])?).json(body), patience, ANSWER).await?)
    }

    /// Posts what every signer is to be told; says which took it.
    pub(crate) async fn tell(&self, path: &str, body: &impl Serialize) -> Result<Vec<u16>, Error> {
        #[derive(Deserialize)]
        struct Told {
            signers: Vec<u16>,
        }
        let Told { signers } = self.post(path, body, POLICY).await?;
        Ok(signers)
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        let mut url = self.base.join(path).map_err(|_| Error::Address(self.base.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn fetch(&self, request: RequestBuilder, patience: Duration, limit: usize) -> Result<Vec<u8>, Error> {
        let silent = |error| self.silent(&error, patience);
        let mut response = request.timeout(patience).send().await.map_err(silent)?;
        let status = response.status();
        let bytes = read(&mut response, limit).await.map_err(silent)?;
        let bytes = bytes.ok_or(Error::Unintelligible("an answer of excessive length"))?;
        if status.is_success() {
            return Ok(bytes);
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(Problem { status: status.as_u16(), ..problem }.into()),
            Err(_) => Err(Error::Unintelligible("an error without problem+json")),
        }
    }

    fn silent(&self, error: &reqwest::Error, patience: Duration) -> Error {
        if error.is_timeout() && !error.is_connect() {
            return Error::NoAnswer { url: self.base.to_string(), seconds: patience.as_secs() };
        }
        let mut cause: &dyn core::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Error::Unreachable { url: self.base.to_string(), reason: cause.to_string() }
    }
}

/// An answer, unless it is longer than `limit`.
async fn read(response: &mut Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|_| Error::Unintelligible("JSON with other fields"))
}

/// A wire document out of base64.
pub(crate) fn from_base64<T>(what: &'static str, text: &str) -> Result<T, Error>
where
    T: for<'b> Decode<'b, ()> + Encode<()>,
{
    let bytes = STANDARD.decode(text).map_err(|_| Error::Unintelligible("a document that is not base64"))?;
    codec::decode(&bytes).map_err(|why| Error::Unreadable { what, why })
}

/// A wire document as base64.
pub(crate) fn to_base64<T: Encode<()>>(document: &T) -> String {
    STANDARD.encode(codec::encode(document))
}

#[derive(Deserialize)]
pub(crate) struct GroupAnswer {
    pub(crate) manifest: String,
    #[serde(default)]
    pub(crate) genesis: Option<String>,
    #[serde(default)]
    pub(crate) policy: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct AttestationAnswer {
    pub(crate) statement: String,
    pub(crate) document: String,
}

#[derive(Deserialize)]
pub(crate) struct SignerAnswer {
    pub(crate) signer: u16,
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) problem: Option<Problem>,
}

#[derive(Deserialize)]
pub(crate) struct LastStartAnswer {
    pub(crate) orders: Vec<String>,
    pub(crate) unreachable: Vec<u16>,
}

#[derive(Serialize)]
pub(crate) struct StartQuestion {
    pub(crate) order: String,
    pub(crate) policy: String,
}

#[derive(Serialize)]
pub(crate) struct PolicyQuestion {
    pub(crate) policy: String,
}

#[derive(Serialize)]
pub(crate) struct RequestQuestion {
    pub(crate) request: String,
}

#[derive(Deserialize)]
pub(crate) struct KeyAnswer {
    pub(crate) certificate: String,
}

#[derive(Deserialize)]
pub(crate) struct SignAnswer {
    pub(crate) request_hash: String,
    pub(crate) signatures: Vec<String>,
    #[serde(default)]
    pub(crate) signers: Vec<u16>,
}

/// An answer whose fields do not matter.
#[derive(Deserialize)]
pub(crate) struct Anything {}

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest wait for the first answer, which a host gives without asking anybody.
const HELLO: Duration = Duration::from_secs(3);
/// The longest wait for what a host asks signers and other hosts, which it gives up after less.
const READ: Duration = Duration::from_secs(10);
/// The longest wait for an audit export.
const EXPORT: Duration = Duration::from_secs(300);
/// The longest wait for a signature: signers may have to be set up for each other and to presign first, and a PSBT has hundreds of
/// inputs. For this and the following: longer than the host takes to give up.
pub(crate) const SIGN: Duration = Duration::from_secs(100);
/// The longest wait for every signer's view of a request.
pub(crate) const REVIEW: Duration = Duration::from_secs(30);
/// The longest wait for a policy to be in force everywhere.
pub(crate) const POLICY: Duration = Duration::from_secs(60);
/// The longest wait for a key.
pub(crate) const KEYGEN: Duration = Duration::from_secs(90);
/// The longest wait for a start.
pub(crate) const START: Duration = Duration::from_secs(150);
/// The longest answer, bytes: all certificates of a group ([`cloister_wire::limits::KEYS`] of some kilobytes).
const ANSWER: usize = 32 * 1024 * 1024;
/// The longest audit export, bytes.
const DOWNLOAD: usize = 1024 * 1024 * 1024;
