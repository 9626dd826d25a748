//! An output layer for another alphabet.

use stonechat_model::Alphabet;

use crate::engine::parameters::{Parameter, Parameters};
use crate::random;

/// Brings an output layer over `from` to `to`: symbols that both have keep their weights, new ones
/// start small. Anything but a dense output layer stays as it is.
pub fn carry_output(parameters: &mut Parameters, from: &Alphabet, to: &Alphabet, seed: u64) {
    if from == to {
        return;
    }
    let seed = random::seed_for(seed, "new symbols");
    for (name, spread) in [("output.weight", 0.01), ("output.bias", 0.0)] {
        let Some(old) = parameters.get(name) else { continue };
        let width = old.values.len() / from.len();
        let mut values = Vec::with_capacity(width * to.len());
        for symbol in to.symbols() {
            match from.symbols().iter().position(|s| s == symbol) {
                Some(row) => values.extend_from_slice(&old.values[row * width..][..width]),
                None => {
                    let at = values.len() as u64;
                    let fresh = (0..width as u64).map(|i| spread * random::normal(seed, at + i));
                    values.extend(fresh.collect::<Vec<_>>());
                }
            }
        }
        // A bias is a matrix of one row.
        let (rows, columns) = if old.rows == 1 { (1, to.len()) } else { (to.len(), width) };
        parameters.insert(name.into(), Parameter { rows, columns, values });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_symbols_keep_their_weights() {
        let owned =
            |list: &[&str]| Alphabet::new(list.iter().map(|s| (*s).to_owned()).collect()).unwrap();
        let (from, to) = (owned(&["", "a", "b", "ab"]), owned(&["", "b", "ba", "a"]));
        let values = |n: usize| (0..n).map(|i| i as f32).collect();
        let mut parameters = Parameters::from([
            ("output.weight".into(), Parameter { rows: 4, columns: 2, values: values(8) }),
            ("output.bias".into(), Parameter { rows: 1, columns: 4, values: values(4) }),
        ]);
        carry_output(&mut parameters, &from, &to, 1);
        let (weight, bias) = (&parameters["output.weight"], &parameters["output.bias"]);
        assert_eq!((weight.rows, weight.columns, bias.rows, bias.columns), (4, 2, 1, 4));
        assert_eq!([&weight.values[..4], &weight.values[6..]].concat(), [0., 1., 4., 5., 2., 3.]);
        assert!(weight.values[4] != 0.0 && weight.values[4].abs() < 0.1, "{weight:?}");
        assert_eq!(bias.values, [0.0, 2.0, 0.0, 1.0]);
    }
}
