//! What people are shown of a request: the same text for the same bytes everywhere.

use cloister_wire::{ids::Hash, limits, tag::Tag};

use crate::facts::{Asked, Facts};

impl Facts {
    /// Lines of text: the key and a session key that asks, then what the payload does. Longer texts than [`limits::RENDERING`] are cut,
    /// and say so with a hash of everything.
    #[must_use]
    pub fn rendering(&self, asked: &Asked<'_>) -> String {
        let path: String = asked.path.iter().map(|step| format!("/{step}")).collect();
        let mut text = format!("with key {}", asked.key);
        if !path.is_empty() {
            text = format!("{text}, child m{path}");
        }
        if let Some(scope) = asked.session {
            text = format!("{text}, asked for by session key {} of {}", scope.name, asked.requester);
        }
        for line in &self.lines {
            text.push('\n');
            text.push_str(line);
        }
        if text.len() <= limits::RENDERING { text } else { cut(&text) }
    }

    /// Whether the rendering says everything: what was cut, nobody can have approved.
    #[must_use]
    pub fn is_shown_whole(&self) -> bool {
        let lines = self.lines.iter().fold(0_usize, |sum, line| sum.saturating_add(line.len()).saturating_add(1));
        lines <= limits::RENDERING.saturating_sub(NOTE).saturating_sub(HEAD)
    }
}

fn cut(text: &str) -> String {
    let most = limits::RENDERING.saturating_sub(NOTE);
    let kept: String = text.char_indices().take_while(|(at, _)| *at < most).map(|(_, character)| character).collect();
    format!("{kept}…\nand more: {} bytes in all, with hash {}", text.len(), digest(text))
}

/// What stands before the lines at most: names of key, session and requester, and a path.
const HEAD: usize = 512;

/// Room for what is said of the rest.
const NOTE: usize = 256;

/// The digest of a rendering, which receipts carry.
#[must_use]
pub fn digest(rendering: &str) -> Hash {
    Tag::RENDERING.hash(rendering.as_bytes())
}
