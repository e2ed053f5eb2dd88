"""Fetches the pinned files through this machine's own apt and unpacks stage 0."""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

APT_HELPER = "/usr/lib/apt/apt-helper"


def die(message, *help_lines):
    sys.stdout.flush()
    sys.exit("\n".join([f"error: {message}", *(f"help: {line}" for line in help_lines)]))


def run(*command, **options):
    if subprocess.run(command, **options).returncode:
        die(f"`{' '.join(map(str, command))}` failed", "see its message above; the next run starts this step again")


def archives():
    """The archives that this machine's apt uses, whether or not their package lists are here."""
    sites = subprocess.run(["apt-get", "indextargets", "--no-release-info", "--format", "$(SITE)"],
                           stdout=subprocess.PIPE, text=True).stdout
    return list(dict.fromkeys(sites.split()))


def download(uris, path):
    """Takes the first of these files that is there; if none is, returns apt's reasons."""
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
    """Other ways to a source or a stage 0, with the lines of config.toml to copy."""
    if kind == "source":
        return [f"use a checkout of the tag {release} of rust-lang/rust, with this line in config.toml:\n"
                '    source = "/path/to/rust"',
                f"or unpack the release's own source tarball, rustc-{release}-src.tar.xz:\n"
                f'    source = "/path/to/rustc-{release}-src"']
    return [f"`rustup toolchain install {release}`, then in config.toml what `rustc +{release} --print sysroot` prints:\n"
            '    stage0 = "/path/to/sysroot"']


def fetch(build, pins, kinds):
    """Leaves every pinned file of these kinds in download/, with its hash checked."""
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


def unpack_stage0(build, pins):
    folder = build / "stage0.tmp"
    shutil.rmtree(folder, ignore_errors=True)
    for file in pins["stage0"]["file"]:
        run("dpkg", "-x", build / "download" / Path(file["path"]).name, folder)
    libraries = next((folder / "usr/lib").glob("*-linux-gnu")).name
    (folder / "bin").mkdir()
    (folder / "bin/cargo").symlink_to("../usr/bin/cargo")
    for tool in ("rustc", "rustdoc"):
        wrapper = folder / "bin" / tool
        wrapper.write_text(
            '#!/bin/sh\nusr=$(dirname "$(readlink -f "$0")")/../usr\n'
            f'export LD_LIBRARY_PATH="$usr/lib/{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"\n'
            f'exec "$usr/bin/{tool}" "$@"\n')
        wrapper.chmod(0o755)
    folder.rename(build / "stage0")
