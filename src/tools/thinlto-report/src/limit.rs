//! The number of instructions up to which LLVM imports a function.
//!
//! For a function that the module's own functions call, that is `-import-instr-limit`. For each import that
//! leads to the call it is multiplied by `-import-instr-evolution-factor`, or `-import-hot-evolution-factor`
//! if that call is hot. Then it is multiplied by a factor for the hotness of the call.

use module_summary::Hotness;
use serde::Serialize;

/// LLVM's options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// `-import-instr-limit`
    pub instructions: u32,
    /// `-import-instr-evolution-factor`
    pub evolution: f32,
    /// `-import-cold-multiplier`
    pub cold: f32,
    /// `-import-hot-multiplier`
    pub hot: f32,
    /// `-import-critical-multiplier`
    pub critical: f32,
}

impl Default for Limits {
    /// LLVM's defaults.
    fn default() -> Limits {
        Limits {
            instructions: 100,
            evolution: 0.7,
            cold: 0.0,
            hot: 10.0,
            critical: 100.0,
        }
    }
}

/// A limit that LLVM applied, and how it comes about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// The number of instructions.
    pub instructions: u32,
    /// The number of imports that lead to the call, if it can be told from the number of instructions.
    pub imports_before: Option<u32>,
    /// The factor for the hotness of the call.
    pub multiplier: f32,
}

impl Limits {
    /// The limits of a link with these arguments. The last of several options counts.
    pub fn of_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Limits {
        let mut limits = Limits::default();
        for argument in arguments {
            for option in argument.split(',') {
                limits.read(option);
            }
        }
        limits
    }

    fn read(&mut self, option: &str) {
        let option = option.strip_prefix("-mllvm=").unwrap_or(option);
        let option = option.trim_start_matches("--plugin-opt=");
        let option = option.trim_start_matches("-plugin-opt=");
        let Some((name, value)) = option.trim_start_matches('-').split_once('=') else {
            return;
        };
        if name == "import-instr-limit" {
            self.instructions = value.parse().unwrap_or(self.instructions);
        }
        let factor = match name {
            "import-instr-evolution-factor" => &mut self.evolution,
            "import-cold-multiplier" => &mut self.cold,
            "import-hot-multiplier" => &mut self.hot,
            "import-critical-multiplier" => &mut self.critical,
            _ => return,
        };
        *factor = value.parse().unwrap_or(*factor);
    }

    /// The limit for a call from one of the module's own functions.
    pub fn direct(&self, hotness: Hotness) -> Limit {
        let multiplier = self.multiplier(hotness);
        Limit {
            instructions: times(self.instructions, multiplier),
            imports_before: Some(0),
            multiplier,
        }
    }

    /// The limit of so many instructions, which LLVM printed.
    pub fn explained(&self, instructions: u32, hotness: Hotness) -> Limit {
        let multiplier = self.multiplier(hotness);
        let mut imports_before = None;
        let mut base = self.instructions;
        for imports in 0..100 {
            if times(base, multiplier) == instructions && multiplier != 0.0 {
                imports_before = Some(imports);
                break;
            }
            base = times(base, self.evolution);
        }
        Limit {
            instructions,
            imports_before,
            multiplier,
        }
    }

    fn multiplier(&self, hotness: Hotness) -> f32 {
        match hotness {
            Hotness::Unknown | Hotness::None => 1.0,
            Hotness::Cold => self.cold,
            Hotness::Hot => self.hot,
            Hotness::Critical => self.critical,
        }
    }

    /// The limit with its calculation.
    pub fn text(&self, limit: &Limit) -> String {
        let mut text = self.instructions.to_string();
        match limit.imports_before {
            None | Some(0) => {}
            Some(1) => text += &format!(" × {}", self.evolution),
            Some(imports) => {
                text += &format!(" × {} for each of {imports} imports before", self.evolution)
            }
        }
        if limit.multiplier != 1.0 {
            text += &format!(" × {}", limit.multiplier);
        }
        if text == limit.instructions.to_string() {
            text
        } else {
            format!("{} = {text}", limit.instructions)
        }
    }
}

/// LLVM's multiplication, which drops the fraction.
fn times(instructions: u32, factor: f32) -> u32 {
    (instructions as f32 * factor) as u32
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_defaults_are_llvm_s() {
        let opt = Command::new("opt-22")
            .args(["--print-all-options", "--disable-output", "/dev/null"])
            .output()
            .unwrap();
        // `--import-cold-multiplier   = 0.000000e+00 (default: …)`
        let text = String::from_utf8_lossy(&opt.stdout);
        let options: Vec<_> = text
            .lines()
            .filter_map(|line| Some(line.split_once("(default: ")?.0.replace(' ', "")))
            .collect();
        assert!(
            options
                .iter()
                .any(|option| option == "--import-instr-limit=100"),
            "{text}"
        );
        let zero = ["import-instr-limit=0", "import-instr-evolution-factor=0"];
        let mut limits = Limits::of_arguments(zero);
        (limits.cold, limits.hot, limits.critical) = (9.0, 9.0, 9.0);
        for option in &options {
            limits.read(option);
        }
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn options_of_the_link_are_read() {
        let limits = Limits::of_arguments([
            "-Wl,-mllvm,-import-instr-limit=50",
            "--plugin-opt=-import-cold-multiplier=0.5",
            "-mllvm=-import-hot-multiplier=4",
        ]);
        let expected = Limits {
            instructions: 50,
            cold: 0.5,
            hot: 4.0,
            ..Limits::default()
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn a_limit_shows_how_it_comes_about() {
        let limits = Limits::default();
        let text = |instructions, hotness| limits.text(&limits.explained(instructions, hotness));
        assert_eq!(text(100, Hotness::Unknown), "100");
        assert_eq!(text(70, Hotness::None), "70 = 100 × 0.7");
        assert_eq!(
            text(34, Hotness::Unknown),
            "34 = 100 × 0.7 for each of 3 imports before"
        );
        assert_eq!(text(1000, Hotness::Hot), "1000 = 100 × 10");
        assert_eq!(text(700, Hotness::Hot), "700 = 100 × 0.7 × 10");
        assert_eq!(text(0, Hotness::Cold), "0 = 100 × 0");
        assert_eq!(
            limits.text(&limits.direct(Hotness::Critical)),
            "10000 = 100 × 100"
        );
    }
}
