//! `curves.svg`: the progress of a run, drawn from its `metrics.jsonl` after every epoch.

use serde_json::Value;

use stonechat_plot::{Axis, Chart, Panel, Series, figure};

/// One point for each epoch of the log, over all stages; the lines of steps are skipped. So are
/// lines that cannot be parsed, such as one truncated by a kill.
pub fn draw(metrics: &str) -> String {
    let epochs: Vec<Value> = metrics
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|entry| entry["epoch"].is_u64())
        .collect();
    let series = |name: &str, scale: f64, value: &dyn Fn(&Value) -> Option<f64>| {
        let point = |(n, epoch)| Some(((n + 1) as f64, scale * value(epoch)?));
        Series::line(name, epochs.iter().enumerate().filter_map(point).collect())
    };
    let at = |path: &'static str| move |epoch: &Value| epoch.pointer(path)?.as_f64();
    let mut maps: Vec<&str> = Vec::new();
    for weight in epochs.iter().filter_map(|epoch| epoch["weights"].as_array()).flatten() {
        if let Some(name) = weight["name"].as_str()
            && !maps.contains(&name)
        {
            maps.push(name);
        }
    }
    let of_maps = |field: &str| -> Vec<Series> {
        let value = |epoch: &Value, map: &str| {
            let weights = epoch["weights"].as_array()?;
            weights.iter().find(|weight| weight["name"] == map)?[field].as_f64()
        };
        maps.iter().map(|map| series(map, 1.0, &|epoch| value(epoch, map))).collect()
    };
    let stage = |epoch: &Value| epoch["stage"].as_str().unwrap_or("").to_owned();
    let stages: Vec<(f64, String)> = epochs
        .iter()
        .enumerate()
        .filter(|(n, epoch)| *n == 0 || stage(&epochs[n - 1]) != stage(epoch))
        .map(|(n, epoch)| (n as f64 + 0.5, stage(epoch)))
        .collect();
    let panel = |y: Axis, series| -> Panel {
        let chart = Chart::new(y.label.clone(), Axis::linear("epoch"), y).with(series);
        Chart { marks: stages.clone(), ..chart }.into()
    };
    figure(&[
        panel(
            Axis::from_zero("loss an utterance"),
            vec![series("training", 1.0, &at("/train_loss")), series("dev", 1.0, &at("/dev/loss"))],
        ),
        panel(
            Axis::from_zero("dev errors, %"),
            vec![series("CER", 100.0, &at("/dev/cer")), series("WER", 100.0, &at("/dev/wer"))],
        ),
        panel(Axis::log("learning rate"), vec![series("rate", 1.0, &at("/rate"))]),
        panel(
            Axis::from_zero("hours an hour"),
            vec![series("audio heard", 1.0, &at("/hours_an_hour"))],
        ),
        panel(Axis::from_zero("nu"), of_maps("nu")),
        panel(Axis::from_zero("rank that keeps 90 % of the variance"), of_maps("rank90")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_of_every_stage_is_drawn() {
        let weights = |nu: f64, rank: usize| {
            format!(
                r#"[{{"name":"gru.0.rec","nu":{nu},"rank90":{rank}}},{{"name":"<fc>","nu":0.5,"rank90":9}}]"#
            )
        };
        let log = [
            r#"{"step":1,"loss":99,"rate":1}"#.to_owned(),
            format!(
                r#"{{"step":1,"stage":"one","epoch":0,"train_loss":40,"dev":{{"loss":50,"cer":0.5,"wer":1.0}},"rate":0.001,"weights":{}}}"#,
                weights(0.3, 7)
            ),
            format!(
                r#"{{"step":2,"stage":"one","epoch":1,"train_loss":20,"dev":null,"rate":0.0001,"weights":{}}}"#,
                weights(0.1, 5)
            ),
            r#"{"step":2,"stage":"two","truncated":null}"#.to_owned(),
            r#"{"step":3,"stage":"two","epoch":0,"train_loss":10,"dev":{"loss":30,"cer":0.25,"wer":0.5},"rate":0.0001,"weights":null}"#.to_owned(),
            r#"{"step":3,"stage":"tw"#.to_owned(),
        ];
        let svg = draw(&log.join("\n"));
        // training, dev, CER, WER, rate, two maps twice; hours per hour are unknown.
        assert_eq!(svg.matches("<polyline").count(), 9, "{svg}");
        let points = |name: &str| -> usize {
            let series = svg
                .split("<polyline")
                .find(|part| part.contains(&format!("<title>{name}</title>")));
            let points = series.unwrap_or_else(|| panic!("no {name} in {svg}"));
            points.split("points=\"").nth(1).unwrap().split('"').next().unwrap().split(' ').count()
        };
        for (name, expected) in [("training", 3), ("CER", 2), ("rate", 3), ("gru.0.rec", 2)] {
            assert_eq!(points(name), expected, "{name}");
        }
        for part in [">one<", ">two<", "nu", "&lt;fc&gt;"] {
            assert!(svg.contains(part), "{part} is missing in {svg}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(draw("").starts_with("<svg"));
    }
}
