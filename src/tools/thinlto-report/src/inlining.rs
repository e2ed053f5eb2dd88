//! What the backend of a module inlines, from the remarks of LLVM's inliner.

use std::fs;

use module_summary::remarks::Remark;
use serde::Serialize;

use crate::Build;
use crate::linked::Linked;
use crate::{backend, names};

/// What LLVM did with the calls of a function in another function.
#[derive(Debug, PartialEq, Serialize)]
pub struct Inlining {
    /// The name of the function with the calls.
    pub caller: String,
    /// Whether a call was replaced by the function's body.
    pub is_inlined: bool,
    /// LLVM's name for the result, such as `TooCostly`.
    pub remark: String,
    /// LLVM's message without the names of the functions.
    pub message: String,
    /// The source file and line of the call, if the module has debug information.
    pub place: Option<String>,
}

/// Runs the backend of the module with this number, and returns the inliner's remarks.
pub fn remarks(build: &Build, linked: &Linked, module: usize) -> anyhow::Result<Vec<Remark>> {
    let folder = tempfile::tempdir()?;
    let options = [
        "-Cremark=inline".to_owned(),
        format!("-Zremark-dir={}", folder.path().display()),
    ];
    backend::run(build, linked, module, &options, folder.path())?;
    let mut remarks = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            remarks.extend(Remark::read(&path)?);
        }
    }
    Ok(remarks)
}

/// The remarks on calls of the function `symbol`. Equal ones are returned once.
pub fn of_function(remarks: &[Remark], symbol: &str) -> Vec<Inlining> {
    let mut inlinings = Vec::new();
    for remark in remarks {
        let callee = remark.argument("Callee").unwrap_or_default();
        if names::without_promotion(callee) != names::without_promotion(symbol) {
            continue;
        }
        let inlining = Inlining {
            caller: names::demangled(&remark.function),
            is_inlined: remark.is_passed,
            remark: remark.name.clone(),
            message: reason(remark),
            place: (!remark.file.is_empty()).then(|| format!("{}:{}", remark.file, remark.line)),
        };
        if !inlinings.contains(&inlining) {
            inlinings.push(inlining);
        }
    }
    inlinings
}

/// The message behind the names of both functions.
fn reason(remark: &Remark) -> String {
    let caller = remark.arguments.iter().position(|(key, _)| key == "Caller");
    let rest = &remark.arguments[caller.map_or(0, |position| position + 1)..];
    let rest: String = rest.iter().map(|(_, text)| text.as_str()).collect();
    rest.trim_start_matches(['\'', ' '])
        .trim_end_matches(';')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(callee: &str, name: &str) -> Remark {
        let arguments = [
            ("String", "'"),
            ("Callee", callee),
            ("String", "' not inlined into '"),
            ("Caller", "main"),
            ("String", "' because too costly to inline (cost="),
            ("Cost", "130"),
            ("String", ")"),
        ];
        Remark {
            pass: "inline".into(),
            name: name.into(),
            function: "main".into(),
            is_passed: false,
            file: "a.rs".into(),
            line: 7,
            arguments: arguments
                .map(|(key, text)| (key.into(), text.into()))
                .into(),
        }
    }

    #[test]
    fn the_calls_of_one_function_are_selected() {
        let remarks = [
            remark("_ZL5locali.llvm.5", "TooCostly"),
            remark("_ZL5locali.llvm.5", "TooCostly"),
            remark("other", "TooCostly"),
        ];
        let expected = Inlining {
            caller: "main".into(),
            is_inlined: false,
            remark: "TooCostly".into(),
            message: "because too costly to inline (cost=130)".into(),
            place: Some("a.rs:7".into()),
        };
        assert_eq!(of_function(&remarks, "_ZL5locali"), [expected]);
    }
}
