//! `stonechat bench kernels`: the products by themselves, against what this core can do at most.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, value_parser};
use serde::Serialize;
use stonechat_kernels::machine::{Reader, Report as Machine};
use stonechat_kernels::quantize::{Grouped, quantize_groups, quantize_rows};
use stonechat_kernels::tuning::Processor;
use stonechat_kernels::{
    Activation, Arena, Isa, Packed, PackedI4, PackedI8, PackedLowRank, Product, Scratch, Weights,
};

use crate::failure::{Verdict, usage};
use crate::output::{self, Table};
use crate::tuning::Searched;

/// Layers of speech networks, and one for a server.
const SHAPES: [Shape; 7] = [
    Shape { rows: 6144, cols: 320 },
    Shape { rows: 3840, cols: 1280 },
    Shape { rows: 2304, cols: 768 },
    Shape { rows: 3840, cols: 320 },
    Shape { rows: 1536, cols: 1280 },
    Shape { rows: 1280, cols: 320 },
    Shape { rows: 8192, cols: 2048 },
];
/// More weights than this are refused: several copies of them are held in memory.
const MAX_WEIGHTS: usize = 1 << 28;
/// Products with weights from a cache are repeated until a round takes this long, in seconds.
const ROUND_S: f64 = 2e-3;

#[derive(Args)]
pub struct Kernels {
    /// Instruction set to run on, an error names those that there are [default: the fastest]
    #[arg(long, value_name = "NAME")]
    isa: Option<String>,
    /// Rows and columns of a matrix, such as 6144x320; may be given several times [default: layers of speech networks]
    #[arg(long = "shape", value_name = "MxK", value_parser = shape)]
    shapes: Vec<Shape>,
    /// Vectors that are multiplied together; several with commas between
    #[arg(long = "batch", value_name = "N", value_delimiter = ',', default_values_t = [1, 2, 3, 4, 8],
          value_parser = value_parser!(u32).range(1..=1024))]
    batches: Vec<u32>,
    /// Times that each product is measured; the best counts
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Search the figures that the kernels run by best on this machine, and print them as one JSON object: a file for
    /// `--tuning`
    #[arg(long, conflicts_with_all = ["shapes", "batches", "rounds"])]
    tune: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    cols: usize,
}

#[derive(Serialize)]
struct Report {
    /// As it names itself.
    processor: String,
    isa: &'static str,
    /// What `--isa` takes on this processor, slowest first.
    isa_available: Vec<&'static str>,
    /// Why products are slower on this instruction set than they could be, where there is a reason.
    advice: Option<&'static str>,
    l1_bytes: usize,
    l2_bytes: usize,
    l3_bytes: Option<usize>,
    /// Read bandwidths of one core, 10^9 bytes a second.
    l1_gbs: f64,
    l2_gbs: f64,
    l3_gbs: Option<f64>,
    dram_gbs: f64,
    /// Exact 8-bit multiplications and additions out of registers, 10^9 a second.
    peak_gops: f64,
    /// The same of floats.
    peak_gflops: f64,
    rounds: u32,
    products: Vec<Timed>,
}

/// One product, float vectors in and out, and its speed.
#[derive(Serialize)]
struct Timed {
    form: &'static str,
    /// The instruction set that the product ran on.
    path: &'static str,
    rows: usize,
    cols: usize,
    /// Of the two 8-bit factors of a low rank; a quarter of the smaller side.
    rank: Option<usize>,
    batch: usize,
    /// Where the weights come from: used over and over (`hot`), or out of memory (`cold`).
    weights: &'static str,
    /// Of the packed weights.
    bytes: usize,
    microseconds: f64,
    /// Multiplications and additions over the time, 10^9 a second: 2 * rows * cols * batch, fewer where the rank is low.
    gops: f64,
    /// The most that this core could do: its peak, or what the bandwidth to the weights allows.
    roofline_gops: f64,
    roofline_share: f64,
}

