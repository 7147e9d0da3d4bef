//! Numbers and names as people say them.

use std::fmt;

use callprint::detect::{EventKind, ScanReport};

/// A time or length: `9.8 s`, `1:23.4 min`, `1:02:05 h`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(pub(crate) f64);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_finite() {
            return f.write_str("? s");
        }
        // Rounded before it is split, so that 59.99 s is a minute and not 60.0 s.
        let tenths = (self.0.max(0.0) * 10.0).round() as u64;
        let (minutes, rest) = (tenths / 600, (tenths % 600) as f64 / 10.0);
        match minutes {
            0 => write!(f, "{rest:.1} s"),
            1..60 => write!(f, "{minutes}:{rest:04.1} min"),
            _ => write!(f, "{}:{:02}:{:02} h", minutes / 60, minutes % 60, rest as u64),
        }
    }
}

/// A whole number with separators: `40,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 file`, `1,200 files`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

/// A number of bytes: `512 bytes`, `3.4 MB`.
pub(crate) fn bytes(bytes: usize) -> String {
    match bytes as f64 {
        b if b < 1e3 => format!("{bytes} bytes"),
        b if b < 999_500.0 => format!("{:.0} kB", b / 1e3),
        b if b < 999.95e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}

/// A false-alarm rate (per hour) to two digits: `1 in 40,000 h`, `1.5 an hour`.
pub(crate) fn false_alarms(per_hour: f64) -> String {
    match 1.0 / per_hour {
        hours if hours.is_nan() || per_hour < 0.0 => "unknown".to_owned(),
        hours if hours > 999.5e6 => "less than 1 in a billion h".to_owned(),
        hours if hours > 995e3 => format!("1 in {} million h", two_digits(hours / 1e6)),
        hours if hours > 1.0 => format!("1 in {} h", two_digits(hours)),
        _ => format!("{} an hour", two_digits(per_hour)),
    }
}

/// A positive number to two significant digits, without an exponent.
fn two_digits(number: f64) -> String {
    if number < 9.95 {
        return format!("{number:.1}").trim_end_matches(".0").to_owned();
    }
    let unit = 10f64.powi(number.log10().floor() as i32 - 1);
    count(((number / unit).round() * unit).round() as u64)
}

/// Name of a channel: `mono`, `left`, `right`, `channel 3`.
pub(crate) fn channel(report: &ScanReport, channel: usize) -> String {
    report.channels.get(channel).map_or_else(|| format!("channel {}", channel + 1), |channel| channel.name.clone())
}

/// Name of an event in the formats: that of its JSON.
pub(crate) fn event_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Answered => "answered",
        EventKind::Match => "match",
        EventKind::MachineVoice => "machine_voice",
        EventKind::Handover => "handover",
        EventKind::Ended => "ended",
        // The list may grow in the library.
        _ => "event",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_split_after_rounding() {
        for (seconds, text) in [
            (0.0, "0.0 s"),
            (9.84, "9.8 s"),
            (59.94, "59.9 s"),
            (59.96, "1:00.0 min"),
            (83.4, "1:23.4 min"),
            (3599.96, "1:00:00 h"),
            (36_000.0, "10:00:00 h"),
            (f64::NAN, "? s"),
        ] {
            assert_eq!(Clock(seconds).to_string(), text);
        }
    }

    #[test]
    fn false_alarm_rates_are_said_in_hours() {
        for (rate, text) in [
            (2.5e-5, "1 in 40,000 h"),
            (0.01, "1 in 100 h"),
            (0.3, "1 in 3.3 h"),
            (0.0103, "1 in 97 h"),
            (1.0, "1 an hour"),
            (1.54, "1.5 an hour"),
            (123.0, "120 an hour"),
            (1e-6, "1 in 1 million h"),
            (4e-8, "1 in 25 million h"),
            (1e-12, "less than 1 in a billion h"),
            (0.0, "less than 1 in a billion h"),
            (f64::NAN, "unknown"),
        ] {
            assert_eq!(false_alarms(rate), text, "{rate}");
        }
    }

    #[test]
    fn counts_have_separators_and_plurals() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(0, "file"), "0 files");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes(512), "512 bytes");
        assert_eq!(bytes(45_300), "45 kB");
        assert_eq!(bytes(3_400_000), "3.4 MB");
        assert_eq!(bytes(2_000_000_000), "2.0 GB");
    }

    #[test]
    fn events_are_called_what_json_calls_them() {
        for kind in
            [EventKind::Answered, EventKind::Match, EventKind::MachineVoice, EventKind::Handover, EventKind::Ended]
        {
            assert_eq!(serde_json::to_value(kind).unwrap(), event_name(kind));
        }
    }
}
