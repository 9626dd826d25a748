//! Reference machines: measured once, and fixed.

use crate::Machine;
use stonechat_kernels::cost_model::Rate;

/// A machine with known figures: one core, measured by [`Machine::measure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Reference {
    /// AMD EPYC (Zen 4).
    #[default]
    Zen4,
    /// Intel Xeon (Emerald Rapids).
    EmeraldRapids,
}

impl Reference {
    /// The machine that decides unless another is given: the same everywhere, so that a model runs
    /// in the same forms everywhere.
    pub const DEFAULT: Self = Self::Zen4;
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Zen4, Self::EmeraldRapids];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zen4 => "zen4",
            Self::EmeraldRapids => "emerald_rapids",
        }
    }

    /// Its figures.
    pub fn machine(self) -> &'static Machine {
        match self {
            Self::Zen4 => &ZEN4,
            Self::EmeraldRapids => &EMERALD_RAPIDS,
        }
    }
}

const ZEN4: Machine = Machine {
    bandwidths: [
        (262_144.0, 1.11e11),
        (2_097_152.0, 9.4e10),
        (12_582_912.0, 8.8e10),
        (67_108_864.0, 3.0e10),
    ],
    float32: Rate { per_weight: 2.2e-11, per_mac: 1.4e-11 },
    int8: Rate { per_weight: 5.1e-12, per_mac: 3.4e-12 },
    int4: Rate { per_weight: 1.9e-12, per_mac: 4.7e-12 },
    sparse: Rate { per_weight: 5.9e-12, per_mac: 3.4e-12 },
    per_input: 1.1e-10,
    per_row: 5.5e-12,
    per_output: 1.6e-10,
    per_call: 1.0e-7,
    transforms: [(64.0, 3.2e-8), (256.0, 1.65e-7), (1024.0, 8.0e-7), (4096.0, 3.7e-6)],
    per_bin: 4.9e-10,
};

/// Measured on a busy machine, except the last bandwidth: that is from `bench kernels` on the same
/// machine when idle.
const EMERALD_RAPIDS: Machine = Machine {
    bandwidths: [
        (262_144.0, 1.33e11),
        (2_097_152.0, 6.2e10),
        (12_582_912.0, 3.0e10),
        (67_108_864.0, 1.69e10),
    ],
    float32: Rate { per_weight: 2.9e-11, per_mac: 7.1e-12 },
    int8: Rate { per_weight: 5.7e-12, per_mac: 1.6e-12 },
    int4: Rate { per_weight: 2.5e-12, per_mac: 5.0e-12 },
    sparse: Rate { per_weight: 6.6e-12, per_mac: 1.8e-12 },
    per_input: 1.3e-10,
    per_row: 0.0,
    per_output: 2.4e-10,
    per_call: 1.2e-7,
    transforms: [(64.0, 5.5e-8), (256.0, 2.15e-7), (1024.0, 1.06e-6), (4096.0, 4.9e-6)],
    per_bin: 6.0e-10,
};
