//! Reads the SVG back: its texts and shapes, and that no two texts overlap.

use roxmltree::{Document, Node};

use super::*;

fn lines() -> Chart {
    let panel = |title: &str, y: &str, values: [[f64; 4]; 2]| Panel {
        title: title.into(),
        x: "modules".into(),
        y: y.into(),
        plot: Plot::Lines {
            points: values
                .map(|values| {
                    [10.0, 100.0, 1000.0, 5000.0]
                        .into_iter()
                        .zip(values)
                        .collect()
                })
                .into(),
        },
    };
    Chart {
        title: "Cost & size".into(),
        series: vec!["summaries".into(), "bitcode".into()],
        panels: vec![
            panel(
                "Time",
                "seconds",
                [[0.01, 0.1, 1.0, 3.4], [0.03, 0.3, 3.0, 14.3]],
            ),
            panel(
                "Memory",
                "MiB",
                [[40.0, 70.0, 300.0, 1400.0], [44.0, 90.0, 500.0, 1500.0]],
            ),
            panel(
                "Input",
                "MiB",
                [[0.1, 1.0, 10.0, 51.0], [0.8, 8.0, 83.0, 410.0]],
            ),
        ],
    }
}

fn bars() -> Chart {
    let panel = |title: &str, unit: f64| Panel {
        title: title.into(),
        x: "program".into(),
        y: "seconds".into(),
        plot: Plot::Bars {
            categories: vec!["ripgrep 14.1.1".into(), "a name of some length".into()],
            values: (1..=6)
                .map(|i| vec![Some(unit * f64::from(i)), (i != 2).then_some(unit * 7.25)])
                .collect(),
        },
    };
    let series = [
        "no LTO",
        "-Clto=thin",
        "-Clto=fat",
        "lld",
        "lld with cache",
        "distributed",
    ];
    Chart {
        title: "Builds".into(),
        series: series.map(str::to_owned).into(),
        panels: vec![panel("Clean", 1.0), panel("After an edit", 211.0)],
    }
}

fn number(node: Node, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

/// The box of a text: left, top, right, bottom.
fn text_box(node: Node) -> [f64; 4] {
    let (x, y) = (number(node, "x"), number(node, "y"));
    let size = number(node, "font-size");
    let width = 0.6 * size * node.text().unwrap().trim().chars().count() as f64;
    let start = match node.attribute("text-anchor").unwrap() {
        "start" => 0.0,
        "middle" => -width / 2.0,
        _ => -width,
    };
    let up = match node.attribute("dy").unwrap() {
        "0.76em" => 0.0,
        "0.5ex" => -size / 2.0,
        _ => -size,
    };
    if node.attribute("transform").is_some() {
        // Rotated to the left about its own position.
        [x + up, y - start - width, x + up + size, y - start]
    } else {
        [x + start, y + up, x + start + width, y + up + size]
    }
}

fn texts<'a>(document: &'a Document) -> Vec<Node<'a, 'a>> {
    document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .collect()
}

#[test]
fn the_same_chart_gives_the_same_bytes() {
    assert_eq!(lines().svg().unwrap(), lines().svg().unwrap());
}

#[test]
fn has_all_names() {
    let svg = lines().svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let texts: Vec<_> = texts(&document)
        .iter()
        .map(|node| node.text().unwrap().trim())
        .collect();
    for name in [
        "Cost & size",
        "summaries",
        "bitcode",
        "Time",
        "seconds",
        "5,000",
        "0.01",
        "14.3",
    ] {
        assert!(texts.contains(&name), "{name} is not in {texts:?}");
    }
    assert_eq!(texts.iter().filter(|text| **text == "MiB").count(), 2);
}