impl Kernels {
    pub fn run(self) -> Result<Verdict> {
        let isa = self.isa()?;
        if self.tune {
            output::json(&Searched::search(isa)?)?;
            return Ok(Verdict::Good);
        }
        output::say(&format!("measuring this core: caches, memory, {isa} arithmetic"));
        let machine = Machine::measure(isa)?;
        let shapes = if self.shapes.is_empty() { SHAPES.to_vec() } else { self.shapes.clone() };
        let mut products = Vec::new();
        for (done, &shape) in shapes.iter().enumerate() {
            output::say(&format!(
                "{}x{} ({} of {})",
                shape.rows,
                shape.cols,
                done + 1,
                shapes.len()
            ));
            self.measure(&machine, shape, &mut products)?;
        }
        let report = Report {
            processor: Processor::detect().to_string(),
            isa: isa.name(),
            isa_available: Isa::available().into_iter().map(Isa::name).collect(),
            advice: isa.advice(),
            l1_bytes: machine.caches.l1,
            l2_bytes: machine.caches.l2,
            l3_bytes: machine.caches.l3,
            l1_gbs: machine.l1_gbs,
            l2_gbs: machine.l2_gbs,
            l3_gbs: machine.l3_gbs,
            dram_gbs: machine.dram_gbs,
            peak_gops: machine.peak_gops,
            peak_gflops: machine.peak_gflops,
            rounds: self.rounds,
            products,
        };
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&report.render())?;
        }
        Ok(Verdict::Good)
    }

    fn isa(&self) -> Result<Isa> {
        let Some(name) = &self.isa else { return Ok(Isa::detect()) };
        let available = Isa::available();
        available.iter().copied().find(|isa| isa.name() == name).ok_or_else(|| {
            let names: Vec<&str> = available.iter().map(|isa| isa.name()).collect();
            usage(format!("--isa {name}: this processor has {}", names.join(", ")))
        })
    }

    /// Every form of one matrix.
    fn measure(&self, machine: &Machine, shape: Shape, products: &mut Vec<Timed>) -> Result<()> {
        let (Shape { rows, cols }, isa) = (shape, machine.isa);
        let weights = floats(rows * cols);
        let (bytes, scales) = quantize_rows(&weights, rows, cols);
        let int8 = PackedI8::pack_for(isa, &bytes, &scales, rows, cols)?;
        self.measure_form(machine, ("int8", None), &int8, products)?;
        let Grouped { weights: values, group_scales, row_scales, .. } =
            quantize_groups(&weights, rows, cols);
        let int4 = PackedI4::pack_for(isa, &values, &group_scales, &row_scales, rows, cols)?;
        self.measure_form(machine, ("int4", None), &int4, products)?;
        let rank = (rows.min(cols) / 4).max(1);
        let (u, u_scales) = quantize_rows(&weights[..rows * rank], rows, rank);
        let (v, v_scales) = quantize_rows(&weights[..rank * cols], rank, cols);
        let u = Weights::I8 { values: &u, scales: &u_scales };
        let v = Weights::I8 { values: &v, scales: &v_scales };
        let low_rank = PackedLowRank::pack_for(isa, u, v, rows, rank, cols)?;
        self.measure_form(machine, ("low_rank", Some(rank)), &low_rank, products)
    }

    /// Hot and cold, at every batch; a form has a name and a rank.
    fn measure_form<P: Product + Clone>(
        &self,
        machine: &Machine,
        (form, rank): (&'static str, Option<usize>),
        packed: &P,
        products: &mut Vec<Timed>,
    ) -> Result<()> {
        let (rows, cols) = (packed.rows(), packed.cols());
        let (bytes, path) = (packed.bytes(), packed.isa().name());
        let hot_gbs = Reader::new(machine.isa, bytes)?.gbs();
        // One after the other they push each other out of every cache before a copy's turn comes again.
        let mut copies = vec![packed.clone(); machine.caches.beyond().div_ceil(bytes).max(2)];
        // As the weights of a loaded model are.
        Arena::of(&mut copies.iter_mut().map(|copy| copy as &mut dyn Packed).collect::<Vec<_>>());
        let mut scratch = Scratch::new();
        for &batch in &self.batches {
            let batch = batch as usize;
            let (x, mut y) = (floats(batch * cols), vec![0.0; batch * rows]);
            let times = times(&copies, self.rounds, &mut |packed| {
                packed.matmul(black_box(&x), batch, None, Activation::None, &mut scratch, &mut y);
                black_box(&y);
            });
            let ops = 2 * batch * rank.map_or(rows * cols, |rank| rank * (rows + cols));
            for (weights, seconds, gbs) in
                [("hot", times.hot, hot_gbs), ("cold", times.cold, machine.dram_gbs)]
            {
                let gops = 1e-9 * ops as f64 / seconds;
                let roofline_gops = machine.roofline_gops(ops, bytes, gbs);
                products.push(Timed {
                    form,
                    path,
                    rows,
                    cols,
                    rank,
                    batch,
                    weights,
                    bytes,
                    microseconds: 1e6 * seconds,
                    gops,
                    roofline_gops,
                    roofline_share: gops / roofline_gops,
                });
            }
        }
        Ok(())
    }
}

