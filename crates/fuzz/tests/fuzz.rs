//! Every target over its corpus and a few hundred changed inputs; `examples/drive.rs` goes on for longer.

use stonechat_fuzz::{TARGETS, corpus, damage, trial, with_checksums};
use stonechat_lm::LanguageModel;
use stonechat_testing::Random;

/// The targets are shared out over so many tests, which the harness runs at once.
const PARTS: usize = 4;

fn targets(part: usize) {
    for target in TARGETS.iter().skip(part).step_by(PARTS) {
        let inputs = corpus::inputs(target);
        let mut random = Random(2016);
        let changed: Vec<Vec<u8>> = (0..300)
            .map(|_| {
                let other = &inputs[random.below(inputs.len())].1;
                damage(&inputs[random.below(inputs.len())].1, other, target.text, &mut random)
            })
            .collect();
        let whole = inputs.iter().map(|(_, input)| input);
        for (number, input) in whole.chain(&changed).enumerate() {
            if let Err(problem) = trial(target, input) {
                let path = std::env::temp_dir().join(format!("stonechat-fuzz-{}", target.name));
                std::fs::write(&path, input).unwrap();
                panic!("{}, input {number}: {problem}; it is {}", target.name, path.display());
            }
        }
    }
}

#[test]
fn targets_first() {
    targets(0);
}

#[test]
fn targets_second() {
    targets(1);
}

#[test]
fn targets_third() {
    targets(2);
}

#[test]
fn targets_fourth() {
    targets(3);
}

/// The inputs reach what they are for: most of a corpus is accepted by what reads it.
#[test]
fn corpora_are_accepted() {
    let accepted = |name: &str, read: &dyn Fn(&[u8]) -> bool| {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        let inputs = corpus::inputs(target);
        let count = inputs.iter().filter(|(_, input)| read(input)).count();
        assert!(2 * count >= inputs.len(), "{name}: {count} of {}", inputs.len());
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    accepted("package", &|bytes| stonechat_model::Package::from_bytes(bytes).is_ok());
    accepted("file", &|bytes| {
        stonechat_audio::AudioReader::from_bytes(bytes, "input", 16_000).is_ok()
    });
    accepted("plan", &|bytes| stonechat_compress::Plan::from_toml(&text(bytes)).is_ok());
    accepted("recipe", &|bytes| stonechat_train::Recipe::from_toml(&text(bytes)).is_ok());
    accepted("sweep", &|bytes| stonechat_sweep::Sweep::from_toml(&text(bytes)).is_ok());
    accepted("grammar", &|bytes| stonechat_decode::Grammar::from_jsgf(&text(bytes)).is_ok());
    accepted("packed", &|bytes| LanguageModel::from_bytes(bytes.to_vec()).is_ok());
    accepted("arpa", &|bytes| stonechat_lm::arpa::read(bytes).is_ok());
}

/// Behind checksums that fit, files are read that are not what they seem: the target reaches beyond the checksums.
#[test]
fn checksums_do_not_shield_the_queries() {
    let packed = TARGETS.iter().find(|target| target.name == "packed").unwrap();
    let bytes = corpus::inputs(packed).pop().unwrap().1;
    // The checksums made anew are those that were there.
    assert_eq!(with_checksums(bytes.clone()), bytes);
    let mut random = Random(5);
    let mut accepted = 0;
    for _ in 0..200 {
        let mut lie = bytes.clone();
        let at = 256 + random.below(lie.len() - 256);
        lie[at] ^= 1 << random.below(8);
        accepted += usize::from(LanguageModel::from_bytes(with_checksums(lie)).is_ok());
    }
    assert!(accepted > 50, "{accepted} of 200");
}
