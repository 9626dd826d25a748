//! The gates of an LSTM, with or without peepholes.

use stonechat_kernels::math;

/// `gates` (`4 hidden`) is `W x + U s + b`; it is overwritten. `h` and `c` become the output and
/// the cell state after the frame.
pub(super) fn update(gates: &mut [f32], peepholes: Option<&[f32]>, h: &mut [f32], c: &mut [f32]) {
    let hidden = h.len();
    let (input_forget, rest) = gates.split_at_mut(2 * hidden);
    let (g, o) = rest.split_at_mut(hidden);
    if let Some(peepholes) = peepholes {
        for (gate, peephole) in input_forget.chunks_exact_mut(hidden).zip(peepholes.chunks(hidden))
        {
            look(gate, peephole, c);
        }
    }
    math::sigmoid(input_forget);
    math::tanh(g);
    let (i, f) = input_forget.split_at(hidden);
    for (((c, i), f), g) in c.iter_mut().zip(i).zip(f).zip(&*g) {
        *c = f * *c + i * g;
    }
    if let Some(peepholes) = peepholes {
        look(o, &peepholes[2 * hidden..], c);
    }
    math::sigmoid(o);
    h.copy_from_slice(c);
    math::tanh(h);
    for (h, o) in h.iter_mut().zip(&*o) {
        *h *= o;
    }
}

/// Adds the peephole term to a gate.
fn look(gate: &mut [f32], peephole: &[f32], c: &[f32]) {
    for ((gate, p), c) in gate.iter_mut().zip(peephole).zip(c) {
        *gate += p * c;
    }
}
