//! The benchmarks of the programs: computation on one thread, over generated files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::iter;
use std::path::Path;

/// A benchmark of one program.
#[derive(Clone, Copy)]
pub enum Workload {
    /// ripgrep searches a text of 64 MB five times.
    Search,
    /// fd compiles thirty large patterns and matches them against the paths of 1,000 files.
    Find,
    /// oxipng compresses an image with Zopfli, which is written in Rust, after trials with libdeflate.
    Image,
    /// hyperfine computes the statistics of 1,500,000 runs, whose times it makes up.
    Statistics,
    /// ruff checks a file of 40,000 lines of Python against all of its rules.
    Lint,
}

impl Workload {
    /// The arguments of the program. Creates the files that it needs in `dir`.
    pub fn arguments(self, dir: &Path) -> anyhow::Result<Vec<OsString>> {
        let words = |words: &str| words.split(' ').map(OsString::from).collect::<Vec<_>>();
        Ok(match self {
            Workload::Search => {
                let path = dir.join("corpus.txt");
                write_text(&path, 800_000)?;
                let mut arguments = words("--no-config --threads=1 --count-matches --word-regexp");
                arguments.push(r"(\w+)ing\s+\w+(ed|er)".into());
                arguments.extend(iter::repeat_n(OsString::from(path), 5));
                arguments
            }
            Workload::Find => {
                let tree = dir.join("tree");
                write_tree(&tree, 20, 50)?;
                let mut arguments = words("--threads=1 --unrestricted --full-path o$");
                for length in 1..=30 {
                    let pattern = format!(r"[\w/.-]{{{length},60}}");
                    arguments.extend(["--and".into(), pattern.into()]);
                }
                arguments.push(tree.into());
                arguments
            }
            Workload::Image => {
                let path = dir.join("image.png");
                write_image(&path, 512)?;
                let mut arguments = words("--threads 1 --opt 1 --zopfli --zi 1 --stdout");
                arguments.push(path.into());
                arguments
            }
            Workload::Statistics => {
                // In its debug mode, it starts no process.
                let mut arguments = words("--debug-mode --style=none --runs=300 --export-csv=-");
                arguments.extend(words(
                    "--parameter-scan n 0.001 5 --parameter-step-size=0.001",
                ));
                arguments.push("sleep {n}".into());
                arguments
            }
            Workload::Lint => {
                let path = dir.join("functions.py");
                write_python(&path, 5_000)?;
                let mut arguments = words(
                    "check --isolated --no-cache --quiet --exit-zero --select=ALL --statistics",
                );
                arguments.push(path.into());
                arguments
            }
        })
    }
}

/// Pseudorandom numbers, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        // The constants of Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Writes lines of generated words.
fn write_text(path: &Path, lines: usize) -> anyhow::Result<()> {
    const STEMS: [&str; 12] = [
        "link", "load", "build", "index", "import", "cach", "summariz", "compil", "inlin", "merg",
        "modul", "backend",
    ];
    const ENDS: [&str; 8] = ["", "s", "e", "ing", "ed", "er", "able", "ation"];
    let mut numbers = Numbers(1);
    let mut file = BufWriter::new(File::create(path)?);
    for _ in 0..lines {
        for _ in 0..6 + numbers.below(8) {
            let stem = STEMS[numbers.below(12) as usize];
            let end = ENDS[numbers.below(8) as usize];
            write!(file, "{stem}{end} ")?;
        }
        writeln!(file)?;
    }
    Ok(file.flush()?)
}

/// Writes functions in Python, of eight lines each.
fn write_python(path: &Path, functions: usize) -> anyhow::Result<()> {
    const CALLS: [&str; 4] = ["len", "sorted", "str", "print"];
    let mut numbers = Numbers(3);
    let mut file = BufWriter::new(File::create(path)?);
    for function in 0..functions {
        let (start, limit) = (numbers.below(100), numbers.below(100_000));
        let call = CALLS[numbers.below(4) as usize];
        write!(
            file,
            "def function{function}(values, key=[{start}], *rest):\n    \
                 total = {start}\n    \
                 for index in range(len(values)):\n        \
                     if values[index] == None or index > {limit}:\n            \
                         total += values[index] * key[0] if key else {call}(rest)\n    \
                 result = \"%d of {{}}\".format(total)\n    \
                 return {{'total': total, 'rest': list(map(lambda x: x + {limit}, rest)), \"r\": result}}\n\n"
        )?;
    }
    Ok(file.flush()?)
}

/// Writes a tree of empty files.
fn write_tree(root: &Path, folders: usize, files: usize) -> anyhow::Result<()> {
    for folder in 0..folders {
        let folder = root.join(format!("folder-{folder}"));
        fs::create_dir_all(&folder)?;
        for file in 0..files {
            File::create(folder.join(format!("module-{file}.indexing.o")))?;
        }
    }
    Ok(())
}

/// Writes a square image of smooth colors with some noise.
fn write_image(path: &Path, side: u32) -> anyhow::Result<()> {
    let mut numbers = Numbers(2);
    let mut pixels = Vec::new();
    for y in 0..side {
        for x in 0..side {
            let noise = numbers.below(8) as u32;
            pixels.extend([
                (x * y / 64 + noise) as u8,
                (x + y + noise) as u8,
                (x ^ y) as u8,
            ]);
        }
    }
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_same_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let (text, image) = (
                dir.path().join(format!("{name}.txt")),
                dir.path().join(name),
            );
            write_text(&text, 50).unwrap();
            write_image(&image, 20).unwrap();
            let python = dir.path().join(format!("{name}.py"));
            write_python(&python, 3).unwrap();
            let read = |path| fs::read_to_string(path).unwrap();
            (read(text), read(python), fs::read(image).unwrap())
        };
        let (text, python, image) = write("a");
        assert_eq!((text.clone(), python.clone(), image.clone()), write("b"));
        assert_eq!(python.lines().count(), 3 * 8);
        assert!(python.starts_with("def function0(values, key=["));
        assert!(python.contains("\n        if values[index] == None or index > "));
        assert_eq!(text.lines().count(), 50);
        assert!(text.contains("ing ") && text.contains("ed "));
        assert!(image.starts_with(b"\x89PNG"));
    }
}
