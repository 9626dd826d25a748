//! Items, running with processes that fail, are interrupted and go on, tables and plots.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use stonechat_plot::Scale;
use stonechat_sweep::{
    Error, Hooks, Item, Outcome, Plot, State, Sweep, Table, collect, collect_epochs, plot, run,
    state,
};

const SWEEP: &str = r#"
    recipe = "recipe.toml"
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

fn read(text: &str) -> Result<Sweep, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.toml");
    std::fs::write(&path, text).unwrap();
    Sweep::load(&path)
}

#[test]
fn grid_list_and_draws_with_all_seeds() {
    let items = read(SWEEP).unwrap().items();
    assert_eq!(items.len(), 2 * (4 + 1 + 3));
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names[0], "lambda_rec-0.01_regulariser-l2-seed1");
    assert_eq!(names[3], "lambda_rec-0.01_regulariser-trace_norm-seed2");
    assert_eq!(names[8], "none-seed1");
    assert_eq!(names[10], "draw0-seed1");
    assert_eq!(
        items[0].changes(),
        [
            "data.cache.memory_mib=100",
            "seed=1",
            "stage.0.lambda_rec=0.01",
            "stage.0.regulariser=\"l2\""
        ]
    );
    for item in &items[10..] {
        let rate = item.set["stage.0.rate"].as_float().unwrap();
        let dropout = item.set["stage.0.dropout"].as_float().unwrap();
        assert!((1e-4..1e-2).contains(&rate) && (0.1..0.2).contains(&dropout), "{item:?}");
    }
    // Draws differ from each other, and not from run to run or with their number.
    assert_ne!(items[10].set["stage.0.rate"], items[12].set["stage.0.rate"]);
    let more = read(&SWEEP.replace("draws = 3", "draws = 9")).unwrap().items();
    assert_eq!(more[..16], items[..16]);
}

#[test]
fn arms_cross_all_variants_and_texts_know_their_seed() {
    let sweep = r#"
        recipe = "recipe.toml"
        seeds = [3, 4]
        set = { "init" = "runs/one-seed{seed}/net" }
        [[arm]]
        name = "low"
        set = { "stage.0.families" = { fc = { family = "low_rank", rank = 4 } }, "stage.0.rate" = 0.1 }
        [[arm]]
        name = "plain"
        [grid]
        "stage.0.warm_start" = [{ variance = 0.5 }, { variance = 0.9 }]
        [[item]]
        name = "fast"
        set = { "stage.0.rate" = 1.0 }
    "#;
    let items = read(sweep).unwrap().items();
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names.len(), 2 * (2 + 1) * 2);
    assert_eq!(names[0], "low-warm_start-variance_0.5-seed3");
    assert_eq!((names[5], names[6]), ("low-fast-seed4", "plain-warm_start-variance_0.5-seed3"));
    assert_eq!(items[5].arm.as_deref(), Some("low"));
    // The variant's own keys count for more than those of the arm.
    assert_eq!(items[5].set["stage.0.rate"].as_float(), Some(1.0));
    assert_eq!(items[0].set["stage.0.rate"].as_float(), Some(0.1));
    assert_eq!(items[5].set["init"].as_str(), Some("runs/one-seed4/net"));
    assert!(!items[6].set.contains_key("stage.0.families"));
}

#[test]
fn wrong_sweeps_say_what_is_wrong() {
    for (text, expected) in [
        ("", "recipe"),
        ("recipe = 'r'\nsed = 1", "sed"),
        ("recipe = 'r'\n[grid]\n'a' = []", "no values"),
        ("recipe = 'r'\n[[item]]\nname = 'a/b'", "letters"),
        ("recipe = 'r'\n[[item]]\nname = 'a'\n[[item]]\nname = 'a'", "two items"),
        ("recipe = 'r'\n[random]\ndraws = 1\nkeys = { a = { log = [0.0, 1.0] } }", "above 0"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("sweep.toml"), "{text:?}: {error}");
    }
    assert_eq!(read("recipe = 'r'").unwrap().items().len(), 1);
}

/// What a training does, as a shell script: it says, logs and ends as its item's `how` wants.
fn train(item: &Item, folder: &Path, resume: bool) -> Command {
    let how = item.set["how"].as_str().unwrap();
    let folder = folder.display();
    let epoch = r#"{"stage":"full","epoch":0,"train_loss":3.5,"dev":{"loss":3.25,"cer":0.5,"wer":0.9},"parameters":10,"seconds":2.0,"weights":[{"name":"gru.0.rec","nu":0.25,"rank90":4,"parameters":7,"zeros":0.5714285714285714},{"name":"fc","nu":0.75,"rank90":6}]}"#;
    let script = match (how, resume) {
        ("fails", _) => "echo some line >&2; echo the reason >&2; exit 1".to_owned(),
        ("stops", false) => {
            format!(
                "mkdir -p {folder}; touch {folder}/recipe.toml; echo '{epoch}' > {folder}/metrics.jsonl; exit 75"
            )
        }
        _ => format!(
            "mkdir -p {folder}; touch {folder}/recipe.toml; echo '{epoch}' >> {folder}/metrics.jsonl; echo '{{\"resumed\":{resume}}}'"
        ),
    };
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    command
}

