//! The tuning figures of this machine: `cargo run --release -p stonechat-kernels --features roofline --example tune`.
use stonechat_kernels::{
    Isa,
    tuning::{Processor, Tuning, search},
};

fn main() {
    println!("{}: {:?}", Processor::detect(), Tuning::detected());
    let t = search(Isa::detect(), |f| {
        println!("{} {}: hot {:.2} cold {:.2}", f.kind, f.width, f.hot_gain, f.cold_gain)
    })
    .unwrap();
    println!("{t:#?}");
}
