//! Lists, tables, shards, settings, grammars, sweeps; and the bytes of searches.

use stonechat_corpus::{ShardWriter, read_manifest};
use stonechat_testing::{Folder, Random, SMALL_RECIPE, sound, wav};

use crate::input;

const MANIFEST: &str = r#"{"audio_filepath": "a.wav", "duration": 1.25, "text": "turn on the light"}
{"audio_filepath": "b/c.flac", "text": "", "offset": 0.5, "duration": 2, "speaker": 17}

{"audio_filepath": "s.tar", "start_byte": 512, "bytes": 1644, "text": "it was a cold day", "speaker": "x", "more": [1, {"a": null}]}
{"audio_filepath": "/d.mp3", "duration": null, "text": "caf\u00e9", "text": "twice"}
"#;

const SWEEP: &str = r#"recipe = "recipe.toml"
seeds = [1, 2]
set = { "data.cache.memory_mib" = 100 }
[grid]
"stage.0.lambda_rec" = [0.01, 0.1]
"stage.0.regulariser" = ["l2", "trace_norm"]
[[item]]
name = "none"
set = { "stage.0.regulariser" = "none" }
[random]
draws = 3
seed = 5
keys = { "stage.0.rate" = { log = [1e-4, 1e-2] }, "stage.0.dropout" = { uniform = [0.1, 0.2] }, "network.gru" = { choice = [[8], [16]] } }
"#;

const SETTINGS: &str = r#"{"beam": 12, "alpha": 0.5, "beta": -1, "hotwords": {"little station": 6, "ann": null}, "keywords": ["cold day"],
"threshold": -0.8, "vad": true, "vad-threshold": 0.4, "endpoint": 0.5, "nbest": 3, "normalize": "english", "confidence-weights": [1, 2, 3, 4, 5]}"#;

const GRAMMARS: [(&str, &str); 4] = [
    (
        "jsgf",
        "#JSGF V1.0;\ngrammar t;\npublic <a> = one [<b>] (two | <c>+) \"four five\"*;\n<b> = /1/ x | /0.5/ y {t};\n<c> = three;\n",
    ),
    (
        "weights",
        "#JSGF V1.0;\npublic <light> = /10/ (turn | switch) /2/ on | off <NULL> // a comment\n | <room>;\n/* and\nmore */ <room> = kitchen | hall;\n",
    ),
    ("recursion", "#JSGF V1.0;\npublic <a> = x <a> | <VOID> | y;\n"),
    (
        "doubling",
        "public <p> = <r0>;<r0> = <r1> | <r1>;<r1> = <r2> | <r2>;<r2> = <r3> <r3>;<r3> = (a | b)* a (a | b) (a | b);\n",
    ),
];

pub fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs = vec![
        input("manifest/lines.jsonl", MANIFEST),
        input("manifest/windows.jsonl", format!("\u{feff}{}", MANIFEST.replace('\n', "\r\n"))),
        input(
            "table/comma.csv",
            "path,text,speaker,offset,duration\nshard.tar,\"turn on, \"\"please\"\"\",ann,0,1.5\nb.wav,two,,,\n",
        ),
        input("table/tab.tsv", "client_id\tpath\tsentence\tup_votes\nx\tclip.mp3\tIt was.\t2\n"),
        input("table/bars.txt", "wav_filename|transcript\na.wav|one\nb|two|three\n"),
        input("sweep/all.toml", SWEEP),
        input("sweep/seeds.toml", "recipe = \"r.toml\"\nseeds = [1, 2, 3]\n"),
        input("recipe/small.toml", SMALL_RECIPE),
        input("settings/object", SETTINGS),
        input(
            "settings/lines",
            "beam 8\nhotword little station:6\nkeyword cold day\nthreshold -0.9\nvad off\nendpoint 0.4\nnbest 2\n",
        ),
        input(
            "settings/grammar",
            "grammar #JSGF V1.0; public <c> = lights (on | off);\nnearest true\nmin-confidence 0.2\n",
        ),
        input("settings/greedy", "greedy true\nnormalize english\nvad-threshold 0.9\n"),
        input(
            "hotwords/list",
            "# names\nann\nlittle station:6\nroute sixty six:-1\n\nann marie:2.5\n",
        ),
        input(
            "hotwords/many",
            (0..300).map(|n| format!("{}:{}\n", spelled(n), n % 9)).collect::<String>(),
        ),
        input("shard/two.tar", shard()),
    ];
    inputs.extend(GRAMMARS.map(|(name, text)| input(&format!("grammar/{name}"), text)));
    let mut random = Random(1);
    for (name, length) in [("short", 60), ("middle", 600), ("long", 3_000)] {
        for number in 0..4 {
            let bytes: Vec<u8> = (0..length).map(|_| random.bits() as u8).collect();
            inputs.push(input(&format!("search/{name}{number}"), bytes));
        }
    }
    inputs
}

fn spelled(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(b'a' + digit - b'0')).collect()
}

/// Two recordings of a twentieth of a second.
fn shard() -> Vec<u8> {
    let folder = Folder::new();
    let line = |name: &str| {
        format!("{{\"audio_filepath\": \"{name}\", \"text\": \"ab\", \"duration\": 0.05}}\n")
    };
    for (name, seed) in [("a.wav", 1), ("b.wav", 2)] {
        folder.write(name, wav(&sound(0.05, 8_000, seed), 8_000, 1));
    }
    let manifest = folder.write("m.jsonl", line("a.wav") + &line("b.wav"));
    let mut writer = ShardWriter::new(&folder.path("s"), 1 << 20);
    for utterance in read_manifest(&manifest).expect("a manifest") {
        writer.add(&utterance).expect("a recording");
    }
    writer.finish().expect("a shard");
    std::fs::read(folder.path("s-00000.tar")).expect("the shard")
}
