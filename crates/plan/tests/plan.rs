//! The plan of a network: the form of each map, how often it runs, and that the choice follows the
//! predictions.

use stonechat_kernels::cost_model::Form;
use stonechat_model::{
    Candidate, Cell, ConvConfig, Family, FamilySpec, Kind, LinearMap, Network, NetworkConfig,
    RecurrentConfig,
};
use stonechat_plan::{
    Choice, Machine, Preference, Reason, Reference, RunForm, RunPlan, TIME_BATCH, Use, uses,
};

const ONE: [Use; 1] = [Use { batch: 1, per_frame: 1.0 }];

fn spec(family: &str, rows: usize, cols: usize) -> FamilySpec {
    let family: Family = serde_json::from_str(family).unwrap();
    FamilySpec::new("map", family, rows, cols).unwrap()
}

fn config() -> NetworkConfig {
    let conv = |stride| ConvConfig { channels: 4, kernel: [5, 3], stride, lookahead: 1 };
    let joint = |cell| RecurrentConfig { joint: Some(6), ..RecurrentConfig::new(cell, 16) };
    NetworkConfig {
        input: 20,
        conv: vec![conv([2, 2]), conv([1, 3])],
        clip: 20.0,
        recurrent: vec![joint(Cell::Gru), joint(Cell::Lstm)],
        candidate: Candidate::Tanh,
        row_conv: None,
        fc: Some(12),
    }
}

#[test]
fn products_are_as_often_as_the_runtime_makes_them() {
    let (one, all) = ((1, 1.0), (TIME_BATCH, 1.0 / TIME_BATCH as f64));
    type Case<'a> = (Kind, usize, &'a [(usize, f64)]);
    let cases: [Case<'_>; 10] = [
        // Ten bins are left; the layer above takes every third frame.
        (Kind::Conv, 0, &[(10, 3.0)]),
        (Kind::Conv, 1, &[(10, 1.0)]),
        (Kind::Nonrecurrent, 0, &[all]),
        (Kind::Recurrent, 0, &[one]),
        (Kind::Recurrent, 1, &[one]),
        // The input's product and the state's; in other cells their sum.
        (Kind::Joint, 0, &[all, one]),
        (Kind::Joint, 1, &[one]),
        (Kind::Projection, 1, &[one]),
        (Kind::FullyConnected, 0, &[all]),
        (Kind::Output, 0, &[all]),
    ];
    for (kind, layer, expected) in cases {
        let found: Vec<(usize, f64)> =
            uses(&config(), kind, layer).iter().map(|each| (each.batch, each.per_frame)).collect();
        assert_eq!(found, expected, "{kind:?} {layer}");
    }
}

