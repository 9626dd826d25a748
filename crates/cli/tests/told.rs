//! Requests that cannot be met and parts that are left out are told.
#![cfg(feature = "full")]

mod common;

use common::*;

#[test]
fn a_rate_for_a_file_that_says_its_own() {
    let folder = Folder::new();
    let file = folder.write("a.wav", wav(&sound(1.0, 1), RATE_HZ, 1));
    let bytes = std::fs::read(file).unwrap();
    for call in [&["transcribe", "-"][..], &["listen"]] {
        let mut command = folder.with_model(call[0]);
        command.args(&call[1..]).args(["--rate", "8000"]).write_stdin(bytes.clone());
        let (_, stderr) = run(&mut command, 0);
        let told = "warning: stdin: this is a wav file, which says its own rate";
        assert!(stderr.contains(told), "{call:?}: {stderr}");
    }
    let mut command = folder.with_model("transcribe");
    command.args(["-", "--rate", "8000"]).write_stdin(pcm(&sound(1.0, 1)));
    let (_, stderr) = run(&mut command, 0);
    assert!(!stderr.contains("--rate"), "{stderr}");
}

#[test]
fn a_language_model_that_is_not_exported() {
    let folder = Folder::new();
    folder.write("text.txt", "ab cd\n");
    run(&mut folder.command("lm build --order 1 --output x.lm text.txt"), 0);
    run(&mut folder.command("pack --model tiny.stonechat --lm x.lm --output with.stonechat"), 0);
    let (_, stderr) = run(&mut folder.command("export --model with.stonechat --output x.onnx"), 0);
    assert!(stderr.contains("warning: with.stonechat: its language model is no part"), "{stderr}");
    let (_, stderr) = run(&mut folder.command("export --model tiny.stonechat --output x.onnx"), 0);
    assert_eq!(stderr, "");
}
