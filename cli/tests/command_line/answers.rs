//! Answers that cannot be written, and hosts that write what terminals obey.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    net::TcpListener,
    process::{Command, Output, Stdio},
    thread,
};

use crate::world::{BINARY, folder};

#[test]
fn an_answer_that_stdout_does_not_take_is_a_failure() {
    let dir = folder("unwritten");
    fs::create_dir_all(&dir).unwrap();
    for (name, more) in [("people.key", &[][..]), ("machines.key", &["--json"])] {
        let file = dir.join(name).display().to_string();
        let mut keygen = Command::new(BINARY);
        keygen.args(["operator", "keygen", &file]).args(more).stdout(full());
        let Output { status, stderr, .. } = keygen.output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("(output)") && said.contains("hint:"), "{said}");
    }
}

#[test]
fn a_failure_that_stderr_does_not_take_is_still_that_failure() {
    let run = |more: &[&str]| {
        let mut status = Command::new(BINARY);
        status.args(more).env("CLOISTER_DIR", folder("unheard")).stdout(Stdio::null()).stderr(full());
        status.status().unwrap().code()
    };
    assert_eq!(run(&["status"]), Some(1));
    assert_eq!(run(&["nonsense"]), Some(2));
}

#[test]
fn a_host_does_not_reach_the_terminal() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", host.local_addr().unwrap());
    thread::spawn(move || {
        for stream in host.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 4096]));
            let body =
                r#"{"code": "\u001b[2Jfine", "detail": "\u001b]0;x\u0007\u009b\u202e\ncomplete", "hint": "\u001b[8m"}"#;
            let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nConnection: close\r\n";
            drop(write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    for more in [&[][..], &["--json"]] {
        let mut status = Command::new(BINARY);
        status.args(["status", "--url", &url, "--manifest-hash", &"00".repeat(32)]).args(more);
        let Output { status, stdout, stderr } = status.output().unwrap();
        let said = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert_eq!(status.code(), Some(3), "{said}");
        assert!(said.contains("host_error"), "{said}");
        let obeyed = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
        assert!(!said.contains(obeyed) && !said.contains("\ncomplete"), "{said:?}");
    }
}

/// Takes nothing.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}
