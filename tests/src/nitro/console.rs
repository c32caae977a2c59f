//! What a program prints, as lines with the moment at which each came.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// A guest that prints without end costs no more than this: lines kept, and bytes of each.
const LINES: usize = 4000;
const LINE: usize = 500;
/// How many lines an error shows.
const TAIL: usize = 40;

/// The reading end.
pub(super) struct Console(Arc<Shared>);

/// A writing end. The console has ended when there is none left.
pub(super) struct Writer {
    shared: Arc<Shared>,
    line: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<(Instant, String)>,
    writers: usize,
}

impl Console {
    pub(super) fn new() -> (Self, Writer) {
        let shared = Arc::new(Shared::default());
        (Self(Arc::clone(&shared)), Writer::new(shared))
    }

    /// Waits for a line with this sentence, and says when it came.
    pub(super) fn wait_for(&self, sentence: &str, patience: Duration) -> Result<Instant> {
        let missing = |state: &mut State| state.writers > 0 && state.find(sentence).is_none();
        let state = self.0.state();
        let waited = self.0.changed.wait_timeout_while(state, patience, missing);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.find(sentence) {
            Some(at) => Ok(at),
            None if state.writers == 0 => {
                bail!("the emulator has ended without {sentence:?}; the console:\n{}", state.tail())
            }
            None => bail!("no {sentence:?} within {patience:?}; the console:\n{}", state.tail()),
        }
    }

    pub(super) fn ended(&self) -> bool {
        self.0.state().writers == 0
    }

    pub(super) fn text(&self) -> String {
        self.0.state().last(LINES)
    }

    pub(super) fn tail(&self) -> String {
        self.0.state().tail()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, sentence: &str) -> Option<Instant> {
        self.lines.iter().find(|(_, line)| line.contains(sentence)).map(|(at, _)| *at)
    }

    fn tail(&self) -> String {
        self.last(TAIL)
    }

    fn last(&self, count: usize) -> String {
        let lines = self.lines.iter().skip(self.lines.len().saturating_sub(count));
        lines.map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Self {
        shared.state().writers += 1;
        Self { shared, line: Vec::new() }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                _ if self.line.len() < LINE => self.line.push(byte),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&mem::take(&mut self.line)).into_owned();
        let mut state = self.shared.state();
        if state.lines.len() == LINES {
            state.lines.pop_front();
        }
        state.lines.push_back((Instant::now(), line));
        self.shared.changed.notify_all();
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.shared.state().writers -= 1;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(5);

    #[test]
    fn a_sentence_is_found_although_it_came_in_pieces() {
        let (console, mut writer) = Console::new();
        writer.write(b"[ 0.1] boot\r\ncloister: serv");
        assert!(console.wait_for("serving", SHORT).is_err());
        writer.write(b"ing\r\n");
        assert!(console.wait_for("serving", SHORT).is_ok());
        assert_eq!(console.text(), "[ 0.1] boot\ncloister: serving");
    }

    #[test]
    fn an_end_is_told_from_silence_and_both_show_the_last_words() {
        let (console, mut writer) = Console::new();
        writer.write(b"Kernel panic\n");
        let other = writer.clone();
        drop(writer);
        let silent = console.wait_for("serving", SHORT).unwrap_err().to_string();
        assert!(silent.starts_with("no \"serving\"") && silent.ends_with("Kernel panic"), "{silent}");
        drop(other);
        let ended = console.wait_for("serving", Duration::MAX).unwrap_err().to_string();
        assert!(
            console.ended() && ended.starts_with("the emulator has ended") && ended.ends_with("Kernel panic"),
            "{ended}"
        );
    }

    #[test]
    fn a_guest_that_prints_without_end_costs_bounded_memory() {
        let (console, mut writer) = Console::new();
        writer.write(&vec![b'x'; 10 * LINE]);
        for _ in 0..2 * LINES {
            writer.write(b"\nx");
        }
        let text = console.text();
        assert_eq!(text.lines().count(), LINES);
        assert!(text.len() < LINES * (LINE + 1));
    }
}
