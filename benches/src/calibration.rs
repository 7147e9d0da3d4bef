//! Checks that a stated false-alarm rate is the observed one, on audio that holds no known script.
//!
//! A query of h hours that is searched in an index raises at least one false alarm at a stated rate of r an hour or less with
//! probability `1 − exp(−r·h)`, if false alarms are a Poisson process. The sum of that over all negatives is the number
//! *expected*; the negatives whose best candidate states r or less are the number *observed*, with the exact 95 % interval of
//! a Poisson count. Rates far below one per the hours at hand cannot be checked: the interval then says so by its width.

use serde::Serialize;

use crate::stats::poisson_interval;

/// Stated rates that are checked, per hour.
pub const LEVELS: [f64; 6] = [1000.0, 100.0, 10.0, 1.0, 0.1, 0.01];

/// The kinds of negative that share words or voices with the index: no false-alarm rate learned elsewhere covers them.
pub const RELATED_KINDS: [&str; 2] = ["sibling", "other_bot"];

/// One negative that was searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Negative {
    /// Its length, h.
    pub hours: f64,
    /// Its kind, as labelled.
    pub kind: String,
    /// The lowest false-alarm rate, per hour, that a candidate for it states; none without candidates.
    pub far: Option<f64>,
}

/// Expected and observed false alarms at one stated rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FarCheck {
    /// Which negatives: `all`, or `unrelated` (without [`RELATED_KINDS`]).
    pub negatives: &'static str,
    /// The stated rate, per hour.
    pub far: f64,
    /// Hours of audio searched.
    pub hours: f64,
    /// Negatives that should raise a false alarm.
    pub expected: f64,
    /// Negatives that did.
    pub observed: usize,
    /// Lower limit of the observed mean, 95 % confidence.
    pub low: f64,
    /// Upper limit of it.
    pub high: f64,
    /// Whether the observed interval admits a mean within a factor of 2 of the expected one.
    pub within_factor_2: bool,
}

/// Compares stated and observed rates at all [`LEVELS`], for all negatives and for the unrelated ones.
pub fn far_check(negatives: &[Negative]) -> Vec<FarCheck> {
    let all: Vec<&Negative> = negatives.iter().collect();
    let unrelated: Vec<&Negative> =
        negatives.iter().filter(|negative| !RELATED_KINDS.contains(&negative.kind.as_str())).collect();
    [("all", all), ("unrelated", unrelated)]
        .into_iter()
        .filter(|(_, some)| !some.is_empty())
        .flat_map(|(name, some)| LEVELS.map(|far| check(name, &some, far)))
        .collect()
}

fn check(name: &'static str, negatives: &[&Negative], far: f64) -> FarCheck {
    let expected = negatives.iter().map(|negative| -(-far * negative.hours).exp_m1()).sum::<f64>();
    let observed = negatives.iter().filter(|negative| negative.far.is_some_and(|stated| stated <= far)).count();
    let (low, high) = poisson_interval(observed, 0.95);
    FarCheck {
        negatives: name,
        far,
        hours: negatives.iter().map(|negative| negative.hours).sum(),
        expected,
        observed,
        low,
        high,
        within_factor_2: low <= 2.0 * expected && high >= expected / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negative(seconds: f64, kind: &str, far: Option<f64>) -> Negative {
        Negative { hours: seconds / 3600.0, kind: kind.to_owned(), far }
    }

    #[test]
    fn expectation_in_closed_form() {
        // 1000 pieces of 3.6 s are an hour; at r an hour each alarms with probability 1 - exp(-r / 1000).
        let negatives: Vec<_> = (0..1000).map(|n| negative(3.6, "music", (n < 10).then_some(5.0))).collect();
        let lines = far_check(&negatives);
        let line = |far: f64| lines.iter().find(|line| line.negatives == "all" && line.far == far).cloned();
        let (at_1000, at_10, at_1) = (line(1000.0), line(10.0), line(1.0));
        assert!(at_1000.is_some_and(
            |l| (l.expected - 1000.0 * (1.0 - (-1f64).exp())).abs() < 1e-6 && (l.hours - 1.0).abs() < 1e-9
        ));
        // 9.95 expected, 10 seen: true. At one an hour 10 were stated as 5 an hour and do not count.
        assert!(at_10.is_some_and(|l| (l.expected - 9.950_166).abs() < 1e-5 && l.observed == 10 && l.within_factor_2));
        assert!(at_1.is_some_and(|l| l.observed == 0 && (l.high - 3.688_879).abs() < 1e-5 && l.within_factor_2));
    }

    #[test]
    fn a_rate_that_is_off_by_far_is_called_so() {
        // 100 h without a known script, one alarm an hour of those that say once in a hundred hours.
        let negatives: Vec<_> = (0..100).map(|_| negative(3600.0, "human", Some(0.01))).collect();
        let line = far_check(&negatives).into_iter().find(|line| line.negatives == "all" && line.far == 0.01);
        // 100 · (1 - exp(-0.01)) = 0.995 expected, 100 seen.
        assert!(line.is_some_and(|l| (l.expected - 0.995_017).abs() < 1e-5 && l.observed == 100 && !l.within_factor_2));
    }

    #[test]
    fn related_negatives_are_told_apart() {
        let negatives = [negative(36.0, "sibling", Some(0.001)), negative(36.0, "tone", None)];
        let observed = |name| {
            far_check(&negatives)
                .iter()
                .filter(|l| l.negatives == name && l.far == 1.0)
                .map(|l| l.observed)
                .sum::<usize>()
        };
        assert_eq!((observed("all"), observed("unrelated")), (1, 0));
        assert!(far_check(&negatives[..1]).iter().all(|line| line.negatives == "all"), "no line without negatives");
    }
}
