"""What a figure was measured on, and with."""

import datetime
import os
import pathlib
import platform
import subprocess


def processor():
    """The processor's own name, as the system knows it."""
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def output_of(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True, cwd=pathlib.Path(__file__).parent).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def describe():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    changed = "" if output_of("git", "status", "--porcelain") in ("", "unknown") else " and changes"
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "rustc": output_of("rustc", "--version").removeprefix("rustc "),
        "commit": output_of("git", "rev-parse", "--short", "HEAD") + changed,
        "date": datetime.date.today().isoformat(),
    }


def sentence(machine):
    return (f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; {machine['system']}; "
            f"rustc {machine['rustc']}; gradus at {machine['commit']}; {machine['date']}")
