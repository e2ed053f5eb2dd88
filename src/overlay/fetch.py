"""Fetches the pinned files through this machine's own apt and unpacks stage 0."""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

APT_HELPER = "/usr/lib/apt/apt-helper"
# The programs of stage 0 that need its libraries.
PROGRAMS = ("rustc", "rustdoc", "cargo-clippy", "cargo-fmt", "rustfmt")


def die(message, *help_lines):
    sys.stdout.flush()
    sys.exit("\n".join([f"error: {message}", *(f"help: {line}" for line in help_lines)]))


def run(*command, **options):
    if subprocess.run(command, **options).returncode:
        die(f"`{' '.join(map(str, command))}` failed", "see its message above; the next run starts this step again")


def archives():
    """The archives that apt uses on this machine, with or without their package lists."""
    sites = subprocess.run(["apt-get", "indextargets", "--no-release-info", "--format", "$(SITE)"],
                           stdout=subprocess.PIPE, text=True).stdout
    return list(dict.fromkeys(sites.split()))


def download(uris, path):
    """Downloads the first of these files that exists; returns apt's reasons if none does."""
    options = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    reasons = ["apt has no archives"] if not uris else []
    for uri in uris:
        path.unlink(missing_ok=True)
        helper = subprocess.run([APT_HELPER, *options, "download-file", uri, path], capture_output=True, text=True)
        if helper.returncode == 0:
            return []
        reasons.append(helper.stderr.strip())
    return reasons


def ways_out(kind, release):
    """Help for a missing source or stage 0, with the lines to put into config.toml."""
    if kind == "source":
        return [f"use a checkout of the tag {release} of rust-lang/rust, with this line in config.toml:\n"
                '    source = "/path/to/rust"',
                f"or unpack the release's own source tarball, rustc-{release}-src.tar.xz:\n"
                f'    source = "/path/to/rustc-{release}-src"']
    return [f"`rustup toolchain install {release}`, then in config.toml the output of `rustc +{release} --print sysroot`:\n"
            '    stage0 = "/path/to/sysroot"']


def fetch(build, pins, kinds):
    """Downloads every pinned file of these kinds to download/ and checks its hash."""
    files = [(kind, file) for kind in kinds for file in pins[kind]["file"]]
    folder = build / "download"
    folder.mkdir(exist_ok=True)
    missing, reasons = {}, []
    for number, (kind, file) in enumerate(files, 1):
        name = Path(file["path"]).name
        done = path = folder / name
        if not path.exists():
            print(f"  {number} of {len(files)}: {name}", flush=True)
            path = folder / f"{name}.part"
            failed = download([f"{site}/{pool}/{file['path']}" for site in archives() for pool in pins["pools"]], path)
            if failed:
                missing.setdefault(kind, []).append(name)
                reasons += failed
                continue
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != file["sha256"]:
            die(f"wrong SHA-256 of {path}: {found}, not {file['sha256']}",
                "delete it and run again; if that does not help, the mirror serves another file")
        path.rename(done)
    if missing:
        print(*reasons, sep="\n", file=sys.stderr)
        die(f"the archives that apt uses on this machine do not have {', '.join(sum(missing.values(), []))}",
            *(way for kind in missing for way in ways_out(kind, pins["release"])))


def stage0_packages(pins):
    return "".join(f"{Path(file['path']).name}\n" for file in pins["stage0"]["file"])


def has_stage0(build, pins):
    """Whether stage 0 was unpacked from exactly the pinned packages."""
    record = build / "stage0/packages"
    return record.exists() and record.read_text() == stage0_packages(pins)


def unpack_stage0(build, pins):
    """Unpacks the pinned packages in place of any other stage 0."""
    folder = build / "stage0.tmp"
    shutil.rmtree(folder, ignore_errors=True)
    for file in pins["stage0"]["file"]:
        run("dpkg", "-x", build / "download" / Path(file["path"]).name, folder)
    libraries = next((folder / "usr/lib").glob("*-linux-gnu")).name
    (folder / "bin").mkdir()
    (folder / "bin/cargo").symlink_to("../usr/bin/cargo")
    for program in PROGRAMS:
        wrapper = folder / "bin" / program
        wrapper.write_text(
            '#!/bin/sh\nusr=$(dirname "$(readlink -f "$0")")/../usr\n'
            f'export LD_LIBRARY_PATH="$usr/lib/{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"\n'
            f'exec "$usr/bin/{program}" "$@"\n')
        wrapper.chmod(0o755)
    (folder / "packages").write_text(stage0_packages(pins))
    old = build / "stage0.old"
    if (build / "stage0").exists():
        shutil.rmtree(old, ignore_errors=True)
        (build / "stage0").rename(old)
    folder.rename(build / "stage0")
    shutil.rmtree(old, ignore_errors=True)
