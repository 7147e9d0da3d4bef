//! The small statistics that every table uses: quantiles, thresholds on negatives, Poisson intervals.

use statrs::distribution::{ContinuousCDF, Gamma};

/// Quantile `p` (0 to 1) of `values`, linear between order statistics (type 7 of Hyndman & Fan, "Sample quantiles in
/// statistical packages", The American Statistician 50(4), 1996, the default of NumPy and R). NaN is left out; `None` where
/// nothing is left.
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let position = p.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    let (below, above) = (sorted.get(low)?, sorted.get(high)?);
    Some(if low == high { *below } else { below + (above - below) * (position - low as f64) })
}

/// The score that a positive must *exceed* so that at most `int(n · share)` of the `n` negatives exceed it too: the
/// negative with that many better ones before it. `None` without negatives.
///
/// With `share` 0 this is the best negative. Nothing is interpolated: where `n · share` is less than 1, no negative may
/// pass, which is stricter than `share` asks for.
pub fn threshold(negatives: &[f64], share: f64) -> Option<f64> {
    let mut sorted = negatives.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted.get((sorted.len() as f64 * share) as usize).copied()
}

/// Exact two-sided confidence interval for the mean of a Poisson variable observed as `count` (Garwood, "Fiducial limits
/// for the Poisson distribution", Biometrika 28, 1936), `confidence` in (0, 1). Of no event the lower limit is 0.
pub fn poisson_interval(count: usize, confidence: f64) -> (f64, f64) {
    let tail = (1.0 - confidence) / 2.0;
    let limit = |shape: f64, p: f64| Gamma::new(shape, 1.0).map_or(f64::NAN, |gamma| gamma.inverse_cdf(p));
    let low = if count == 0 { 0.0 } else { limit(count as f64, tail) };
    (low, limit(count as f64 + 1.0, 1.0 - tail))
}

/// `count / of`, NaN (JSON `null`) where `of` is 0.
pub fn share(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

/// Pearson's correlation; `None` for fewer than three pairs or a constant side.
pub fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| pairs.iter().map(value).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let sums = pairs.iter().fold([0.0; 3], |[xx, yy, xy], &(a, b)| {
        [xx + (a - x) * (a - x), yy + (b - y) * (b - y), xy + (a - x) * (b - y)]
    });
    let r = sums[2] / (sums[0] * sums[1]).sqrt();
    (pairs.len() >= 3 && r.is_finite()).then_some(r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        // Five values: the median is the third; .95 lies at position 3.8, four fifths of the way from 40 to 100.
        let values = [40.0, 10.0, 100.0, 20.0, 30.0];
        assert_eq!(quantile(&values, 0.5), Some(30.0));
        assert!((quantile(&values, 0.95).unwrap_or(0.0) - 88.0).abs() < 1e-9);
        assert_eq!(quantile(&values, 0.0), Some(10.0));
        assert_eq!(quantile(&values, 1.0), Some(100.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.5));
    }

    #[test]
    fn quantiles_of_little() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[f64::NAN], 0.5), None);
        assert_eq!(quantile(&[7.0, f64::NAN], 0.95), Some(7.0));
        assert_eq!(quantile(&[f64::INFINITY, 1.0, f64::INFINITY], 1.0), Some(f64::INFINITY));
    }

    #[test]
    fn correlation_of_a_line_and_of_a_published_example() {
        assert_eq!(correlation(&[(1.0, -2.0), (2.0, -4.0), (3.0, -6.0)]), Some(-1.0));
        assert_eq!(correlation(&[(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)]), None);
        // Anscombe's first set (The American Statistician 27 (1973), 17-21): r = .816.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let pairs: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
        assert!((correlation(&pairs).unwrap() - 0.816).abs() < 0.001);
    }

    #[test]
    fn thresholds_let_no_more_than_the_share_through() {
        let negatives: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(threshold(&negatives, 0.0), Some(999.0));
        // Ten negatives (990 to 999) exceed 989.
        assert_eq!(threshold(&negatives, 0.01), Some(989.0));
        // One per thousand of 240 is less than one: none may pass.
        assert_eq!(threshold(&negatives[..240], 0.001), Some(239.0));
        assert_eq!(threshold(&[], 0.01), None);
        assert_eq!(threshold(&[f64::NEG_INFINITY, f64::NEG_INFINITY], 0.0), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn poisson_limits_match_the_published_table() {
        // Exact 95 % limits as printed tables give them to three decimals.
        for (count, low, high) in
            [(0, 0.0, 3.689), (1, 0.025, 5.572), (2, 0.242, 7.225), (5, 1.624, 11.668), (10, 4.795, 18.390)]
        {
            let (l, h) = poisson_interval(count, 0.95);
            assert!((l - low).abs() < 6e-4, "{count}: {l} against {low}");
            assert!((h - high).abs() < 6e-4, "{count}: {h} against {high}");
        }
        // Of no event the upper limit is -ln of the tail, in closed form.
        assert!((poisson_interval(0, 0.90).1 - 20f64.ln()).abs() < 1e-6);
    }
}
