//! The connection to this host's signer: frames over a Unix socket or vsock, requests pipelined by correlation number.
//!
//! One task owns the stream. While there is none, or when it breaks, every request fails at once with [`LinkError::Down`], and the
//! task goes on connecting. Nothing is sent twice: whoever asked decides whether asking again is right.

mod stream;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use cloister_wire::{
    frame::{Header, Kind},
    limits,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};

use crate::{config::Endpoint, nitro::NitroCli};
use stream::Dialer;

/// Why a signer gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// There is no connection, or it broke.
    #[error("no connection to the signer")]
    Down,
    /// Connected, but no answer in time.
    #[error("the signer did not answer in time")]
    TimedOut,
    /// Too many requests wait already.
    #[error("too many requests wait for the signer")]
    Full,
    /// A request longer than a frame.
    #[error("the request is longer than a frame")]
    TooLong,
}

/// A handle to the connection. Dropping the last one closes it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    calls: mpsc::Sender<Call>,
    connections: watch::Receiver<u64>,
    patience: Duration,
}

struct Call {
    payload: Vec<u8>,
    answer: oneshot::Sender<Result<Vec<u8>, LinkError>>,
}

impl Link {
    /// Connects in the background and stays connected.
    pub(crate) fn open(endpoint: Endpoint, patience: Duration) -> Self {
        let (calls, queue) = mpsc::channel(2 * limits::PIPELINE);
        let (connected, connections) = watch::channel(0);
        tokio::spawn(run(endpoint, patience, queue, connected));
        Self { calls, connections, patience }
    }

    /// Sends a request's payload and waits for the reply's.
    pub(crate) async fn call(&self, payload: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        if payload.len() > limits::FRAME {
            return Err(LinkError::TooLong);
        }
        let (answer, answered) = oneshot::channel();
        self.calls.try_send(Call { payload, answer }).map_err(|_| LinkError::Full)?;
        match timeout(self.patience, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(LinkError::Down),
            Err(_) => Err(LinkError::TimedOut),
        }
    }

    /// Counts connections: changes whenever there is a new one.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }
}

async fn run(endpoint: Endpoint, patience: Duration, mut queue: mpsc::Receiver<Call>, connected: watch::Sender<u64>) {
    const PAUSES: [u64; 5] = [10, 20, 50, 100, 250];
    let mut dialer = Dialer::new(endpoint, NitroCli::new(patience));
    let mut failures = 0;
    while !queue.is_closed() {
        match timeout(patience, dialer.connect()).await {
            Ok(Ok(stream)) => {
                failures = 0;
                connected.send_modify(|count| *count += 1);
                let end = Connection::new(patience).serve(stream, &mut queue).await;
                tracing::warn!(reason = %end, "the connection to the signer has ended");
            }
            Ok(Err(error)) if failures == 0 => tracing::warn!(%error, "the signer cannot be reached"),
            Ok(Err(error)) => tracing::debug!(%error, "the signer cannot be reached"),
            Err(_) => tracing::debug!("connecting to the signer took too long"),
        }
        let pause = PAUSES[failures.min(PAUSES.len() - 1)];
        failures += 1;
        refuse_for(Duration::from_millis(pause), &mut queue).await;
    }
}

/// While there is no connection, requests fail at once.
async fn refuse_for(pause: Duration, queue: &mut mpsc::Receiver<Call>) {
    let refuse = async {
        while let Some(call) = queue.recv().await {
            let _ = call.answer.send(Err(LinkError::Down));
        }
    };
    tokio::select! {
        () = sleep(pause) => {}
        () = refuse => {}
    }
}

type Answer = oneshot::Sender<Result<Vec<u8>, LinkError>>;

/// One connection: what was sent and not answered. Dropping it fails all of that.
struct Connection {
    pending: Mutex<HashMap<u32, Answer>>,
    answered: tokio::sync::Notify,
    patience: Duration,
}

impl Connection {
    fn new(patience: Duration) -> Self {
        Self { pending: Mutex::default(), answered: tokio::sync::Notify::new(), patience }
    }

    async fn serve<S: AsyncRead + AsyncWrite>(&self, stream: S, queue: &mut mpsc::Receiver<Call>) -> std::io::Error {
        let (reader, writer) = tokio::io::split(stream);
        tokio::select! {
            end = self.write(writer, queue) => end,
            end = self.read(BufReader::new(reader)) => end,
        }
        .err()
        .unwrap_or_else(|| std::io::Error::other("the host is stopping"))
    }

    async fn write(
        &self,
        mut writer: impl AsyncWrite + Unpin,
        queue: &mut mpsc::Receiver<Call>,
    ) -> std::io::Result<()> {
        let mut correlation = 0_u32;
        while let Some(Call { payload, answer }) = queue.recv().await {
            if answer.is_closed() {
                continue;
            }
            self.wait_for_room().await;
            correlation = correlation.wrapping_add(1);
            let header = Header::new(Kind::Request, correlation, &payload).map_err(std::io::Error::other)?;
            self.pending().insert(correlation, answer);
            timeout(self.patience, write_frame(&mut writer, header, payload)).await??;
        }
        Ok(())
    }

    async fn read(&self, mut reader: impl AsyncRead + Unpin) -> std::io::Result<()> {
        loop {
            let mut header = [0; Header::LEN];
            reader.read_exact(&mut header).await?;
            let header = Header::from_bytes(&header).map_err(std::io::Error::other)?;
            if header.kind != Kind::Reply {
                return Err(std::io::Error::other("the signer sent a request"));
            }
            let mut payload = vec![0; header.length()];
            timeout(self.patience, reader.read_exact(&mut payload)).await??;
            if let Some(answer) = self.pending().remove(&header.correlation) {
                let _ = answer.send(Ok(payload));
                self.answered.notify_one();
            }
        }
    }

    /// No more than [`limits::PIPELINE`] are outstanding; those that nobody waits for any more don't count.
    async fn wait_for_room(&self) {
        loop {
            {
                let mut pending = self.pending();
                if pending.len() < limits::PIPELINE {
                    return;
                }
                pending.retain(|_, answer| !answer.is_closed());
                if pending.len() < limits::PIPELINE {
                    return;
                }
            }
            let _ = timeout(Duration::from_millis(100), self.answered.notified()).await;
        }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Answer>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Larger vsock writes were corrupted silently on newer kernels, hence the pieces.
async fn write_frame(writer: &mut (impl AsyncWrite + Unpin), header: Header, payload: Vec<u8>) -> std::io::Result<()> {
    let mut frame = Vec::with_capacity(Header::LEN + payload.len());
    frame.extend(header.to_bytes());
    frame.extend(payload);
    for piece in frame.chunks(limits::WRITE) {
        writer.write_all(piece).await?;
    }
    writer.flush().await
}

#[cfg(test)]
mod tests;
