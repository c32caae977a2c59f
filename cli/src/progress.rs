//! What is going on, on a terminal only.

use core::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// A spinner with a line of text; nothing where stderr is no terminal or JSON was asked for.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(output: &Output) -> Self {
        if output.is_json() || !console::user_attended_stderr() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{spinner:.cyan} {msg}").expect("a valid template"));
        bar.enable_steady_tick(Duration::from_millis(80));
        Self(bar)
    }

    /// What is being done now.
    pub(crate) fn doing(&self, text: impl Into<std::borrow::Cow<'static, str>>) {
        self.0.set_message(text);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
