//! Packages round-trip, are valid safetensors files, and are rejected if they do not fit together.

mod common;

use common::{Parts, full_config, full_package, random_network};
use safetensors::tensor::{Dtype, SafeTensors};
use stonechat_model::{Alphabet, LinearMap, Package};

#[cfg(feature = "save")]
#[test]
fn bytes_and_files_give_the_same_package_back() {
    let package = full_package();
    let bytes = package.to_bytes().unwrap();
    assert_eq!(Package::from_bytes(&bytes).unwrap(), package);
    assert_eq!(package.to_bytes().unwrap(), bytes, "equal packages, equal bytes");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.stonechat");
    std::fs::write(&path, "an older file").unwrap();
    package.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(Package::load(&path).unwrap(), package);
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "no temporary file stays: {files:?}");
}

#[test]
fn a_language_model_may_be_absent_but_not_empty() {
    let package = Package { language_model: None, ..full_package() };
    assert_eq!(Package::from_bytes(&package.to_bytes().unwrap()).unwrap(), package);
    let empty = Package { language_model: Some(vec![]), ..package };
    let error = empty.to_bytes().unwrap_err().to_string();
    assert!(error.contains("language_model") && error.contains("empty"), "{error}");
}

#[test]
fn every_optional_layer_may_be_absent() {
    let mut config = full_config();
    (config.conv, config.row_conv, config.fc) = (vec![], None, None);
    let mut package = full_package();
    package.network = random_network(config, 29, 3);
    let bytes = package.to_bytes().unwrap();
    assert_eq!(Package::from_bytes(&bytes).unwrap(), package);
}

#[test]
fn other_readers_of_safetensors_can_open_it() {
    let package = full_package();
    let bytes = package.to_bytes().unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!((8 + header) % 8, 0, "tensors are aligned");
    let texts = metadata.metadata().as_ref().unwrap();
    assert_eq!(texts["format"], "stonechat");
    assert_eq!(texts["format_version"], "1");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&texts["features"]).unwrap(),
        package.features
    );

    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut names: Vec<_> = file.names();
    names.sort();
    assert_eq!(
        names,
        [
            "conv.0.bias",
            "conv.0.weight",
            "conv.0.weight.group",
            "conv.0.weight.scale",
            "conv.1.bias",
            "conv.1.weight",
            "conv.1.weight.scale",
            "fc.bias",
            "fc.weight",
            "gru.0.nonrec.bias",
            "gru.0.nonrec.weight",
            "gru.0.rec.u",
            "gru.0.rec.u.scale",
            "gru.0.rec.v",
            "gru.0.rec.v.scale",
            "gru.1.nonrec.bias",
            "gru.1.nonrec.u",
            "gru.1.nonrec.v",
            "gru.1.rec.weight",
            "language_model",
            "output.bias",
            "output.weight",
            "output.weight.scale",
            "row_conv.weight",
        ]
    );
    for (name, dtype, shape) in [
        ("conv.0.weight", Dtype::U8, vec![3, 8, 1]),
        ("conv.0.weight.group", Dtype::I8, vec![3, 1]),
        ("conv.1.weight", Dtype::I8, vec![2, 36]),
        ("conv.1.weight.scale", Dtype::F32, vec![2]),
        ("gru.1.nonrec.u", Dtype::F32, vec![21, 3]),
        ("row_conv.weight", Dtype::F32, vec![3, 7]),
        ("language_model", Dtype::U8, vec![256]),
    ] {
        let tensor = file.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (dtype, shape.as_slice()), "{name}");
    }
    let values: Vec<u8> =
        package.network.output.bias.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(file.tensor("output.bias").unwrap().data(), values);
}

