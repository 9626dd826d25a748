//! A value for each pair of names, as colours and numbers.

use crate::axis::number;
use crate::figure::{BOTTOM, LEFT, RIGHT, TOP, frame, no_values, text};

/// A table of values, dark if they are large.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// Title above the map.
    pub title: String,
    /// Label of the columns.
    pub x_label: String,
    /// Label of the rows.
    pub y_label: String,
    /// Names of the columns, left to right.
    pub columns: Vec<String>,
    /// The rows from bottom to top: a name, and a value for each column; none if not measured.
    pub rows: Vec<(String, Vec<Option<f64>>)>,
}

impl HeatMap {
    pub(crate) fn draw(&self, svg: &mut String) {
        frame(svg, &self.title, &self.x_label, &self.y_label);
        let known = || self.rows.iter().flat_map(|(_, values)| values).flatten().copied();
        let known = || known().filter(|value| value.is_finite());
        let (low, high) =
            known().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return no_values(svg);
        }
        let width = (RIGHT - LEFT) / self.columns.len() as f64;
        let height = (BOTTOM - TOP) / self.rows.len() as f64;
        for (column, name) in self.columns.iter().enumerate() {
            let middle = LEFT + width * (column as f64 + 0.5);
            *svg += &text((middle, BOTTOM + 16.0), "middle", "#000", name);
        }
        for (row, (name, values)) in self.rows.iter().enumerate() {
            let top = BOTTOM - height * (row + 1) as f64;
            *svg += &text((LEFT - 6.0, top + height / 2.0 + 4.0), "end", "#000", name);
            for (column, value) in values.iter().take(self.columns.len()).enumerate() {
                let Some(value) = value.filter(|value| value.is_finite()) else { continue };
                let left = LEFT + width * column as f64;
                let share = if high > low { (value - low) / (high - low) } else { 0.5 };
                let light = 96.0 - 62.0 * share;
                *svg += &format!(
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"hsl(210 60% {light:.0}%)\"/>\n"
                );
                let ink = if light < 60.0 { "#fff" } else { "#000" };
                let middle = (left + width / 2.0, top + height / 2.0 + 4.0);
                *svg += &text(middle, "middle", ink, &number(value));
            }
        }
    }
}
