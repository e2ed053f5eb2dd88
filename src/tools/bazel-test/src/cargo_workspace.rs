//! A Bazel workspace for a program of crates.io, with `BUILD` files that are generated from the answer of
//! `cargo metadata`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{DependencyKind, Metadata, Node, Package, PackageId, Target};
use distributed::fetch::Source;
use distributed::toolchain::Toolchain;
use tool_support::command;

use crate::files::copy_folder;

/// Folders of packages that builds do not need.
const LEFT_OUT: [&str; 3] = [".github", "benches", "tests"];

const MODULE: &str = r#"module(name = "program")

bazel_dep(name = "rules_rust", version = "0.54.1")
bazel_dep(name = "rules_cc", version = "0.0.11")
bazel_dep(name = "thinlto", version = "0.1.0")

thinlto = use_extension("@thinlto//:extensions.bzl", "thinlto")
thinlto.toolchain(
    sysroot = "",
)
use_repo(thinlto, "thinlto_toolchains")

register_toolchains("@thinlto_toolchains//:all")
"#;

const LOADS: &str = r#"load("@rules_rust//cargo:defs.bzl", "cargo_build_script")
load("@rules_rust//rust:defs.bzl", "rust_binary", "rust_library", "rust_proc_macro")
load("@thinlto//:defs.bzl", "rust_thinlto_binary")

package(default_visibility = ["//visibility:public"])
"#;

/// Writes the workspace into `dir`. A package has the folder `crates/NAME-VERSION`. In that of the
/// program there are the targets `NAME_thinlto` by distributed ThinLTO, `NAME_by_rustc` without LTO, and
/// `NAME_thin` with rustc's own ThinLTO. A library may have the program's name. Returns the label of the folder.
pub fn write(tools: &Toolchain, source: &Source, dir: &Path) -> anyhow::Result<String> {
    let mut cargo = tools.cargo("metadata", &[]);
    cargo
        .args([
            "--format-version=1",
            "--locked",
            "--filter-platform",
            &tools.host,
        ])
        .current_dir(&source.root);
    let answer = command::run(&mut cargo)?.stdout;
    let metadata: Metadata =
        serde_json::from_slice(&answer).context("cannot read the answer of `cargo metadata`")?;
    fs::create_dir_all(dir)?;
    fs::write(dir.join("MODULE.bazel"), MODULE)?;
    fs::write(dir.join("BUILD.bazel"), "")?;

    let crates = Crates::new(&metadata)?;
    for node in crates.needed()? {
        let package = crates.package(&node.id)?;
        let folder = dir.join(folder(package));
        copy_package(package, &folder)?;
        let program = (node.id == crates.root).then_some(source.program);
        let text = crates.build_file(package, node, program)?;
        fs::write(folder.join("BUILD.bazel"), text)?;
    }
    Ok(format!("//{}", folder(crates.package(&crates.root)?)))
}

/// The folder of a package in the workspace.
fn folder(package: &Package) -> String {
    format!("crates/{}-{}", package.name, package.version)
}

/// Copies the sources, without `BUILD` files and workspaces of their own.
fn copy_package(package: &Package, to: &Path) -> anyhow::Result<()> {
    let from = package
        .manifest_path
        .parent()
        .context("a manifest is in a folder")?;
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kept = !["BUILD", "BUILD.bazel"].contains(&name.as_str());
        if entry.file_type()?.is_file() && kept {
            fs::copy(entry.path(), to.join(name))?;
        } else if entry.file_type()?.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            copy_folder(&entry.path(), &to.join(name))?;
        }
    }
    Ok(())
}

/// The packages of a program.
struct Crates<'a> {
    root: PackageId,
    packages: BTreeMap<&'a PackageId, &'a Package>,
    nodes: BTreeMap<&'a PackageId, &'a Node>,
}

