//! The other hosts of the group, over HTTP. They are no more trusted than the network: what matters is checked by signers and clients.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use cloister_wire::{ids::SignerId, limits, message::Reply};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    config::PeerBook,
    desk::{Opening, unexpected},
    problem::{HostCode, Problem},
};

/// A client of the other hosts.
#[derive(Debug)]
pub(crate) struct Peers {
    http: reqwest::Client,
    book: PeerBook,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    urls: BTreeMap<SignerId, String>,
    read: Option<Instant>,
}

impl Peers {
    /// Nobody is contacted before there is something to ask.
    pub(crate) fn new(book: PeerBook, patience: Duration) -> Result<Self, Problem> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(patience / 2)
            .timeout(patience)
            .build()
            .map_err(|error| Problem::host(HostCode::Internal, error.to_string()))?;
        let urls = match &book {
            PeerBook::Fixed(urls) => urls.clone(),
            PeerBook::File(_) => BTreeMap::new(),
        };
        Ok(Self { http, book, known: Mutex::new(Known { urls, read: None }) })
    }

    /// Has another host pass a request on to its signer.
    pub(crate) async fn relay(&self, signer: SignerId, request: Vec<u8>) -> Result<Reply, Problem> {
        let url = self.url(signer)?;
        let sent = self.http.post(format!("{url}/v1/local/signer")).body(request).send().await;
        let body = self.body(signer, sent, limits::FRAME).await?;
        minicbor::decode(&body).map_err(|_| unexpected().at(signer))
    }

    /// Has another host open a blob for its signer.
    pub(crate) async fn open(&self, signer: SignerId, opening: &Opening) -> Result<Reply, Problem> {
        let url = self.url(signer)?;
        let sent = self.http.post(format!("{url}/v1/local/open")).json(opening).timeout(OPENING).send().await;
        let body = self.body(signer, sent, limits::FRAME).await?;
        minicbor::decode(&body).map_err(|_| unexpected().at(signer))
    }

    /// Reads JSON from another host; at most `most` bytes.
    pub(crate) async fn get<T: DeserializeOwned + Serialize>(
        &self,
        signer: SignerId,
        path: &str,
        most: usize,
    ) -> Result<T, Problem> {
        let url = self.url(signer)?;
        let sent = self.http.get(format!("{url}{path}")).send().await;
        let body = self.body(signer, sent, most).await?;
        serde_json::from_slice(&body).map_err(|_| unexpected().at(signer))
    }

    async fn body(
        &self,
        signer: SignerId,
        sent: reqwest::Result<reqwest::Response>,
        most: usize,
    ) -> Result<Vec<u8>, Problem> {
        let lost = |error: &reqwest::Error| self.lost(signer, error);
        let mut response = sent.map_err(|error| lost(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| lost(&error))? {
            if body.len() + piece.len() > most {
                return Err(unexpected().at(signer));
            }
            body.extend_from_slice(&piece);
        }
        if status.is_success() {
            return Ok(body);
        }
        let problem = serde_json::from_slice::<Problem>(&body);
        Err(problem.unwrap_or_else(|_| {
            Problem::host(HostCode::SignerUnreachable, format!("its host answered {status}")).at(signer)
        }))
    }

    fn lost(&self, signer: SignerId, error: &reqwest::Error) -> Problem {
        self.known().read = None;
        let why = if error.is_timeout() { "its host does not answer in time" } else { "its host cannot be reached" };
        tracing::debug!(%signer, %error, why);
        Problem::host(HostCode::SignerUnreachable, why).at(signer)
    }

    fn url(&self, signer: SignerId) -> Result<String, Problem> {
        let mut known = self.known();
        if let PeerBook::File(path) = &self.book
            && known.read.is_none_or(|read| read.elapsed() > BOOK_LIFE)
        {
            known.urls = read_book(path)?;
            known.read = Some(Instant::now());
        }
        let url = known.urls.get(&signer).map(|url| url.trim_end_matches('/').to_owned());
        url.ok_or_else(|| {
            Problem::host(HostCode::SignerUnreachable, "the list of hosts does not name its host").at(signer)
        })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads `{"1": "http://…", …}`.
fn read_book(path: &Path) -> Result<BTreeMap<SignerId, String>, Problem> {
    let invalid = |why: String| {
        Problem::host(HostCode::SignerUnreachable, format!("the list of hosts {}: {why}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
    let urls: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    let entries = urls.into_iter().map(|(id, url)| Ok((id.parse()?, url)));
    entries.collect::<Result<_, cloister_wire::ids::Malformed>>().map_err(|error| invalid(error.to_string()))
}

/// Opening asks KMS, perhaps more than once.
const OPENING: Duration = Duration::from_secs(60);
/// How long a list of hosts that was read from a file is believed.
const BOOK_LIFE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_hosts_that_appears_later_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts.json");
        let peers = Peers::new(PeerBook::File(path.clone()), Duration::from_secs(1)).unwrap();
        let signer = SignerId::try_from(2).unwrap();
        assert_eq!(peers.url(signer).unwrap_err().code, "signer_unreachable");
        std::fs::write(&path, r#"{"2": "http://127.0.0.1:9/"}"#).unwrap();
        assert_eq!(peers.url(signer).unwrap(), "http://127.0.0.1:9");
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_named() {
        let signer = SignerId::try_from(2).unwrap();
        let book = PeerBook::Fixed([(signer, "http://127.0.0.1:9".to_owned())].into());
        let peers = Peers::new(book, Duration::from_secs(5)).unwrap();
        let problem = peers.relay(signer, Vec::new()).await.unwrap_err();
        assert_eq!((problem.code.as_ref(), problem.signer), ("signer_unreachable", Some(2)));
    }
}