impl Report {
    fn render(&self) -> String {
        let mut table = Table::new([
            "weights",
            "form",
            "batch",
            "hot GOP/s",
            "of roof",
            "cold GOP/s",
            "of roof",
        ]);
        for pair in self.products.chunks_exact(2) {
            let [hot, cold] = pair else { continue };
            let share = |product: &Timed| format!("{:.0} %", 100.0 * product.roofline_share);
            table.row([
                format!("{}x{}", hot.rows, hot.cols),
                hot.form.into(),
                hot.batch.to_string(),
                format!("{:.1}", hot.gops),
                share(hot),
                format!("{:.1}", cold.gops),
                share(cold),
            ]);
        }
        let advice = self.advice.map_or(String::new(), |advice| format!("slow: {advice}\n"));
        let l3 = self.l3_gbs.map_or("none".into(), |gbs| format!("{gbs:.0}"));
        format!(
            "{}, {} kernels, one core, best of {}\n{advice}\
             read bandwidth, GB/s  L1 {:.0}, L2 {:.0}, L3 {l3}, memory {:.1}\n\
             peak                  int8 {:.0} GOP/s, f32 {:.0} GFLOP/s\n\n{}",
            self.processor,
            self.isa,
            self.rounds,
            self.l1_gbs,
            self.l2_gbs,
            self.dram_gbs,
            self.peak_gops,
            self.peak_gflops,
            table.render(),
        )
    }
}

/// Seconds a call.
struct Times {
    hot: f64,
    cold: f64,
}

/// Calls with the first of `copies` over and over, and with all of them one after the other, in turns.
fn times<P>(copies: &[P], rounds: u32, call: &mut impl FnMut(&P)) -> Times {
    let hot_round = |calls: u32, call: &mut dyn FnMut(&P)| {
        call(&copies[0]);
        let start = Instant::now();
        (0..calls).for_each(|_| call(&copies[0]));
        start.elapsed().as_secs_f64()
    };
    let mut calls = 1;
    while hot_round(calls, call) < ROUND_S {
        calls *= 2;
    }
    let mut best = Times { hot: f64::INFINITY, cold: f64::INFINITY };
    for _ in 0..rounds {
        best.hot = best.hot.min(hot_round(calls, call) / f64::from(calls));
        let start = Instant::now();
        for copy in copies {
            call(copy);
        }
        best.cold = best.cold.min(start.elapsed().as_secs_f64() / copies.len() as f64);
    }
    best
}

/// `6144x320`.
fn shape(text: &str) -> Result<Shape, String> {
    let parsed = text.split_once('x').and_then(|(rows, cols)| {
        let (rows, cols) = (rows.parse::<usize>().ok()?, cols.parse::<usize>().ok()?);
        (rows > 0 && cols > 0).then_some(Shape { rows, cols })
    });
    match parsed {
        None => Err("a shape is rows and columns, such as 6144x320".into()),
        Some(Shape { rows, cols }) if rows.saturating_mul(cols) > MAX_WEIGHTS => {
            Err(format!("at most {MAX_WEIGHTS} weights"))
        }
        Some(shape) => Ok(shape),
    }
}

/// Numbers without a pattern within -1..1.
fn floats(len: usize) -> Vec<f32> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let states = std::iter::successors(Some(1u32), next);
    states.map(|state| (state >> 8) as f32 / (1 << 23) as f32 - 1.0).take(len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_or_refused() {
        for (text, expected) in [("6144x320", Some((6144, 320))), ("1x1", Some((1, 1)))] {
            let shape = shape(text).ok().map(|s| (s.rows, s.cols));
            assert_eq!(shape, expected, "{text}");
        }
        for text in
            ["", "x", "3", "3x", "x3", "0x3", "3x0", "-3x3", "3x3x3", "1e3x2", "99999x99999"]
        {
            assert!(shape(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_copy_has_its_turn() {
        let copies: Vec<usize> = (0..5).collect();
        let mut calls = [0; 5];
        let times = times(&copies, 3, &mut |&copy| {
            calls[copy] += 1;
            std::thread::sleep(std::time::Duration::from_micros(50));
        });
        assert!(calls[1..] == [3; 4] && calls[0] > 3, "{calls:?}");
        assert!(times.hot >= 5e-5 && times.cold >= 5e-5);
    }
}
