//! Exit status 2 for wrong calls, help for those who ask.
#![cfg(feature = "full")]

mod common;

use common::*;

#[test]
fn wrong_calls() {
    let folder = Folder::new();
    folder.write("a.wav", wav(&sound(0.2, 1), RATE_HZ, 1));
    let cases = [
        "",
        "listen-to",
        "transcribe",
        "transcribe a.wav --format odt",
        "transcribe a.wav --json --format srt",
        "transcribe a.wav --rate 8000",
        "transcribe - -",
        "transcribe a.wav --model",
        "transcribe a.wav --endpoint=0",
        "transcribe a.wav --endpoint --nbest 2 --json",
        "transcribe a.wav --beside --json",
        "transcribe - --beside",
        "transcribe a.wav --jobs 0",
        "doctor a.wav",
        "transcribe a.wav --garbage 2",
        "transcribe a.wav --grammar x --greedy",
        "transcribe a.wav --vad maybe",
        "transcribe a.wav --vad-threshold 2",
        "listen a.wav",
        "listen --endpoint never",
        "spot a.wav",
        "spot --keyword a",
        "spot a.wav --keyword a --threshold 1",
        "spot a.wav --keyword a --rate 8000",
        "bench --repeats 0",
        "bench --seconds 0",
        "bench --seconds -1",
        "bench --seconds NaN",
        "bench --time-batch 5",
        "bench -",
        "bench kernels --shape 12",
        "bench kernels --shape 0x5",
        "bench kernels --shape 99999x99999",
        "bench kernels --batch 0",
        "bench kernels --batch 1,x",
        "bench kernels --rounds 0",
        "bench kernels a.wav",
        "inspect a b",
        "compress --output x",
        "compress --variance 0.9",
        "compress --variance 0.9 --budget 100 --output x",
        "compress --ranks gru.0.rec --output x",
        "quantize",
        "quantize --correction 8 --output x",
        "lm build a.wav --output x.arpa --prob-bits 8",
        "lm quantize x.lm --output x.arpa.gz --backoff-bits 4",
        "sweep",
        "sweep s.toml",
        "sweep s.toml --run x --jobs 0",
        "sweep plot t.csv --x a --y b",
        "sweep plot t.csv --x a --y b --kind heat-map --output x",
        "import --from x --output x",
        "export --model x",
        "transcribe a.wav --normalize english",
        "transcribe a.wav --vad off --vad-threshold 0.3",
        "transcribe a.wav --replace",
        "data check x --tolerance NaN",
        "data grams x --longest 1",
        "data make . --columns path,text --output x",
        "data make . --audio y --output x",
        "sweep plot t.csv --x a --y b --value c --output x",
        "sweep plot t.csv --x a --y b --kind heat-map --value c --log-x --output x",
        "sweep plot t.csv --x a --y b --kind heat-map --value c --by d --output x",
    ];
    for case in cases {
        let mut command = stonechat();
        command.current_dir(folder.root.path()).args(case.split_whitespace());
        let (stdout, stderr) = run(&mut command, 2);
        assert_eq!(stdout, "", "{case}");
        assert!(!stderr.is_empty(), "{case}");
    }
    assert!(!folder.path("x").exists());
}

#[test]
fn help_and_version() {
    let verbs = [
        "",
        "transcribe ",
        "listen ",
        "spot ",
        "bench ",
        "bench kernels ",
        "doctor ",
        "inspect ",
        "compress ",
        "quantize ",
        "pack ",
        "import ",
        "export ",
        "lm ",
        "lm build ",
        "sweep ",
        "sweep plot ",
    ];
    for verb in verbs {
        let (stdout, stderr) = run(stonechat().args(format!("{verb}--help").split(' ')), 0);
        assert!(stdout.contains("Usage: stonechat") && stderr.is_empty(), "{stdout}");
    }
    let (stdout, _) = run(stonechat().arg("--version"), 0);
    assert_eq!(stdout, format!("stonechat {}\n", env!("CARGO_PKG_VERSION")));
}
