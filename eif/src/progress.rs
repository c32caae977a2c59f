//! What is being done, for people: on a terminal one line that moves, elsewhere a line each.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Says what is being done.
#[derive(Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// On standard error.
    #[must_use]
    pub fn shown() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("the template is right"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// Nowhere.
    #[must_use]
    pub fn silent() -> Self {
        Self(None)
    }

    /// What is being done now.
    pub fn say(&self, what: impl Into<String>) {
        let Some(bar) = &self.0 else { return };
        let what = what.into();
        if bar.is_hidden() {
            eprintln!("{what}");
        }
        bar.set_message(what);
    }

    /// It is done.
    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
