//! Growth curves as SVG: panels side by side, both axes logarithmic.

use std::fmt::Write;

/// A line of points (x, y), both above 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Its name in the legend; nothing for a single curve.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// A plot of its own y axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What the y axis is.
    pub title: String,
    /// What is in it.
    pub curves: Vec<Curve>,
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;
const COLOURS: [&str; 4] = ["#0b6e99", "#c1440e", "#4d7c0f", "#7e22ce"];

/// An SVG document of the panels, with x as the name of all their x axes.
pub fn draw(x: &str, panels: &[Panel]) -> String {
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{HEIGHT}" viewBox="0 0 {w} {HEIGHT}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>"##,
        w = WIDTH * panels.len() as f64
    );
    for (i, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, r#"<g transform="translate({} 0)">"#, WIDTH * i as f64);
        draw_panel(&mut svg, x, panel);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_panel(svg: &mut String, x_name: &str, panel: &Panel) {
    let points = || panel.curves.iter().flat_map(|c| &c.points);
    let (x_low, x_high) = decades(points().map(|p| p.0));
    let (y_low, y_high) = decades(points().map(|p| p.1));
    let x = |v: f64| LEFT + (v.log10() - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - BOTTOM - (v.log10() - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM);
    let _ = writeln!(svg, r#"<text x="{LEFT}" y="18">{}</text>"#, panel.title);
    let _ = writeln!(
        svg,
        r#"<text x="{}" y="{}" text-anchor="middle">{x_name}</text>"#,
        0.5 * (LEFT + WIDTH - RIGHT),
        HEIGHT - 8.0
    );
    for decade in x_low as i32..=x_high as i32 {
        let at = x(10f64.powi(decade));
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        let _ = writeln!(
            svg,
            r##"<path d="M{at:.1} {top}V{bottom}" stroke="#ddd"/><text x="{at:.1}" y="{}" text-anchor="middle">{}</text>"##,
            bottom + 14.0,
            tick(decade)
        );
    }
    for decade in y_low as i32..=y_high as i32 {
        let at = y(10f64.powi(decade));
        let right = WIDTH - RIGHT;
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {at:.1}H{right}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{}</text>"##,
            LEFT - 4.0,
            at + 4.0,
            tick(decade)
        );
    }
    for (i, (curve, colour)) in panel.curves.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let path: Vec<String> = curve.points.iter().map(|p| format!("{:.1} {:.1}", x(p.0), y(p.1))).collect();
        let _ = writeln!(svg, r#"<path d="M{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, path.join("L"));
        for p in &curve.points {
            let _ = writeln!(svg, r#"<circle cx="{:.1}" cy="{:.1}" r="3" fill="{colour}"/>"#, x(p.0), y(p.1));
        }
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{}" fill="{colour}">{}</text>"#,
            LEFT + 8.0,
            TOP + 14.0 * (i + 1) as f64,
            curve.name
        );
    }
}

/// Whole decades around values above 0, at least one.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite() && *v > 0.0)
        .fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v.log10()), high.max(v.log10())));
    if low > high { (0.0, 1.0) } else { (low.floor(), high.ceil().max(low.floor() + 1.0)) }
}

fn tick(decade: i32) -> String {
    if (-2..=4).contains(&decade) { format!("{}", 10f64.powi(decade)) } else { format!("1e{decade}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_where_their_logarithms_say() {
        let curve = Curve { name: "a".into(), points: vec![(1e3, 1.0), (1e4, 10.0), (1e5, 100.0)] };
        let svg = draw("n", &[Panel { title: "t".into(), curves: vec![curve] }]);
        // Two decades in both directions: the middle point lies in the middle of the frame.
        let middle = format!(r#"cx="{:.1}" cy="{:.1}""#, (LEFT + WIDTH - RIGHT) / 2.0, (TOP + HEIGHT - BOTTOM) / 2.0);
        assert!(svg.contains(&middle) && svg.matches("<circle").count() == 3, "{svg}");
    }
}
