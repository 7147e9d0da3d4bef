//! Comma-separated values: a header, then a line per match; a file without matches keeps a line, with the columns of the
//! match empty.

use std::io::{self, Write};

use callprint::detect::{Match, ScanReport};

use super::{ReportWriter, words};

const HEADER: [&str; 22] = [
    "file",
    "seconds",
    "channel",
    "script",
    "rendering",
    "category",
    "score",
    "false_alarms_per_hour",
    "ber",
    "query_start",
    "query_end",
    "script_start",
    "script_end",
    "speed",
    "match_decided_at",
    "rivals",
    "decided_at",
    "machine_voice_probability",
    "machine_voice_abstained",
    "machine_voice_seconds",
    "events",
    "damaged",
];

/// Columns from `channel` to `rivals`, which are empty without a match.
const MATCH_COLUMNS: usize = 14;

/// Writes CSV. Lists are separated by spaces within their column; numbers that are not there or not finite are empty.
pub(super) struct Csv<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: csv::Writer::from_writer(out) }
    }
}

impl<W: Write> ReportWriter for Csv<W> {
    fn start(&mut self) -> io::Result<()> {
        self.out.write_record(HEADER)?;
        self.out.flush()
    }

    fn report(&mut self, report: &ScanReport, damage: Option<&str>) -> io::Result<()> {
        let columns: Vec<Vec<String>> = match &report.matches[..] {
            [] => vec![vec![String::new(); MATCH_COLUMNS]],
            matches => matches.iter().map(|found| match_columns(report, found)).collect(),
        };
        for columns in columns {
            let mut record = vec![report.file.clone(), number(report.seconds)];
            record.extend(columns);
            record.extend(file_columns(report));
            record.push(damage.unwrap_or_default().to_owned());
            self.out.write_record(record)?;
        }
        self.out.flush()
    }
}

fn match_columns(report: &ScanReport, found: &Match) -> Vec<String> {
    vec![
        words::channel(report, found.channel),
        found.script.clone(),
        found.rendering.clone(),
        found.category.clone(),
        number(found.score),
        number(found.false_alarms_per_hour),
        number(found.ber),
        number(found.query_start),
        number(found.query_end),
        number(found.script_start),
        number(found.script_end),
        number(found.speed),
        optional(found.decided_at),
        found.rivals.join(" "),
    ]
}

/// What is said of the file as a whole, on each of its lines.
fn file_columns(report: &ScanReport) -> [String; 5] {
    let voice = &report.machine_voice;
    let events: Vec<String> =
        report.events.iter().map(|event| format!("{}@{}", words::event_name(event.kind), number(event.at))).collect();
    [
        optional(report.decided_at),
        optional(voice.probability),
        voice.abstained.to_string(),
        number(voice.seconds),
        events.join(" "),
    ]
}

fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

fn optional(value: Option<f64>) -> String {
    value.map(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn written(reports: &[ScanReport]) -> String {
        let mut writer = Csv::new(Vec::new());
        writer.start().unwrap();
        for report in reports {
            writer.report(report, None).unwrap();
        }
        String::from_utf8(writer.out.into_inner().unwrap()).unwrap()
    }

    const HEADER_LINE: &str = "file,seconds,channel,script,rendering,category,score,false_alarms_per_hour,ber,\
        query_start,query_end,script_start,script_end,speed,match_decided_at,rivals,decided_at,\
        machine_voice_probability,machine_voice_abstained,machine_voice_seconds,events,damaged\n";

    #[test]
    fn a_line_per_match_and_one_for_a_file_without() {
        let expected = format!(
            "{HEADER_LINE}\
            calls/a.wav,14.2,mono,dental-01,dental-01__zh-f1,dental-implant,54.1,0.000025,0.12,2.3,9.8,0,7.5,1.01,4.2,\
            dental-02 dental-03,4.2,0.93,false,5.2,answered@1.9 match@4.2 ended@14.2,\n\
            calls/human.wav,10,,,,,,,,,,,,,,,,,true,0.4,ended@10,\n"
        );
        assert_eq!(written(&[sample::matched(), sample::unmatched()]), expected);
    }

    #[test]
    fn a_scan_of_nothing_is_a_header() {
        assert_eq!(written(&[]), HEADER_LINE);
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        let mut report = sample::unmatched();
        report.file = "a, \"b\"\n录音.wav".to_owned();
        let text = written(&[report]);
        assert!(text.contains("\n\"a, \"\"b\"\"\n录音.wav\",10,"), "{text}");
    }

    #[test]
    fn numbers_that_are_not_finite_are_empty() {
        let mut report = sample::matched();
        report.matches[0].score = f64::NAN;
        report.matches[0].ber = f64::INFINITY;
        let text = written(&[report]);
        assert!(text.contains(",dental-implant,,0.000025,,2.3,"), "{text}");
    }

    #[test]
    fn every_line_has_as_many_fields_as_the_header() {
        let text = written(&[sample::matched(), sample::unmatched(), sample::stereo()]);
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
        assert_eq!(reader.records().map(|record| record.unwrap().len()).collect::<Vec<_>>(), [22, 22, 22, 22]);
    }
}
