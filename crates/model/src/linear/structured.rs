//! A linear map of any family but dense and low rank, with its weights.

use super::FamilySpec;
use crate::{Error, Matrix, Result};

/// Tensor of the gain of each output.
pub(crate) const GAIN: &str = "gain";

/// `W = diag(gain) F(parts)`, `F` as the family says.
///
/// The gain is what a batch normalisation behind the map leaves when it is folded: most families do not stay
/// themselves when their rows are scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Structured {
    spec: FamilySpec,
    parts: Vec<Matrix>,
    gain: Option<Vec<f32>>,
}

impl Structured {
    /// A map of the family and the size `spec` says, from its parts, and a gain for each row if there is one.
    ///
    /// # Errors
    /// [`Error::Weight`] with `name` and the part if there are not as many parts of those shapes, or a value is
    /// not finite.
    pub fn new(
        name: &str,
        spec: FamilySpec,
        parts: Vec<Matrix>,
        gain: Option<Vec<f32>>,
    ) -> Result<Self> {
        let structured = Self { spec, parts, gain };
        structured.validate(name).map(|()| structured)
    }

    /// Family and size.
    pub fn spec(&self) -> &FamilySpec {
        &self.spec
    }

    /// The matrices, in the order of [`FamilySpec::parts`].
    pub fn parts(&self) -> &[Matrix] {
        &self.parts
    }

    /// Factor of each output; `None` stands for ones.
    pub fn gain(&self) -> Option<&[f32]> {
        self.gain.as_deref()
    }

    /// The same with every part replaced by `f` of it; the gain stays.
    pub(super) fn map_parts(&self, f: impl FnMut(&Matrix) -> Matrix) -> Self {
        Self { parts: self.parts.iter().map(f).collect(), ..self.clone() }
    }

    pub(super) fn to_dense(&self) -> Vec<f32> {
        let values: Vec<Vec<f32>> = self.parts.iter().map(Matrix::to_dense).collect();
        let parts: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        let mut dense = self.spec.to_dense(&parts);
        if let Some(gain) = &self.gain {
            for (row, gain) in dense.chunks_exact_mut(self.spec.cols()).zip(gain) {
                row.iter_mut().for_each(|w| *w *= gain);
            }
        }
        dense
    }

    /// Checks shapes and values; those of the parts' own are checked by the caller with their names.
    pub(super) fn validate(&self, name: &str) -> Result<()> {
        let wanted = self.spec.parts();
        if wanted.len() != self.parts.len() {
            let reason = format!("has {} parts, not {}", self.parts.len(), wanted.len());
            return Err(Error::weight(name, reason));
        }
        for (wanted, part) in wanted.iter().zip(&self.parts) {
            let name = format!("{name}.{}", wanted.name);
            part.validate(&name)?;
            if (part.rows(), part.cols()) != (wanted.rows, wanted.cols) {
                let (rows, cols) = (part.rows(), part.cols());
                let family = self.spec.family().name();
                let reason = format!(
                    "is {rows} x {cols}, {family} of {} x {} needs {} x {}",
                    self.spec.rows(),
                    self.spec.cols(),
                    wanted.rows,
                    wanted.cols
                );
                return Err(Error::weight(name, reason));
            }
        }
        let Some(gain) = &self.gain else { return Ok(()) };
        let name = format!("{name}.{GAIN}");
        if gain.len() != self.spec.rows() {
            let reason = format!("has {} values, must have {}", gain.len(), self.spec.rows());
            return Err(Error::weight(name, reason));
        }
        match gain.iter().find(|g| !g.is_finite()) {
            Some(g) => Err(Error::weight(name, format!("has the value {g}, must be finite"))),
            None => Ok(()),
        }
    }
}
