//! `import` and `export`: what other tools made, and what they can read.
#![cfg(feature = "full")]

mod common;

use common::*;
use stonechat_model::Package;

const PLAN: &str = r#"
    [network]
    input = 20
    gru = [3]
    [alphabet]
    symbols = ["a", ""]
    [features]
    mels = 20
    [pytorch.names]
    "recurrent.0" = "gru.*_l0"
    output = "head.*"
"#;

/// A state dict of 32-bit floats, a safetensors file written by hand.
fn state_dict() -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::<u8>::new());
    let mut random = Random(3);
    for (name, shape) in [
        ("gru.weight_ih_l0", &[9, 20][..]),
        ("gru.weight_hh_l0", &[9, 3]),
        ("head.weight", &[2, 3]),
        ("head.bias", &[2]),
    ] {
        let from = data.len();
        let count = shape.iter().product::<usize>();
        data.extend((0..count).flat_map(|_| random.value().to_le_bytes()));
        let info = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [from, data.len()],
        });
        header.insert(name.into(), info);
    }
    let header = serde_json::Value::Object(header).to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &data].concat()
}

#[test]
fn an_imported_network_is_a_model_like_any_other() {
    let folder = Folder::new();
    folder.write("plan.toml", PLAN);
    folder.write("net.safetensors", state_dict());
    folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    let arguments =
        ["--from", "net.safetensors", "--plan", "plan.toml", "--output", "net.stonechat"];
    let value = run_json(folder.command("import").args(arguments), 0);
    let package = Package::load(folder.path("net.stonechat")).unwrap();
    assert_eq!(value["parameters"], package.network.params());
    assert_eq!(value["model_bytes"], folder.path("net.stonechat").metadata().unwrap().len());
    assert_eq!(value["maps"][0]["name"], "gru.0.nonrec");
    assert_eq!(package.alphabet.symbols(), ["", "a"]);
    assert_eq!(package.features["window_ms"], 20.0, "the defaults are written out");
    let (table, _) = run(folder.command("import").args(arguments), 0);
    assert!(table.contains("gru.0.rec") && table.contains("9 x 3"), "{table}");
    run(
        &mut folder.command(
            "compress --model net.stonechat --ranks gru.0.nonrec=1 --output low.stonechat",
        ),
        0,
    );
    run(&mut folder.command("quantize --model low.stonechat --output low8.stonechat"), 0);
    run_json(&mut folder.command("transcribe a.wav --greedy --model low8.stonechat"), 0);
}

#[test]
fn an_import_that_does_not_fit_changes_nothing() {
    let folder = Folder::new();
    folder.write("net.safetensors", state_dict());
    let cases = [
        ("typo = 1".to_string(), "plan.toml"),
        (PLAN.replace("mels = 20", "mel = 20"), "mel"),
        (PLAN.replace("mels = 20", "mels = 21"), "21"),
        (PLAN.replace("gru = [3]", "gru = [4]"), "`head.weight`"),
    ];
    for (plan, expected) in cases {
        folder.write("plan.toml", plan);
        let arguments = "import --from net.safetensors --plan plan.toml --output new.stonechat";
        let (stdout, stderr) = run(&mut folder.command(arguments), 1);
        assert!(stdout.is_empty() && stderr.contains(expected), "{expected}: {stderr}");
        assert!(!folder.path("new.stonechat").exists());
    }
    folder.write("plan.toml", PLAN);
    let arguments = "import --from plan.toml --plan plan.toml --output new.stonechat";
    let (_, stderr) = run(&mut folder.command(arguments), 1);
    assert!(stderr.contains("plan.toml") && stderr.contains("safetensors"), "{stderr}");
}

/// That it computes the same is tested where onnxruntime is (`stonechat-exchange`).
#[test]
fn an_export_says_what_it_is() {
    let folder = Folder::new();
    let value = run_json(folder.with_model("export").args(["--output", "tiny.onnx"]), 0);
    let bytes = std::fs::read(folder.path("tiny.onnx")).unwrap();
    assert_eq!((&value["format"], &value["bytes"]), (&"onnx".into(), &bytes.len().into()));
    for words in ["features", "logits", "GRU", "stonechat.alphabet"] {
        assert!(bytes.windows(words.len()).any(|w| w == words.as_bytes()), "{words}");
    }
    let streaming = ["--streaming", "--output", "stream.onnx"];
    let value = run_json(folder.with_model("export").args(streaming), 0);
    assert_eq!(value["streaming"], true);
    let bytes = std::fs::read(folder.path("stream.onnx")).unwrap();
    let name = b"row_conv.past.next";
    assert!(bytes.windows(name.len()).any(|w| w == name));
    let (text, _) = run(folder.with_model("export").args(["--output", "tiny.onnx"]), 0);
    assert!(text.contains("tiny.onnx: ONNX, opset"), "{text}");
    let (_, stderr) = run(folder.with_model("export").args(["--output", "no/folder/x"]), 1);
    assert!(stderr.contains("no/folder/x"), "{stderr}");
}
