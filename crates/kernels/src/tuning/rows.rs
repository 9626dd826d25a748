//! The table of processors.

use super::{Cache, Loops, Processor, Tuning};

/// The parameters of some processors.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Their common name.
    pub name: &'static str,
    /// Their own identification.
    pub processors: &'static [Processor],
    /// How the parameters were found.
    pub source: &'static str,
    /// The parameters.
    pub tuning: Tuning,
}

/// No prefetching.
const NOT_AHEAD: Loops = Loops { stretches: [1; 8], ahead: [0; 8], into: Cache::L1 };
/// Eight sums side by side for one vector, which is best for Zen 4 and enough for any processor with
/// one multiplying port.
const ONE_PORT: Loops = Loops { stretches: [4, 2, 2, 1, 1, 1, 1, 1], ..NOT_AHEAD };

/// For a processor that is in no row.
const PLAIN: Tuning =
    Tuning { block_bytes: 256 << 10, int8: ONE_PORT, int4: NOT_AHEAD, float: NOT_AHEAD };

/// All rows; the first one with the processor applies.
pub const ROWS: &[Row] = &[
    Row {
        name: "Intel Sapphire Rapids, Emerald Rapids, Granite Rapids",
        processors: &[
            Processor::intel(6, 143),
            Processor::intel(6, 207),
            Processor::intel(6, 173),
            Processor::intel(6, 174),
        ],
        source: "`stonechat bench kernels --tune` on Emerald Rapids; the others have its core or the next one",
        tuning: Tuning {
            block_bytes: 256 << 10,
            int8: Loops { stretches: [4, 4, 3, 2, 2, 1, 1, 1], ahead: [64; 8], into: Cache::L1 },
            int4: Loops { ahead: [32, 32, 64, 64, 64, 64, 64, 64], ..NOT_AHEAD },
            float: Loops { ahead: [32, 16, 16, 32, 32, 64, 64, 64], ..NOT_AHEAD },
        },
    },
    Row {
        name: "AMD Zen 4",
        processors: &[
            Processor::amd(25, 17),
            Processor::amd(25, 24),
            Processor::amd(25, 97),
            Processor::amd(25, 117),
        ],
        source: "benches/peers on an EPYC of 2022: a prefetch costs a quarter of the speed out of the third cache",
        tuning: PLAIN,
    },
];

/// The parameters of a processor, or generic ones for an unknown one.
pub(super) fn of(processor: Processor) -> &'static Tuning {
    let row = ROWS.iter().find(|row| row.processors.contains(&processor));
    row.map_or(&PLAIN, |row| &row.tuning)
}
