//! `callprint index list`, `stats` and `verify`.

use std::{collections::BTreeMap, path::Path};

use callprint::index::{Index, Rendering, Stats};
use serde::Serialize;

use crate::{
    args::{ListArgs, StatsArgs, VerifyArgs},
    exit::{Failure, Status},
    input::{self, BUILTIN},
    output::{
        print,
        table::{align, print_rows},
        words::{self, Clock},
    },
};

/// A rendering as it is listed.
#[derive(Debug, Clone, Serialize)]
struct Row<'a> {
    id: &'a str,
    script: &'a str,
    category: &'a str,
    language: &'a str,
    seconds: f64,
    codes: usize,
}

impl<'a> From<Rendering<'a>> for Row<'a> {
    fn from(rendering: Rendering<'a>) -> Self {
        let Rendering { id, script, category, language, seconds, codes } = rendering;
        Self { id, script, category, language, seconds, codes }
    }
}

/// Lists the renderings.
pub(super) fn list(args: &ListArgs) -> Result<Status, Failure> {
    let index = input::open_index(args.index.path())?;
    let rows: Vec<Row<'_>> = index.renderings().map(Row::from).collect();
    print_rows(args.format, &rows, list_text)?;
    Ok(Status::Done)
}

fn list_text(rows: &[Row<'_>]) -> String {
    let header = ["rendering", "category", "language", "seconds", "codes"].map(str::to_owned).to_vec();
    let cells = rows.iter().map(|row| {
        vec![
            row.id.to_owned(),
            row.category.to_owned(),
            row.language.to_owned(),
            format!("{:.1}", row.seconds),
            row.codes.to_string(),
        ]
    });
    align(&std::iter::once(header).chain(cells).collect::<Vec<_>>(), &[3, 4])
}

/// Shows sizes.
pub(super) fn stats(args: &StatsArgs) -> Result<Status, Failure> {
    let index = input::open_index(args.index.path())?;
    print_rows(args.format, &[index.stats()], |stats| stats.iter().map(|stats| stats_text(&index, stats)).collect())?;
    Ok(Status::Done)
}

fn stats_text(index: &Index, stats: &Stats) -> String {
    let line = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        line("renderings", words::count(stats.renderings as u64)),
        line("scripts", words::count(stats.scripts as u64)),
        line("categories", words::count(stats.categories as u64)),
        line("audio", Clock(stats.seconds).to_string()),
        line("codes", words::count(stats.codes as u64)),
        line("size", words::bytes(stats.bytes)),
        line("format version", stats.format_version.to_string()),
        line("configuration", stats.configuration.clone()),
    ];
    let renderings: Vec<Rendering<'_>> = index.renderings().collect();
    rows.extend(breakdown("by category", renderings.iter().map(|rendering| rendering.category)));
    rows.extend(breakdown("by language", renderings.iter().map(|rendering| rendering.language)));
    align(&rows, &[])
}

/// Renderings counted by a label.
fn breakdown<'a>(name: &str, labels: impl Iterator<Item = &'a str>) -> Vec<Vec<String>> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for label in labels {
        *counts.entry(if label.is_empty() { "(none)" } else { label }).or_default() += 1;
    }
    let heading = |position| if position == 0 { name.to_owned() } else { String::new() };
    counts
        .iter()
        .enumerate()
        .map(|(position, (label, count))| vec![heading(position), format!("{count:>4} {label}")])
        .collect()
}

/// Checks every checksum.
pub(super) fn verify(args: &VerifyArgs) -> Result<Status, Failure> {
    let path = args.index.path();
    let index = input::open_index(path)?;
    let path = path.unwrap_or(Path::new(BUILTIN));
    index.verify().map_err(|error| Failure::reading(path, &error))?;
    print(format!("{}: sound, {}\n", path.display(), words::counted(index.len(), "rendering")).as_bytes())?;
    Ok(Status::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_aligned() {
        let row = |id, category, seconds, codes| Row { id, script: "", category, language: "zh", seconds, codes };
        let text = list_text(&[row("dental-01__zh-f1", "dental-implant", 7.52, 735), row("a__b", "", 12.0, 1180)]);
        assert_eq!(
            text,
            "rendering         category        language  seconds  codes\n\
             dental-01__zh-f1  dental-implant  zh            7.5    735\n\
             a__b                              zh           12.0   1180\n"
        );
    }

    #[test]
    fn labels_are_counted() {
        let rows = breakdown("by language", ["zh", "en", "zh", ""].into_iter());
        assert_eq!(align(&rows, &[]), "by language     1 (none)\n                1 en\n                2 zh\n");
    }
}
