//! Recurrent layers: how configs spell them, their cost, their results.

mod common;

use common::{Random, full_config, random_network, to_int8};
use stonechat_model::{
    Alphabet, Candidate, Cell, Family, FamilySpec, Kind, LinearMap, Network, NetworkConfig,
    Package, RecurrentConfig,
};

fn recurrent(input: usize, layers: Vec<RecurrentConfig>) -> NetworkConfig {
    NetworkConfig {
        input,
        conv: vec![],
        clip: 1.5,
        recurrent: layers,
        candidate: Candidate::Tanh,
        row_conv: None,
        fc: None,
    }
}

/// Every cell with every option it can have.
fn layers() -> Vec<RecurrentConfig> {
    let mut all = Vec::new();
    for cell in [Cell::Gru, Cell::Lstm, Cell::Rnn] {
        for (projection, peepholes, joint) in [
            (None, false, None),
            (Some(3), false, None),
            (None, false, Some(2)),
            (Some(2), cell == Cell::Lstm, Some(3)),
            (None, cell == Cell::Lstm, None),
        ] {
            // The last of each cell has the options that only this cell has.
            let recurrent_bias = cell == Cell::Gru && all.len() == 4;
            let hidden = 4;
            all.push(RecurrentConfig {
                cell,
                hidden,
                projection,
                peepholes,
                recurrent_bias,
                joint,
            });
        }
    }
    all
}

