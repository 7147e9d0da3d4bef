//! Rows of named columns as CSV, JSON Lines or text.

use std::io::{self, Write};

use crate::{args::Format, exit::one_line};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// UTF-8.
    Text,
    /// `f32`; NaN for a missing value.
    Single,
    /// `f64`; NaN for a missing value.
    Double,
}

/// A column's name and kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Single(f32),
    Double(f64),
}

impl Cell {
    /// The shortest digits that give the same value again; nothing for a missing one.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Single(value) if value.is_finite() => value.to_string(),
            Self::Double(value) if value.is_finite() => value.to_string(),
            _ => String::new(),
        }
    }
}

/// Writes a whole table.
pub(super) fn write<const N: usize>(
    format: Format,
    columns: &[Column; N],
    rows: impl Iterator<Item = [Cell; N]>,
    out: &mut impl Write,
) -> io::Result<()> {
    write_header(format, columns, out)?;
    for row in rows {
        write_row(format, columns, &row, out)?;
    }
    Ok(())
}

/// Writes what comes before the first row.
pub(super) fn write_header(format: Format, columns: &[Column], out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Csv => write_csv(columns.iter().map(|column| column.name), out),
        Format::Json | Format::Text => Ok(()),
    }
}

/// Writes one row.
pub(super) fn write_row(format: Format, columns: &[Column], row: &[Cell], out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Csv => write_csv(row.iter().map(Cell::text), out),
        Format::Json => write_json(columns, row, out),
        Format::Text => write_text(columns, row, out),
    }
}

fn write_csv<T: AsRef<[u8]>>(cells: impl Iterator<Item = T>, out: &mut impl Write) -> io::Result<()> {
    // One record at a time: a writer that outlives the call would hold back what the caller wants to see now.
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells)?;
    out.write_all(&writer.into_inner().map_err(|error| error.into_error())?)
}

fn write_json(columns: &[Column], row: &[Cell], out: &mut impl Write) -> io::Result<()> {
    for (number, (column, cell)) in columns.iter().zip(row).enumerate() {
        out.write_all(if number == 0 { b"{" } else { b"," })?;
        serde_json::to_writer(&mut *out, column.name)?;
        out.write_all(b":")?;
        match cell {
            Cell::Text(text) => serde_json::to_writer(&mut *out, text)?,
            Cell::Single(value) => serde_json::to_writer(&mut *out, value)?,
            Cell::Double(value) => serde_json::to_writer(&mut *out, value)?,
        }
    }
    out.write_all(b"}\n")
}

/// A paragraph: the texts of the row on the first line, then a line a number.
fn write_text(columns: &[Column], row: &[Cell], out: &mut impl Write) -> io::Result<()> {
    let texts: Vec<String> = row.iter().filter(|cell| matches!(cell, Cell::Text(_))).map(Cell::text).collect();
    writeln!(out, "{}", one_line(&texts.join("  ")))?;
    let width = columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    for (column, cell) in columns.iter().zip(row) {
        match cell {
            Cell::Text(_) => {}
            Cell::Single(value) => writeln!(out, "  {:width$}  {}", column.name, rounded(f64::from(*value)))?,
            Cell::Double(value) => writeln!(out, "  {:width$}  {}", column.name, rounded(*value))?,
        }
    }
    Ok(())
}

fn rounded(value: f64) -> String {
    if value.is_finite() { format!("{value:>10.3}") } else { format!("{:>10}", "-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { name: "file", kind: Kind::Text },
        Column { name: "F0", kind: Kind::Single },
        Column { name: "rate", kind: Kind::Double },
    ];

    fn written(format: Format) -> String {
        let rows = [
            [Cell::Text("a,\"b\".wav".to_owned()), Cell::Single(0.1), Cell::Double(2.5)],
            [Cell::Text("录音.wav".to_owned()), Cell::Single(f32::NAN), Cell::Double(f64::NAN)],
        ];
        let mut bytes = Vec::new();
        write(format, &COLUMNS, rows.into_iter(), &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn csv_quotes_and_leaves_missing_values_empty() {
        assert_eq!(written(Format::Csv), "file,F0,rate\n\"a,\"\"b\"\".wav\",0.1,2.5\n录音.wav,,\n");
    }

    #[test]
    fn json_has_null_for_missing_values() {
        let expected = "{\"file\":\"a,\\\"b\\\".wav\",\"F0\":0.1,\"rate\":2.5}\n{\"file\":\"录音.wav\",\"F0\":null,\"rate\":null}\n";
        assert_eq!(written(Format::Json), expected);
    }

    #[test]
    fn text_is_a_paragraph_a_row() {
        let expected =
            "a,\"b\".wav\n  F0         0.100\n  rate       2.500\n录音.wav\n  F0             -\n  rate           -\n";
        assert_eq!(written(Format::Text), expected);
    }
}
