//! Looks at the page in a browser.

use std::fs;
use std::process::Command;

use serde_json::Value;
use thinlto_report::report::{self, Args};

use crate::build::{Build, Modules, source, succeed};
use crate::report::args;

/// Measures the page, and shows the result as its only text.
const MEASURE: &str = "<script>
addEventListener('load', () => {
    const box = element => element.getBoundingClientRect();
    const visible = element => box(element).width > 0 && box(element).height > 0;
    const all = selector => [...document.querySelectorAll(selector)];
    const result = {
        title: document.title,
        headings: all('h1, h2').map(heading => heading.innerText),
        charts: all('svg').filter(visible).length,
        bars: all('svg rect[fill=\"#0072B2\"]').filter(visible).length,
        texts: all('svg text').map(text => text.textContent.trim()),
        outside: all('svg').filter(svg => box(svg).right > innerWidth).length,
        scrolls: document.documentElement.scrollWidth > innerWidth,
        rows: all('table').map(table => table.tBodies[0].rows.length),
        again: all('li').map(item => item.innerText),
        loaded: performance.getEntriesByType('resource').length,
    };
    document.documentElement.textContent = JSON.stringify(result);
});
</script>";

#[test]
fn a_browser_shows_charts_and_tables() {
    let build = Build::new(Modules::Pairs, &[]);
    let path = build.path("page.html");
    let args = Args {
        edit: Some(source("parts.rs")),
        time: true,
        html: Some(path.clone()),
        ..args()
    };
    report::run(&build.tested, &args).unwrap();
    let page = fs::read_to_string(&path).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"));
    fs::write(&path, page.replace("</body>", &format!("{MEASURE}</body>"))).unwrap();

    let mut browser = Command::new("chromium");
    browser
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1280,900",
        ])
        .arg(format!(
            "--user-data-dir={}",
            build.path("browser").display()
        ))
        .arg("--dump-dom")
        .arg(format!("file://{}", path.display()));
    let shown = succeed(&mut browser);
    let (start, end) = (shown.find('{').unwrap(), shown.rfind('}').unwrap());
    let shown: Value = serde_json::from_str(&shown[start..=end]).unwrap();

    assert_eq!(shown["title"], "ThinLTO of whole");
    let headings = ["ThinLTO of whole", "Edit", "Largest backends", "Crates"];
    assert_eq!(shown["headings"], serde_json::json!(headings));
    assert_eq!(shown["charts"], 2);
    // The legend, and a bar for each module and crate.
    assert!(shown["bars"].as_u64().unwrap() >= 1 + 3 + 1 + 2, "{shown}");
    let texts = shown["texts"].as_array().unwrap();
    for text in [
        "The largest backends",
        "CPU time",
        "of the module",
        "parts",
        "whole",
    ] {
        assert!(texts.contains(&text.into()), "{text} is not in {texts:?}");
    }
    assert_eq!(
        (&shown["scrolls"], &shown["outside"]),
        (&false.into(), &0.into())
    );
    // Counts, three modules, two crates.
    assert_eq!(shown["rows"], serde_json::json!([8, 3, 2]));
    assert_eq!(shown["again"].as_array().unwrap().len(), 2);
    assert_eq!(shown["loaded"], 0, "the page needs other files");
}
