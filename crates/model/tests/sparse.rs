//! Sparse maps: which elements are kept, what a package stores, and what it rejects.

mod common;

use common::{Parts, Random, full_package, to_int8};
use safetensors::tensor::SafeTensors;
use stonechat_model::{Family, FamilySpec, LinearMap, Matrix, Package};

fn admitted(family: &str, rows: usize, cols: usize, values: &[f32]) -> Vec<f32> {
    let family: Family = serde_json::from_str(family).unwrap();
    let mut parts = vec![values.to_vec()];
    FamilySpec::new("map", family, rows, cols).unwrap().admit(&mut parts);
    parts.swap_remove(0)
}

#[test]
fn the_largest_blocks_are_kept() {
    let w = [3.0, -1.0, 0.5, 2.0, 1.0, -4.0, 0.5, -0.5];
    for (family, rows, cols, wanted) in [
        (r#"{"family":"sparse","density":0.5}"#, 2, 4, [3.0, -1.0, 0.0, 2.0, 0.0, -4.0, 0.0, 0.0]),
        (
            r#"{"family":"sparse","density":0.5,"of_every":2}"#,
            2,
            4,
            [3.0, 0.0, 0.0, 2.0, 0.0, -4.0, 0.5, 0.0],
        ),
        (
            r#"{"family":"sparse","density":0.25,"of_every":4}"#,
            1,
            8,
            [3.0, 0.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0],
        ),
        (
            r#"{"family":"sparse","density":0.5,"block":[2,2]}"#,
            2,
            4,
            [3.0, -1.0, 0.0, 0.0, 1.0, -4.0, 0.0, 0.0],
        ),
        (
            r#"{"family":"per_gate","gates":2,"of":{"family":"sparse","density":0.25}}"#,
            2,
            4,
            [3.0, 0.0, 0.0, 0.0, 0.0, -4.0, 0.0, 0.0],
        ),
    ] {
        assert_eq!(admitted(family, rows, cols, &w), wanted, "{family}");
    }
    // Edge cases: blocks that are cut off, and more zeros than required.
    let ones = admitted(r#"{"family":"sparse","density":0.5,"block":[2,3]}"#, 3, 4, &[1.0; 12]);
    assert_eq!(ones.iter().filter(|w| **w != 0.0).count(), 6 + 2);
    let few = admitted(r#"{"family":"sparse","density":1.0}"#, 1, 3, &[0.0, 2.0, 0.0]);
    assert_eq!(few, [0.0, 2.0, 0.0]);
}

#[test]
fn zeros_take_no_gradient() {
    let family: Family = serde_json::from_str(r#"{"family":"sparse","density":0.5}"#).unwrap();
    let spec = FamilySpec::new("map", family, 1, 4).unwrap();
    let gradient = spec.gradient(&[&[0.0, 2.0, 0.0, -1.0]], &[5.0, 6.0, 7.0, 8.0]);
    assert_eq!(gradient, [[0.0, 6.0, 0.0, 8.0]]);
}

/// A tenth of the elements, at random.
fn sparse(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut random = Random(seed);
    let mut value = || if random.below(10) == 0 { random.value() + 2.0 } else { 0.0 };
    Matrix::from_f32(rows, cols, (0..rows * cols).map(|_| value()).collect()).unwrap()
}

#[test]
fn a_package_stores_a_mask_and_the_rest() {
    let mut package = full_package();
    let shape = |map: &LinearMap| (map.rows(), map.cols());
    let (first, second) = (
        shape(&package.network.recurrent[0].nonrec.map),
        shape(&package.network.recurrent[1].nonrec.map),
    );
    package.network.recurrent[0].nonrec.map = LinearMap::from(sparse(first.0, first.1, 1));
    package.network.recurrent[1].nonrec.map =
        LinearMap::from(to_int8(&sparse(second.0, second.1, 2)));
    let bytes = package.to_bytes().unwrap();
    assert_eq!(Package::from_bytes(&bytes).unwrap(), package);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (name, scales) in [("gru.0.nonrec", 0), ("gru.1.nonrec", 4 * second.0)] {
        let map = package.network.maps().into_iter().find(|map| map.name() == name).unwrap().map;
        let stored = ["weight", "weight.mask"]
            .iter()
            .map(|part| file.tensor(&format!("{name}.{part}")).unwrap().data().len())
            .sum::<usize>();
        assert_eq!(stored + scales, map.bytes(), "{name}");
        assert_eq!(map.params(), map.parts()[0].nonzeros(), "{name}");
        assert!(map.params() < map.rows() * map.cols() / 5, "{name}");
    }
}

#[test]
fn masks_that_do_not_fit_are_refused() {
    type Spoil = fn(&mut Parts);
    let table: [(&str, Spoil); 6] = [
        ("does not have one value for each one in its mask", |p| {
            p.tensor("gru.1.nonrec.weight.mask").2[0] ^= 1
        }),
        ("do not end alike", |p| {
            let mask = &mut p.tensor("gru.1.nonrec.weight.mask").2;
            let last = mask.len() - 1;
            mask[last] = 0;
        }),
        ("must have two dimensions", |p| drop(p.tensors.remove("gru.1.nonrec.weight.mask"))),
        ("gru.1.nonrec.weight.scale", |p| drop(p.tensors.remove("gru.1.nonrec.weight.scale"))),
        ("must be U8 of two dimensions", |p| {
            let (_, shape, data) = p.tensor("gru.1.nonrec.weight.mask");
            *shape = vec![data.len()];
        }),
        ("no layer of the config uses", |p| {
            let (_, shape, data) = p.tensor("gru.1.nonrec.weight");
            (*shape, *data) = (vec![21, 5], vec![1; 21 * 5]);
        }),
    ];
    for (words, spoil) in table {
        let mut parts = Parts::of(&sparse_package());
        spoil(&mut parts);
        let error = Package::from_bytes(&parts.to_bytes()).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("gru.1.nonrec"), "{words}: {error}");
    }
}

/// [`full_package`] with a sparse int8 map of 21 x 5.
fn sparse_package() -> Package {
    let mut package = full_package();
    package.network.recurrent[1].nonrec.map = LinearMap::from(to_int8(&sparse(21, 5, 2)));
    package
}
