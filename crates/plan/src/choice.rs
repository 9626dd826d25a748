//! The form of one map, and why.

use std::fmt;

use serde::{Serialize, Serializer};
use stonechat_kernels::cost_model::Form;
use stonechat_model::{Family, FamilySpec};

use crate::native::{Step, factors, native, seconds};
use crate::{Machine, Reference, RunForm, Use};

/// Decides how a structured map is multiplied when it could run as it is or multiplied out. Results
/// agree up to rounding.
#[derive(Debug, Clone, PartialEq)]
pub enum Preference {
    /// The fastest on a machine with these figures.
    Fastest(Box<Machine>),
    /// Never multiplied out if there is another product: the least memory.
    Smallest,
    /// Always multiplied out.
    Dense,
}

impl Default for Preference {
    /// The fastest on [`Reference::DEFAULT`].
    fn default() -> Self {
        Self::from(Reference::DEFAULT)
    }
}

impl From<Reference> for Preference {
    fn from(reference: Reference) -> Self {
        Self::Fastest(Box::new(*reference.machine()))
    }
}

/// The form in which a map runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The form.
    pub form: RunForm,
    /// Why.
    pub reason: Reason,
    pub(crate) steps: Vec<Step>,
}

/// Why a map runs in a form.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// It is how its parts are stored.
    Stored,
    /// Few of its blocks have weights.
    FewBlocks,
    /// The family has no product of its own.
    NoProduct {
        /// Its name.
        family: &'static str,
    },
    /// Reading a matrix of few bits and a correction is faster than reading an int8 matrix.
    FewBits,
    /// [`Preference::Smallest`].
    Memory,
    /// [`Preference::Dense`].
    AskedFor,
    /// It is faster than another form; both times are per frame of logits.
    Faster {
        /// In this form.
        seconds: f64,
        /// The other form.
        than: RunForm,
        /// In that form.
        other_seconds: f64,
    },
}

impl Choice {
    /// The choice for a map of a family at a size. `plain` is how its parts are stored:
    /// [`Form::Float32`], [`Form::Int8`] or [`Form::Int4`]. `others` is the number of bytes that
    /// are read between two of its products.
    pub fn of(
        spec: &FamilySpec,
        plain: Form,
        uses: &[Use],
        others: usize,
        preference: &Preference,
    ) -> Self {
        let (rows, cols) = (spec.rows(), spec.cols());
        let choose = |form, reason, steps| Self { form, reason, steps };
        match spec.family() {
            Family::Dense(_) => {
                return choose(RunForm::Dense, Reason::Stored, vec![Step::one(plain, rows, cols)]);
            }
            Family::LowRank(family) => {
                let steps = factors(plain, rows, cols, family.rank);
                return choose(RunForm::LowRank, Reason::Stored, steps);
            }
            Family::Corrected(family) if *preference != Preference::Dense => {
                let mut steps = factors(Form::Int8, rows, cols, family.rank);
                steps.push(Step::one(plain, rows, cols));
                return choose(RunForm::Corrected, Reason::FewBits, steps);
            }
            _ => {}
        }
        let out = if plain == Form::Float32 { plain } else { Form::Int8 };
        let dense = vec![Step::one(out, rows, cols)];
        let Some((form, steps)) = native(spec, plain) else {
            let family = spec.family().name();
            return choose(RunForm::Dense, Reason::NoProduct { family }, dense);
        };
        let machine = match preference {
            Preference::Smallest => return choose(form, Reason::Memory, steps),
            Preference::Dense => return choose(RunForm::Dense, Reason::AskedFor, dense),
            Preference::Fastest(machine) => machine,
        };
        let [own, out] = [&steps, &dense].map(|steps| seconds(steps, uses, machine, others));
        let faster = |seconds, than, other_seconds| Reason::Faster { seconds, than, other_seconds };
        if own < out {
            choose(form, faster(own, RunForm::Dense, out), steps)
        } else {
            choose(RunForm::Dense, faster(out, form, own), dense)
        }
    }

    /// The seconds that its products take per frame of logits.
    pub fn seconds(&self, uses: &[Use], machine: &Machine, others: usize) -> f64 {
        seconds(&self.steps, uses, machine, others)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored so"),
            Self::FewBlocks => f.write_str("few of its blocks have weights"),
            Self::NoProduct { family } => write!(f, "{family} has no product of its own"),
            Self::FewBits => {
                f.write_str("a matrix of few bits and a correction are read, not one of int8")
            }
            Self::Memory => f.write_str("memory counts"),
            Self::AskedFor => f.write_str("asked for"),
            Self::Faster { seconds, than, other_seconds } => {
                let (us, other_us) = (1e6 * seconds, 1e6 * other_seconds);
                write!(f, "{us:.1} us a frame, {} {other_us:.1} us", than.name())
            }
        }
    }
}

impl Serialize for Reason {
    /// Serialized as it is displayed.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
