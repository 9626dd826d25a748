//! Tests on real recordings, if they are there.

use std::path::Path;

use stonechat_audio::FeatureConfig;
use stonechat_model::Alphabet;

use crate::data::{
    BatchConfig, CheckOptions, DataConfig, Dataset, FindingKind, check, fit_normalise,
    read_manifest,
};

fn manifests() -> Option<[std::path::PathBuf; 2]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/digits");
    if !folder.is_dir() {
        println!("skipped: no recordings at {}", folder.display());
        return None;
    }
    Some(["train.jsonl", "test.jsonl"].map(|name| folder.join(name)))
}

#[test]
fn spoken_digits() {
    let Some([train, test]) = manifests() else {
        return;
    };
    assert_eq!(
        (read_manifest(&train).unwrap().len(), read_manifest(&test).unwrap().len()),
        (2250, 250)
    );

    let features = FeatureConfig { sample_rate_hz: 8_000, mels: 40, ..FeatureConfig::default() };
    let frames_out = |frames: usize| frames.div_ceil(2);
    let sources = [test.clone().into()];
    let mut dataset = Dataset::open(
        &sources,
        &Alphabet::english(),
        &features,
        &DataConfig::default(),
        frames_out,
        None,
    )
    .unwrap();
    assert!(dataset.len() >= 245, "{:?}", dataset.dropped());
    dataset.set_normalise(fit_normalise(&dataset, 1_000, 0).unwrap()).unwrap();
    let plan = dataset.plan(&BatchConfig::default(), 0, 0, None);
    let batch = dataset.batch(&plan[plan.len() / 2], None).unwrap();
    let mean = batch.features.iter().sum::<f32>() / batch.features.len() as f32;
    assert!(
        batch.features.iter().all(|value| value.is_finite()) && mean.abs() < 0.5,
        "mean {mean}"
    );

    let options = CheckOptions {
        alphabet: &Alphabet::english(),
        features: &features,
        frames_out: &frames_out,
        examples: 3,
        duration_tolerance_s: 0.01,
    };
    let report = check(&[train, test], &options, None).unwrap();
    let count = |kind| report.findings.get(&kind).map_or(0, |finding| finding.count);
    assert_eq!(
        report.manifests.iter().map(|manifest| manifest.utterances).collect::<Vec<_>>(),
        [2250, 250]
    );
    assert_eq!(report.rates_hz.into_iter().collect::<Vec<_>>(), [(8_000, 2500)]);
    // The same five people speak in both splits, as the folder's README says.
    assert_eq!(count(FindingKind::SharedSpeaker), 5);
    for kind in [
        FindingKind::BadLine,
        FindingKind::MissingFile,
        FindingKind::Unreadable,
        FindingKind::OutsideAlphabet,
    ] {
        assert_eq!(count(kind), 0, "{kind:?}");
    }
    assert_eq!(count(FindingKind::WrongDuration), 0);
}
