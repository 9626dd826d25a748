//! `inspect --svg`: the singular values of all maps in one drawing.

use std::fmt::Write;

use stonechat_compress::{rank_at_variance, singular_values_of};
use stonechat_model::Network;

/// Columns of panels, and the size of a panel with its margins.
const COLUMNS: usize = 3;
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 210.0;
/// The plot inside a panel.
const LEFT: f64 = 48.0;
const TOP: f64 = 34.0;
const RIGHT: f64 = WIDTH - 14.0;
const BOTTOM: f64 = HEIGHT - 34.0;
/// Powers of ten shown below the largest value.
const DECADES: f64 = 3.0;
/// Share of the variance that is marked.
const SHARE: f64 = 0.9;

/// A panel for each map, bottom of the network first: singular values by their number, largest first, as shares
/// of the largest on a logarithmic scale. The dashed line stands at the rank that keeps 90 % of the variance.
pub fn draw(network: &Network) -> stonechat_compress::Result<String> {
    let maps = network.maps();
    let rows = maps.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * COLUMNS as f64, HEIGHT * rows as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (n, map) in maps.iter().enumerate() {
        let sigma = singular_values_of(map.map)?;
        let (x, y) = ((n % COLUMNS) as f64 * WIDTH, (n / COLUMNS) as f64 * HEIGHT);
        let title = format!(
            "{}: {} {} x {}",
            map.name(),
            map.map.family().name(),
            map.map.rows(),
            map.map.cols()
        );
        svg += &format!("<g transform=\"translate({x} {y})\">\n{}</g>\n", panel(&title, &sigma));
    }
    svg += "</svg>\n";
    Ok(svg)
}

/// One map's values.
fn panel(title: &str, sigma: &[f64]) -> String {
    let largest = sigma.first().copied().unwrap_or(0.0);
    let x = |number: f64| LEFT + (RIGHT - LEFT) * number / sigma.len().max(1) as f64;
    let y = |share: f64| {
        let decades = if share > 0.0 { -share.log10() } else { DECADES };
        TOP + (BOTTOM - TOP) * decades.clamp(0.0, DECADES) / DECADES
    };
    let mut svg = String::new();
    let mut line = |text: String| {
        let _ = writeln!(svg, "{text}"); // Into a string: it cannot fail.
    };
    line(format!("<text x=\"{LEFT}\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>", TOP - 12.0));
    for decade in 0..=DECADES as i32 {
        let share = 10f64.powi(-decade);
        let at = y(share);
        line(format!("<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#ddd\"/>"));
        line(format!(
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{share}</text>",
            LEFT - 6.0,
            at + 4.0
        ));
    }
    for (number, anchor) in [(0, "start"), (sigma.len(), "end")] {
        line(format!(
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>",
            x(number as f64),
            BOTTOM + 16.0,
            number.max(1)
        ));
    }
    let points = sigma.iter().enumerate().map(|(i, s)| {
        format!("{:.1},{:.1}", x(i as f64 + 0.5), y(s / largest.max(f64::MIN_POSITIVE)))
    });
    let points = points.collect::<Vec<_>>().join(" ");
    line(format!(
        "<polyline points=\"{points}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\"/>"
    ));
    let rank = rank_at_variance(sigma, SHARE);
    let at = x(rank as f64);
    line(format!("<path d=\"M{at:.1} {TOP}V{BOTTOM}\" stroke=\"#c30\" stroke-dasharray=\"4 3\"/>"));
    line(format!(
        "<text x=\"{at:.1}\" y=\"{:.0}\" fill=\"#c30\" text-anchor=\"middle\">{:.0} %: {rank}</text>",
        BOTTOM + 28.0,
        100.0 * SHARE
    ));
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_has_every_value_and_the_mark() {
        // 90 % of 9 + 4 + 1 + 0 needs two values.
        let svg = panel("gru.0.rec", &[3.0, 2.0, 1.0, 0.0]);
        let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let points: Vec<(f64, f64)> = points
            .split(' ')
            .map(|p| p.split_once(',').unwrap())
            .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
            .collect();
        assert_eq!(points.len(), 4);
        assert!(points.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{points:?}");
        assert_eq!(
            (points[0].1, points[3].1),
            (TOP, BOTTOM),
            "the largest on top, zero at the end"
        );
        assert!(svg.contains("90 %: 2<") && svg.contains(">gru.0.rec<"), "{svg}");
        panel("nothing", &[0.0, 0.0]);
    }
}
