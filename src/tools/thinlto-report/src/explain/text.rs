//! The answer as text.

use std::fmt;

use crate::explain::answer::{Definition, Explanation, Function, Module, Outcome};
use crate::inlining::Inlining;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, function) in self.functions.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{function}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        writeln!(f, "  symbol {}", self.symbol)?;
        for definition in &self.definitions {
            writeln!(f, "  {definition}")?;
        }
        if self.definitions.is_empty() {
            writeln!(f, "  no module defines it")?;
        }
        let imports = self.modules.iter();
        let imports = imports
            .filter(|it| matches!(it.result, Outcome::Imported { .. }))
            .count();
        let callers = self
            .modules
            .iter()
            .filter(|it| !it.callers.is_empty())
            .count();
        writeln!(
            f,
            "  called in {}, imported into {imports}",
            count(callers, "module")
        )?;
        for module in &self.modules {
            write!(f, "{module}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "defined in {} of {}: ", self.module, self.crate_name)?;
        match &self.alias_of {
            Some(name) => write!(f, "another name of {name}")?,
            None => write!(f, "{}", count(self.instructions as usize, "instruction"))?,
        }
        write!(f, ", linkage {}", self.linkage)?;
        for (is, word) in [
            (self.is_no_inline, "noinline"),
            (self.is_always_inline, "alwaysinline"),
            (self.is_not_eligible_to_import, "not eligible to import"),
            (self.is_promoted, "promoted for other modules"),
            (!self.is_live, "not in the program"),
        ] {
            if is {
                write!(f, ", {word}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  {} of {}", self.module, self.crate_name)?;
        match &self.result {
            Outcome::Defined => writeln!(f, "    defines it")?,
            Outcome::Imported { from, limit } => {
                write!(f, "    imports it from {from}")?;
                if let Some(limit) = limit {
                    write!(f, ", limit {} instructions", limit.instructions)?;
                }
                writeln!(f)?;
            }
            Outcome::NotImported {
                reason, because, ..
            } => {
                let reason = reason.iter().map(|reason| format!(" ({reason})"));
                writeln!(
                    f,
                    "    does not import it: {because}{}",
                    reason.collect::<String>()
                )?;
            }
        }
        for caller in &self.callers {
            write!(f, "    called by {}", caller.name)?;
            if let Some(module) = &caller.imported_from {
                write!(f, ", itself imported from {module}")?;
            }
            match caller.hotness {
                "unknown" | "none" => writeln!(f)?,
                hotness => writeln!(f, " ({hotness})")?,
            }
        }
        match &self.inlining {
            Some(inlining) if inlining.is_empty() => {
                writeln!(f, "    no call is left when LLVM inlines")?;
            }
            Some(inlining) => {
                for Inlining {
                    caller,
                    is_inlined,
                    message,
                    place,
                    ..
                } in inlining
                {
                    let verb = if *is_inlined {
                        "inlined"
                    } else {
                        "not inlined"
                    };
                    write!(f, "    {verb} into {caller} {message}")?;
                    match place {
                        Some(place) => writeln!(f, " at {place}")?,
                        None => writeln!(f)?,
                    }
                }
            }
            None if matches!(self.result, Outcome::NotImported { .. }) => {}
            None if self.callers.is_empty() => {}
            None => writeln!(f, "    `--into {}` tells what is inlined", self.module)?,
        }
        Ok(())
    }
}

/// A number with a noun.
fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("{number} {noun}")
    } else {
        format!("{number} {noun}s")
    }
}