fn items() -> Vec<Item> {
    let item = |name: &str| {
        let set = BTreeMap::from([("how".to_owned(), toml::Value::String(name.into()))]);
        Item { name: name.into(), arm: None, set }
    };
    ["works", "fails", "stops"].map(item).into()
}

#[test]
fn what_is_missing_runs_and_what_stopped_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (root, items) = (folder.path().join("sweep"), items());
    let hooks = Hooks { train: &train, observe: &|_, _| {}, stop: &|| false };
    let again = |jobs| run(&items, &root, jobs, &hooks).unwrap();
    let first = again(2);
    assert_eq!((&first[0], &first[2]), (&Outcome::Done, &Outcome::Interrupted));
    let Outcome::Failed(reason) = &first[1] else { panic!("{first:?}") };
    assert!(reason.contains("the reason") && reason.contains("fails.log"), "{reason}");
    assert_eq!(
        items.iter().map(|i| state(i, &root)).collect::<Vec<_>>(),
        [State::Done, State::Missing, State::Begun]
    );
    let second = again(1);
    assert_eq!((&second[0], &second[2]), (&Outcome::WasDone, &Outcome::Done));
    let said = std::fs::read_to_string(root.join("stops.json")).unwrap();
    assert!(said.contains("\"resumed\": true") && said.contains("how=\\\"stops\\\""), "{said}");
    assert!(!root.join("stops.out").exists());

    let table = collect(&items, &root).unwrap();
    assert_eq!(table.columns[0], "item");
    assert_eq!(table.column("state").unwrap(), [&json!("done"), &json!("missing"), &json!("done")]);
    assert_eq!(table.column("full.cer").unwrap(), [&json!(0.5), &json!(null), &json!(0.5)]);
    assert_eq!(table.column("full.nu_rec").unwrap()[0], &json!(0.25));
    assert_eq!(table.column("full.rank90").unwrap()[0], &json!(10));
    assert_eq!(table.column("full.nu.fc").unwrap()[0], &json!(0.75));
    assert_eq!(table.column("full.parameters.gru.0.rec").unwrap()[0], &json!(7));
    assert_eq!(table.column("full.dev_loss").unwrap()[0], &json!(3.25));
    assert_eq!(table.column("full.nonzero").unwrap()[0], &json!(6.0));
    assert_eq!(table.column("full.epoch_s").unwrap()[0], &json!(2.0));
    assert!(matches!(table.column("nothing"), Err(Error::Column { .. })));

    // What is done was done with certain keys.
    let mut other = items.clone();
    other[0].set.insert("seed".into(), toml::Value::Integer(2));
    let outcomes = run(&other, &root, 1, &hooks).unwrap();
    let Outcome::Failed(reason) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(reason.contains("works.json") && reason.contains("trained with"), "{reason}");
    assert!(matches!(collect(&other, &root), Err(Error::Done { .. })));
}

#[test]
#[cfg(unix)]
fn a_sweep_that_is_to_end_asks_its_trainings_to() {
    let folder = tempfile::tempdir().unwrap();
    let items = items();
    let ready = folder.path().join("ready");
    let script =
        format!("trap 'exit 75' TERM; touch {}; while :; do sleep 0.02; done", ready.display());
    let train = |_: &Item, _: &Path, _: bool| {
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        command
    };
    let stop = || ready.exists();
    let hooks = Hooks { train: &train, observe: &|_, _| {}, stop: &stop };
    let outcomes = run(&items, folder.path(), 1, &hooks).unwrap();
    assert_eq!(outcomes, vec![Outcome::Interrupted; 3]);
}

#[test]
fn tables_come_back_from_csv() {
    let table = Table {
        columns: ["item", "a,b", "c"].map(String::from).into(),
        rows: vec![
            vec![json!("one \"1\""), json!(0.5), json!(null)],
            vec![json!("two\nlines"), json!(7), json!(true)],
        ],
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, table.to_csv()).unwrap();
    assert_eq!(Table::from_csv(&path).unwrap(), table);
    assert_eq!(table.to_json()[1]["a,b"], json!(7));
    std::fs::write(&path, "a,b\n1,2\n3\n").unwrap();
    assert!(Table::from_csv(&path).unwrap_err().to_string().contains("line 3"));
}

