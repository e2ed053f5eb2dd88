#!/usr/bin/env python3
"""Fetches stage 0 and the source, and starts the driver in src/overlay with them."""
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src/overlay"))
sys.dont_write_bytecode = True
from fetch import die, fetch, has_stage0, run, unpack_stage0  # noqa: E402: it needs sys.path

START = time.time()
STEPS = {"setup": 5, "refresh": 5, "overlay": 6}


def step(verb, number, name):
    seconds = int(time.time() - START)
    print(f"[{number}/{STEPS.get(verb, 7)}] {name}  ({seconds // 60}:{seconds % 60:02})", flush=True)


def missing_packages(pins):
    wanted = sorted(sum(pins["packages"].values(), []))
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted]
    try:
        listed = subprocess.run(query, capture_output=True, text=True).stdout
    except FileNotFoundError:
        die("this is not a Debian machine", "set source, stage0 and llvm-config in config.toml (see config.example.toml)")
    return [name for name in wanted if f"{name} installed" not in listed.splitlines()]


def announce(verb, pins, todo, build):
    """Prints the remaining tasks and their costs, and stops if the disk is too small: apt would not stop."""
    costs = [pins["cost"][name] for name in todo]
    for cost in costs:
        print(f"  {cost['task']:40} {cost['download-mb']:4} MB to download, "
              f"{cost['disk-mb'] / 1000:3.1f} GB on disk, {cost['minutes']:2} min")
    if costs:
        total = [sum(cost[key] for cost in costs) for key in ("download-mb", "disk-mb", "minutes")]
        print(f"{verb}: about {total[0]} MB to download, {total[1] / 1000:.1f} GB on disk, "
              f"{total[2]} minutes on 2 cores", flush=True)
        free = shutil.disk_usage(build).free // 10**6
        if free < total[1]:
            die(f"{build} has {free / 1000:.1f} GB free, and this needs {total[1] / 1000:.1f} GB",
                "make room, or choose another place with --build-dir")


def lock(build):
    """Locks the build directory until the driver, which inherits the lock, exits."""
    build.mkdir(parents=True, exist_ok=True)
    held = os.open(build / "x.py.lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(held, True)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"waiting for another x.py that uses {build}", flush=True)
        fcntl.flock(held, fcntl.LOCK_EX)


def split_build_dir(args):
    """The arguments without --build-dir, and its value."""
    for i, arg in enumerate(args[:args.index("--")] if "--" in args else args):
        if arg.startswith("--build-dir="):
            return args[:i] + args[i + 1:], arg.partition("=")[2]
        if arg == "--build-dir":
            if i + 1 == len(args):
                die("--build-dir without a folder", "./x.py --build-dir DIR VERB")
            return args[:i] + args[i + 2:], args[i + 1]
    return args, None


def check_stage0(rustc, releases):
    try:
        version = subprocess.run([rustc, "-vV"], capture_output=True, text=True).stdout
    except OSError:
        die(f"no stage 0 compiler at {rustc}", "correct stage0 in config.toml, or leave it out")
    found = re.search(r"^release: (.*)", version, re.M)
    if not found or found[1] not in releases:
        releases = " or ".join(releases)
        die(f"stage 0 {rustc} is {found[1] if found else 'broken'}, not {releases}",
            f"point stage0 in config.toml to a toolchain {releases}, or leave it out")


def main(args):
    help_text = (ROOT / "src/overlay/help.txt").read_text()
    args, build = split_build_dir(args)
    own_args = args[:args.index("--")] if "--" in args else args
    verb = args[0] if args else "help"
    wants_help = {"-h", "--help"} & set(own_args)
    # A tool explains its own options.
    is_tool = (ROOT / "src/tools" / verb).is_dir()
    if verb == "help" or wants_help and not is_tool:
        return print(help_text, end="")
    if verb not in re.findall(r"^  ([a-z]+)", help_text, re.M):
        die(f"no verb `{verb}`\n\n{help_text}".rstrip())
    if sys.version_info < (3, 11):
        die("Python is older than 3.11", "run x.py with python3.11 or later")
    import tomllib
    pins = tomllib.loads((ROOT / "src/overlay/pins.toml").read_text())
    config = ROOT / "config.toml"
    try:
        config = tomllib.loads(config.read_text()) if config.exists() else {}
    except tomllib.TOMLDecodeError as error:
        die(f"cannot use config.toml: {error}", "see config.example.toml")
    build = Path(build).resolve() if build else (ROOT / config.get("build-dir", "build")).resolve()
    driver = build / "workspace/debug/overlay"
    hand_over = [driver, "--root", ROOT, "--build-dir", build, "--started", str(int(START)),
                 "--steps", str(STEPS.get(verb, 7)), *args]
    if verb == "clean":
        if not driver.exists():
            return print(f"nothing to clean in {build}")
        lock(build)
        os.execv(driver, hand_over)

    on_debian = not {"source", "stage0", "llvm-config"} <= config.keys()
    missing = missing_packages(pins) if on_debian else []
    if missing and os.geteuid():
        die(f"{len(missing)} Debian packages are missing: {' '.join(missing)}",
            f"sudo apt-get update && sudo apt-get install --no-install-recommends {' '.join(missing)}")
    # The tests with Bazel run in a root folder of another Debian release.
    bazel = verb == "test" and not wants_help and "src/bazel" in [arg.rstrip("/") for arg in own_args]
    if bazel and os.geteuid():
        die("the tests with Bazel need root: they run in a root folder of another Debian release",
            "sudo ./x.py test src/bazel")
    # Those with remote execution do as well, which are among the tests of the workspace.
    forky = bazel or verb == "test" and not wants_help and all(arg.startswith("-") for arg in own_args[1:])
    lock(build)
    present = {"source": wants_help or (build / "src").exists(), "stage0": has_stage0(build, pins)}
    kinds = [kind for kind in present if kind not in config and not present[kind]]
    builds = not wants_help and verb not in STEPS and not (build / "host/stage1/bin/rustc").exists()
    # `compare` builds the release too, unless another compiler is given.
    releases = verb == "compare" and not wants_help and not (build / "release/built").exists() \
        and not any(arg.startswith("--release") for arg in own_args)
    announce(verb, pins, ["packages"] * bool(missing) + ["fetch"] * bool(kinds) + ["build"] * builds
             + ["release"] * releases + ["bazel"] * (forky and not (build / "forky").exists()), build)
    if missing:
        step(verb, 1, f"installing {len(missing)} Debian packages")
        run("apt-get", "-q", "update")
        run("apt-get", "install", "-q", "-y", "--no-install-recommends", *missing,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    if kinds:
        step(verb, 2, f"fetching {' and '.join(kinds)}")
        fetch(build, pins, kinds)
    if "stage0" in kinds:
        step(verb, 3, "unpacking stage 0")
        unpack_stage0(build, pins)
    stage0 = Path(config.get("stage0", build / "stage0"))
    check_stage0(stage0 / "bin/rustc", pins["stage0-releases"])
    if not driver.exists():
        step(verb, 4, "building the driver")
    run(stage0 / "bin/cargo", "build", "--quiet", "--locked", "-p", "overlay", cwd=ROOT,
        env=os.environ | {"RUSTC": str(stage0 / "bin/rustc"), "CARGO_TARGET_DIR": str(build / "workspace")})
    os.execv(driver, hand_over)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        die("interrupted", "the next run goes on from here")
    except OSError as error:
        die(str(error), "correct that (a full disk, a folder that cannot be written to); the next run goes on from here")
