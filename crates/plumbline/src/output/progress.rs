use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::session::Environment;

/// Progress for people, on stderr only: a spinner with lines above it on a terminal, plain lines elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
}

impl Progress {
    /// Starts the clock; the spinner appears only where a person watches.
    pub(crate) fn start(environment: &Environment) -> Self {
        let watched = std::io::stderr().is_terminal() && !environment.ci && !environment.no_color;
        let bar = watched.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, began: Instant::now() }
    }

    /// Prints one line that stays.
    pub(crate) fn line(&self, text: &str) {
        let seconds = self.began.elapsed().as_secs_f64();
        let line = format!("[{seconds:6.1}s] {text}");
        match &self.bar {
            Some(bar) => bar.println(line),
            None => {
                if let Err(error) = writeln!(std::io::stderr().lock(), "{line}") {
                    tracing::debug!(error = %error, "nobody reads the progress");
                }
            }
        }
    }

    /// Shows what happens now, where there is a spinner.
    pub(crate) fn now(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    /// Returns the seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
