//! Unix sockets and vsock, as one stream.

use std::io;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
};
use tokio_vsock::{VsockAddr, VsockStream};

use crate::config::Endpoint;

/// A byte stream to a signer.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to a signer.
pub(super) async fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Stream>> {
    match endpoint {
        Endpoint::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Endpoint::Vsock { cid, port } => Ok(Box::new(VsockStream::connect(VsockAddr::new(*cid, *port)).await?)),
    }
}
