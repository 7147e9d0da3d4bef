//! Tables that name and label clips: tab-separated, a header line, UTF-8, no quoting.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use callprint::Error;
use csv::StringRecord;

use crate::exit::Failure;

/// What a table says of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ScriptLabel {
    pub(crate) category: String,
    pub(crate) language: String,
}

/// Scripts by id.
pub(crate) type Scripts = HashMap<String, ScriptLabel>;

/// A row of a manifest; what the table leaves out or leaves empty is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestRow {
    pub(crate) path: PathBuf,
    pub(crate) id: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) language: Option<String>,
}

/// Reads a table of scripts: `id`, `category` and `language` among its columns.
pub(crate) fn read_scripts(path: &Path) -> Result<Scripts, Failure> {
    let table = Table::read(path)?;
    let [id, category, language] = table.required(["id", "category", "language"])?;
    let mut scripts = Scripts::new();
    for row in &table.rows {
        let Some(script) = cell(row, Some(id)) else {
            return Err(table.fault(row, "the column `id` is empty; every script needs one"));
        };
        let label = ScriptLabel {
            category: cell(row, Some(category)).unwrap_or_default(),
            language: cell(row, Some(language)).unwrap_or_default(),
        };
        if scripts.insert(script.clone(), label).is_some() {
            return Err(table.fault(row, &format!("script {script:?} is there already; keep one of the lines")));
        }
    }
    Ok(scripts)
}

/// Reads a manifest: a column `path`, relative to the table's folder, and optional `id`, `category`, `language`.
pub(crate) fn read_manifest(path: &Path) -> Result<Vec<ManifestRow>, Failure> {
    let table = Table::read(path)?;
    let [file] = table.required(["path"])?;
    let [id, category, language] = ["id", "category", "language"].map(|name| table.column(name));
    let folder = path.parent().unwrap_or(Path::new(""));
    let row = |row| match cell(row, Some(file)) {
        Some(file) => Ok(ManifestRow {
            path: folder.join(file),
            id: cell(row, id),
            category: cell(row, category),
            language: cell(row, language),
        }),
        None => Err(table.fault(row, "the column `path` is empty; name the clip")),
    };
    table.rows.iter().map(row).collect()
}

/// The text in a column, if there is any.
fn cell(row: &StringRecord, column: Option<usize>) -> Option<String> {
    row.get(column?).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

struct Table<'p> {
    path: &'p Path,
    header: Vec<String>,
    rows: Vec<StringRecord>,
}

impl<'p> Table<'p> {
    fn read(path: &'p Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|error| Failure::reading(path, &Error::io(path, error)))?;
        // Spreadsheets put a byte-order mark in front.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).has_headers(true).from_reader(bytes);
        let bad = |error: csv::Error| {
            Failure::at(path, format_args!("no table: {error}; give tab-separated UTF-8 text with a header line"))
        };
        let header = reader.headers().map_err(bad)?.iter().map(|name| name.trim().to_owned()).collect();
        let rows = reader.records().collect::<Result<_, _>>().map_err(bad)?;
        Ok(Self { path, header, rows })
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    fn required<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N], Failure> {
        let mut columns = [0; N];
        for (column, name) in columns.iter_mut().zip(names) {
            *column = self.column(name).ok_or_else(|| {
                Failure::at(
                    self.path,
                    format_args!("no column `{name}`; the header line says {:?}", self.header.join(" ")),
                )
            })?;
        }
        Ok(columns)
    }

    fn fault(&self, row: &StringRecord, reason: &str) -> Failure {
        let line = row.position().map_or(0, csv::Position::line);
        Failure::at(self.path, format_args!("line {line}: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn table(text: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        file
    }

    #[test]
    fn scripts_are_read_whatever_the_order_of_the_columns() {
        let file = table(
            "\u{feff}category\tid\tlanguage\ttext\r\ndental-implant\tdental-01\tzh\t\"你好\nloan\tloan-03\t\t\n"
                .as_bytes(),
        );
        // A lone quotation mark is text: the table knows no quoting.
        let error = read_scripts(file.path());
        assert!(error.is_ok(), "{error:?}");
        let scripts = error.unwrap();
        assert_eq!(scripts.len(), 2);
        assert_eq!(scripts["dental-01"].category, "dental-implant");
        assert_eq!(scripts["dental-01"].language, "zh");
        assert_eq!(scripts["loan-03"].language, "");
    }

    #[test]
    fn a_manifest_counts_paths_from_its_own_folder() {
        let file = table(b"path\tid\na.wav\tloan-01__a\nsub/b.wav\t\n");
        let rows = read_manifest(file.path()).unwrap();
        let folder = file.path().parent().unwrap();
        assert_eq!(rows[0].path, folder.join("a.wav"));
        assert_eq!(rows[0].id.as_deref(), Some("loan-01__a"));
        assert_eq!(rows[1].path, folder.join("sub/b.wav"));
        assert_eq!((&rows[1].id, &rows[1].category), (&None, &None));
    }

    #[test]
    fn faults_name_the_line_and_what_to_do() {
        let repeated = table(b"id\tcategory\tlanguage\na\tx\tzh\na\ty\tzh\n");
        let failure = read_scripts(repeated.path()).unwrap_err().to_string();
        assert!(failure.ends_with("line 3: script \"a\" is there already; keep one of the lines"), "{failure}");

        let nameless = table(b"name\ttext\n1\t2\n");
        let failure = read_scripts(nameless.path()).unwrap_err().to_string();
        assert!(failure.ends_with("no column `id`; the header line says \"name text\""), "{failure}");

        let binary = table(b"id\tcategory\tlanguage\n\xff\xfe\t\t\n");
        assert!(read_scripts(binary.path()).unwrap_err().to_string().contains("UTF-8"));
    }
}
