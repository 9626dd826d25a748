//! An output layer for another alphabet.

use stonechat_model::Alphabet;

use crate::engine::net::{Net, dense};
use crate::engine::parameters::Parameter;
use crate::random;

/// Changes the output layer of `net` from the alphabet `from` to `to`: symbols in both keep their
/// weights, new ones start small. An output layer that is not dense stays as it is.
pub fn carry_output(net: &mut Net, from: &Alphabet, to: &Alphabet, seed: u64) {
    let output = &mut net.network.output;
    let Some(weight) = output.map.weight() else { return };
    if from == to {
        return;
    }
    let seed = random::seed_for(seed, "new symbols");
    let Parameter { columns, values, .. } = weight;
    let rows = carried(values, *columns, 0.01, from, to, seed);
    let bias = carried(&output.bias.values, 1, 0.0, from, to, seed);
    output.map = dense(Parameter { rows: to.len(), columns: *columns, values: rows });
    output.bias = Parameter::row(bias);
}

/// The rows of the symbols of `to`, from those of `from` or drawn with deviation `spread`.
fn carried(
    old: &[f32],
    width: usize,
    spread: f32,
    from: &Alphabet,
    to: &Alphabet,
    seed: u64,
) -> Vec<f32> {
    let mut values = Vec::with_capacity(width * to.len());
    for symbol in to.symbols() {
        match from.symbols().iter().position(|s| s == symbol) {
            Some(row) => values.extend_from_slice(&old[row * width..][..width]),
            None => {
                let at = values.len() as u64;
                values.extend((0..width as u64).map(|i| spread * random::normal(seed, at + i)));
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_symbols_keep_their_weights() {
        let owned =
            |list: &[&str]| Alphabet::new(list.iter().map(|s| (*s).to_owned()).collect()).unwrap();
        let (from, to) = (owned(&["", "a", "b", "ab"]), owned(&["", "b", "ba", "a"]));
        let values = |n: usize| (0..n).map(|i| i as f32).collect::<Vec<_>>();
        let weight = carried(&values(8), 2, 0.01, &from, &to, 1);
        let bias = carried(&values(4), 1, 0.0, &from, &to, 1);
        assert_eq!([&weight[..4], &weight[6..]].concat(), [0., 1., 4., 5., 2., 3.]);
        assert!(weight[4] != 0.0 && weight[4].abs() < 0.1, "{weight:?}");
        assert_eq!(bias, [0.0, 2.0, 0.0, 1.0]);
    }
}
