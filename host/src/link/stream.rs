//! Unix sockets and vsock, as one stream.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    time::{Instant, sleep_until},
};
use tokio_vsock::{VsockAddr, VsockStream};

use crate::{
    config::Endpoint,
    nitro::{Enclave, NitroCli},
};

/// A byte stream to a signer.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to a signer, again and again.
pub(super) struct Dialer {
    endpoint: Endpoint,
    nitro: NitroCli,
    /// The address that an enclave had when it was last connected to.
    known: Option<u32>,
    asked: Option<Instant>,
}

impl Dialer {
    pub(super) fn new(endpoint: Endpoint, nitro: NitroCli) -> Self {
        Self { endpoint, nitro, known: None, asked: None }
    }

    /// Connects. An enclave that is known by name may have another address after it was started again: a connection that fails makes the
    /// next one ask for it.
    pub(super) async fn connect(&mut self) -> io::Result<Box<dyn Stream>> {
        match &self.endpoint {
            Endpoint::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Endpoint::Vsock { cid, port } => Ok(Box::new(VsockStream::connect(VsockAddr::new(*cid, *port)).await?)),
            Endpoint::Nitro { name, port } => {
                let cid = match self.known.take() {
                    Some(cid) => cid,
                    None => {
                        let due = self.asked.map_or_else(Instant::now, |asked| asked + BETWEEN_QUESTIONS);
                        sleep_until(due).await;
                        self.asked = Some(Instant::now());
                        self.find(name).await?.cid
                    }
                };
                let stream = VsockStream::connect(VsockAddr::new(cid, *port)).await?;
                self.known = Some(cid);
                Ok(Box::new(stream))
            }
        }
    }

    /// Where an enclave is; else what to do about it, for the log.
    async fn find(&self, name: &str) -> io::Result<Enclave> {
        self.nitro.find(name).await.map_err(|why| io::Error::other(format!("{why}. {}", why.hint())))
    }
}

/// Each question is a process: an enclave that stays away costs one a second.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::nitro::tests::write_program;

    #[tokio::test]
    async fn an_enclave_that_cannot_be_connected_to_is_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let (program, said) = (dir.path().join("cli"), dir.path().join("said"));
        let answer = r#"[{"EnclaveName": "ours", "EnclaveID": "i-1-enc1", "EnclaveCID": 4000000000, "NumberOfCPUs": 2, "MemoryMiB": 128,
            "State": "RUNNING", "Flags": "NONE"}]"#;
        write_program(&program, &format!("#!/bin/sh\necho \"$@\" >> {}\ncat <<'END'\n{answer}\nEND\n", said.display()));
        let endpoint = Endpoint::Nitro { name: "ours".into(), port: 5000 };
        let mut dialer = Dialer::new(endpoint, NitroCli::at(program, Duration::from_secs(20)));
        assert!(dialer.connect().await.is_err());
        assert!(dialer.connect().await.is_err());
        assert_eq!(fs::read_to_string(said).unwrap(), "describe-enclaves\n".repeat(2));
    }

    #[tokio::test]
    async fn an_enclave_that_is_not_there_is_an_error_in_words() {
        let endpoint = Endpoint::Nitro { name: "ours".into(), port: 5000 };
        let nitro = NitroCli::at("/nowhere/nitro-cli", Duration::from_secs(1));
        let why = Dialer::new(endpoint, nitro).connect().await.map(drop).unwrap_err();
        let why = why.to_string();
        assert!(why.contains("/nowhere/nitro-cli is not there") && why.contains(". Install the package"), "{why}");
    }
}
