//! Text as a terminal may get it. Much of what is shown is a host's word, and terminals obey control characters.

use std::fmt::{Display, Write as _};

/// Text within one line: line breaks are written out too.
pub(crate) fn line(text: impl Display) -> String {
    let mut line = String::new();
    text.to_string().chars().for_each(|character| push(&mut line, character, is_control(character)));
    line
}

/// Whole lines, in which our own colours stay if there are any.
pub(crate) fn page(text: impl Display, colours: bool) -> String {
    let text = text.to_string();
    let mut page = String::with_capacity(text.len());
    for (position, character) in text.char_indices() {
        let ours = character == '\n' || colours && is_style(&text[position..]);
        push(&mut page, character, is_control(character) && !ours);
    }
    page
}

/// Written out as JSON has it too, so that JSON stays what it is.
fn push(text: &mut String, character: char, control: bool) {
    if control {
        write!(text, "\\u{:04x}", u32::from(character)).expect("a String takes everything");
    } else {
        text.push(character);
    }
}

/// C0, DEL and C1; line and paragraph separators; changes of direction.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether the text begins with a sequence that changes colour or weight, and nothing else.
fn is_style(text: &str) -> bool {
    let style = text.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m'));
    style.is_some_and(|(numbers, _)| numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let said = "a\u{1b}]0;title\u{7}\u{9b}2J\u{7f}\u{202e}\r\nb ü";
        let shown = "a\\u001b]0;title\\u0007\\u009b2J\\u007f\\u202e\\u000d";
        assert_eq!(line(said), format!("{shown}\\u000ab ü"));
        assert_eq!(page(said, true), format!("{shown}\nb ü"));
    }

    #[test]
    fn only_our_own_colours_stay() {
        assert_eq!(page("\u{1b}[36mgroup\u{1b}[0m", true), "\u{1b}[36mgroup\u{1b}[0m");
        assert_eq!(page("\u{1b}[36mgroup", false), "\\u001b[36mgroup");
        assert_eq!(page("\u{1b}[2Jm", true), "\\u001b[2Jm");
        assert_eq!(line("\u{1b}[36m"), "\\u001b[36m");
    }
}
