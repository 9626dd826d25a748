//! Packages that fit and packages that do not.

mod common;

use common::{STORAGES, Storage, config, conv, network, package};
use stonechat::{Error, Model};
use stonechat_audio::FeatureConfig;
use stonechat_model::{Alphabet, Package};

#[test]
fn a_model_knows_its_package() {
    for storage in STORAGES {
        let package = package(storage, 3);
        let model = Model::from_bytes(&package.to_bytes().unwrap()).unwrap();
        assert_eq!(model.sample_rate_hz(), 8000);
        assert_eq!(model.frame_seconds(), 0.02);
        // 1 + 2 * 2 + 2 * 3 frames of 10 ms.
        assert_eq!(model.lookahead_ms(), 110.0);
        assert_eq!(model.alphabet(), &package.alphabet);
        assert_eq!(model.network(), &package.network.config);
        assert_eq!(model.provenance(), &package.provenance);
        assert_eq!(model.features(), &common::features());
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    type Change = fn(&mut Package);
    let cases: [(&str, Change); 6] = [
        ("20 values a frame", |p| {
            p.features = serde_json::json!({"mels": 20, "hop_ms": 10, "kind": "log_mel"})
        }),
        ("not a feature config", |p| p.features = serde_json::json!({"mel": 20})),
        ("not a feature config", |p| p.features = serde_json::json!("log_mel")),
        ("hop_ms", |p| p.features["hop_ms"] = 0.0.into()),
        ("28 symbols", |p| {
            p.alphabet = Alphabet::new(p.alphabet.symbols()[..28].to_vec()).unwrap()
        }),
        ("fc", |p| p.network.fc = None),
    ];
    for (expected, change) in cases {
        let mut package = package(Storage::Dense, 3);
        if expected.starts_with("20") {
            let symbols = package.alphabet.len();
            package.network = network(&common::full_config(21), symbols, Storage::Dense, 3);
        }
        change(&mut package);
        let error = Model::from_package(package).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Model::load("no-such-folder/english.stonechat").unwrap_err();
    assert!(error.to_string().contains("no-such-folder/english.stonechat"), "{error}");
    assert!(matches!(Model::from_bytes(b"RIFF"), Err(Error::Package(_))));
}

/// A few weights can ask for much memory: a filter of 1024 frames over 48 bins of 1024 channels
/// remembers 192 MB.
#[test]
fn a_network_that_would_eat_the_memory_is_refused() {
    let widen = conv(1024, [1, 1], [1, 1], 0);
    let remember = conv(1, [1, 1024], [1, 1], 0);
    let once = vec![widen.clone(), remember.clone()];
    let twice = vec![widen.clone(), remember.clone(), widen, remember];
    let load = |layers| {
        Model::from_package(Package {
            features: serde_json::to_value(FeatureConfig { mels: 48, ..FeatureConfig::default() })
                .unwrap(),
            alphabet: Alphabet::english(),
            network: network(
                &config(48, layers, &[2]),
                Alphabet::english().len(),
                Storage::Dense,
                1,
            ),
            provenance: serde_json::Value::Null,
            language_model: None,
        })
    };
    assert!(load(once).is_ok());
    let error = load(twice).unwrap_err();
    assert!(matches!(error, Error::StateSize { bytes, .. } if bytes >= 384 << 20), "{error}");
}
