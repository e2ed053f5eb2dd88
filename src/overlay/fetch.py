"""Fetches the pinned files through this machine's own apt and unpacks stage 0."""
import hashlib
import os
import re
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


def private_apt(build):
    """Options that give apt this machine's sources with deb-src in them, and lists of our own."""
    apt = build / "apt"
    for folder in ("sources", "lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    etc = Path("/etc/apt")
    for source in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        text = source.read_text() if source.is_file() else ""
        text = re.sub(r"^Types:.*", "Types: deb deb-src", text, flags=re.M)
        text = re.sub(r"^deb-src\s.*\n?", "", text, flags=re.M)
        text = re.sub(r"^deb(\s.*)", r"deb\1\ndeb-src\1", text, flags=re.M)
        (apt / "sources" / source.name).write_text(text)
    options = ["Dir::Etc::sourcelist=/dev/null", f"Dir::Etc::sourceparts={apt}/sources",
               f"Dir::State::lists={apt}/lists", f"Dir::Cache={apt}/cache"]
    if os.geteuid() == 0:
        options.append("APT::Sandbox::User=root")
    return [word for option in options for word in ("-o", option)]


def fetch(build, pins, kinds):
    """Leaves every pinned file of these kinds in download/, with its hash checked."""
    files = [file for kind in kinds for file in pins[kind]["file"]]
    download = build / "download"
    download.mkdir(exist_ok=True)
    uris = {}
    if not all((download / file["name"]).exists() for file in files):
        options = private_apt(build)
        # One unreachable third-party source must not stop us: what is missing shows below.
        subprocess.run(["apt-get", "-q", *options, "update"])
        source, stage0 = pins["source"], pins["stage0"]
        for query in (["source", "--only-source", f"{source['package']}={source['version']}"],
                      ["download", *(f"{name}={stage0['version']}" for name in stage0["packages"])]):
            listed = subprocess.run(["apt-get", *options, *query, "--print-uris"], cwd=download,
                                    stdout=subprocess.PIPE, text=True).stdout
            uris |= {name: uri for uri, name in re.findall(r"^'(\S+)' (\S+)", listed, re.M)}
    for number, file in enumerate(files, 1):
        done = path = download / file["name"]
        if not path.exists():
            if file["name"] not in uris:
                die(f"apt's sources on this machine do not offer {file['name']}",
                    "see apt's messages above; or set source and stage0 in config.toml (see config.example.toml)")
            print(f"  {number} of {len(files)}: {file['name']}", flush=True)
            path = download / f"{file['name']}.part"
            path.unlink(missing_ok=True)
            run(APT_HELPER, *options, "download-file", uris[file["name"]], path)
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != file["sha256"]:
            die(f"wrong SHA-256 of {path}: {found}, not {file['sha256']}",
                "delete it and run again; if that does not help, the mirror serves another file")
        path.rename(done)


def unpack_stage0(build, pins):
    folder = build / "stage0.tmp"
    shutil.rmtree(folder, ignore_errors=True)
    for file in pins["stage0"]["file"]:
        run("dpkg", "-x", build / "download" / file["name"], folder)
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
