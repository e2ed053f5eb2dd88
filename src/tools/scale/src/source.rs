//! Generates the source of one module: types, tables, generic code, and functions of all sizes that
//! call other modules.

use std::fmt::Write;

use fastrand::Rng;

/// The trait that every module's type has; it is in the first module.
const STEP: &str = "
pub trait Step {
    fn step(&self, x: u64) -> u64;
}
";

/// The source of a module. `calls` are the paths of modules that it uses; `base` is the path of the
/// first module, or `None` in the first module itself.
pub fn module(rng: &mut Rng, base: Option<&str>, calls: &[String]) -> String {
    let names = rng.usize(4..16);
    let weights = rng.usize(64..1024);
    let mut out = String::new();
    tables(&mut out, rng, names, weights);
    if base.is_none() {
        out.push_str(STEP);
    }
    let step = base.map_or("Step".to_owned(), |base| format!("{base}::Step"));
    ledger(&mut out, rng, &step, names, weights);
    generics(&mut out, rng);
    // Others call `small_0`, `small_1` and `medium_0`; most modules have more.
    for number in 0..rng.usize(2..8) {
        small(&mut out, rng, number, calls);
    }
    for number in 0..rng.usize(1..3) {
        medium(&mut out, rng, number, calls);
    }
    // One module in eight has a function of hundreds of lines.
    let arms = if rng.u8(..8) == 0 {
        rng.usize(40..80)
    } else {
        rng.usize(2..10)
    };
    large(&mut out, rng, arms, calls);
    run(&mut out, &step, calls);
    out
}

/// Any of `calls`, or this module if there are none.
fn any<'a>(rng: &mut Rng, calls: &'a [String]) -> &'a str {
    rng.choice(calls).map_or("self", String::as_str)
}

fn tables(out: &mut String, rng: &mut Rng, names: usize, weights: usize) {
    let syllables = [
        "al", "be", "cor", "da", "en", "fi", "gol", "hu", "is", "jo", "ka", "lum",
    ];
    let words = (0..names).map(|_| {
        let word: String = (0..rng.usize(2..9))
            .filter_map(|_| rng.choice(syllables))
            .collect();
        format!("    \"{word}\",\n")
    });
    let words: String = words.collect();
    let numbers: String = (0..weights)
        .map(|_| format!("    {},\n", rng.u64(..)))
        .collect();
    write!(
        out,
        "
pub static NAMES: [&str; {names}] = [
{words}];

pub static WEIGHTS: [u64; {weights}] = [
{numbers}];
"
    )
    .unwrap();
}