#[test]
fn packages_rewritten_by_other_tools_load() {
    let package = full_package();
    let parts = Parts::of(&package);
    assert_eq!(Package::from_bytes(&parts.to_bytes()).unwrap(), package);
    // The checksum covers the content: it stays right with another order in the file.
    let bytes = package.to_bytes().unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let texts = metadata.metadata().clone().unwrap();
    let with_checksum = Parts { texts, ..parts };
    assert_eq!(Package::from_bytes(&with_checksum.to_bytes()).unwrap(), package);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    type Spoil = fn(&mut Parts);
    let table: [(&str, Spoil); 28] = [
        ("format (byte 8): is missing", |p| drop(p.texts.remove("format"))),
        ("is \"pt\", must be \"stonechat\"", |p| p.text("format", "stonechat", "pt")),
        ("this version of stonechat reads", |p| p.text("format_version", "1", "2")),
        ("network (byte 8): is missing", |p| drop(p.texts.remove("network"))),
        ("provenance (byte 8): is missing", |p| drop(p.texts.remove("provenance"))),
        ("extra (byte 8): is no metadata key", |p| {
            drop(p.texts.insert("extra".into(), "1".into()))
        }),
        ("checksum (byte 8): says \"00000000\"", |p| {
            drop(p.texts.insert("checksum".into(), "00000000".into()))
        }),
        ("unknown field `grus`", |p| p.text("network", "\"recurrent\"", "\"grus\"")),
        ("`recurrent[0]`: is 0", |p| p.text("network", "[5,7]", "[0,7]")),
        ("gru.0.nonrec.bias", |p| p.text("network", "[5,7]", "[6,7]")),
        ("gru.2.nonrec", |p| p.text("network", "[5,7]", "[5,7,7]")),
        ("weight `output`: is 29 x 6, the config makes it 29 x 7", |p| {
            p.text("network", "\"fc\":6", "\"fc\":null");
            p.tensors.retain(|name, _| !name.starts_with("fc"));
        }),
        ("fc.bias (byte ", |p| p.text("network", "\"fc\":6", "\"fc\":null")),
        ("is there twice", |p| p.text("alphabet", "\"b\"", "\"a\"")),
        ("has 29 rows, the alphabet 28 symbols", |p| p.text("alphabet", ",\"z\"", "")),
        ("features (byte 8): EOF", |p| {
            p.texts.insert("features".into(), "{".into()).map_or((), drop)
        }),
        ("features (byte 8): has 131073 bytes", |p| {
            p.texts.insert("features".into(), " ".repeat(131_073));
        }),
        ("recursion limit", |p| drop(p.texts.insert("provenance".into(), "[".repeat(10_000)))),
        ("gru.1.rec (byte ", |p| drop(p.tensors.remove("gru.1.rec.weight"))),
        ("gru.0.rec (byte ", |p| drop(p.tensors.remove("gru.0.rec.v"))),
        ("output.weight.scale (byte ", |p| drop(p.tensors.remove("output.weight.scale"))),
        ("stray (byte ", |p| p.float("stray", &[1])),
        ("fc.u (byte ", |p| p.float("fc.u", &[6, 1])),
        ("tensor `stray`: more than 4 dimensions", |p| p.float("stray", &[1; 5])),
        ("more than 4096 tensors", |p| (0..4097).for_each(|i| p.float(&format!("t{i}"), &[0]))),
        ("language_model: U8 of shape [16, 16], must be U8 of one dimension", |p| {
            p.tensor("language_model").1 = vec![16, 16]
        }),
        ("language_model: F32 of shape [2], must be U8", |p| p.float("language_model", &[2])),
        ("gru.1.rec.weight: must have two dimensions", |p| {
            p.tensor("gru.1.rec.weight").1 = vec![21 * 7]
        }),
    ];
    for (i, (words, spoil)) in table.into_iter().enumerate() {
        let mut parts = Parts::of(&full_package());
        spoil(&mut parts);
        let error = Package::from_bytes(&parts.to_bytes()).unwrap_err().to_string();
        let words: Vec<&str> = words.split(&[':', '`'][..]).map(str::trim).collect();
        assert!(
            words.iter().all(|w| error.contains(w)),
            "case {i}: wanted {words:?}, got: {error}"
        );
    }
}

