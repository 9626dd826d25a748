//! Lines and points over two axes.

use crate::axis::{Axis, Laid, number};
use crate::figure::{BOTTOM, LEFT, RIGHT, TOP, escape, frame, no_values, text};

/// How many series are named beside the chart; all are named under the pointer.
const NAMED: usize = 14;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// A line.
    #[default]
    Line,
    /// A line with a dot at each point.
    Dotted,
    /// Dots alone.
    Points,
}

/// Points of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name.
    pub label: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
    /// Half the height of the bar at each point (for example a standard deviation); may be empty.
    pub spread: Vec<f64>,
    /// How it is drawn.
    pub mark: Mark,
}

impl Series {
    /// Joined points.
    pub fn line(label: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { label: label.into(), points, ..Self::default() }
    }

    /// Points alone.
    pub fn scatter(label: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { mark: Mark::Points, ..Self::line(label, points) }
    }

    /// Joined dots with bars of spread.
    pub fn with_spread(mut self, spread: Vec<f64>) -> Self {
        (self.spread, self.mark) = (spread, Mark::Dotted);
        self
    }
}

/// Series over two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Title above the chart.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The series; those without a value are left out.
    pub series: Vec<Series>,
    /// Places on the x axis with a dashed line and a name.
    pub marks: Vec<(f64, String)>,
}

/// A point with the ends of its bar.
struct Point {
    x: f64,
    y: f64,
    bar: Option<[f64; 2]>,
}

impl Chart {
    /// A chart without series.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), x, y, series: Vec::new(), marks: Vec::new() }
    }

    /// The chart with these series.
    pub fn with(mut self, series: Vec<Series>) -> Self {
        self.series = series;
        self
    }

    /// The points of a series that the axes can show.
    fn points(&self, series: &Series) -> Vec<Point> {
        let points = series.points.iter().enumerate();
        let shown = points.filter(|(_, (x, y))| self.x.has(*x) && self.y.has(*y));
        let point = |(i, &(x, y)): (usize, &(f64, f64))| {
            let bar = series.spread.get(i).map(|half| [y - half, y + half]);
            Point { x, y, bar: bar.filter(|bar| bar.iter().all(|end| self.y.has(*end))) }
        };
        shown.map(point).collect()
    }

    pub(crate) fn draw(&self, svg: &mut String) {
        frame(svg, &self.title, &self.x.label, &self.y.label);
        let drawn: Vec<(&Series, Vec<Point>)> = self
            .series
            .iter()
            .map(|series| (series, self.points(series)))
            .filter(|(_, points)| !points.is_empty())
            .collect();
        let points = || drawn.iter().flat_map(|(_, points)| points);
        let heights = points().flat_map(|point| point.bar.unwrap_or([point.y; 2]));
        if drawn.is_empty() {
            return no_values(svg);
        }
        let marks = || self.marks.iter().filter(|(place, _)| self.x.has(*place));
        let places = points().map(|point| point.x).chain(marks().map(|(place, _)| *place));
        let (Some(x), Some(y)) =
            (self.x.over(places, [LEFT, RIGHT]), self.y.over(heights, [BOTTOM, TOP]))
        else {
            return no_values(svg);
        };
        grid(svg, &x, &y);
        for (place, name) in marks() {
            let at = x.at(*place);
            *svg += &format!(
                "<path d=\"M{at:.1} {TOP}V{BOTTOM}\" stroke=\"#aaa\" stroke-dasharray=\"3 3\"/>\n"
            );
            *svg += &text((at + 2.0, TOP - 6.0), "start", "#888", name);
        }
        for (row, (series, points)) in drawn.iter().enumerate() {
            let colour = colour(row);
            draw(svg, series, points, (&x, &y), &colour);
            if row < NAMED && !series.label.is_empty() {
                let place = (RIGHT + 8.0, TOP + 8.0 + 13.0 * row as f64);
                *svg += &text(place, "start", &colour, &series.label);
            }
        }
    }
}

fn grid(svg: &mut String, x: &Laid, y: &Laid) {
    for &tick in &y.ticks {
        let at = y.at(tick);
        *svg += &format!("<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#ddd\"/>\n");
        *svg += &text((LEFT - 6.0, at + 4.0), "end", "#000", &number(tick));
    }
    for &tick in &x.ticks {
        let at = x.at(tick);
        *svg += &format!("<path d=\"M{at:.1} {BOTTOM}v4\" stroke=\"#888\"/>\n");
        *svg += &text((at, BOTTOM + 16.0), "middle", "#000", &number(tick));
    }
}

fn draw(svg: &mut String, series: &Series, points: &[Point], (x, y): (&Laid, &Laid), colour: &str) {
    let title = escape(&series.label);
    for point in points {
        if let Some([low, high]) = point.bar {
            let (at, low, high) = (x.at(point.x), y.at(low), y.at(high));
            *svg += &format!("<path d=\"M{at:.1} {low:.1}V{high:.1}\" stroke=\"{colour}\"/>\n");
        }
    }
    // One point is not a line.
    let line = series.mark != Mark::Points && points.len() > 1;
    if line {
        let places: Vec<String> = points
            .iter()
            .map(|point| format!("{:.1},{:.1}", x.at(point.x), y.at(point.y)))
            .collect();
        *svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"><title>{title}</title></polyline>\n",
            places.join(" ")
        );
    }
    if !line || series.mark == Mark::Dotted {
        for point in points {
            *svg += &format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\" fill=\"{colour}\"><title>{title} {}, {}</title></circle>\n",
                x.at(point.x),
                y.at(point.y),
                number(point.x),
                number(point.y)
            );
        }
    }
}

/// Hues spaced by the golden section: neighbours differ most.
fn colour(row: usize) -> String {
    format!("hsl({:.0} 70% 40%)", (210.0 + 137.5 * row as f64) % 360.0)
}
