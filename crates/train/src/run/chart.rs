//! Panels of lines over epochs, as SVG.

use std::fmt::Write;

/// Columns of panels, and the size of a panel with its margins.
const COLUMNS: usize = 2;
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 250.0;
/// The plot inside a panel; names of the lines stand to its right.
const LEFT: f64 = 56.0;
const TOP: f64 = 44.0;
const RIGHT: f64 = WIDTH - 110.0;
const BOTTOM: f64 = HEIGHT - 30.0;
/// Lines that have a name beside the panel; all have one under the pointer.
const NAMED: usize = 14;

/// How a panel's values are laid out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// From zero, or below where values are.
    Linear,
    /// In powers of ten; values above zero.
    Logarithmic,
}

/// A line: a value for each epoch where there is one.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// What it is of.
    pub name: String,
    /// By epoch, from the first.
    pub values: Vec<Option<f64>>,
}

/// Lines on one scale.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// What the values are.
    pub title: String,
    /// How they are laid out.
    pub scale: Scale,
    /// The lines; those without a value are not drawn.
    pub series: Vec<Series>,
}

/// All panels, with a dashed line and a name at each epoch of `marks`.
pub(crate) fn chart(panels: &[Panel], marks: &[(usize, String)]) -> String {
    let rows = panels.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * COLUMNS as f64, HEIGHT * rows as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (n, panel) in panels.iter().enumerate() {
        let (x, y) = ((n % COLUMNS) as f64 * WIDTH, (n / COLUMNS) as f64 * HEIGHT);
        let _ = write!(svg, "<g transform=\"translate({x} {y})\">\n{}</g>\n", draw(panel, marks));
    }
    svg + "</svg>\n"
}

/// One panel.
fn draw(panel: &Panel, marks: &[(usize, String)]) -> String {
    let mut svg = String::new();
    // Into a string: it cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(svg, "{text}");
    };
    line(format!(
        "<text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{}</text>",
        escape(&panel.title)
    ));
    let shown = |value: f64| value.is_finite() && (panel.scale == Scale::Linear || value > 0.0);
    let points: Vec<(usize, Vec<(usize, f64)>)> = panel
        .series
        .iter()
        .enumerate()
        .map(|(n, series)| {
            let values = series.values.iter().enumerate();
            (n, values.filter_map(|(i, v)| v.filter(|v| shown(*v)).map(|v| (i, v))).collect())
        })
        .filter(|(_, points): &(usize, Vec<_>)| !points.is_empty())
        .collect();
    let values = || points.iter().flat_map(|(_, points)| points).map(|point| point.1);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        line(format!("<text x=\"{LEFT}\" y=\"{TOP}\" fill=\"#888\">no values</text>"));
        return svg;
    }
    let ticks = match panel.scale {
        Scale::Linear => linear_ticks(low.min(0.0), high),
        Scale::Logarithmic => powers(low, high),
    };
    let place = |value: f64| if panel.scale == Scale::Linear { value } else { value.log10() };
    let (bottom, top) = (place(ticks[0]), place(ticks[ticks.len() - 1]));
    let epochs = panel.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let x = |epoch: usize| LEFT + (RIGHT - LEFT) * (epoch as f64 + 0.5) / epochs.max(1) as f64;
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (place(value) - bottom) / (top - bottom);
    for &tick in &ticks {
        let at = y(tick);
        line(format!("<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#ddd\"/>"));
        let (x, y) = (LEFT - 6.0, at + 4.0);
        line(format!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>", number(tick)));
    }
    for epoch in [0, epochs - 1] {
        let (x, y) = (x(epoch), BOTTOM + 16.0);
        line(format!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", epoch + 1));
    }
    for (epoch, name) in marks {
        let at = LEFT + (RIGHT - LEFT) * *epoch as f64 / epochs as f64;
        line(format!(
            "<path d=\"M{at:.1} {TOP}V{BOTTOM}\" stroke=\"#aaa\" stroke-dasharray=\"3 3\"/>\
             <text x=\"{:.1}\" y=\"{}\" fill=\"#888\">{}</text>",
            at + 2.0,
            TOP - 6.0,
            escape(name)
        ));
    }
    for (row, (n, points)) in points.iter().enumerate() {
        let (name, colour) = (escape(&panel.series[*n].name), colour(row));
        let places: Vec<String> = points
            .iter()
            .map(|(epoch, value)| format!("{:.1},{:.1}", x(*epoch), y(*value)))
            .collect();
        line(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"><title>{name}</title></polyline>",
            places.join(" ")
        ));
        // One epoch is no line.
        if let [place] = &places[..] {
            let (x, y) = place.split_once(',').unwrap_or_default();
            line(format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"2.5\" fill=\"{colour}\"/>"));
        }
        if row < NAMED {
            let (x, y) = (RIGHT + 8.0, TOP + 8.0 + 13.0 * row as f64);
            line(format!("<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{name}</text>"));
        }
    }
    svg
}

/// Round values from at most `low` to at least `high`, evenly apart.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = ((high - low) / 5.0).max(1e-12);
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last.max(first + 1)).map(|n| n as f64 * step).collect()
}

/// Powers of ten from at most `low` to at least `high`.
fn powers(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    (first..=last.max(first + 1)).map(|n| 10f64.powi(n)).collect()
}

/// A tick as people write it.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        1e-3..1e5 => format!("{}", (value * 1e6).round() / 1e6),
        _ => format!("{value:e}"),
    }
}

/// Hues a golden section of the circle apart: neighbours differ most.
fn colour(row: usize) -> String {
    format!("hsl({:.0} 70% 40%)", (210.0 + 137.5 * row as f64) % 360.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_reach_around_the_values() {
        for (low, high) in [(0.0, 1.0), (0.0, 97.3), (-3.2, 0.004), (0.0, 0.0), (0.0, 1.1e-5)] {
            let ticks = linear_ticks(low, high);
            assert!(ticks[0] <= low && ticks[ticks.len() - 1] >= high, "{low} {high}: {ticks:?}");
            assert!((2..=8).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            assert!(ticks.is_sorted_by(|a, b| a < b), "{ticks:?}");
        }
        for (low, high) in [(1e-4, 1e-3), (2e-5, 3e-2), (1.0, 1.0)] {
            let ticks = powers(low, high);
            assert!(ticks[0] <= low * 1.001 && ticks[ticks.len() - 1] >= high * 0.999, "{ticks:?}");
        }
        for (value, text) in [
            (0.0, "0"),
            (0.001, "0.001"),
            (0.30000000000000004, "0.3"),
            (1e-5, "1e-5"),
            (250.0, "250"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
