//! An axis: its name, its scale, its ticks.

/// How many ticks fit on an axis.
const TICKS: usize = 8;

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Linear.
    #[default]
    Linear,
    /// Linear, starting at zero, or below it if there are negative values.
    FromZero,
    /// Logarithmic; values that are not positive are left out.
    Log,
}

/// An axis of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Its label, with the unit.
    pub label: String,
    /// Its scale.
    pub scale: Scale,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear }
    }

    /// A linear axis that shows zero.
    pub fn from_zero(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::FromZero }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log }
    }

    /// Whether the axis can show this value.
    pub(crate) fn has(&self, value: f64) -> bool {
        value.is_finite() && (self.scale != Scale::Log || value > 0.0)
    }

    /// The axis for some values that it can show, from the pixel `start` to the pixel `end`; none
    /// without values.
    pub(crate) fn over(
        &self,
        values: impl Iterator<Item = f64>,
        [start, end]: [f64; 2],
    ) -> Option<Laid> {
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return None;
        }
        let ticks = match self.scale {
            Scale::Linear => linear_ticks(low, high),
            Scale::FromZero => linear_ticks(low.min(0.0), high),
            Scale::Log => log_ticks(low, high),
        };
        Some(Laid { log: self.scale == Scale::Log, ticks, start, end })
    }
}

/// An axis with ticks, the first and the last at its ends, in pixels.
pub(crate) struct Laid {
    log: bool,
    pub ticks: Vec<f64>,
    start: f64,
    end: f64,
}

impl Laid {
    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let place = |value: f64| if self.log { value.log10() } else { value };
        let (first, last) = (place(self.ticks[0]), place(self.ticks[self.ticks.len() - 1]));
        self.start + (self.end - self.start) * (place(value) - first) / (last - first)
    }
}

/// Round, evenly spaced values from at most `low` to at least `high`.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let room = if high > low { 0.0 } else { 0.5 * high.abs().max(1e-9) };
    let (low, high) = (low - room, high + room);
    let rough = (high - low) / 5.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last.max(first + 1)).map(|n| n as f64 * step).collect()
}

/// Ones, twos and fives times powers of ten from at most `low` to at least `high`; only powers if
/// these are too many, and then every second, third ... of them.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let last = last.max(first + 1);
    let fine: Vec<f64> =
        (first..=last).flat_map(|n| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(n))).collect();
    let from = fine.iter().rposition(|tick| *tick <= low).unwrap_or(0);
    let to = fine.iter().position(|tick| *tick >= high).unwrap_or(fine.len() - 1).max(from + 1);
    if to - from < TICKS {
        return fine[from..=to].to_vec();
    }
    let every = (last - first) / (TICKS as i32 - 1) + 1;
    (0..)
        .map(|n| first + n * every)
        .take_while(|n| *n < last + every)
        .map(|n| 10f64.powi(n))
        .collect()
}

/// A readable value, in about four digits.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => return "0".into(),
        1e-3..1e6 => (3 - value.abs().log10().floor() as i32).max(0) as usize,
        _ => {
            let text = format!("{value:.2e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            return format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'));
        }
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_reach_around_the_values() {
        type Ticks = fn(f64, f64) -> Vec<f64>;
        let cases: [(Ticks, &[(f64, f64)]); 2] = [
            (
                linear_ticks,
                &[(0.0, 1.0), (0.0, 97.3), (-3.2, 0.004), (0.0, 0.0), (0.0, 1.1e-5), (7.0, 7.0)],
            ),
            (log_ticks, &[(1e-4, 1e-3), (2e-5, 3e-2), (1.0, 1.0), (3.1, 3.2), (1e-30, 1e30)]),
        ];
        for (ticks, ranges) in cases {
            for &(low, high) in ranges {
                let ticks = ticks(low, high);
                let near = 1e-9 * low.abs().max(high.abs());
                assert!(ticks[0] <= low + near, "{low} {high}: {ticks:?}");
                assert!(ticks[ticks.len() - 1] >= high - near, "{low} {high}: {ticks:?}");
                assert!((2..=TICKS + 1).contains(&ticks.len()), "{low} {high}: {ticks:?}");
                assert!(ticks.is_sorted_by(|a, b| a < b), "{ticks:?}");
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.001, "0.001"),
            (0.30000000000000004, "0.3"),
            (-12.0, "-12"),
            (1234.5, "1234"),
            (3e-7, "3e-7"),
            (2_500_000.0, "2.5e6"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn values_lie_between_the_ends() {
        for axis in [Axis::linear(""), Axis::from_zero(""), Axis::log("")] {
            let laid = axis.over([1.0, 10.0].into_iter(), [300.0, 20.0]).unwrap();
            let (low, high) = (laid.at(1.0), laid.at(10.0));
            assert!((20.0..=300.0).contains(&low) && (20.0..low).contains(&high), "{axis:?}");
            assert!(axis.over(std::iter::empty(), [0.0, 1.0]).is_none());
        }
        assert!(Axis::linear("").has(-1.0) && !Axis::log("").has(0.0));
        assert!(!Axis::linear("").has(f64::NAN));
    }
}
