//! The process of the peers: its virtual environment, and questions and answers as lines of JSON.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What the environment holds.
const PACKAGES: [&str; 3] = ["faiss-cpu", "usearch", "numpy"];
/// The program.
const PROGRAM: &str = include_str!("peers.py");

/// `peers.py`, running.
#[derive(Debug)]
pub(crate) struct Python {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Python {
    /// Makes the environment under `target/`, if it is not there yet, and starts the program in it.
    pub(crate) fn start() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
        let python = environment(&folder)?;
        let mut child = Command::new(&python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Large pages for the peers' memory, too; see `Memory`.
            .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
            .spawn()
            .with_context(|| format!("{} does not start", python.display()))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else { bail!("no pipes to Python") };
        Ok(Self { child, to, from: BufReader::new(from) })
    }

    /// The answer to a command.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, command: &Value) -> Result<T> {
        writeln!(self.to, "{command}").context("Python has ended")?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("no answer from Python to {command}"))
    }

    /// Does a command whose answer does not matter.
    pub(crate) fn tell(&mut self, command: &Value) -> Result<()> {
        self.ask::<Value>(command).map(|_| ())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The interpreter of an environment in `folder` that has the packages.
fn environment(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("venv/bin/python");
    let ready = python.exists() && run(&python, &["-c", "import faiss, usearch.index, numpy"]).is_ok();
    if !ready {
        eprintln!("installing {} into {}", PACKAGES.join(", "), folder.display());
        let venv = folder.join("venv");
        run(Path::new("python3"), &["-m", "venv", "--clear", &venv.to_string_lossy()])?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(&python, &[&install[..], &PACKAGES].concat())?;
    }
    Ok(python)
}

fn run(program: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{} does not start; Python 3.10 or newer with venv is needed", program.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {}: {errors}", program.display(), arguments.join(" "));
    Ok(())
}
