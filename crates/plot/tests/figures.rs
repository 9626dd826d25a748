//! What is in the SVG of a figure.

use stonechat_plot::{Axis, Chart, HeatMap, Series, figure};

fn chart(series: Vec<Series>) -> Chart {
    Chart::new("a <title>", Axis::linear("epoch"), Axis::log("loss, nats")).with(series)
}

#[test]
fn charts_have_their_words_and_what_the_axes_have() {
    let points = vec![(1.0, 10.0), (2.0, 5.0), (3.0, f64::NAN), (4.0, -1.0), (5.0, 2.0)];
    let spread = Series::line("train", points.clone()).with_spread(vec![1.0; 5]);
    let mut chart =
        chart(vec![spread, Series::scatter("dev", points.clone()), Series::line("bare", points)]);
    chart.marks = vec![(2.5, "second".into())];
    let svg = figure(&[chart.into()]);
    for word in ["a &lt;title&gt;", "epoch", "loss, nats", ">train<", ">dev<", ">bare<", ">second<"]
    {
        assert!(svg.contains(word), "{word}: {svg}");
    }
    // Three points that a logarithm has: two series of dots, two of lines, one with bars.
    assert_eq!(svg.matches("<circle").count(), 6, "{svg}");
    assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
    assert_eq!(
        svg.matches("<path").count()
            - svg.matches("#ddd\"").count()
            - svg.matches("v4").count()
            - 1,
        3
    );
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn greater_values_stand_higher_and_farther() {
    let svg =
        figure(&[
            chart(vec![Series::line("l", vec![(1.0, 1.0), (2.0, 10.0), (4.0, 100.0)])]).into()
        ]);
    let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
    let points: Vec<(f64, f64)> = points
        .split(' ')
        .map(|point| point.split_once(',').unwrap())
        .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
        .collect();
    assert!(points.is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1), "{points:?}");
    // Twice the way to the right from 2 to 4, the same way up by a factor of ten.
    assert!((points[2].0 - points[1].0 - 2.0 * (points[1].0 - points[0].0)).abs() < 0.2);
    assert!((points[0].1 - points[1].1 - (points[1].1 - points[2].1)).abs() < 0.2);
}

#[test]
fn nothing_to_show_is_said() {
    let svg =
        figure(&[chart(vec![]).into(), chart(vec![Series::line("x", vec![(1.0, -1.0)])]).into()]);
    assert_eq!(svg.matches("no values").count(), 2, "{svg}");
    assert!(figure(&[]).ends_with("</svg>\n"));
}

#[test]
fn heat_maps_have_names_and_figures() {
    let map = HeatMap {
        title: "CER".into(),
        x_label: "lambda rec".into(),
        y_label: "lambda nonrec".into(),
        columns: vec!["0.1".into(), "0.2".into(), "0.4".into()],
        rows: vec![
            ("low".into(), vec![Some(31.5), Some(32.25), None]),
            ("high".into(), vec![Some(40.0), Some(f64::NAN), Some(33.0)]),
        ],
    };
    let svg = figure(&[map.clone().into(), map.into()]);
    for word in ["CER", "lambda rec", "low", "high", "31.5", "32.25", "40", "33"] {
        assert_eq!(svg.matches(&format!(">{word}<")).count(), 2, "{word}: {svg}");
    }
    assert_eq!(svg.matches("<rect").count(), 1 + 2 * 4, "{svg}");
    // The greatest is the darkest.
    assert_eq!(svg.matches("34%").count(), 2, "{svg}");
}
