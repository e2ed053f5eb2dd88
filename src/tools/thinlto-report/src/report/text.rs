//! The report as tables.

use std::fmt;

use tool_support::table::table;

use crate::edit::Edit;
use crate::report::{Backend, Module, Report};

impl Report {
    /// Names of the counts with their values.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let counts = &self.counts;
        vec![
            ("crates", self.crates.len() as u64),
            ("modules", counts.modules as u64),
            (
                "modules that the linker selected",
                counts.selected_modules as u64,
            ),
            ("functions imported", counts.imported_functions as u64),
            ("modules imported from", counts.module_imports as u64),
            ("bytes of bitcode", counts.bitcode_bytes),
            ("bytes of summaries", counts.summary_bytes),
            ("bytes of indexes", counts.index_bytes),
        ]
    }
}

impl Edit {
    /// One sentence on what runs again.
    pub fn sentence(&self, report: &Report) -> String {
        let crates: Vec<_> = self.crates.iter().map(String::as_str).collect();
        format!(
            "After an edit of {}: at most {} of {} backends, because {} {} again",
            self.file,
            self.backends.len(),
            report.counts.selected_modules,
            crates.join(", "),
            if crates.len() == 1 {
                "is compiled"
            } else {
                "are compiled"
            },
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = table([self.program.as_str(), ""]);
        for (name, count) in self.rows() {
            counts.add_row([name, &count.to_string()]);
        }
        writeln!(f, "{counts}\n")?;

        let mut largest = table(HEADER);
        for (module, backend) in self.largest() {
            largest.add_row(cells(module, backend));
        }
        writeln!(f, "{largest}\n")?;

        let mut crates = table([
            "crate",
            "modules",
            "bytes of bitcode",
            "backends after an edit",
        ]);
        for it in self.most_imported() {
            crates.add_row([
                it.name.clone(),
                it.modules.to_string(),
                it.bitcode_bytes.to_string(),
                it.backends_after_edit.to_string(),
            ]);
        }
        write!(f, "{crates}")?;
        if let Some(edit) = &self.edit {
            write!(f, "\n\n{}:", edit.sentence(self))?;
            for module in &edit.backends {
                write!(f, "\n  {module}")?;
            }
        }
        Ok(())
    }
}

/// The header of the largest backends.
pub const HEADER: [&str; 6] = [
    "largest backends",
    "seconds",
    "own instructions",
    "imported instructions",
    "imported functions",
    "from modules",
];

/// The cells of a backend below [`HEADER`].
pub fn cells(module: &Module, backend: &Backend) -> [String; 6] {
    [
        module.module.clone(),
        backend
            .seconds
            .map_or("-".to_owned(), |seconds| format!("{seconds:.2}")),
        backend.own_instructions.to_string(),
        backend.imported_instructions.to_string(),
        backend.imported_functions.to_string(),
        backend.imports.len().to_string(),
    ]
}
