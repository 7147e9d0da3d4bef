//! Plain tables: rows that can be printed as text, JSON Lines or CSV.

use std::io;

use serde::Serialize;

use super::print;
use crate::{args::Format, exit::Failure};

/// Prints `rows` on standard output: text by `text`, JSON one object a row, CSV with a header of the field names.
pub(crate) fn print_rows<R: Serialize>(
    format: Format,
    rows: &[R],
    text: impl FnOnce(&[R]) -> String,
) -> Result<(), Failure> {
    let bytes = match format {
        Format::Text => text(rows).into_bytes(),
        Format::Json => json(rows).map_err(|error| Failure::stdout(&error))?,
        Format::Csv => csv(rows).map_err(|error| Failure::stdout(&error))?,
    };
    print(&bytes)
}

fn json<R: Serialize>(rows: &[R]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn csv<R: Serialize>(rows: &[R]) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

/// `rows` with their columns aligned; columns whose number is in `right` are flush right.
pub(crate) fn align(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match right.contains(&column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row {
        id: &'static str,
        seconds: f64,
    }

    const ROWS: [Row; 2] = [Row { id: "a,b", seconds: 1.5 }, Row { id: "录音", seconds: 20.0 }];

    #[test]
    fn rows_become_json_lines() {
        let text = String::from_utf8(json(&ROWS).unwrap()).unwrap();
        assert_eq!(text, "{\"id\":\"a,b\",\"seconds\":1.5}\n{\"id\":\"录音\",\"seconds\":20.0}\n");
    }

    #[test]
    fn rows_become_csv_with_a_header() {
        let text = String::from_utf8(csv(&ROWS).unwrap()).unwrap();
        assert_eq!(text, "id,seconds\n\"a,b\",1.5\n录音,20.0\n");
    }

    #[test]
    fn columns_are_aligned() {
        let row = |a: &str, b: &str, c: &str| vec![a.to_owned(), b.to_owned(), c.to_owned()];
        let text = align(&[row("id", "s", ""), row("long name", "12.5", "x")], &[1]);
        assert_eq!(text, "id            s\nlong name  12.5  x\n");
    }
}
