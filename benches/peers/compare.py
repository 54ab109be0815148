#!/usr/bin/env python3
"""Runs every contestant in turn and shows how they compare, as a Markdown table and as a picture.

    ./compare.py                                     everything that `setup` has set up, on one thread and on two
    ./compare.py --only mlp,cnn --threads 1          some workloads
    ./compare.py --check                             the same models? values of the first steps beside each other
    ./compare.py --from ratios.jsonl                 table and picture again, from what an earlier run printed
    ./compare.py --peers torch mine='CMD'            some contestants, one of them your own

A contestant is called as `CMD --threads N --only NAME` and prints the lines of JSON that WORKLOADS.md lays down. Workload by
workload they take turns, `--rounds` times, so that the machine's drift falls on all alike; a figure is the median over the rounds
of each round's median. The ratio is the time of the best other contestant divided by that of gradus: above 1, gradus is faster.

Writes ratios.jsonl (every line read), ratios.md and ratios.svg into `--out`. With `--floor`, exits 1 if a ratio lies below it.
"""

import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys

import contestants
import machine
import picture

TRAINING = ["scalar", "linreg", "mlp", "cnn", "resnet", "rnn", "lstm", "gru"]
INFERENCE = ["infer_mlp_b1", "infer_mlp_b256", "infer_cnn_b1", "infer_cnn_b256", "infer_lstm_b1"]
BPTT = [f"bptt_{t}" for t in (64, 256, 1024, 4096)]
KERNELS = ["softmax_ce", "elementwise"]
PRODUCTS = [f"gemm_f32_{n}" for n in (64, 256, 512, 1024, 2048)] + ["gemm_f64_256", "gemm_f64_1024"]
WORKLOADS = TRAINING + INFERENCE + BPTT + KERNELS + PRODUCTS
OWN = "gradus"


