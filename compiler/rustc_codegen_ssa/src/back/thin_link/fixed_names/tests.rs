use super::numbers;

#[test]
fn each_number_once() {
    let names: Vec<String> = (0..16).map(|unit| format!("c.0123456789abcdef-cgu.{unit:02}")).collect();
    let mut found = numbers(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    found.sort();
    assert_eq!(found, (0..16).collect::<Vec<_>>());
}

#[test]
fn a_new_unit_moves_few() {
    let units: Vec<String> = (0..30).map(|unit| format!("unit{unit}")).collect();
    let number_all = |units: &[String]| {
        let mut names = units.to_vec();
        names.extend((0..64 - units.len()).map(|filler| format!("filler.{filler}")));
        let found = numbers(&names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
        names.into_iter().zip(found).take(30).collect::<Vec<_>>()
    };
    let before = number_all(&units);
    let mut more = units.clone();
    more.push("unit_new".to_owned());
    let moved = before.iter().zip(number_all(&more)).filter(|&(old, ref new)| old != new).count();
    assert!(moved <= 2, "{moved}");
}