#[test]
fn forms_are_those_of_the_families() {
    let toeplitz = r#"{"family":"toeplitz_like","rank":1}"#;
    let blocks = r#"{"family":"block_diagonal","blocks":8}"#;
    let gates = r#"{"family":"per_gate","gates":3,"of":{"family":"low_rank","rank":4}}"#;
    let corrected = r#"{"family":"corrected","rank":4}"#;
    let fastest = Preference::default();
    // Family, size, storage, preference, form.
    let cases = [
        (r#"{"family":"dense"}"#, 64, Form::Int8, &fastest, RunForm::Dense),
        (r#"{"family":"low_rank","rank":8}"#, 64, Form::Int4, &fastest, RunForm::LowRank),
        (r#"{"family":"low_rank","rank":8}"#, 64, Form::Int8, &Preference::Dense, RunForm::LowRank),
        (toeplitz, 32, Form::Float32, &fastest, RunForm::Dense),
        (toeplitz, 2048, Form::Float32, &fastest, RunForm::Fft),
        (toeplitz, 2048, Form::Float32, &Preference::Dense, RunForm::Dense),
        (toeplitz, 32, Form::Float32, &Preference::Smallest, RunForm::Fft),
        (blocks, 512, Form::Int8, &fastest, RunForm::Groups),
        (blocks, 512, Form::Float32, &fastest, RunForm::Groups),
        (blocks, 512, Form::Int4, &Preference::Smallest, RunForm::Dense),
        (gates, 48, Form::Int8, &Preference::Smallest, RunForm::GateFactors),
        (corrected, 64, Form::Int4, &fastest, RunForm::Corrected),
        (corrected, 64, Form::Int4, &Preference::Dense, RunForm::Dense),
        (r#"{"family":"vandermonde_like","rank":1}"#, 64, Form::Int8, &fastest, RunForm::Dense),
    ];
    for (family, n, plain, preference, form) in cases {
        let choice = Choice::of(&spec(family, n, n), plain, &ONE, 1 << 20, preference);
        assert_eq!(
            choice.form, form,
            "{family}, {n}, {plain:?}, {preference:?}: {}",
            choice.reason
        );
    }
}

/// The two forms in a reason have their own predictions, on every machine of the table.
#[test]
fn the_faster_form_is_chosen() {
    let forms = [RunForm::Fft, RunForm::Dense];
    let mut chosen = Vec::new();
    for reference in Reference::ALL {
        let machine: &Machine = reference.machine();
        for n in [64, 256, 1024, 4096] {
            let spec = spec(r#"{"family":"toeplitz_like","rank":2}"#, n, n);
            let of = |preference| Choice::of(&spec, Form::Int8, &ONE, 0, &preference);
            let choice = of(reference.into());
            let times = [Preference::Smallest, Preference::Dense]
                .map(|preference| of(preference).seconds(&ONE, machine, 0));
            let least = if times[0] < times[1] { 0 } else { 1 };
            assert_eq!(choice.form, forms[least], "{reference:?}, {n}: {times:?}");
            let other = 1 - least;
            let (seconds, than, other_seconds) = (times[least], forms[other], times[other]);
            assert_eq!(choice.reason, Reason::Faster { seconds, than, other_seconds });
            chosen.push(choice.form);
        }
    }
    assert!(forms.iter().all(|form| chosen.contains(form)), "{chosen:?}");
}

#[test]
fn a_plan_names_every_map_and_says_why() {
    let zeros = |_: &str, length| vec![0.5; length];
    let mut network = Network::from_values(config(), 5, zeros).unwrap();
    let plan = RunPlan::new(&network, &Preference::default());
    let names: Vec<String> = network.maps().iter().map(|map| map.name()).collect();
    let planned: Vec<&str> = plan.maps().iter().map(|map| map.name.as_str()).collect();
    assert_eq!(planned, names);
    let json = serde_json::to_value(&plan.maps()[0]).unwrap();
    assert_eq!(json, serde_json::json!({ "form": "dense", "reason": "stored so" }));
    // Few blocks of 32 rows by 4 columns have weights: stored as they are, and as a family of
    // zeros.
    let (rows, cols) = (network.output.map.rows(), network.output.map.cols());
    let data = (0..rows * cols).map(|i| i8::from(i % cols < 4)).collect();
    let scales = vec![1.0; rows];
    let sparse = stonechat_model::Matrix::Int8 { rows, cols, data, scales };
    network.output.map = LinearMap::from(sparse.clone());
    let family =
        Family::Sparse(stonechat_model::Sparse { density: 0.5, block: [1, 1], of_every: 0 });
    let plan = RunPlan::new(&network, &Preference::default());
    assert_eq!(plan.form("output"), RunForm::BlockSparse);
    assert_eq!(plan.maps().last().unwrap().reason, Reason::FewBlocks);
    let spec = FamilySpec::new("output", family, rows, cols).unwrap();
    network.output.map = LinearMap::new("output", spec, vec![sparse], None).unwrap();
    let plan = RunPlan::new(&network, &Preference::default());
    assert_eq!(plan.form("output"), RunForm::BlockSparse);
    assert_eq!(plan.form("nobody"), RunForm::Dense);
}