def call(command, threads, workload, timeout, *flags):
    """What a contestant prints of one workload; nothing where it has no such workload or fails, which goes to standard error."""
    argv = [*command, "--threads", str(threads), "--only", workload, *flags]
    try:
        run = subprocess.run(argv, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        print(f"{argv[0]}: {workload}: no answer in {timeout:g} s", file=sys.stderr)
        return []
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        return []
    rows = []
    for line in run.stdout.splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and row.get("name") == workload:
            rows.append(row)
    # A peer that has no such workload prints nothing, some of them with a failure: only a crash is worth a word.
    if not rows and run.returncode < 0:
        print(f"{argv[0]}: {workload}: ended by signal {-run.returncode}", file=sys.stderr)
    return rows


def measure(chosen, options, log):
    """Lets the contestants take turns; yields the lines of one workload on one number of threads, as soon as they are there."""
    for threads in options.threads:
        for workload in options.only:
            lines = []
            for _ in range(options.rounds):
                for name, command in chosen.items():
                    rows = [row for row in call(command, threads, workload, options.timeout) if row.get("median_s")]
                    if rows:
                        best = min(rows, key=lambda row: row["median_s"])
                        lines.append(best | {"contestant": name, "threads": threads})
                        log.write(json.dumps(lines[-1]) + "\n")
                        log.flush()
            print(f"{workload}, {threads} thread(s): " + (", ".join(
                f"{name} {1e3 * time:.3f} ms" for name, time in medians(lines).items()) or "nobody"), file=sys.stderr)
            yield from lines


def medians(lines):
    """Contestant → seconds: the median over the rounds."""
    times = {}
    for line in lines:
        times.setdefault(line["contestant"], []).append(line["median_s"])
    return {name: statistics.median(values) for name, values in times.items()}


def least_peak(lines, name):
    peaks = [line["peak_rss_mib"] for line in lines if line["contestant"] == name and line.get("peak_rss_mib")]
    return min(peaks, default=None)


def judge(lines):
    """One entry a workload and number of threads: times, peaks, the best other and the ratio (None where one of the two is missing)."""
    groups = {}
    for line in lines:
        groups.setdefault((line["name"], line["threads"]), []).append(line)
    order = {name: i for i, name in enumerate(WORKLOADS)}
    verdicts = []
    for (workload, threads), group in sorted(groups.items(), key=lambda item: (order.get(item[0][0], len(order)), item[0])):
        times = medians(group)
        others = {name: time for name, time in times.items() if name != OWN}
        best = min(others, key=others.get, default=None)
        ratio = others[best] / times[OWN] if best and OWN in times else None
        peaks = {name: least_peak(group, name) for name in times}
        verdicts.append({"workload": workload, "threads": threads, "times": times, "best": best, "ratio": ratio, "peaks": peaks})
    return verdicts


def title(name):
    return contestants.TITLES.get(name, name)


def table(verdicts, names):
    def number(value, form):
        return "–" if value is None else format(value, form)

    out = ["| workload | threads | " + " | ".join(title(n) for n in names) + " | ratio | best other | peak memory, MiB: gradus / least other |",
           "| --- | ---: |" + " ---: |" * (len(names) + 1) + " --- | ---: |"]
    for v in verdicts:
        times = " | ".join(number(v["times"].get(n) and 1e3 * v["times"][n], ".3f") for n in names)
        other_peaks = [peak for name, peak in v["peaks"].items() if name != OWN and peak]
        peaks = number(v["peaks"].get(OWN), ".0f") + " / " + number(min(other_peaks, default=None), ".0f")
        out.append(f"| `{v['workload']}` | {v['threads']} | {times} | {number(v['ratio'], '.2f')} | {title(v['best']) if v['best'] else '–'} | {peaks} |")
    return "\n".join(out)


def versions(lines):
    found = {line["contestant"]: line.get("version", "?") for line in lines}
    return ", ".join(f"{title(name)} {version}" for name, version in found.items())


def show(lines, seen_on, rounds, out):
    """Prints the table, and writes it and the picture."""
    verdicts = judge(lines)
    names = [n for n in [OWN, *contestants.NAMES] if any(n in v["times"] for v in verdicts)]
    names += sorted({line["contestant"] for line in lines} - set(names))
    where = f"{machine.sentence(seen_on)}. {versions(lines)}. Rounds: {rounds}."
    words = f"Milliseconds; ratio = time of the best other / time of gradus. {where}\n\n{table(verdicts, names)}\n"
    print(words)
    (out / "ratios.md").write_text(words)
    bars = [(v["workload"], v["threads"], v["ratio"], title(v["best"])) for v in verdicts if v["ratio"]]
    if bars:
        (out / "ratios.svg").write_text(picture.svg(bars, where))
        print(f"picture: {out / 'ratios.svg'}", file=sys.stderr)
    return verdicts


def check(chosen, options):
    """Every contestant's first values beside those of gradus: the same model, or no race. Returns whether all agree."""
    print("| workload | contestant | first value | the same of gradus | largest difference of all steps, relative |\n| --- | --- | ---: | ---: | ---: |")
    agree = True
    for workload in options.only:
        values = {}
        for name, command in chosen.items():
            for row in call(command, options.threads[0], workload, options.timeout, "--check"):
                if row.get("values"):
                    values[name] = row["values"]
        own = values.pop(OWN, None)
        for name, theirs in values.items() if own else ():
            difference = max(abs(a - b) / max(abs(a), abs(b), 1e-30) for a, b in zip(own, theirs))
            first = abs(own[0] - theirs[0]) / max(abs(own[0]), 1e-30)
            agree &= first <= 1e-4
            print(f"| `{workload}` | {title(name)} | {theirs[0]:.7g} | {own[0]:.7g} | {difference:.1e} |{'' if first <= 1e-4 else ' **differs**'}", flush=True)
    return agree


def choose(peers):
    """Contestant → command. Without names: all that have been set up."""
    chosen = {OWN: contestants.command(OWN)}
    if not contestants.is_set_up(OWN):
        sys.exit(f"compare.py: {chosen[OWN][0]} is not there; ./setup builds it")
    for peer in peers or filter(contestants.is_set_up, contestants.NAMES):
        name, given, command = peer.partition("=")
        if not given and name not in contestants.NAMES:
            sys.exit(f"compare.py: no contestant {name}; there are {', '.join(contestants.NAMES)}, or NAME='CMD'")
        if not given and not contestants.is_set_up(name):
            sys.exit(f"compare.py: {name} is not set up; ./setup {name.removesuffix('-compile')} does it")
        chosen[name] = shlex.split(command) if given else contestants.command(name)
    return chosen


def recorded(path):
    """Machine, rounds and lines of an earlier run."""
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return rows[0]["machine"], rows[0]["rounds"], [row for row in rows[1:] if row["median_s"] and row["contestant"] and row["name"]]
    except (OSError, ValueError, LookupError, TypeError) as error:
        sys.exit(f"compare.py: {path} is not what this program writes: {error}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="+", metavar="NAME[=CMD]", default=[])
    parser.add_argument("--threads", type=lambda s: [int(n) for n in s.split(",")], default=[1, 2], metavar="N,...")
    parser.add_argument("--only", type=lambda s: s.split(","), default=WORKLOADS, metavar="NAME,...")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one workload of one contestant [300]")
    parser.add_argument("--floor", type=float, help="exit 1 if a ratio lies below")
    parser.add_argument("--out", type=pathlib.Path, default=contestants.HERE / "results")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--from", dest="recorded", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    unknown = [name for name in options.only if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if options.rounds < 1 or min(options.threads) < 1:
        parser.error("rounds and threads start at 1")

    if options.check:
        return 0 if check(choose(options.peers), options) else 1
    options.out.mkdir(parents=True, exist_ok=True)
    if options.recorded:
        seen_on, rounds, lines = recorded(options.recorded)
    else:
        chosen = choose(options.peers)
        seen_on, rounds = machine.describe(), options.rounds
        with open(options.out / "ratios.jsonl", "w") as log:
            log.write(json.dumps({"machine": seen_on, "rounds": rounds}) + "\n")
            lines = list(measure(chosen, options, log))
    verdicts = show(lines, seen_on, rounds, options.out)
    short = [f"{v['workload']} on {v['threads']} thread(s)" for v in verdicts if options.floor and (v["ratio"] or 0) < options.floor]
    if short:
        print(f"below {options.floor:g}: {', '.join(short)}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