#[test]
fn a_number_is_a_gru_and_a_table_says_the_rest() {
    let lstm = RecurrentConfig {
        projection: Some(128),
        peepholes: true,
        ..RecurrentConfig::new(Cell::Lstm, 320)
    };
    let rnn = RecurrentConfig { joint: Some(9), ..RecurrentConfig::new(Cell::Rnn, 10) };
    let table: [(&str, RecurrentConfig, &str); 5] = [
        ("8", 8.into(), "8"),
        (r#"{"hidden":8}"#, 8.into(), "8"),
        (
            r#"{"cell":"lstm","hidden":320,"projection":128,"peepholes":true}"#,
            lstm,
            r#"{"cell":"lstm","hidden":320,"projection":128,"peepholes":true}"#,
        ),
        (
            r#"{"joint":9,"hidden":10,"cell":"rnn","peepholes":false}"#,
            rnn,
            r#"{"cell":"rnn","hidden":10,"joint":9}"#,
        ),
        (
            r#"{"hidden":8,"recurrent_bias":true}"#,
            RecurrentConfig { recurrent_bias: true, ..8.into() },
            r#"{"cell":"gru","hidden":8,"recurrent_bias":true}"#,
        ),
    ];
    for (text, config, written) in table {
        assert_eq!(serde_json::from_str::<RecurrentConfig>(text).unwrap(), config, "{text}");
        assert_eq!(serde_json::to_string(&config).unwrap(), written);
    }
    for (wrong, what) in [
        (r#""8""#, "a table with `cell`"),
        ("-8", "-8 units"),
        (r#"{"cell":"lstm"}"#, "hidden"),
        (r#"{"cell":"qrnn","hidden":8}"#, "qrnn"),
        (r#"{"hidden":8,"layers":2}"#, "layers"),
    ] {
        let error = serde_json::from_str::<RecurrentConfig>(wrong).unwrap_err().to_string();
        assert!(error.contains(what), "{wrong}: {error}");
    }
    let old: NetworkConfig = serde_json::from_str(r#"{"input": 8, "gru": [5, 7]}"#).unwrap();
    assert_eq!(old.recurrent, [5.into(), 7.into()]);
}

#[test]
fn wrong_layers_are_refused_by_field() {
    let lstm = RecurrentConfig::new(Cell::Lstm, 6);
    for (layer, field) in [
        (RecurrentConfig { projection: Some(7), ..lstm.clone() }, "`recurrent[1].projection`"),
        (RecurrentConfig { projection: Some(0), ..lstm.clone() }, "`recurrent[1].projection`"),
        (RecurrentConfig { joint: Some(0), ..lstm.clone() }, "`recurrent[1].joint`"),
        // More than the concatenated input, 5 + 6, can fill.
        (RecurrentConfig { joint: Some(12), ..lstm.clone() }, "`recurrent[1].joint`"),
        (RecurrentConfig { peepholes: true, ..6.into() }, "`recurrent[1].peepholes`"),
        (RecurrentConfig { recurrent_bias: true, ..lstm.clone() }, "`recurrent[1].recurrent_bias`"),
    ] {
        let config = recurrent(4, vec![5.into(), layer]);
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
    let full = RecurrentConfig { joint: Some(11), projection: Some(6), ..lstm };
    recurrent(4, vec![5.into(), full]).validate().unwrap();
}

#[test]
fn maps_follow_the_options() {
    let layer = RecurrentConfig {
        projection: Some(4),
        joint: Some(5),
        peepholes: true,
        ..RecurrentConfig::new(Cell::Lstm, 6)
    };
    let maps = recurrent(3, vec![layer, RecurrentConfig::new(Cell::Rnn, 7)]).linear_maps(2);
    let listed: Vec<_> = maps.iter().map(|m| (m.name.as_str(), m.rows, m.cols, m.kind)).collect();
    assert_eq!(
        listed,
        [
            ("lstm.0.nonrec", 5, 3, Kind::Nonrecurrent),
            ("lstm.0.rec", 5, 4, Kind::Recurrent),
            ("lstm.0.joint", 24, 5, Kind::Joint),
            ("lstm.0.proj", 4, 6, Kind::Projection),
            ("rnn.1.nonrec", 7, 4, Kind::Nonrecurrent),
            ("rnn.1.rec", 7, 7, Kind::Recurrent),
            ("output", 2, 7, Kind::Output),
        ]
    );
}

/// SPEC 2.3 and the table of Prabhavalkar et al. 2016: five layers of 500 LSTM cells, 320 inputs,
/// 42 outputs.
#[test]
fn published_sizes_follow_from_the_ranks() {
    let params = |ranks: Option<[usize; 5]>| {
        let layer = |l: usize| RecurrentConfig {
            projection: ranks.map(|r| r[l]),
            ..RecurrentConfig::new(Cell::Lstm, 500)
        };
        let config = recurrent(320, (0..5).map(layer).collect());
        config.validate().unwrap();
        let maps: usize = config.linear_maps(42).iter().map(|m| m.rows * m.cols).sum();
        maps + 5 * 2000 + 42
    };
    let rounded = |params: usize, unit: f64| (params as f64 / 1e6 / unit).round() * unit;
    assert!((rounded(params(None), 0.01) - 9.67).abs() < 1e-9, "{}", params(None));
    let shared = params(Some([120; 5]));
    assert!((rounded(shared, 0.01) - 3.12).abs() < 1e-9, "{shared}");
    for (ranks, millions) in [
        ([350, 375, 395, 405, 410], 8.6),
        ([270, 305, 335, 345, 350], 7.2),
        ([175, 215, 245, 260, 265], 5.4),
        ([120, 150, 180, 195, 200], 4.1),
        ([80, 105, 130, 145, 150], 3.1),
        ([50, 70, 90, 100, 110], 2.3),
        ([30, 45, 55, 65, 75], 1.7),
    ] {
        let found = params(Some(ranks));
        assert!((rounded(found, 0.1) - millions).abs() < 1e-9, "{ranks:?}: {found}");
    }
}

/// SPEC 2.3: Toeplitz-like bottom layers of displacement rank 5 below layers with a shared
/// projection; the first input matrix above the structured layers is low rank.
#[test]
fn hybrids_have_the_published_sizes() {
    let toeplitz: Family =
        serde_json::from_str(r#"{"family": "toeplitz_like", "rank": 5}"#).unwrap();
    for (structured, rank, millions) in [(2, 150, 2.20), (1, 150, 2.83), (2, 100, 1.49)] {
        let layer = |l: usize| RecurrentConfig {
            projection: (l >= structured).then_some(rank),
            ..RecurrentConfig::new(Cell::Lstm, 500)
        };
        let config = recurrent(320, (0..5).map(layer).collect());
        let mut params = 5 * 2000 + 42;
        for map in config.linear_maps(42) {
            let layer = map.name.split('.').nth(1).and_then(|l| l.parse::<usize>().ok());
            let recurrent = matches!(map.kind, Kind::Nonrecurrent | Kind::Recurrent);
            params += match layer {
                Some(l) if recurrent && l < structured => {
                    let spec =
                        FamilySpec::new(&map.name, toeplitz.clone(), map.rows, map.cols).unwrap();
                    spec.parts().iter().map(|part| part.rows * part.cols).sum()
                }
                Some(l) if l == structured && map.kind == Kind::Nonrecurrent => {
                    rank * (map.rows + map.cols)
                }
                _ => map.rows * map.cols,
            };
        }
        let rounded = (params as f64 / 1e4).round() / 100.0;
        assert!((rounded - millions).abs() < 1e-9, "{structured} structured, {rank}: {params}");
    }
}

#[test]
fn a_package_keeps_every_cell() {
    let alphabet = Alphabet::english();
    for (i, layer) in layers().into_iter().enumerate() {
        let mut config = full_config();
        config.recurrent = vec![5.into(), layer.clone(), layer];
        let mut network = random_network(config, alphabet.len(), i as u64);
        // int8 for one of the maps that plain layers do not have.
        if let Some(map) = &mut network.recurrent[1].projection {
            *map = map.map_parts(to_int8);
        }
        let package = Package {
            features: serde_json::json!({}),
            alphabet: alphabet.clone(),
            network,
            provenance: serde_json::json!({}),
            language_model: None,
        };
        let bytes = package.to_bytes().unwrap();
        assert_eq!(Package::from_bytes(&bytes).unwrap(), package, "case {i}");
        let names: Vec<_> = package.network.maps().iter().map(|map| map.name()).collect();
        let specs = package.network.config.linear_maps(alphabet.len());
        assert_eq!(names, specs.iter().map(|map| map.name.clone()).collect::<Vec<_>>());
    }
}

#[test]
fn a_part_that_the_config_has_not_is_refused() {
    let network = random_network(recurrent(3, vec![layers()[8].clone()]), 4, 1);
    type Spoil = fn(&mut Network);
    let table: [(&str, Spoil); 5] = [
        ("lstm.0.joint", |n| n.recurrent[0].joint = None),
        ("lstm.0.peepholes", |n| n.config.recurrent[0].peepholes = false),
        ("lstm.0.peepholes", |n| n.recurrent[0].peepholes = Some(vec![0.0; 11])),
        ("lstm.0.proj", |n| n.recurrent[0].projection = None),
        ("lstm.0.nonrec.bias", |n| n.recurrent[0].nonrec.bias.truncate(3)),
    ];
    network.validate().unwrap();
    for (name, spoil) in table {
        let mut network = network.clone();
        spoil(&mut network);
        let error = network.validate().unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
}

/// One unit, one input, and an output layer that shows the layer's output.
fn one_unit(layer: RecurrentConfig, values: &[(&str, &[f32])]) -> Network {
    let config = recurrent(1, vec![layer]);
    Network::from_values(config, 1, |name, n| {
        let found = values.iter().find(|(part, _)| name.ends_with(part));
        let default = if name == "output.weight" { 1.0 } else { 0.0 };
        let values = found.map_or(vec![default; n], |(_, values)| values.to_vec());
        assert_eq!(values.len(), n, "{name}");
        values
    })
    .unwrap()
}

#[test]
fn gates_do_what_the_formulas_say() {
    const OPEN: f32 = 50.0;
    const SHUT: f32 = -50.0;
    let lstm = RecurrentConfig::new(Cell::Lstm, 1);
    let peepholes = RecurrentConfig { peepholes: true, ..lstm.clone() };
    let rnn = RecurrentConfig::new(Cell::Rnn, 1);
    let tanh = |x: f32| x.tanh();
    type Case<'a> = (&'a str, RecurrentConfig, Vec<(&'a str, &'a [f32])>, [f32; 3]);
    let g = ("nonrec.weight", &[0.0f32, 0.0, 1.0, 0.0][..]);
    let ones = tanh(1.0);
    let table: Vec<Case> = vec![
        // Inputs are 1, 1, 1 and the new content tanh(1).
        (
            "everything open: the content adds up",
            lstm.clone(),
            vec![g, ("nonrec.bias", &[OPEN, OPEN, 0.0, OPEN])],
            [tanh(ones), tanh(2.0 * ones), tanh(3.0 * ones)],
        ),
        (
            "forget shut: only what is new",
            lstm.clone(),
            vec![g, ("nonrec.bias", &[OPEN, SHUT, 0.0, OPEN])],
            [tanh(ones); 3],
        ),
        (
            "half an input gate",
            lstm.clone(),
            vec![g, ("nonrec.bias", &[0.0, SHUT, 0.0, OPEN])],
            [tanh(0.5 * ones); 3],
        ),
        ("output shut", lstm.clone(), vec![g, ("nonrec.bias", &[OPEN, OPEN, 0.0, SHUT])], [0.0; 3]),
        (
            "an output peephole sees the new content",
            peepholes.clone(),
            vec![g, ("nonrec.bias", &[OPEN, SHUT, 0.0, SHUT]), ("peepholes", &[0.0, 0.0, 500.0])],
            [tanh(ones); 3],
        ),
        (
            "an input peephole sees the old content: shut once there is some",
            peepholes.clone(),
            vec![g, ("nonrec.bias", &[20.0, OPEN, 0.0, OPEN]), ("peepholes", &[-500.0, 0.0, 0.0])],
            [tanh(ones); 3],
        ),
        (
            "a simple recurrence",
            rnn.clone(),
            vec![("nonrec.weight", &[0.5]), ("rec.weight", &[2.0])],
            [tanh(0.5), tanh(0.5 + 2.0 * tanh(0.5)), tanh(0.5 + 2.0 * tanh(0.5 + 2.0 * tanh(0.5)))],
        ),
        (
            "half of a bias inside the reset gate",
            RecurrentConfig { recurrent_bias: true, ..1.into() },
            vec![("nonrec.bias", &[OPEN, 0.0, 0.25]), ("rec.bias", &[0.5])],
            [tanh(0.5); 3],
        ),
        (
            "a projection recurs and goes up",
            RecurrentConfig { projection: Some(1), ..rnn },
            vec![("nonrec.weight", &[0.5]), ("rec.weight", &[2.0]), ("proj.weight", &[-0.5])],
            {
                let first = -0.5 * tanh(0.5);
                let second = -0.5 * tanh(0.5 + 2.0 * first);
                [first, second, -0.5 * tanh(0.5 + 2.0 * second)]
            },
        ),
    ];
    for (case, layer, values, states) in table {
        let got = one_unit(layer, &values).forward_reference(&[1.0; 3], 3).unwrap();
        for (got, wanted) in got.iter().zip(states) {
            assert!((got - wanted).abs() < 1e-6, "{case}: {got} and {wanted}");
        }
    }
}

/// A layer with a joint left factor or a projection computes the same as the plain layer with the
/// products of the factors: `L Vx`, `L Vh`, and `U P` in the recurrence with `W P` in the layer
/// above.
#[test]
fn factors_count_as_their_products() {
    for (i, layer) in layers().into_iter().enumerate() {
        let hidden = layer.hidden;
        let RecurrentConfig { peepholes, recurrent_bias, .. } = layer;
        let network = random_network(recurrent(5, vec![layer.clone()]), 6, i as u64);
        let dense = |map: &LinearMap, left: &Option<LinearMap>| match left {
            Some(left) => product(&left.to_dense(), &map.to_dense(), left.cols()),
            None => map.to_dense(),
        };
        let weights = &network.recurrent[0];
        let w = dense(&weights.nonrec.map, &weights.joint);
        let mut u = dense(&weights.rec, &weights.joint);
        let mut output = network.output.map.to_dense();
        if let Some(p) = &weights.projection {
            u = product(&u, &p.to_dense(), p.rows());
            output = product(&output, &p.to_dense(), p.rows());
        }
        let plain = RecurrentConfig {
            peepholes,
            recurrent_bias,
            ..RecurrentConfig::new(layer.cell, hidden)
        };
        let plain = Network::from_values(recurrent(5, vec![plain]), 6, |name, _| {
            match name.split_once(".0.").map_or(name, |(_, part)| part) {
                "nonrec.weight" => w.clone(),
                "nonrec.bias" => weights.nonrec.bias.clone(),
                "rec.weight" => u.clone(),
                "peepholes" => weights.peepholes.clone().unwrap(),
                "rec.bias" => weights.recurrent_bias.clone().unwrap(),
                "output.weight" => output.clone(),
                _ => network.output.bias.clone(),
            }
        })
        .unwrap();
        let x = Random(i as u64).values(7 * 5);
        let (found, wanted) =
            (network.forward_reference(&x, 7).unwrap(), plain.forward_reference(&x, 7).unwrap());
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-4, "case {i}: {found} and {wanted}");
        }
    }
}

fn product(a: &[f32], b: &[f32], inner: usize) -> Vec<f32> {
    let (rows, cols) = (a.len() / inner, b.len() / inner);
    let at = |i: usize, j: usize| (0..inner).map(|k| a[i * inner + k] * b[k * cols + j]).sum();
    (0..rows * cols).map(|n| at(n / cols, n % cols)).collect()
}
