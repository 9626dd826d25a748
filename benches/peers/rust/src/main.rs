//! The contestants of `compare.py` that are written in Rust: ours, and two crates. It speaks the line protocol described there.
//!
//!     peers-rust NAME [ISA]      NAME is machine, read, int8, int8_i32, int4, f32, gemm, rten or rten_f32

mod ours;
mod peers;

use std::fs;
use std::io::{self, BufRead};
use std::time::Instant;
use stonechat_kernels::Arena;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A matrix in the form that a library multiplies fastest, packed once.
trait Matrix {
    /// Takes `batch x cols` vectors of whole numbers within -127..127; what can be done once before many calls is done here.
    fn input(&mut self, x: &[f32], batch: usize);
    /// The product alone: this is what is timed.
    fn multiply(&mut self);
    /// What the last product gave, `batch x rows`; corrections that a caller would fold into weights or bias are made here.
    fn output(&self) -> Vec<f32>;
}

/// Row-major.
struct Weights {
    rows: usize,
    cols: usize,
    values: Vec<i8>,
}

impl Weights {
    fn floats(&self) -> Vec<f32> {
        self.values.iter().map(|&w| f32::from(w)).collect()
    }

    /// `cols x rows`.
    fn transposed(&self) -> Vec<i8> {
        let at = |i: usize| self.values[i % self.rows * self.cols + i / self.rows];
        (0..self.values.len()).map(at).collect()
    }

    fn row_sums(&self) -> Vec<i32> {
        let sum = |row: &[i8]| row.iter().map(|&w| i32::from(w)).sum();
        self.values.chunks_exact(self.cols).map(sum).collect()
    }
}

/// Packs a copy. Ours go into an arena, as in a program that loads a model.
type Make = dyn Fn(&Weights, &mut Arena) -> Result<Box<dyn Matrix>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let isa = match arguments.get(2) {
        Some(name) => name.parse()?,
        None => stonechat_kernels::Isa::detect(),
    };
    let name = arguments.get(1).map_or("", String::as_str);
    let (version, make): (String, Box<Make>) = match name {
        "machine" => return ours::machine(isa),
        "read" => (isa.to_string(), Box::new(move |w, _| ours::read(isa, w))),
        "int8" => (isa.to_string(), Box::new(move |w, arena| ours::int8(isa, w, arena))),
        "int8_i32" => (isa.to_string(), Box::new(move |w, arena| ours::int8_i32(isa, w, arena))),
        "int4" => (isa.to_string(), Box::new(move |w, arena| ours::int4(isa, w, arena))),
        "f32" => (isa.to_string(), Box::new(move |w, arena| ours::float32(isa, w, arena))),
        "gemm" => (env_version("gemm"), Box::new(|w, _| Ok(peers::gemm(w)))),
        "rten" => (env_version("rten-gemm"), Box::new(|w, _| Ok(peers::rten(w)))),
        "rten_f32" => (env_version("rten-gemm"), Box::new(|w, _| Ok(peers::rten_float32(w)))),
        _ => return Err(format!("no contestant {name:?}").into()),
    };
    println!("ready {version}");
    serve(&*make)
}

/// The version that the lock file names.
fn env_version(package: &str) -> String {
    let mut lines = include_str!("../Cargo.lock").lines();
    let name = format!("name = \"{package}\"");
    lines.find(|line| *line == name);
    lines.next().map_or("", |line| line.trim_matches(|c: char| !c.is_ascii_digit())).to_owned()
}

fn serve(make: &Make) -> Result<()> {
    let mut cols = 0;
    let mut copies: Vec<Box<dyn Matrix>> = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["load", rows, columns, count, path] => {
                copies.clear();
                cols = columns.parse()?;
                let values = fs::read(path)?.into_iter().map(|byte| byte as i8).collect();
                let weights = Weights { rows: rows.parse()?, cols, values };
                let count: usize = count.parse()?;
                // Enough for floats, with padding and scales; what is not written to is not there.
                let padded =
                    weights.rows.next_multiple_of(32) * (weights.cols.next_multiple_of(32) + 4);
                let mut arena = Arena::with_capacity(count * 4 * padded);
                for _ in 0..count {
                    copies.push(make(&weights, &mut arena)?);
                }
                println!("ok");
            }
            ["input", batch, from, to] => {
                let batch = batch.parse()?;
                let bytes = fs::read(from)?;
                let x = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
                let x: Vec<f32> = x.take(batch * cols).collect();
                copies.iter_mut().for_each(|copy| copy.input(&x, batch));
                copies[0].multiply();
                let y: Vec<u8> =
                    copies[0].output().into_iter().flat_map(f32::to_le_bytes).collect();
                fs::write(to, y)?;
                println!("ok");
            }
            ["hot", part] => {
                let (part, mut calls) = (part.parse::<f64>()?, 1);
                while seconds(&mut copies[..1], calls) * f64::from(calls) < part {
                    calls *= 2;
                }
                let best = (0..4).map(|_| seconds(&mut copies[..1], calls)).fold(1e9, f64::min);
                println!("ok {best}");
            }
            ["cold"] => println!("ok {}", seconds(&mut copies, 1)),
            _ => return Err(format!("cannot {line}").into()),
        }
    }
    Ok(())
}

fn seconds(copies: &mut [Box<dyn Matrix>], calls: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        copies.iter_mut().for_each(|copy| copy.multiply());
    }
    start.elapsed().as_secs_f64() / f64::from(calls) / copies.len() as f64
}