#[test]
fn no_text_overlaps_another_or_an_edge() {
    for chart in [lines(), bars()] {
        let svg = chart.svg().unwrap();
        let document = Document::parse(&svg).unwrap();
        let (width, height) = (
            number(document.root_element(), "width"),
            number(document.root_element(), "height"),
        );
        let boxes: Vec<_> = texts(&document)
            .iter()
            .map(|node| (text_box(*node), node.text().unwrap()))
            .collect();
        for (i, ([left, top, right, bottom], text)) in boxes.iter().enumerate() {
            assert!(
                *left >= 0.0 && *top >= 0.0 && *right <= width && *bottom <= height,
                "{text} leaves the chart"
            );
            for (other, of) in &boxes[i + 1..] {
                let apart = other[0] >= *right
                    || other[2] <= *left
                    || other[1] >= *bottom
                    || other[3] <= *top;
                assert!(apart, "{text} overlaps {of}");
            }
        }
    }
}

#[test]
fn the_background_is_opaque() {
    let svg = lines().svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let first = document.root_element().first_element_child().unwrap();
    assert_eq!(first.attribute("fill"), Some("#FFFFFF"));
    assert_eq!(first.attribute("opacity"), Some("1"));
    for side in ["width", "height"] {
        let whole = number(document.root_element(), side);
        assert!(number(first, side) >= whole - 1.0);
    }
}

#[test]
fn bars_are_as_high_as_their_values() {
    let chart = Chart {
        title: String::new(),
        series: vec!["a".into(), "b".into()],
        panels: vec![Panel {
            title: String::new(),
            x: String::new(),
            y: String::new(),
            plot: Plot::Bars {
                categories: vec!["one".into(), "two".into()],
                values: vec![vec![Some(10.0), Some(20.0)], vec![None, Some(40.0)]],
            },
        }],
    };
    let svg = chart.svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    // In the colors of the series; the first of each is the legend's.
    let heights = |color| {
        let bars = document
            .descendants()
            .filter(|node| node.attribute("fill") == Some(color));
        bars.skip(1)
            .map(|bar| number(bar, "height"))
            .collect::<Vec<_>>()
    };
    let (a, b) = (heights("#0072B2"), heights("#D55E00"));
    assert_eq!((a.len(), b.len()), (2, 1));
    assert!((a[1] - 2.0 * a[0]).abs() <= 2.0, "{a:?}");
    assert!((b[0] - 4.0 * a[0]).abs() <= 4.0, "{a:?} {b:?}");
}

#[test]
fn powers_of_ten_are_equally_far_apart() {
    let svg = lines().svg().unwrap();
    let document = Document::parse(&svg).unwrap();
    let middles: Vec<f64> = document
        .descendants()
        .filter(|node| node.has_tag_name("circle"))
        .map(|node| number(node, "cy"))
        .take(3)
        .collect();
    let steps = (middles[0] - middles[1], middles[1] - middles[2]);
    assert!(
        steps.0 > 20.0 && (steps.0 - steps.1).abs() <= 1.0,
        "{middles:?}"
    );
}

#[test]
fn refuses_values_that_do_not_fit() {
    let error = |change: fn(&mut Chart)| {
        let mut chart = lines();
        change(&mut chart);
        chart.svg().unwrap_err().to_string()
    };
    let unfit = "the values of panel `Time` do not fit its axes and series";
    assert_eq!(error(|chart| chart.series.truncate(1)), unfit);
    let zero = |chart: &mut Chart| {
        let Plot::Lines { points } = &mut chart.panels[0].plot else {
            unreachable!()
        };
        points[0][0].1 = 0.0;
    };
    assert_eq!(error(zero), unfit);
    assert_eq!(
        error(|chart| chart.panels.clear()),
        "a chart has at least one panel"
    );
    let names = |chart: &mut Chart| chart.series = vec![String::new(); 9];
    assert_eq!(error(names), "a chart has 1 to 8 series, not 9");
}

#[test]
fn numbers_have_three_significant_digits() {
    for (value, text) in [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (0.1, "0.1"),
        (4.567, "4.57"),
        (9.999, "10"),
        (99.96, "100"),
        (1_234.0, "1,234"),
        (1_234_567.4, "1,234,567"),
    ] {
        assert_eq!(text::number(value), text);
    }
}