#[test]
fn a_row_an_epoch_over_all_stages() {
    let folder = tempfile::tempdir().unwrap();
    let item = items().remove(0);
    let run = folder.path().join(&item.name);
    std::fs::create_dir(&run).unwrap();
    std::fs::write(run.join("recipe.toml"), "").unwrap();
    let log = r#"{"stage":"full","epoch":0,"train_loss":3.5,"dev":{"cer":0.5,"wer":0.9},"parameters":10}
        {"step":7,"loss":1.0}
        {"stage":"full","epoch":1,"train_loss":2.5,"dev":null,"parameters":10}
        {"stage":"low","truncated":{"cer":0.7,"wer":1.0},"parameters":6}
        {"stage":"low","epoch":0,"train_loss":2.0,"dev":{"cer":0.4,"wer":0.8},"parameters":6}"#;
    std::fs::write(run.join("metrics.jsonl"), log).unwrap();
    let table = collect_epochs(&[item], folder.path()).unwrap();
    let column =
        |name: &str| -> Vec<Value> { table.column(name).unwrap().into_iter().cloned().collect() };
    assert_eq!(column("epoch"), [json!(1.0), json!(2.0), json!(2.5), json!(3.0)]);
    assert_eq!(column("cer"), [json!(0.5), json!(null), json!(0.7), json!(0.4)]);
    assert_eq!(column("stage")[2..], [json!("low"), json!("low")]);
    assert_eq!(column("parameters")[1..3], [json!(10), json!(6)]);
}

#[test]
fn rows_are_kept_by_text_and_by_number() {
    let mut table = Table {
        columns: ["kind", "x"].map(String::from).into(),
        rows: vec![
            vec![json!("a"), json!(0.0)],
            vec![json!("b"), json!(0)],
            vec![json!("b"), json!(null)],
        ],
    };
    table.keep("kind", "b").unwrap();
    assert_eq!(table.rows.len(), 2);
    table.keep("x", "0.00").unwrap();
    assert_eq!(table.rows, [[json!("b"), json!(0)]]);
    assert!(matches!(table.keep("y", ""), Err(Error::Column { .. })));
}

#[test]
fn plots_of_a_table() {
    let row = |name: &str, x: f64, y: f64| vec![json!(name), json!(x), json!(y)];
    let table = Table {
        columns: ["kind", "x", "y"].map(String::from).into(),
        rows: vec![row("a", 1.0, 3.0), row("a", 1.0, 5.0), row("a", 10.0, 2.0), row("b", 1.0, 6.0)],
    };
    let (x, y) = ("x".to_owned(), "y".to_owned());
    let curve =
        Plot::Curve { x: x.clone(), y: y.clone(), by: Some("kind".into()), scale: Scale::Log };
    let svg = plot(&table, "curve", &curve).unwrap();
    // Two means of a, one of b.
    assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
    let of = Plot::Front { x: x.clone(), y: y.clone(), by: None, scale: Scale::Log };
    let front = plot(&table, "front", &of).unwrap();
    assert!(front.contains(">Pareto front<"), "{front}");
    let of = Plot::Points { x: x.clone(), y: y.clone(), by: None, scale: Scale::Log };
    let points = plot(&table, "points", &of).unwrap();
    assert!(!points.contains("Pareto") && points.contains("<circle"), "{points}");
    // (1, 3) and (10, 2) are beaten by none.
    let line = front.split("<polyline points=\"").nth(1).unwrap();
    assert_eq!(line.split('"').next().unwrap().split(' ').count(), 2, "{front}");
    let map = Plot::HeatMap { x, y: "kind".into(), value: y };
    let svg = plot(&table, "map", &map).unwrap();
    for figure in [">4<", ">2<", ">6<"] {
        assert!(svg.contains(figure), "{figure:?}: {svg}");
    }
    let (x, y) = ("none".into(), "y".into());
    let missing = Plot::Front { x, y, by: None, scale: Scale::Linear };
    assert!(matches!(plot(&table, "", &missing), Err(Error::Column { .. })));
}

/// What a few lines amount to is known before it takes all memory.
#[test]
fn sweeps_without_bound_are_refused() {
    let grid = |keys: usize| {
        let line = |key| format!("k{key} = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n");
        format!("recipe = 'r.toml'\n[grid]\n{}", (0..keys).map(line).collect::<String>())
    };
    assert_eq!(read(&grid(3)).unwrap().items().len(), 1_000);
    for text in [
        grid(5),
        grid(40),
        "recipe = 'r.toml'\n[random]\ndraws = 9000000000000000000\nkeys = {}\n".into(),
        "recipe = 'r.toml'\nseeds = [1, 2]\n[random]\ndraws = 9000\nkeys = {}\n".into(),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains("trainings, at most 10000"), "{error}");
    }
}

/// Items are folders below that of the sweep.
#[test]
fn names_that_make_no_folder_are_refused() {
    let long = "x".repeat(300);
    for name in ["..", ".", ".hidden", "a/b", "", &long] {
        let text = format!("recipe = 'r.toml'\n[[item]]\nname = '{name}'\n");
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains("a name must be"), "{name}: {error}");
    }
}
