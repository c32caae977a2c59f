use std::{
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::net::{UnixListener, UnixStream};

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

struct Peer {
    listener: UnixListener,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Peer {
    fn bind() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signer.sock");
        Self { listener: UnixListener::bind(&path).unwrap(), path, _dir: dir }
    }

    fn link(&self, patience: Duration) -> Link {
        Link::open(Endpoint::Unix(self.path.clone()), patience)
    }

    async fn accept(&self) -> UnixStream {
        self.listener.accept().await.unwrap().0
    }
}

async fn receive(stream: &mut UnixStream) -> (u32, Vec<u8>) {
    let mut header = [0; Header::LEN];
    stream.read_exact(&mut header).await.unwrap();
    let header = Header::from_bytes(&header).unwrap();
    let mut payload = vec![0; header.length()];
    stream.read_exact(&mut payload).await.unwrap();
    (header.correlation, payload)
}

async fn reply(stream: &mut UnixStream, correlation: u32, payload: &[u8]) {
    let header = Header::new(Kind::Reply, correlation, payload).unwrap();
    write_frame(stream, header, payload.to_vec()).await.unwrap();
}

/// The first call may come before the first connection does.
async fn connected(link: &Link) {
    link.connections().wait_for(|count| *count > 0).await.unwrap();
}

#[tokio::test]
async fn replies_find_their_requests_in_whatever_order_they_come() {
    let peer = Peer::bind();
    let link = peer.link(PATIENCE);
    let mut stream = peer.accept().await;
    connected(&link).await;
    let answers = async { tokio::join!(link.call(b"one".to_vec()), link.call(b"two".to_vec())) };
    let serving = async {
        let first = receive(&mut stream).await;
        let second = receive(&mut stream).await;
        reply(&mut stream, second.0, &second.1).await;
        reply(&mut stream, first.0, &first.1).await;
    };
    let (answers, ()) = tokio::join!(answers, serving);
    assert_eq!(answers, (Ok(b"one".to_vec()), Ok(b"two".to_vec())));
}

#[tokio::test]
async fn a_signer_that_is_not_there_is_down_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let link = Link::open(Endpoint::Unix(dir.path().join("nobody.sock")), PATIENCE);
    assert_eq!(link.call(b"x".to_vec()).await, Err(LinkError::Down));
}

#[tokio::test]
async fn a_signer_that_dies_fails_what_was_asked_and_is_found_again() {
    let peer = Peer::bind();
    let link = peer.link(PATIENCE);
    let mut stream = peer.accept().await;
    connected(&link).await;
    let (answer, ()) = tokio::join!(link.call(b"lost".to_vec()), async {
        receive(&mut stream).await;
        drop(stream);
    });
    assert_eq!(answer, Err(LinkError::Down));

    let mut connections = link.connections();
    let mut stream = peer.accept().await;
    connections.wait_for(|count| *count == 2).await.unwrap();
    let (answer, ()) = tokio::join!(link.call(b"again".to_vec()), async {
        let (correlation, payload) = receive(&mut stream).await;
        reply(&mut stream, correlation, &payload).await;
    });
    assert_eq!(answer, Ok(b"again".to_vec()));
}

#[tokio::test]
async fn a_signer_that_is_silent_is_given_up() {
    let peer = Peer::bind();
    let link = peer.link(Duration::from_millis(50));
    let _stream = peer.accept().await;
    connected(&link).await;
    assert_eq!(link.call(b"x".to_vec()).await, Err(LinkError::TimedOut));
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_the_connection() {
    let peer = Peer::bind();
    let link = peer.link(PATIENCE);
    let mut stream = peer.accept().await;
    connected(&link).await;
    let (answer, ()) = tokio::join!(link.call(b"x".to_vec()), async {
        receive(&mut stream).await;
        stream.write_all(&[0xff; 64]).await.unwrap();
    });
    assert_eq!(answer, Err(LinkError::Down));
}

#[tokio::test]
async fn a_request_longer_than_a_frame_is_not_sent() {
    let peer = Peer::bind();
    let link = peer.link(PATIENCE);
    assert_eq!(link.call(vec![0; limits::FRAME + 1]).await, Err(LinkError::TooLong));
}

/// Takes whatever it is given, and notes how much at a time.
#[derive(Default)]
struct Writes(Vec<usize>);

impl AsyncWrite for Writes {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, piece: &[u8]) -> Poll<std::io::Result<usize>> {
        self.0.push(piece.len());
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn no_write_to_a_signer_is_larger_than_16_kib() {
    for length in [0, 16 * 1024 - Header::LEN, 16 * 1024 - Header::LEN + 1, limits::FRAME] {
        let mut writes = Writes::default();
        let payload = vec![7; length];
        let header = Header::new(Kind::Request, 1, &payload).unwrap();
        write_frame(&mut writes, header, payload).await.unwrap();
        assert_eq!(writes.0.iter().sum::<usize>(), Header::LEN + length);
        assert!(writes.0.iter().all(|piece| *piece <= 16 * 1024), "{:?}", writes.0);
    }
}

#[tokio::test]
async fn large_requests_arrive_whole() {
    let peer = Peer::bind();
    let link = peer.link(PATIENCE);
    let mut stream = peer.accept().await;
    connected(&link).await;
    let sent: Vec<u8> = (0..limits::FRAME).map(|i| (i % 251) as u8).collect();
    let (answer, ()) = tokio::join!(link.call(sent.clone()), async {
        let (correlation, payload) = receive(&mut stream).await;
        reply(&mut stream, correlation, &payload).await;
    });
    assert_eq!(answer, Ok(sent));
}
