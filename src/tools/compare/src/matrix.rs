//! The combinations of the options that determine the files that rustc writes and the linker's inputs.

use crate::case::Case;
use crate::crates::{EDITION, externs};

const CRATE_TYPES: [&str; 7] = [
    "bin",
    "lib",
    "rlib",
    "dylib",
    "cdylib",
    "staticlib",
    "proc-macro",
];
const EMIT: [&str; 8] = [
    "link",
    "obj",
    "asm",
    "llvm-ir",
    "llvm-bc",
    "dep-info",
    "metadata",
    "link,obj,asm,llvm-ir,llvm-bc,dep-info,metadata",
];
const UNITS: [&str; 2] = ["-Ccodegen-units=1", "-Ccodegen-units=4"];
const DEBUG_INFO: [&str; 4] = [
    "",
    "-g -Csplit-debuginfo=off",
    "-g -Csplit-debuginfo=packed",
    "-g -Csplit-debuginfo=unpacked",
];
const OPTIMIZE: [&str; 2] = ["", "-O"];
/// Without an option, `-O` and several units imply LTO of the crate's own units.
const LTO: [&str; 4] = ["", "-Clto=off", "-Clto=thin", "-Clto=fat"];

/// A combination; an empty string is no option.
#[derive(Clone, Copy)]
struct Combination {
    crate_type: &'static str,
    emit: &'static str,
    units: &'static str,
    debug_info: &'static str,
    optimize: &'static str,
    lto: &'static str,
    incremental: bool,
    linker_plugin_lto: bool,
    save_temps: bool,
}

/// All combinations that make sense. `linker` runs LTO for `-Clinker-plugin-lto`.
pub fn cases(linker: &str) -> Vec<Case> {
    let mut all = vec![Combination {
        crate_type: "",
        emit: "",
        units: "",
        debug_info: "",
        optimize: "",
        lto: "",
        incremental: false,
        linker_plugin_lto: false,
        save_temps: false,
    }];
    vary(&mut all, &CRATE_TYPES, |all, value| all.crate_type = value);
    vary(&mut all, &EMIT, |all, value| all.emit = value);
    vary(&mut all, &UNITS, |all, value| all.units = value);
    vary(&mut all, &DEBUG_INFO, |all, value| all.debug_info = value);
    vary(&mut all, &OPTIMIZE, |all, value| all.optimize = value);
    vary(&mut all, &LTO, |all, value| all.lto = value);
    let off_and_on = [false, true];
    vary(&mut all, &off_and_on, |all, value| all.incremental = value);
    vary(&mut all, &off_and_on, |all, value| {
        all.linker_plugin_lto = value
    });
    vary(&mut all, &off_and_on, |all, value| all.save_temps = value);
    all.retain(Combination::makes_sense);
    all.into_iter().map(|one| one.case(linker)).collect()
}

/// Replaces each combination by one for each value.
fn vary<T: Copy>(all: &mut Vec<Combination>, values: &[T], set: impl Fn(&mut Combination, T)) {
    let varied = all.iter().flat_map(|combination| {
        values.iter().map(|value| {
            let mut varied = *combination;
            set(&mut varied, *value);
            varied
        })
    });
    *all = varied.collect();
}

