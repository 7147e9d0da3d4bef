//! Turn-taking between the two channels of a call: how soon one answers, and what it does when talked over.
//!
//! A spurt is speech of at least 100 ms with gaps shorter than .25 s. For each channel:
//!
//! - response latency: from the end of the other's spurt to the start of the own, where the own is the next to start and comes
//!   within 5 s (M. Heldner, J. Edlund, "Pauses, gaps and overlaps in conversations", Journal of Phonetics 38 (2010), 555-568;
//!   their gaps between speakers);
//! - overlap: frames in which both speak, over frames in which the channel speaks;
//! - yielding: where the other starts a spurt of .3 s and more at least .5 s into the own, the time until the own falls silent for
//!   .25 s; after 2 s the channel counts as one that goes on. A person stops or speaks up within half a second; a recording goes on.
//!
//! Streaming, frame by frame, in constant memory.

use super::stats::Moments;

const GAP: u64 = 25;
const LEAST_SPURT: u64 = 10;
const LONGEST_LATENCY: u64 = 500;
const LEAST_INTERRUPTION: u64 = 30;
const INTO_SPURT: u64 = 50;
const GOES_ON: u64 = 200;

/// Values a channel.
pub(crate) const TURNS: usize = 5;

/// Both channels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    time: u64,
    sides: [Side; 2],
}

/// One channel.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    spurt: Option<Spurt>,
    /// End of the last spurt that counted.
    ended: Option<u64>,
    /// When the other's interruption began.
    interrupted: Option<u64>,
    latencies: Moments,
    yields: Moments,
    goes_on: u64,
    speech: u64,
    overlap: u64,
}

/// Speech that goes on.
#[derive(Debug, Clone, Copy)]
struct Spurt {
    start: u64,
    last: u64,
    /// Whether it answers what the other said, and what it would be as an answer.
    latency: Option<u64>,
    /// Whether the other had been speaking at its start for long enough.
    interrupts: bool,
}

impl Turns {
    /// Takes the next frame: whether each channel speaks.
    pub(crate) fn push(&mut self, speech: [bool; 2]) {
        for me in 0..2 {
            let other = self.sides[1 - me];
            if speech[me] {
                self.speak(me, &other, speech[1 - me]);
            } else {
                self.be_silent(me);
            }
        }
        self.time += 1;
    }

    fn speak(&mut self, me: usize, other: &Side, both: bool) {
        let time = self.time;
        let side = &mut self.sides[me];
        side.speech += 1;
        side.overlap += u64::from(both);
        let ended = side.ended;
        let spurt = side.spurt.get_or_insert_with(|| {
            let running = other.spurt.filter(|spurt| spurt.last + 1 - spurt.start >= LEAST_SPURT);
            // What the other said last: a spurt that has ended, or is about to.
            let heard = running.map(|spurt| spurt.last + 1).filter(|&end| end < time).or(other.ended);
            let next =
                heard.filter(|&end| ended.is_none_or(|mine| mine < end) && running.is_none_or(|s| s.last + 1 < time));
            Spurt {
                start: time,
                last: time,
                latency: next.map(|end| time - end).filter(|&latency| latency <= LONGEST_LATENCY),
                interrupts: other.spurt.is_some_and(|spurt| spurt.last + 1 >= time && time >= spurt.start + INTO_SPURT),
            }
        });
        spurt.last = time;
        let (start, length) = (spurt.start, time + 1 - spurt.start);
        // The other may have paused only.
        if length == LEAST_SPURT
            && let Some(latency) = spurt.latency.take()
            && other.spurt.is_none_or(|spurt| spurt.last < start)
        {
            side.latencies.add(latency as f64);
        }
        let interrupts = spurt.interrupts;
        let goes_on = side.interrupted.is_some_and(|since| time >= since + GOES_ON);
        if goes_on {
            side.goes_on += 1;
            side.interrupted = None;
        }
        if length == LEAST_INTERRUPTION && interrupts {
            let other = &mut self.sides[1 - me];
            match other.spurt {
                Some(_) => other.interrupted = Some(start),
                // Silent for a quarter of a second already.
                None => other.yields.add((other.ended.unwrap_or(start).max(start) - start) as f64),
            }
        }
    }

    fn be_silent(&mut self, me: usize) {
        let side = &mut self.sides[me];
        if let Some(spurt) = side.spurt.filter(|spurt| self.time - spurt.last >= GAP) {
            let end = spurt.last + 1;
            side.spurt = None;
            if end - spurt.start >= LEAST_SPURT {
                side.ended = Some(end);
            }
            if let Some(since) = side.interrupted.take() {
                side.yields.add(end.saturating_sub(since) as f64);
            }
        }
    }

    /// Of a channel: mean and standard deviation of the latency (s), share of overlap, mean time to yield (s), and share of the
    /// interruptions after which it went on. NaN where there were none.
    pub(crate) fn values(&self, channel: usize) -> [f64; TURNS] {
        let side = &self.sides[channel];
        let reactions = (side.yields.count() + side.goes_on) as f64;
        [
            side.latencies.mean() / 100.0,
            side.latencies.stddev() / 100.0,
            side.overlap as f64 / side.speech as f64,
            side.yields.mean() / 100.0,
            side.goes_on as f64 / reactions,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Speech of both channels as stretches of seconds: (from, to).
    fn turns(left: &[(f64, f64)], right: &[(f64, f64)], seconds: f64) -> [[f64; TURNS]; 2] {
        let mut turns = Turns::default();
        for frame in 0..(seconds * 100.0) as u64 {
            let t = (frame as f64 + 0.5) / 100.0;
            let speaks = |spans: &[(f64, f64)]| spans.iter().any(|&(from, to)| (from..to).contains(&t));
            turns.push([speaks(left), speaks(right)]);
        }
        [turns.values(0), turns.values(1)]
    }

    #[test]
    fn an_answer_comes_after_the_others_end() {
        // The right answers after .3 s and .9 s, the left after .2 s; short gaps within a turn are not turns.
        let [left, right] = turns(&[(1.0, 2.0), (2.1, 3.0), (5.2, 6.0)], &[(3.3, 5.0), (6.9, 8.0)], 10.0);
        assert!((right[0] - 0.6).abs() < 1e-9 && (right[1] - 0.3).abs() < 1e-9, "{right:?}");
        assert!((left[0] - 0.2).abs() < 1e-9, "{left:?}");
        assert_eq!((left[2], right[2]), (0.0, 0.0));
        assert!(left[3].is_nan() && left[4].is_nan());
    }

    #[test]
    fn one_who_is_talked_over_yields_or_goes_on() {
        // The right starts at 3 s into the left's speech, which stops at 3.6 s; at 12 s the left goes on to the end.
        let [left, right] = turns(&[(1.0, 3.6), (10.0, 18.0)], &[(3.0, 5.0), (12.0, 13.0)], 20.0);
        assert!((left[3] - 0.6).abs() < 1e-9 && left[4] == 0.5, "{left:?}");
        assert!(right[3].is_nan(), "nobody talked over the right: {right:?}");
        assert!((left[2] - 1.6 / 10.6).abs() < 1e-9, "{left:?}");
        // What starts during the other's speech is no answer.
        assert!(right[0].is_nan(), "{right:?}");
    }

    #[test]
    fn clicks_and_long_silences_are_no_answers() {
        let [_, right] = turns(&[(1.0, 2.0)], &[(2.5, 2.55), (9.0, 10.0)], 12.0);
        assert!(right[0].is_nan(), "{right:?}");
    }
}
