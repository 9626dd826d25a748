//! `stonechat data`: manifests made, checked and judged.

mod audit;
mod bench;
mod check;
mod grams;
mod make;
mod shard;

use anyhow::Result;
use clap::Subcommand;

use crate::failure::Verdict;

#[derive(Subcommand)]
pub enum Data {
    /// Make a manifest of recordings and texts: a folder of x.wav beside x.txt, a CSV, a TSV of Common Voice, the
    /// layouts of LibriSpeech and of Kaldi, shards (tar, Parquet), or another manifest
    Make(make::Make),
    /// Pack the recordings of a manifest into tar files (WebDataset) with a manifest of their parts
    Shard(shard::Shard),
    /// Measure how fast recordings become features: hours of audio a minute of a core
    Bench(bench::Bench),
    /// Look for missing and broken files, wrong rates, characters outside the alphabet, texts too long for their
    /// audio, duplicates, and speakers or recordings shared between manifests; status 1 if something must be repaired
    Check(check::Check),
    /// Find wrong transcripts: those to which a trained model gives the least probability
    Audit(audit::Audit),
    /// Choose the grams of an alphabet for Gram-CTC and print it as a line for a recipe
    Grams(grams::Grams),
}

impl Data {
    pub fn run(self) -> Result<Verdict> {
        match self {
            Data::Make(make) => make.run(),
            Data::Check(check) => check.run(),
            Data::Shard(shard) => shard.run(),
            Data::Bench(bench) => bench.run(),
            Data::Audit(audit) => audit.run(),
            Data::Grams(grams) => grams.run(),
        }
    }
}
