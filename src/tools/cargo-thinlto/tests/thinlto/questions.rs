//! `explain` and `report`, on the workspace.

use serde_json::Value;

use crate::project::{Project, succeed};

#[test]
fn a_function_of_another_crate_is_explained() {
    let project = Project::new("workspace");
    let (stdout, _) = succeed(&mut project.thinlto("explain native::add -- -p app --bin app"));
    assert!(stdout.starts_with("native::add\n"), "{stdout}");
    assert!(stdout.contains("    imports it from native-"), "{stdout}");
    assert!(stdout.contains("    called by app::main\n"), "{stdout}");
    assert!(stdout.contains("    inlined into app::main "), "{stdout}");

    let output = project
        .thinlto("explain no_such -- -p app --bin app")
        .output();
    let output = output.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(101), "{stderr}");
    let message = "error: no function of the program is called no_such\n";
    assert!(stderr.contains(message), "{stderr}");
}

#[test]
fn an_edit_of_a_member_is_reported() {
    let project = Project::new("workspace");
    let words = "report --json --edit native/src/lib.rs -- -p app --bin app";
    let (stdout, _) = succeed(&mut project.thinlto(words));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["program"], "app");
    assert_eq!(report["edit"]["crates"], serde_json::json!(["native"]));
    let crates: Vec<_> = report["crates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    for name in ["app", "native", "std"] {
        assert!(
            crates.contains(&&Value::from(name)),
            "{name} is not in {crates:?}"
        );
    }
    let backends = report["edit"]["backends"].as_array().unwrap();
    assert!(backends.len() >= 2, "{backends:?}");
}