impl Combination {
    /// Whether the combination is compared. Of combinations that differ only in an option without effect, one
    /// is enough; of options that only add up, so are pairs.
    fn makes_sense(&self) -> bool {
        let only_links = self.emit == "link";
        let writes_objects = self.emit.contains("obj");
        let has_debug_info = !self.debug_info.is_empty();
        let optimizes = !self.optimize.is_empty();
        let others = [has_debug_info, optimizes, self.incremental, self.save_temps];
        let others = others.into_iter().filter(|is_given| *is_given).count();

        // The crate type matters only for links.
        if !only_links && !matches!(self.crate_type, "bin" | "rlib") {
            return false;
        }
        // Debug information is split only beside objects, and temporary files are those of a link.
        if !only_links && (has_debug_info && !writes_objects || self.save_temps) {
            return false;
        }
        // `lib` is another name of `rlib`.
        if self.crate_type == "lib" {
            return others == 0 && self.lto.is_empty() && !self.linker_plugin_lto;
        }
        if self.own_lto() {
            return match self.crate_type {
                "bin" => only_links && others <= 1 || writes_objects && others == 0,
                "cdylib" | "staticlib" => {
                    only_links && others <= usize::from(!self.linker_plugin_lto)
                }
                // The others refuse it.
                _ => only_links && others == 0 && !self.linker_plugin_lto,
            };
        }
        // `-O` and `-Clto=off` determine whether the crate's own units go through LTO.
        if optimizes || !self.lto.is_empty() {
            let most = if self.lto.is_empty() {
                2
            } else {
                usize::from(optimizes)
            };
            return matches!(self.crate_type, "bin" | "rlib") && only_links && others <= most;
        }
        // Temporary files are those of the units, with any debug information.
        !(self.save_temps && has_debug_info)
    }

    /// Whether rustc itself runs LTO of all crates, unless the linker does.
    fn own_lto(&self) -> bool {
        matches!(self.lto, "-Clto=thin" | "-Clto=fat")
    }

    fn case(&self, linker: &str) -> Case {
        let externs = externs(self.linker_plugin_lto).join(" ");
        let small = "-Cpanic=abort -Clink-arg=-nostartfiles -Clink-arg=-lc";
        let (root, options) = match self.crate_type {
            "bin" | "cdylib" | "staticlib" if self.own_lto() => ("small.rs", small),
            "bin" => ("program.rs", externs.as_str()),
            "proc-macro" => ("macros.rs", ""),
            _ => ("library.rs", externs.as_str()),
        };
        let arguments = [
            EDITION,
            root,
            options,
            &format!("--crate-type={}", self.crate_type),
            &format!("--emit={}", self.emit),
            self.units,
            self.debug_info,
            self.optimize,
            self.lto,
            if self.incremental {
                "-Cincremental=cache"
            } else {
                ""
            },
            if self.linker_plugin_lto { linker } else { "" },
            if self.save_temps { "-Csave-temps" } else { "" },
        ];
        Case::new(self.crate_type, &arguments.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the cases that have all of some words.
    fn counter() -> impl Fn(&str) -> usize {
        let cases = cases("-Clinker-plugin-lto").into_iter();
        let commands: Vec<_> = cases.map(|case| case.command()).collect();
        move |words: &str| {
            let has_all = |command: &&String| words.split(' ').all(|word| command.contains(word));
            commands.iter().filter(has_all).count()
        }
    }

    #[test]
    fn links_are_compared_in_every_combination_of_their_own() {
        let count = counter();
        for crate_type in ["bin", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"] {
            for debug_info in ["split-debuginfo=off", "=packed", "=unpacked"] {
                let words = format!("type={crate_type} emit=link units=4 {debug_info} incremental");
                assert!(count(&words) >= 2, "{words}");
                assert!(count(&format!("{words} plugin-lto")) >= 1, "{words}");
            }
            assert!(
                count(&format!(
                    "type={crate_type} save-temps plugin-lto incremental"
                )) >= 2
            );
        }
        for emit in EMIT {
            assert!(count(&format!("emit={emit} units=4 incremental plugin-lto")) >= 2);
        }
        for crate_type in ["bin", "cdylib", "staticlib"] {
            for lto in ["lto=thin", "lto=fat"] {
                for option in [
                    "save-temps",
                    "=unpacked",
                    "=packed",
                    "plugin-lto",
                    "incremental",
                ] {
                    let words = format!("type={crate_type} units=4 {lto} {option}");
                    assert!(count(&words) >= 1, "{words}");
                }
            }
        }
    }

    #[test]
    fn the_comparison_takes_minutes_not_hours() {
        let count = counter();
        assert!((400..1000).contains(&count("rustc")), "{}", count("rustc"));
    }
}
