//! Progress that people can see: a bar on a terminal, plain lines otherwise.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far something is.
pub(super) struct Progress {
    bar: ProgressBar,
    what: &'static str,
    plain: bool,
    said: u64,
}

impl Progress {
    /// Begins with `total` steps still to do.
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let plain = !std::io::stderr().is_terminal();
        let target = if plain {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) =
            ProgressStyle::with_template("{msg} [{wide_bar}] {human_pos}/{human_len} {eta}")
        {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self {
            bar,
            what,
            plain,
            said: 0,
        }
    }

    /// Is `done` of `total` far.
    pub(super) fn at(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        // A line for each tenth is enough for a file.
        let tenth = (done * 10).checked_div(total).unwrap_or(10);
        if self.plain && tenth > self.said {
            self.said = tenth;
            eprintln!("{}: {done} of {total}", self.what);
        }
    }

    /// Is over.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }
}
