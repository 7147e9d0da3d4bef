//! JSON Lines: one object a report, keys as in [`ScanReport`], then `damaged`.

use std::io::{self, Write};

use callprint::detect::ScanReport;

use super::{Marked, ReportWriter};

/// Writes JSON Lines. Numbers that are not finite become `null`: JSON has no others.
pub(super) struct Json<W> {
    out: W,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> ReportWriter for Json<W> {
    fn start(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn report(&mut self, report: &ScanReport, damage: Option<&str>) -> io::Result<()> {
        // One write a line: lines of programs that share the pipe do not mix.
        let mut line = serde_json::to_vec(&Marked { report, damaged: damage })?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use serde_json::{Value, json};

    fn lines(reports: &[ScanReport]) -> Vec<Value> {
        let mut out = Vec::new();
        let mut writer = Json::new(&mut out);
        writer.start().unwrap();
        for report in reports {
            writer.report(report, None).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_holds_the_keys_of_the_contract() {
        let lines = lines(&[sample::matched(), sample::unmatched()]);
        assert_eq!(lines.len(), 2);
        let report = &lines[0];
        assert_eq!(report["file"], "calls/a.wav");
        assert_eq!(report["seconds"], 14.2);
        assert_eq!(report["decided_at"], 4.2);
        assert_eq!(report["machine_voice"], json!({"probability": 0.93, "abstained": false, "seconds": 5.2}));
        assert_eq!(report["events"][1], json!({"type": "match", "at": 4.2, "channel": 0}));
        let found = report["matches"][0].as_object().unwrap();
        for key in [
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
        ] {
            assert!(found.contains_key(key), "no {key}");
        }
        assert_eq!(found["false_alarms_per_hour"], 2.5e-5);
        assert_eq!(lines[1]["matches"], json!([]));
        assert_eq!(lines[1]["decided_at"], Value::Null);
        assert_eq!(report["damaged"], Value::Null);
        assert!(report.as_object().unwrap().contains_key("damaged"), "always there");
    }

    #[test]
    fn numbers_that_are_not_finite_become_null() {
        let mut report = sample::matched();
        report.seconds = f64::NAN;
        report.matches[0].score = f64::INFINITY;
        let lines = lines(&[report]);
        assert_eq!(lines[0]["seconds"], Value::Null);
        assert_eq!(lines[0]["matches"][0]["score"], Value::Null);
    }

    #[test]
    fn file_names_keep_their_characters_on_one_line() {
        let mut report = sample::unmatched();
        report.file = "录音/a \"b\"\n\u{1b}.wav".to_owned();
        assert_eq!(lines(&[report.clone()])[0]["file"], report.file);
    }
}
