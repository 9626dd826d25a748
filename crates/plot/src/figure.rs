//! Panels side by side in one drawing.

use crate::{Chart, HeatMap};

/// Width and height of a panel in pixels.
pub(crate) const WIDTH: f64 = 480.0;
pub(crate) const HEIGHT: f64 = 280.0;
/// The plot area of a panel; names of lines are to its right.
pub(crate) const LEFT: f64 = 72.0;
pub(crate) const TOP: f64 = 44.0;
pub(crate) const RIGHT: f64 = WIDTH - 112.0;
pub(crate) const BOTTOM: f64 = HEIGHT - 44.0;
/// Columns of panels.
const COLUMNS: usize = 2;

/// One place of a figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Panel {
    /// Lines and points.
    Chart(Chart),
    /// Values of pairs.
    HeatMap(HeatMap),
}

impl From<Chart> for Panel {
    fn from(chart: Chart) -> Self {
        Self::Chart(chart)
    }
}

impl From<HeatMap> for Panel {
    fn from(map: HeatMap) -> Self {
        Self::HeatMap(map)
    }
}

/// The text of an SVG file with these panels in rows of two; a single panel takes the whole figure.
pub fn figure(panels: &[Panel]) -> String {
    let columns = panels.len().clamp(1, COLUMNS);
    let rows = panels.len().div_ceil(columns).max(1);
    let (width, height) = (WIDTH * columns as f64, HEIGHT * rows as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (n, panel) in panels.iter().enumerate() {
        let (x, y) = ((n % columns) as f64 * WIDTH, (n / columns) as f64 * HEIGHT);
        svg += &format!("<g transform=\"translate({x} {y})\">\n");
        match panel {
            Panel::Chart(chart) => chart.draw(&mut svg),
            Panel::HeatMap(map) => map.draw(&mut svg),
        }
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

/// The frame of a panel: its title and its axis labels.
pub(crate) fn frame(svg: &mut String, title: &str, x: &str, y: &str) {
    let (middle, bottom, height) = ((LEFT + RIGHT) / 2.0, HEIGHT - 10.0, (TOP + BOTTOM) / 2.0);
    *svg += &format!("<text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{}</text>\n", escape(title));
    *svg += &text((middle, bottom), "middle", "#444", x);
    *svg += &format!(
        "<text transform=\"translate(14 {height}) rotate(-90)\" text-anchor=\"middle\" fill=\"#444\">{}</text>\n",
        escape(y)
    );
}

/// Words at a place; `anchor` (start, middle or end) is the part of them at that place.
pub(crate) fn text((x, y): (f64, f64), anchor: &str, colour: &str, words: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>\n",
        escape(words)
    )
}

/// The text of a panel without values.
pub(crate) fn no_values(svg: &mut String) {
    *svg += &text((LEFT, TOP), "start", "#888", "no values");
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
