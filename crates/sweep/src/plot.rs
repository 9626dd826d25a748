//! A table as a picture: a curve with spread over seeds, a heat map, points with their Pareto
//! front.

use serde_json::Value;
use stonechat_plot::{Axis, Chart, HeatMap, Panel, Scale, Series, figure, pareto};

use crate::{Error, Table};

/// The kind of drawing.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// `y` against `x`, one line for each value of `by`; the mean and standard deviation of rows
    /// with the same `x`.
    Curve {
        /// Column of the x axis.
        x: String,
        /// Column of the y axis.
        y: String,
        /// Column that distinguishes the lines.
        by: Option<String>,
        /// Scale of the x axis.
        scale: Scale,
    },
    /// The mean of `value` for each pair of `x` and `y`.
    HeatMap {
        /// Column of the columns.
        x: String,
        /// Column of the rows.
        y: String,
        /// Column of the values.
        value: String,
    },
    /// One point per row.
    Points {
        /// Column of the x axis.
        x: String,
        /// Column of the y axis.
        y: String,
        /// Column that tells the colours apart.
        by: Option<String>,
        /// Scale of the x axis.
        scale: Scale,
    },
    /// One point per row, and the line of those that no other beats in both.
    Front {
        /// Column of the x axis; less is better.
        x: String,
        /// Column of the y axis; less is better.
        y: String,
        /// Column that distinguishes the colours.
        by: Option<String>,
        /// Scale of the x axis.
        scale: Scale,
    },
}

/// Draws a table as SVG.
///
/// # Errors
/// [`Error::Column`] for a column that is not there.
pub fn plot(table: &Table, title: &str, plot: &Plot) -> Result<String, Error> {
    let panel: Panel = match plot {
        Plot::Curve { x, y, by, scale } => {
            let axis = Axis { label: x.clone(), scale: *scale };
            let series = groups(table, x, y, by.as_deref())?;
            let series =
                series.into_iter().map(|(label, points)| averaged(label, points)).collect();
            Chart::new(title, axis, Axis::linear(y)).with(series).into()
        }
        Plot::Points { x, y, by, scale } | Plot::Front { x, y, by, scale } => {
            let axis = Axis { label: x.clone(), scale: *scale };
            let groups = groups(table, x, y, by.as_deref())?;
            let all: Vec<(f64, f64)> =
                groups.iter().flat_map(|(_, points)| points.clone()).collect();
            let front = pareto(&all).into_iter().map(|i| all[i]).collect();
            let mut series: Vec<Series> =
                groups.into_iter().map(|(label, points)| Series::scatter(label, points)).collect();
            if matches!(plot, Plot::Front { .. }) {
                series.push(Series::line("Pareto front", front));
            }
            Chart::new(title, axis, Axis::linear(y)).with(series).into()
        }
        Plot::HeatMap { x, y, value } => heat_map(table, title, [x, y, value])?.into(),
    };
    Ok(figure(&[panel]))
}

/// The name of a cell.
fn name(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

type Points = Vec<(f64, f64)>;

/// The points of each value of `by`, in order of appearance; rows without numbers are left out.
fn groups(
    table: &Table,
    x: &str,
    y: &str,
    by: Option<&str>,
) -> Result<Vec<(String, Points)>, Error> {
    let (xs, ys) = (table.column(x)?, table.column(y)?);
    let labels = match by {
        Some(by) => table.column(by)?.into_iter().map(name).collect(),
        None => vec![String::new(); xs.len()],
    };
    let mut groups: Vec<(String, Points)> = Vec::new();
    for (label, (x, y)) in labels.into_iter().zip(xs.into_iter().zip(ys)) {
        let (Some(x), Some(y)) = (x.as_f64(), y.as_f64()) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == label) {
            Some((_, points)) => points.push((x, y)),
            None => groups.push((label, vec![(x, y)])),
        }
    }
    Ok(groups)
}

/// The mean at each x with the sample standard deviation, by increasing x.
fn averaged(label: String, mut points: Points) -> Series {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut means, mut spread) = (Vec::new(), Vec::new());
    for same in points.chunk_by(|a, b| a.0 == b.0) {
        let count = same.len() as f64;
        let mean = same.iter().map(|(_, y)| y).sum::<f64>() / count;
        let squares: f64 = same.iter().map(|(_, y)| (y - mean).powi(2)).sum();
        means.push((same[0].0, mean));
        spread.push((squares / (count - 1.0).max(1.0)).sqrt());
    }
    Series::line(label, means).with_spread(spread)
}

fn heat_map(table: &Table, title: &str, [x, y, value]: [&String; 3]) -> Result<HeatMap, Error> {
    let (xs, ys, values) = (table.column(x)?, table.column(y)?, table.column(value)?);
    let columns = distinct(&xs);
    let mean = |row: &str, column: &str| {
        let cells = xs.iter().zip(&ys).zip(&values);
        let here = cells.filter(|((x, y), _)| name(x) == column && name(y) == row);
        let found: Vec<f64> = here.filter_map(|(_, value)| value.as_f64()).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    let rows = distinct(&ys)
        .into_iter()
        .map(|row| {
            let values = columns.iter().map(|column| mean(&row, column)).collect();
            (row, values)
        })
        .collect();
    Ok(HeatMap { title: title.into(), x_label: x.clone(), y_label: y.clone(), columns, rows })
}

/// The names of all values, numbers by size; nulls are left out.
fn distinct(values: &[&Value]) -> Vec<String> {
    let mut values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).copied().collect();
    values.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => name(a).cmp(&name(b)),
    });
    let mut names: Vec<String> = values.into_iter().map(name).collect();
    names.dedup();
    names
}
