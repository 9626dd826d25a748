//! Charts as SVG, for trainings and sweeps.
//!
//! A [`figure`] is a grid of panels, each a [`Chart`] (lines and points) or a [`HeatMap`]. Values
//! that an axis cannot show (not finite, or not positive on a logarithmic axis) are left out; a
//! panel without values says so.
//!
//! ```
//! use stonechat_plot::{Axis, Chart, Series, figure};
//!
//! let loss = Series::line("train", vec![(1.0, 3.2), (2.0, 2.1), (3.0, 1.7)]);
//! let chart = Chart::new("loss", Axis::linear("epoch"), Axis::log("nats")).with(vec![loss]);
//! assert!(figure(&[chart.into()]).starts_with("<svg"));
//! ```

#![forbid(unsafe_code)]

mod axis;
mod chart;
mod figure;
mod front;
mod heat_map;

pub use axis::{Axis, Scale};
pub use chart::{Chart, Mark, Series};
pub use figure::{Panel, figure};
pub use front::pareto;
pub use heat_map::HeatMap;