impl<'a> Crates<'a> {
    fn new(metadata: &'a Metadata) -> anyhow::Result<Crates<'a>> {
        let resolve = metadata
            .resolve
            .as_ref()
            .context("cargo resolved nothing")?;
        Ok(Crates {
            root: resolve.root.clone().context("there is no root package")?,
            packages: metadata
                .packages
                .iter()
                .map(|package| (&package.id, package))
                .collect(),
            nodes: resolve.nodes.iter().map(|node| (&node.id, node)).collect(),
        })
    }

    fn package(&self, id: &PackageId) -> anyhow::Result<&'a Package> {
        self.packages
            .get(id)
            .copied()
            .with_context(|| format!("no package {id}"))
    }

    /// The root and all that it depends on, except for development.
    fn needed(&self) -> anyhow::Result<Vec<&'a Node>> {
        let mut found = BTreeMap::new();
        let mut next = vec![&self.root];
        while let Some(id) = next.pop() {
            let node = *self
                .nodes
                .get(id)
                .with_context(|| format!("no node {id}"))?;
            if found.insert(&node.id, node).is_none() {
                for kind in [DependencyKind::Normal, DependencyKind::Build] {
                    next.extend(dependencies(node, kind).map(|(id, _)| id));
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// The text of `BUILD.bazel`. The package of the program gets targets of that name.
    fn build_file(
        &self,
        package: &Package,
        node: &Node,
        program: Option<&str>,
    ) -> anyhow::Result<String> {
        let script = package
            .targets
            .iter()
            .find(|target| is(target, "custom-build"));
        let own = Attributes::of(package, node);
        let mut text = LOADS.to_owned();
        if let Some(script) = script {
            let mut rule = own.rule(package, script, "build_script", &[])?;
            rule.extend(self.dependencies(node, DependencyKind::Build)?);
            rule.push(("pkg_name", string(&package.name)));
            rule.extend(package.links.as_ref().map(|links| ("links", string(links))));
            let linked: Vec<String> = dependencies(node, DependencyKind::Normal)
                .map(|(id, _)| self.package(id))
                .filter(|package| {
                    package
                        .as_ref()
                        .is_ok_and(|package| package.links.is_some())
                })
                .map(|package| Ok(label(package?)))
                .collect::<anyhow::Result<_>>()?;
            rule.push(("link_deps", list(&linked)));
            rule.push(("data", "glob([\"**\"], exclude = [\"BUILD.bazel\"])".into()));
            write_rule(&mut text, "cargo_build_script", &rule)?;
        }
        let mut dependencies = self.dependencies(node, DependencyKind::Normal)?;
        if script.is_some() {
            dependencies[0].1 += " + [\":build_script\"]";
        }
        if let Some(library) = library(package) {
            let kind = if is(library, "proc-macro") {
                "rust_proc_macro"
            } else {
                "rust_library"
            };
            let mut rule = own.rule(package, library, &package.name, &[])?;
            rule.extend(dependencies.clone());
            write_rule(&mut text, kind, &rule)?;
            dependencies[0].1 += &format!(" + [\":{}\"]", package.name);
        }
        let Some(program) = program else {
            return Ok(text);
        };
        let target = package
            .targets
            .iter()
            .find(|target| is(target, "bin") && target.name == program);
        let target =
            target.with_context(|| format!("{} has no program {program}", package.name))?;
        for (name, flags) in [("by_rustc", &[][..]), ("thin", &["-Clto=thin"])] {
            let mut rule = own.rule(package, target, &format!("{program}_{name}"), flags)?;
            rule.extend(dependencies.clone());
            write_rule(&mut text, "rust_binary", &rule)?;
        }
        let rule = [
            ("name", string(&format!("{program}_thinlto"))),
            ("binary", string(&format!(":{program}_by_rustc"))),
        ];
        write_rule(&mut text, "rust_thinlto_binary", &rule)?;
        Ok(text)
    }

    /// `deps`, which come first, `proc_macro_deps` and `aliases`.
    fn dependencies(
        &self,
        node: &Node,
        kind: DependencyKind,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let (mut libraries, mut macros, mut aliases) = (Vec::new(), Vec::new(), Vec::new());
        for (id, name) in dependencies(node, kind) {
            let package = self.package(id)?;
            let library =
                library(package).with_context(|| format!("{} has no library", package.name))?;
            if library.name.replace('-', "_") != name {
                aliases.push(format!("{}: {}", string(&label(package)), string(name)));
            }
            let deps = if is(library, "proc-macro") {
                &mut macros
            } else {
                &mut libraries
            };
            deps.push(label(package));
        }
        Ok(vec![
            ("deps", list(&libraries)),
            ("proc_macro_deps", list(&macros)),
            ("aliases", format!("{{{}}}", aliases.join(", "))),
        ])
    }
}

/// The packages that a package depends on in one way, with the names that they have in it.
fn dependencies(node: &Node, kind: DependencyKind) -> impl Iterator<Item = (&PackageId, &str)> {
    let all = node.deps.iter();
    let of_kind = all.filter(move |dep| dep.dep_kinds.iter().any(|found| found.kind == kind));
    of_kind.map(|dep| (&dep.pkg, dep.name.as_str()))
}

fn library(package: &Package) -> Option<&Target> {
    let kinds = ["lib", "rlib", "proc-macro"];
    package
        .targets
        .iter()
        .find(|target| kinds.iter().any(|kind| is(target, kind)))
}

fn is(target: &Target, kind: &str) -> bool {
    target.kind.iter().any(|found| found.to_string() == kind)
}

/// The label of a package's library.
fn label(package: &Package) -> String {
    format!("//{}:{}", folder(package), package.name)
}

/// What the rules of a package have in common.
struct Attributes {
    features: String,
    environment: String,
}

impl Attributes {
    fn of(package: &Package, node: &Node) -> Attributes {
        let variables = [
            ("CARGO_PKG_NAME", package.name.clone()),
            ("CARGO_PKG_AUTHORS", package.authors.join(":")),
            (
                "CARGO_PKG_DESCRIPTION",
                package.description.clone().unwrap_or_default(),
            ),
            (
                "CARGO_PKG_HOMEPAGE",
                package.homepage.clone().unwrap_or_default(),
            ),
            (
                "CARGO_PKG_REPOSITORY",
                package.repository.clone().unwrap_or_default(),
            ),
        ];
        // rustc and the process wrapper take one line each.
        let lines = variables.map(|(name, value)| {
            format!(
                "{}: {}",
                string(name),
                string(&value.replace('\n', " ").replace('$', "$$"))
            )
        });
        Attributes {
            features: list(&node.features),
            environment: format!("{{{}}}", lines.join(", ")),
        }
    }

    fn rule(
        &self,
        package: &Package,
        target: &Target,
        name: &str,
        flags: &[&str],
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest is in a folder")?;
        let root = target.src_path.strip_prefix(folder)?;
        Ok(vec![
            ("name", string(name)),
            ("crate_name", string(&target.name.replace('-', "_"))),
            ("crate_root", string(root.as_str())),
            ("srcs", sources(target, root)),
            (
                "compile_data",
                "glob([\"**\"], exclude = [\"**/*.rs\", \"BUILD.bazel\"])".into(),
            ),
            ("edition", string(target.edition.as_str())),
            ("version", string(&package.version.to_string())),
            ("crate_features", self.features.clone()),
            ("rustc_env", self.environment.clone()),
            (
                "rustc_flags",
                list(&[&["--cap-lints=allow"], flags].concat()),
            ),
        ])
    }
}

/// The sources of a target. A build script is compiled apart from its package.
fn sources(target: &Target, root: &Utf8Path) -> String {
    let folder = root.parent().map_or("", Utf8Path::as_str);
    match folder {
        // It may include a file beside it.
        "" if is(target, "custom-build") => "glob([\"*.rs\"])".to_owned(),
        folder if is(target, "custom-build") => {
            format!("glob([{}])", string(&format!("{folder}/**/*.rs")))
        }
        _ => "glob([\"**/*.rs\"])".to_owned(),
    }
}

fn write_rule(text: &mut String, rule: &str, attributes: &[(&str, String)]) -> anyhow::Result<()> {
    writeln!(text, "\n{rule}(")?;
    for (name, value) in attributes {
        writeln!(text, "    {name} = {value},")?;
    }
    writeln!(text, ")")?;
    Ok(())
}

/// A string of Starlark.
fn string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn list(words: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = words.iter().map(|word| string(word.as_ref())).collect();
    format!("[{}]", words.join(", "))
}
