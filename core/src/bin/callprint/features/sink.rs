//! Where rows go: standard output, or a file that appears whole or not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use super::{
    parquet::ParquetWriter,
    table::{self, Cell, Column},
};
use crate::{
    args::Format,
    console::Console,
    exit::{Failure, Status},
    output::{
        self,
        file::{Output, begin_table, failure, persist},
    },
};

/// A table being written.
pub(super) struct Sink {
    columns: Vec<Column>,
    target: Target,
}

enum Target {
    Stdout { format: Format, begun: bool },
    Lines { format: Format, path: PathBuf, file: BufWriter<Output> },
    Parquet { path: PathBuf, file: Output, writer: ParquetWriter<File> },
}

impl Sink {
    /// A table at `path`, its form by the extension; on standard output in `format` without a path.
    pub(super) fn open(path: Option<&Path>, format: Format, columns: &[Column]) -> Result<Self, Failure> {
        let target = match path {
            Some(path) => open_file(path, columns)?,
            None => Target::Stdout { format, begun: false },
        };
        Ok(Self { columns: columns.to_vec(), target })
    }

    /// Adds a row. On standard output it is on its way to the reader when the call returns; a reader who went away ends
    /// the program.
    pub(super) fn row(&mut self, row: &[Cell], console: &Console) -> Result<(), Failure> {
        let columns = &self.columns;
        match &mut self.target {
            Target::Stdout { format, begun } => {
                let mut bytes = Vec::new();
                let header = match std::mem::replace(begun, true) {
                    true => Ok(()),
                    false => table::write_header(*format, columns, &mut bytes),
                };
                let written = header.and_then(|()| table::write_row(*format, columns, row, &mut bytes));
                let written = written.and_then(|()| console.around_progress(|| to_stdout(&bytes)));
                if let Err(error) = written {
                    output::stdout_gone(&error, Status::Done, console);
                }
                Ok(())
            }
            Target::Lines { format, path, file } => {
                table::write_row(*format, columns, row, file).map_err(|error| file.get_ref().failure(path, error))
            }
            Target::Parquet { path, file, writer } => writer.row(row).map_err(|error| file.failure(path, error)),
        }
    }

    /// Ends the table: a file takes its place now.
    pub(super) fn close(self) -> Result<(), Failure> {
        match self.target {
            Target::Stdout { .. } => Ok(()),
            Target::Lines { path, mut file, .. } => {
                file.flush().map_err(|error| file.get_ref().failure(&path, error))?;
                persist(&path, file.into_inner().map_err(|error| failure(&path, error.into_error()))?)
            }
            Target::Parquet { path, file, writer } => {
                writer.finish().map_err(|error| file.failure(&path, error))?;
                persist(&path, file)
            }
        }
    }
}

fn open_file(path: &Path, columns: &[Column]) -> Result<Target, Failure> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let format = match extension.as_deref() {
        Some("csv") => Some(Format::Csv),
        Some("jsonl" | "ndjson") => Some(Format::Json),
        Some("parquet") => None,
        _ => return Err(Failure::at(path, "the extension says the form; name it .csv, .parquet or .jsonl")),
    };
    let file = begin_table(path)?;
    let path = path.to_owned();
    match format {
        Some(format) => {
            let mut file = BufWriter::new(file);
            let written = table::write_header(format, columns, &mut file);
            written.map_err(|error| file.get_ref().failure(&path, error))?;
            Ok(Target::Lines { format, path, file })
        }
        None => {
            let writer = file.handle().and_then(|handle| ParquetWriter::new(handle, columns));
            let writer = writer.map_err(|error| file.failure(&path, error))?;
            Ok(Target::Parquet { path, file, writer })
        }
    }
}

fn to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(bytes)?;
    stdout.flush()
}
