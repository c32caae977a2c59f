use std::{
    io::{self, Read},
    process, thread,
};

/// Ends this process once its standard input is closed: launchers hold the other end of that pipe, so nothing outlives them, however
/// they end.
pub fn end_when_stdin_closes() {
    let wait = || {
        drop(io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink()));
        process::exit(0);
    };
    thread::Builder::new().stack_size(STACK).spawn(wait).map_or_else(|_| process::exit(1), drop);
}

const STACK: usize = 64 * 1024;
