#!/usr/bin/env python3
"""What it costs to build: crates, seconds and size, of gradus and of the frameworks in Rust beside it.

    builds.py [NAME]...

A clean build of each in a folder of its own, one after the other, under Cargo's own release profile; all that is to be downloaded is
downloaded before. Crates are those that are built for the processor at hand, build scripts and macros not counted twice. Prints Markdown.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import machine

HERE = pathlib.Path(__file__).resolve().parent
OURS, THEIRS = HERE.parent.parent / "Cargo.toml", HERE / "rust" / "Cargo.toml"

# Name: manifest, package, further arguments, the program that is built, what it is.
CONTESTANTS = {
    "gradus-autograd": (OURS, "gradus-autograd", [], None, "the library `gradus-autograd`"),
    "gradus": (OURS, "gradus", [], None, "the library `gradus`"),
    "digits": (OURS, "gradus-examples", ["--example", "digits"], "examples/digits", "gradus, the example `digits`"),
    "gradus-benches": (OURS, "gradus-benches", [], "gradus-benches", "gradus, the program of the workloads"),
    "candle": (THEIRS, "candle-bench", [], "candle-bench", "Candle, the same"),
    "dfdx": (THEIRS, "dfdx-bench", [], "dfdx-bench", "dfdx, the same"),
    "burn": (THEIRS, "burn-bench", ["--features", "flex"], "burn-bench", "Burn (flex), the same"),
}

# Whatever a workspace's own profile says.
PROFILE = {"CARGO_PROFILE_RELEASE_" + name: value
           for name, value in {"OPT_LEVEL": "3", "CODEGEN_UNITS": "16", "LTO": "false", "DEBUG": "false", "PANIC": "unwind"}.items()}


def crates(manifest, package, arguments):
    features = [argument for argument in arguments if argument not in ("--example", "digits")]
    tree = subprocess.run(["cargo", "tree", "--locked", "--manifest-path", manifest, "-p", package, *features, "-e", "normal,build", "--prefix", "none"],
                          check=True, capture_output=True, text=True).stdout
    return len({line.removesuffix(" (*)") for line in tree.splitlines() if line})


def build(manifest, package, arguments, program):
    """Seconds, and the size of the stripped program in MiB."""
    subprocess.run(["cargo", "fetch", "--quiet", "--locked", "--manifest-path", manifest], check=True)
    target = pathlib.Path(tempfile.mkdtemp(prefix="gradus-builds-"))
    try:
        argv = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest, "-p", package, *arguments]
        start = time.monotonic()
        subprocess.run(argv, check=True, env={**os.environ, **PROFILE, "CARGO_TARGET_DIR": str(target)})
        seconds = time.monotonic() - start
        if program is None:
            return seconds, None
        stripped = target / "stripped"
        subprocess.run(["strip", "-o", stripped, target / "release" / program], check=True)
        return seconds, stripped.stat().st_size / 2**20
    finally:
        shutil.rmtree(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CONTESTANTS)}; all if none is named")
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in CONTESTANTS]:
        parser.error(f"no contestant {unknown[0]}; there are {', '.join(CONTESTANTS)}")
    print(machine.sentence(machine.describe()) + "\n\n| | crates | clean release build, s | stripped program, MiB |\n| --- | ---: | ---: | ---: |", flush=True)
    for name in names or CONTESTANTS:
        manifest, package, arguments, program, title = CONTESTANTS[name]
        seconds, size = build(manifest, package, arguments, program)
        print(f"| {title} | {crates(manifest, package, arguments)} | {seconds:.0f} | {'–' if size is None else f'{size:.1f}'} |", flush=True)


if __name__ == "__main__":
    main()
