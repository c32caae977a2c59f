use cloister_enclave::{Bounds, serve};
use cloister_wire::{
    bounded::List,
    ids::Nonce,
    message::{Body, Outcome},
};

use super::*;
use crate::signer::Socket;

/// A signer that answers `Status` with its nonce, behind a proxy.
struct Fixture {
    folder: tempfile::TempDir,
    proxy: HostileProxy,
}

impl Fixture {
    fn with(rule: impl Rule + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::listen(&folder.path().join("signer")).unwrap();
        thread::spawn(move || serve(&socket, Bounds::default(), echo));
        let proxy = HostileProxy::start(&folder.path().join("host"), &folder.path().join("signer"), rule).unwrap();
        Self { folder, proxy }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.folder.path().join("host")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }
}

fn echo(request: Request) -> Reply {
    let Request::Status { nonce } = request else { panic!("the tests send nothing else") };
    Reply { outcome: Outcome::Done(Body::Challenge(nonce)), outbox: List::new(), receipt: None }
}

fn status(number: u8) -> Frame {
    Frame::request(number.into(), &Request::Status { nonce: Nonce::from_bytes([number; 32]) })
}

fn next(stream: &mut UnixStream) -> io::Result<u32> {
    Frame::read(Direction::ToHost, stream).map(|frame| frame.correlation())
}

/// Acts on requests alone.
fn on_requests(mut act: impl FnMut(&Frame) -> Action + Send) -> impl Rule {
    move |frame: &Frame| match frame.direction() {
        Direction::ToSigner => act(frame),
        Direction::ToHost => Action::Pass,
    }
}

#[test]
fn passes_frames_and_records_them_both_ways() {
    let fixture = Fixture::with(|_: &Frame| Action::Pass);
    let mut stream = fixture.connect();
    stream.write_all(status(1).bytes()).unwrap();
    assert_eq!(next(&mut stream).unwrap(), 1);
    let record = fixture.proxy.record();
    assert_eq!(record.len(), 2);
    assert!(record[0].to_request().is_some() && record[1].to_reply().is_some());
}

#[test]
fn drops_duplicates_and_reorders_as_it_is_told() {
    let fixture = Fixture::with(on_requests(|frame| match frame.correlation() {
        1 => Action::Hold,
        2 => Action::Instead(frame.bytes().repeat(2)),
        _ => Action::Instead(Vec::new()),
    }));
    let mut stream = fixture.connect();
    for number in [1, 3, 1, 2] {
        stream.write_all(status(number).bytes()).unwrap();
    }
    let order: Vec<_> = (0..4).map(|_| next(&mut stream).unwrap()).collect();
    assert_eq!(order, [1, 2, 2, 1]);
}

#[test]
fn replays_a_recorded_frame_in_the_place_of_another() {
    let fixture = Fixture::with(|_: &Frame| Action::Pass);
    let mut stream = fixture.connect();
    stream.write_all(status(1).bytes()).unwrap();
    next(&mut stream).unwrap();
    let old = fixture.proxy.record().remove(0);
    fixture.proxy.set_rule(on_requests(move |_| Action::Instead(old.bytes().to_vec())));
    stream.write_all(status(2).bytes()).unwrap();
    assert_eq!(next(&mut stream).unwrap(), 1);
}

#[test]
fn a_flipped_header_or_a_cut_ends_the_connection_and_a_later_one_works() {
    let fixture = Fixture::with(on_requests(|frame| Action::Instead(frame.flipped(0))));
    let mut stream = fixture.connect();
    stream.write_all(status(1).bytes()).unwrap();
    assert!(next(&mut stream).is_err());
    fixture.proxy.set_rule(on_requests(|_| Action::Cut));
    let mut stream = fixture.connect();
    stream.write_all(status(1).bytes()).unwrap();
    assert!(next(&mut stream).is_err());
    fixture.proxy.set_rule(|_: &Frame| Action::Pass);
    let mut stream = fixture.connect();
    stream.write_all(status(1).bytes()).unwrap();
    assert_eq!(next(&mut stream).unwrap(), 1);
}

#[test]
fn asks_questions_of_its_own() {
    let fixture = Fixture::with(|_: &Frame| Action::Cut);
    let nonce = Nonce::from_bytes([5; 32]);
    let reply = ask(&fixture.folder.path().join("signer"), &Request::Status { nonce }).unwrap();
    assert_eq!(reply.outcome, Outcome::Done(Body::Challenge(nonce)));
}
