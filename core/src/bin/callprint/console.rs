//! Standard error: errors, notes and progress. Progress is drawn on terminals only.

use std::{
    io::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    args::{Color, Common},
    exit::Failure,
    output::{
        stream,
        words::{self, Clock},
    },
};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default();

/// Everything that the program tells beside its results. Shared by threads.
#[derive(Debug)]
pub(crate) struct Console {
    quiet: bool,
    verbose: bool,
    color: Color,
    /// The bar on the screen, if any: lines must be written around it.
    bar: Mutex<Option<ProgressBar>>,
}

impl Console {
    pub(crate) fn new(common: &Common) -> Self {
        Self { quiet: common.quiet, verbose: common.verbose, color: common.color, bar: Mutex::new(None) }
    }

    /// Reports an error; also with `--quiet`.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.line(ERROR, &failure.to_string());
    }

    /// Says something worth knowing, unless `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.line(NOTE, text);
        }
    }

    /// Says what is being done, with `--verbose`.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            self.line(NOTE, text);
        }
    }

    /// Runs `write`, which may write to the terminal, with the progress bar out of the way.
    pub(crate) fn around_progress<R>(&self, write: impl FnOnce() -> R) -> R {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Starts a progress display over `files` files; invisible unless standard error is a terminal.
    pub(crate) fn progress(&self, files: usize) -> Progress<'_> {
        let target = if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.enable_steady_tick(Duration::from_millis(200));
        if files > 1 {
            bar.set_length(files as u64);
            bar.set_style(style("{bar:30} {pos} of {len} files  {msg}  {eta} left"));
        } else {
            bar.set_style(style("{spinner} {msg}"));
        }
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        Progress { console: self, bar, single: files <= 1, milliseconds: AtomicU64::new(0) }
    }

    fn line(&self, style: Style, text: &str) {
        self.around_progress(|| {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(stream(std::io::stderr(), self.color), "{style}callprint:{style:#} {text}");
        });
    }
}

/// A progress display; taken off the screen when dropped.
#[derive(Debug)]
pub(crate) struct Progress<'c> {
    console: &'c Console,
    bar: ProgressBar,
    /// One file: the bar shows its seconds instead of counting files.
    single: bool,
    /// Audio done, of all files.
    milliseconds: AtomicU64,
}

impl Progress<'_> {
    /// Starts a file; `seconds` is its length, where known. The value returned is to be told the seconds done.
    pub(crate) fn file(&self, seconds: Option<f64>) -> FileProgress<'_> {
        if let (true, Some(seconds)) = (self.single, seconds) {
            self.bar.set_length(seconds.ceil() as u64);
            self.bar.set_style(style("{bar:30} {percent} %  {msg}  {eta} left"));
        }
        FileProgress { progress: self, done: 0 }
    }

    /// Counts a file as finished.
    pub(crate) fn file_done(&self) {
        if !self.single {
            self.bar.inc(1);
        }
    }

    fn advance(&self, milliseconds: u64) {
        let total = self.milliseconds.fetch_add(milliseconds, Ordering::Relaxed) + milliseconds;
        if self.bar.is_hidden() {
            return;
        }
        let seconds = total as f64 / 1e3;
        let times = seconds / self.bar.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{} of audio, {} x real time", Clock(seconds), words::count(times as u64)));
        if self.single {
            self.bar.set_position(seconds as u64);
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        *self.console.bar.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The part of one file in a [`Progress`].
#[derive(Debug)]
pub(crate) struct FileProgress<'p> {
    progress: &'p Progress<'p>,
    /// Audio of this file told so far, ms.
    done: u64,
}

impl FileProgress<'_> {
    /// Tells the seconds of this file that are done.
    pub(crate) fn seconds(&mut self, seconds: f64) {
        let now = (seconds * 1e3) as u64;
        if now > self.done {
            self.progress.advance(now - self.done);
            self.done = now;
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