#[test]
fn bad_values_are_refused_by_name() {
    type Spoil = fn(&mut Parts);
    let table: [(&str, &str, Spoil); 10] = [
        ("fc.weight", "value 1 is NaN", |p| spoil_float(p, "fc.weight", f32::NAN)),
        ("gru.1.nonrec.bias", "value 1 is inf", |p| {
            spoil_float(p, "gru.1.nonrec.bias", f32::INFINITY)
        }),
        ("row_conv.weight", "value 1 is -inf", |p| {
            spoil_float(p, "row_conv.weight", f32::NEG_INFINITY)
        }),
        ("conv.1.weight", "scale 1 is -1", |p| spoil_float(p, "conv.1.weight.scale", -1.0)),
        ("output.weight", "value 3 is -128", |p| p.tensor("output.weight").2[3] = 0x80),
        // 3 rows of 8 bytes, the last one with half a byte of padding.
        ("conv.0.weight", "beyond its last column", |p| p.tensor("conv.0.weight").2[7] ^= 0x10),
        ("conv.0.weight", "must have two dimensions", |p| {
            p.tensor("conv.0.weight").1 = vec![3, 1, 8]
        }),
        ("conv.0.weight.group", "must be I8 of shape [3, 1]", |p| {
            p.tensor("conv.0.weight.group").1 = vec![1, 3]
        }),
        ("output.bias", "unknown variant `I32`", |p| p.tensor("output.bias").0 = Dtype::I32),
        ("fc.weight", "unknown variant `I32`", |p| p.tensor("fc.weight").0 = Dtype::I32),
    ];
    for (name, words, spoil) in table {
        let mut parts = Parts::of(&full_package());
        spoil(&mut parts);
        let error = Package::from_bytes(&parts.to_bytes()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(words), "{name}, {words}: {error}");
    }
}

fn spoil_float(parts: &mut Parts, name: &str, value: f32) {
    parts.tensor(name).2[4..8].copy_from_slice(&value.to_le_bytes());
}

#[cfg(feature = "save")]
#[test]
fn what_cannot_be_read_back_is_not_written() {
    type Spoil = fn(&mut Package);
    let table: [(&str, Spoil); 6] = [
        ("alphabet", |p| p.alphabet = Alphabet::new(vec!["".into(), "a".into()]).unwrap()),
        ("provenance", |p| p.provenance = " ".repeat(131_073).into()),
        ("fc", |p| p.network.fc = None),
        ("gru.0.nonrec.bias", |p| p.network.recurrent[0].nonrec.bias[2] = f32::NAN),
        ("output.bias", |p| p.network.output.bias.truncate(28)),
        ("gru.1.rec", |p| {
            p.network.recurrent[1].rec = LinearMap::dense(21, 8, vec![0.0; 168]).unwrap();
        }),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.stonechat");
    for (words, spoil) in table {
        let mut package = full_package();
        spoil(&mut package);
        let error = package.save(&path).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("a.stonechat"), "{words}: {error}");
        assert!(!path.exists());
    }
}

#[test]
fn unreadable_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    for (path, words) in [
        (folder.path().join("missing.stonechat"), "missing.stonechat"),
        (folder.path().to_path_buf(), "not a regular file"),
        (write("empty.stonechat", b""), "has 0 bytes"),
        (write("seven.stonechat", b"seven b"), "has 7 bytes"),
        (write("song.wav", b"RIFF....WAVEfmt and so on"), "not a package, or damaged"),
        (write("short.stonechat", &[100, 0, 0, 0, 0, 0, 0, 0, b'{']), "truncated"),
    ] {
        let error = Package::load(&path).unwrap_err().to_string();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(words) && error.contains(name), "{words}: {error}");
    }
}