fn ledger(out: &mut String, rng: &mut Rng, step: &str, names: usize, weights: usize) {
    let (turn, factor) = (rng.u32(1..64), rng.u32(3..999));
    write!(
        out,
        "
#[derive(Clone, Default, PartialEq)]
pub struct Ledger {{
    id: u64,
    label: String,
    items: Vec<u64>,
    notes: Vec<String>,
}}

impl Ledger {{
    pub fn new(id: u64) -> Ledger {{
        let label = NAMES[(id % {names}) as usize].to_owned();
        Ledger {{ id, label, ..Ledger::default() }}
    }}

    pub fn insert(&mut self, key: u64, text: &str) {{
        self.items.push(key ^ WEIGHTS[(key % {weights}) as usize]);
        let at = (key % {factor}) as usize;
        while self.notes.len() <= at {{
            self.notes.push(String::new());
        }}
        self.notes[at].push_str(text);
    }}

    pub fn total(&self) -> u64 {{
        self.items.iter().fold(self.id, |sum, item| sum.rotate_left({turn}).wrapping_add(*item))
    }}

    pub fn describe(&self) -> String {{
        let mut text = format!(\"{{}} {{}}: {{}} of\", self.id, self.label, self.total());
        for note in &self.notes {{
            text.push(' ');
            text.push_str(note);
        }}
        text
    }}
}}

impl {step} for Ledger {{
    fn step(&self, x: u64) -> u64 {{
        self.total().wrapping_mul({factor}) ^ x
    }}
}}
"
    )
    .unwrap();
}

fn generics(out: &mut String, rng: &mut Rng) {
    let stride = rng.usize(1..9);
    write!(
        out,
        "
pub fn gather<T: Clone + PartialEq>(items: &[T], want: &T) -> Vec<T> {{
    let mut found = Vec::new();
    let mut at = 0;
    while at < items.len() {{
        if items[at] != *want {{
            found.push(items[at].clone());
        }}
        at += {stride};
    }}
    found
}}
"
    )
    .unwrap();
}

/// A function that a backend is likely to import.
fn small(out: &mut String, rng: &mut Rng, number: usize, calls: &[String]) {
    let (turn, factor) = (rng.u32(1..64), rng.u32(3..999));
    let onward = match calls {
        [] => format!("y.rotate_left({turn})"),
        calls => format!("{}::small_0(y.rotate_left({turn}))", any(rng, calls)),
    };
    write!(
        out,
        "
pub fn small_{number}(x: u64) -> u64 {{
    let y = x.wrapping_mul({factor}) ^ WEIGHTS[{number}];
    if y % {factor} == 0 {{ y }} else {{ {onward} }}
}}
"
    )
    .unwrap();
}

/// A function with loops and strings.
fn medium(out: &mut String, rng: &mut Rng, number: usize, calls: &[String]) {
    let callee = any(rng, calls);
    let (width, limit) = (rng.usize(4..30), rng.usize(10..99));
    write!(
        out,
        "
pub fn medium_{number}(words: &[&str], x: u64) -> Vec<String> {{
    let mut out = Vec::new();
    for (i, word) in words.iter().enumerate().take({limit}) {{
        if word.len() as u64 > x % {width} {{
            out.push(format!(\"{{word:>{width}}} {{}}\", {callee}::small_0(i as u64)));
        }} else {{
            out.extend([word.to_uppercase()]);
        }}
    }}
    out.sort();
    out.dedup();
    out
}}
"
    )
    .unwrap();
}

/// A function of many cases, as in interpreters and parsers.
fn large(out: &mut String, rng: &mut Rng, arms: usize, calls: &[String]) {
    writeln!(
        out,
        "\npub fn large(op: u64, x: u64) -> u64 {{\n    match op % {arms} {{"
    )
    .unwrap();
    for arm in 0..arms {
        let (callee, number) = (any(rng, calls), rng.u64(1..1 << 40));
        let body = match rng.u8(..9) {
            0 => format!(
                "{{
            let mut ledger = {callee}::Ledger::new(x);
            ledger.insert({number}, {callee}::NAMES[{}]);
            ledger.total()
        }}",
                rng.u8(..4)
            ),
            1 => format!(
                "{{
            let found = {callee}::gather(&[Ledger::new(x), Ledger::new({number})], &Ledger::new(op));
            found.iter().fold(0, |sum, ledger| sum ^ ledger.total())
        }}"
            ),
            2 => format!(
                "{callee}::medium_0(&NAMES, x).iter().fold(op, |sum, word| sum ^ word.len() as u64)"
            ),
            3 => format!(
                "{{
            let mut y = x;
            for weight in &{callee}::WEIGHTS {{
                if *weight > {number} {{
                    y = (y ^ weight).rotate_right(7);
                }}
            }}
            y
        }}"
            ),
            4 => format!("{callee}::small_1(x ^ {number}).wrapping_add({callee}::small_0(op))"),
            5 => format!("{callee}::Ledger::new({number}).describe().len() as u64 ^ x"),
            _ => arithmetic(rng),
        };
        let pattern = if arm + 1 == arms {
            "_".to_owned()
        } else {
            arm.to_string()
        };
        writeln!(out, "        {pattern} => {body},").unwrap();
    }
    out.push_str("    }\n}\n");
}

/// A block of straight arithmetic on `x` and `op`.
fn arithmetic(rng: &mut Rng) -> String {
    let mut out = String::from("{\n            let mut y = x;\n");
    for _ in 0..rng.usize(8..60) {
        let number = rng.u32(1..);
        let line = match rng.u8(..4) {
            0 => format!("y = y.wrapping_mul({number}) ^ op;"),
            1 => format!("y ^= y >> {};", rng.u32(1..64)),
            2 => {
                format!("if y % {number} < op {{ y = y.wrapping_add(x) }} else {{ y ^= {number} }}")
            }
            _ => format!(
                "y = y.rotate_left({}).wrapping_sub(WEIGHTS[(y % 16) as usize]);",
                rng.u32(1..64)
            ),
        };
        writeln!(out, "            {line}").unwrap();
    }
    out + "            y\n        }"
}

/// The entry of the module.
fn run(out: &mut String, step: &str, calls: &[String]) {
    let boxes: String = calls
        .iter()
        .map(|callee| format!(", Box::new({callee}::Ledger::new(depth))"))
        .collect();
    let onward: String = calls
        .iter()
        .map(|callee| format!("    sum ^= {callee}::run(depth - 1, sum);\n"))
        .collect();
    write!(
        out,
        "
pub fn run(depth: u64, x: u64) -> u64 {{
    if depth == 0 {{
        return large(x, x);
    }}
    let steps: Vec<Box<dyn {step}>> = vec![Box::new(Ledger::new(x)){boxes}];
    let mut sum = steps.iter().fold(x, |sum, step| step.step(sum));
{onward}    sum
}}
"
    )
    .unwrap();
}

/// The function that calls all `modules` of a crate.
pub fn enter(modules: usize) -> String {
    let mut out = String::from("\npub fn enter(mut x: u64) -> u64 {\n");
    for number in 0..modules {
        writeln!(out, "    x = crate::m{number}::run(2, x);").unwrap();
    }
    out + "    x\n}\n"
}

/// The `main` function, which calls the other crates and then its own.
pub fn main<'a>(crates: impl Iterator<Item = &'a str>) -> String {
    let mut out =
        String::from("\n#[no_mangle]\npub extern \"C\" fn main() -> i32 {\n    let mut x = 1;\n");
    for name in crates {
        writeln!(out, "    x = {name}::enter(x);").unwrap();
    }
    out + "    (enter(x) % 2) as i32\n}\n"
}
