//! Reports for people. Colours are always written; the stream below takes them out where nobody would see them.

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};
use callprint::detect::{Event, EventKind, MachineVoice, Match, ScanReport};

use super::{
    ReportWriter,
    words::{self, Clock},
};
use crate::exit::one_line;

const FILE: Style = Style::new().bold();
const MATCH: Style = AnsiColor::Red.on_default().bold();
const CANDIDATE: Style = AnsiColor::Yellow.on_default();
const NONE: Style = AnsiColor::Green.on_default();
const FAINT: Style = Style::new().dimmed();

/// Writes a paragraph per report.
pub(super) struct Text<W> {
    out: W,
    /// Whether a paragraph came before.
    begun: bool,
}

impl<W: Write> Text<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, begun: false }
    }
}

impl<W: Write> ReportWriter for Text<W> {
    fn start(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn report(&mut self, report: &ScanReport, _: Option<&str>) -> io::Result<()> {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = paragraph(&mut text, report);
        if std::mem::replace(&mut self.begun, true) {
            text.insert(0, '\n');
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

fn paragraph(text: &mut String, report: &ScanReport) -> fmt::Result {
    let channels: Vec<&str> = report.channels.iter().map(|channel| channel.name.as_str()).collect();
    writeln!(
        text,
        "{FILE}{}{FILE:#}  {FAINT}{}, {}{FAINT:#}",
        one_line(&report.file),
        Clock(report.seconds),
        channels.join(" and ")
    )?;
    if report.matches.is_empty() {
        writeln!(text, "  {NONE}no match{NONE:#}")?;
    }
    for found in &report.matches {
        write_match(text, report, found)?;
    }
    write_voice(text, report)?;
    write_events(text, report)
}

fn write_match(text: &mut String, report: &ScanReport, found: &Match) -> fmt::Result {
    let (style, word) = if found.decided_at.is_some() { (MATCH, "match") } else { (CANDIDATE, "close") };
    write!(text, "  {style}{word}   {}{style:#}", found.script)?;
    if !found.category.is_empty() {
        write!(text, " ({})", found.category)?;
    }
    if report.channels.len() > 1 {
        write!(text, " on {}", words::channel(report, found.channel))?;
    }
    writeln!(text, ", false alarms {}", words::false_alarms(found.false_alarms_per_hour))?;
    writeln!(
        text,
        "          {} to {} of the recording, {} to {} of the script, speed {:.2}",
        Clock(found.query_start),
        Clock(found.query_end),
        Clock(found.script_start),
        Clock(found.script_end),
        found.speed
    )?;
    write!(text, "          ")?;
    match found.decided_at {
        Some(at) => write!(text, "known after {}; ", Clock(at))?,
        None => write!(text, "above the false-alarm rate asked for; ")?,
    }
    writeln!(
        text,
        "{FAINT}rendering {}, score {:.1}, bit error rate {:.2}{FAINT:#}",
        found.rendering, found.score, found.ber
    )?;
    if !found.rivals.is_empty() {
        writeln!(text, "          {CANDIDATE}or {}{CANDIDATE:#}: they sound the same so far", found.rivals.join(", "))?;
    }
    Ok(())
}

/// The machine-voice score, of each channel where there are several.
fn write_voice(text: &mut String, report: &ScanReport) -> fmt::Result {
    if report.channels.len() < 2 {
        return writeln!(text, "  voice   {}", voice(&report.machine_voice));
    }
    for channel in &report.channels {
        writeln!(text, "  voice   {}: {}", channel.name, voice(&channel.machine_voice))?;
    }
    Ok(())
}

fn voice(voice: &MachineVoice) -> String {
    let speech = format!("{} of speech", Clock(voice.seconds));
    match voice.probability {
        Some(probability) if !voice.abstained => {
            format!("{:.0} % machine, from {speech}", (probability * 100.0).clamp(0.0, 100.0))
        }
        _ => format!("machine or human not judged, {speech}"),
    }
}

fn write_events(text: &mut String, report: &ScanReport) -> fmt::Result {
    if report.events.is_empty() {
        return Ok(());
    }
    let events: Vec<String> = report.events.iter().map(|event| event_words(report, event)).collect();
    writeln!(text, "  events  {}", events.join(", "))
}

/// An event with its time, its script where it is a match, its channel where there are several.
fn event_words(report: &ScanReport, event: &Event) -> String {
    let mut text = words::event_name(event.kind).replace('_', " ");
    if event.kind == EventKind::Match {
        let same = |found: &&Match| found.decided_at == Some(event.at) && found.channel == event.channel;
        text.extend(report.matches.iter().find(same).map(|found| format!(" {}", found.script)));
    }
    text.push_str(&format!(" {}", Clock(event.at)));
    // The end is the end of all channels.
    if report.channels.len() > 1 && event.kind != EventKind::Ended {
        text.push_str(&format!(" ({})", words::channel(report, event.channel)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn coloured(reports: &[ScanReport]) -> String {
        let mut writer = Text::new(Vec::new());
        writer.start().unwrap();
        for report in reports {
            writer.report(report, None).unwrap();
        }
        String::from_utf8(writer.out).unwrap()
    }

    fn plain(reports: &[ScanReport]) -> String {
        anstream::adapter::strip_str(&coloured(reports)).to_string()
    }

    #[test]
    fn a_match_is_told_in_full() {
        let expected = "\
calls/a.wav  14.2 s, mono
  match   dental-01 (dental-implant), false alarms 1 in 40,000 h
          2.3 s to 9.8 s of the recording, 0.0 s to 7.5 s of the script, speed 1.01
          known after 4.2 s; rendering dental-01__zh-f1, score 54.1, bit error rate 0.12
          or dental-02, dental-03: they sound the same so far
  voice   93 % machine, from 5.2 s of speech
  events  answered 1.9 s, match dental-01 4.2 s, ended 14.2 s

calls/human.wav  10.0 s, mono
  no match
  voice   machine or human not judged, 0.4 s of speech
  events  ended 10.0 s
";
        assert_eq!(plain(&[sample::matched(), sample::unmatched()]), expected);
    }

    #[test]
    fn channels_are_named_and_candidates_told_from_matches() {
        let expected = "\
calls/stereo.wav  14.2 s, left and right
  match   dental-01 (dental-implant) on right, false alarms 1 in 40,000 h
          2.3 s to 9.8 s of the recording, 0.0 s to 7.5 s of the script, speed 1.01
          known after 4.2 s; rendering dental-01__zh-f1, score 54.1, bit error rate 0.12
  close   loan-03 on left, false alarms 1.5 an hour
          2.3 s to 9.8 s of the recording, 0.0 s to 7.5 s of the script, speed 1.01
          above the false-alarm rate asked for; rendering loan-03__en-m1, score 6.2, bit error rate 0.12
  voice   left: machine or human not judged, 0.0 s of speech
  voice   right: 93 % machine, from 5.2 s of speech
  events  answered 1.9 s (right), match dental-01 4.2 s (right), ended 14.2 s
";
        assert_eq!(plain(&[sample::stereo()]), expected);
    }

    #[test]
    fn a_file_name_cannot_steer_the_terminal() {
        let mut report = sample::unmatched();
        report.file = "录音\u{1b}[2J\n.wav".to_owned();
        assert!(coloured(&[report]).contains("录音\\u{1b}[2J\\n.wav"));
    }
}
