//! Where the time of a stream goes, part by part.

use std::fmt;
use std::time::{Duration, Instant};

use stonechat_model::{Cell, NetworkConfig};

/// A part of the work on a frame. Displayed as in reports: `features`, `conv.0`,
/// `gru.1.nonrec`, `gru.1.rec`, `row_conv`, `fc`, `output`, `decode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Samples to feature frames.
    Features,
    /// The convolution with this index.
    Conv(usize),
    /// The input product of the recurrent layer with this cell and index.
    Nonrecurrent(Cell, usize),
    /// The recurrent product, the gates and the projection of the recurrent layer with this cell
    /// and index.
    Recurrent(Cell, usize),
    /// The look-ahead convolution.
    RowConv,
    /// The fully connected layer.
    FullyConnected,
    /// The output layer.
    Output,
    /// Logits to text.
    Decode,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Features => f.write_str("features"),
            Part::Conv(n) => write!(f, "conv.{n}"),
            Part::Nonrecurrent(cell, n) => write!(f, "{}.{n}.nonrec", cell.name()),
            Part::Recurrent(cell, n) => write!(f, "{}.{n}.rec", cell.name()),
            Part::RowConv => f.write_str("row_conv"),
            Part::FullyConnected => f.write_str("fc"),
            Part::Output => f.write_str("output"),
            Part::Decode => f.write_str("decode"),
        }
    }
}

/// Time spent in each part, in the order in which a frame passes them.
///
/// ```
/// use stonechat::{Model, Options, Recognizer};
///
/// let model = Model::from_bytes(stonechat_english::MODEL)?;
/// let options = Options { profile: true, ..Options::default() };
/// let mut stream = Recognizer::new(model, options)?.stream();
/// stream.push(&[0.0; 16_000])?;
/// for (part, time) in stream.profile().expect("it was asked for").parts() {
///     println!("{part}: {time:?}");
/// }
/// # Ok::<(), stonechat::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    parts: Vec<(Part, Duration)>,
}

impl Profile {
    /// A profile with no time yet, for the parts of a network.
    pub(crate) fn new(config: &NetworkConfig) -> Self {
        let mut parts = vec![Part::Features];
        parts.extend((0..config.conv.len()).map(Part::Conv));
        for (l, layer) in config.recurrent.iter().enumerate() {
            parts.extend([Part::Nonrecurrent(layer.cell, l), Part::Recurrent(layer.cell, l)]);
        }
        parts.extend(config.row_conv.iter().map(|_| Part::RowConv));
        parts.extend(config.fc.iter().map(|_| Part::FullyConnected));
        parts.extend([Part::Output, Part::Decode]);
        Self { parts: parts.into_iter().map(|part| (part, Duration::ZERO)).collect() }
    }

    /// Each part of the network with its time.
    pub fn parts(&self) -> impl Iterator<Item = (Part, Duration)> + '_ {
        self.parts.iter().copied()
    }

    /// The time of all parts.
    pub fn total(&self) -> Duration {
        self.parts().map(|(_, time)| time).sum()
    }

    /// The time of the network: everything but features and decoding.
    pub fn acoustic(&self) -> Duration {
        let network = |part| !matches!(part, Part::Features | Part::Decode);
        self.parts().filter(|&(part, _)| network(part)).map(|(_, time)| time).sum()
    }

    /// Adds the times of another stream of the same model.
    pub fn add(&mut self, other: &Profile) {
        for (part, time) in other.parts() {
            self.record(part, time);
        }
    }

    fn record(&mut self, part: Part, time: Duration) {
        if let Some((_, total)) = self.parts.iter_mut().find(|(p, _)| *p == part) {
            *total += time;
        }
    }
}

/// Adds the time since the last lap to a part; does nothing without a profile.
pub(crate) struct Clock {
    profile: Option<Profile>,
    last: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(profile: Option<Profile>) -> Self {
        Self { profile, last: None }
    }

    /// Starts a lap: earlier time counts for no part.
    pub(crate) fn start(&mut self) {
        if self.profile.is_some() {
            self.last = Some(Instant::now());
        }
    }

    pub(crate) fn lap(&mut self, part: Part) {
        let (Some(profile), Some(last)) = (&mut self.profile, self.last) else {
            return;
        };
        let now = Instant::now();
        profile.record(part, now - last);
        self.last = Some(now);
    }

    pub(crate) fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }
}
