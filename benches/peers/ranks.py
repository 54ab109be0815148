#!/usr/bin/env python3
"""Data-parallel training on several ranks: gradus beside PyTorch's DistributedDataParallel over Gloo.

    ./ranks.py                        mlp, cnn and lstm on one rank and on two; a Markdown table
    ./ranks.py --only cnn --rounds 1  one workload, one turn each
    ./ranks.py --check                the loss of 50 steps: gradus on two ranks against PyTorch in one process
    ./ranks.py --from ranks.jsonl     the table again, without measuring

    cargo build --release -p gradus-benches --features mpi --bin gradus-ranks      before; `setup torch` for PyTorch

Every rank is held to one processor and one thread, and has the workload's whole batch. The contestants take turns, `--rounds` times;
a figure is the median over the rounds. Writes ranks.jsonl (every line read) and ranks.md into `--out`.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import contestants
import machine

WORKLOADS = ["mlp", "cnn", "lstm"]
GRADUS = [str(pathlib.Path(contestants.gradus()[0]).with_name("gradus-ranks"))]
DDP = [str(contestants.VENV / "bin" / "python"), str(contestants.HERE / "python" / "ddp.py")]
# PyTorch's settings that its documents recommend to try; the best counts.
SETTINGS = {
    "defaults": [],
    "view": ["--view"],
    "view, static": ["--view", "--static"],
    "view, 1 MB": ["--view", "--bucket-mb", "1"],
}
CHECK = 1e-3


def runs(ranks):
    """What takes part, by (contestant, how, ranks): the command of each."""
    many = str(ranks)
    of_gradus = {
        ("gradus", "alone", 1): ["--transport", "none", "--ranks", "1"],
        ("gradus", "alone", ranks): ["--transport", "none", "--ranks", many],
        ("gradus", "mpi", ranks): ["--transport", "mpi", "--ranks", many],
        ("gradus", "threads", ranks): ["--transport", "threads", "--ranks", many],
    }
    of_ddp = {("ddp", "alone", 1): ["--alone", "--ranks", "1"], ("ddp", "alone", ranks): ["--alone", "--ranks", many]}
    of_ddp |= {("ddp", setting, ranks): ["--ranks", many, *flags] for setting, flags in SETTINGS.items()}
    return {key: GRADUS + flags for key, flags in of_gradus.items()} | {key: DDP + flags for key, flags in of_ddp.items()}


def call(command, workload, timeout):
    """The line of a contestant; nothing where it fails, which goes to standard error."""
    with tempfile.TemporaryDirectory() as folder:
        # A folder of its own: what an earlier mpirun clears away after its end would be this one's, too.
        command = ["env", f"TMPDIR={folder}", *command, "--only", workload]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            print(f"{' '.join(command)}: no answer in {timeout:g} s", file=sys.stderr)
            return None
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode or not lines:
        print(f"{' '.join(command)}: failed\n{run.stderr[-2000:]}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def measure(options, log):
    lines = []
    for workload in options.only:
        for turn in range(options.rounds):
            for (contestant, how, ranks), command in runs(options.ranks).items():
                line = call(command, workload, options.timeout)
                if line:
                    lines.append(line | {"contestant": contestant, "how": how, "round": turn})
                    log.write(json.dumps(lines[-1]) + "\n")
                    log.flush()
        print(f"{workload}: " + ", ".join(f"{how[0]} {how[1]} on {how[2]}: {rate:.0f}/s" for how, rate in rates(lines, workload).items()),
              file=sys.stderr)
    return lines


def rates(lines, workload, field="samples_per_s"):
    """(contestant, how, ranks) → the median over the rounds."""
    found = {}
    for line in lines:
        if line["name"] == workload and line.get(field) is not None:
            found.setdefault((line["contestant"], line["how"], line["ranks"]), []).append(line[field])
    return {key: statistics.median(values) for key, values in found.items()}


def judge(lines, workload, ranks):
    """One entry for each way of several ranks: its rate, the speed-up over one rank, what the machine can give, and the ratio to PyTorch's best."""
    rate, exposed, seconds = (rates(lines, workload, field) for field in ("samples_per_s", "exposed_s", "median_s"))
    ddp = {how: rate["ddp", how, ranks] for how in SETTINGS if ("ddp", how, ranks) in rate}
    best = max(ddp, key=ddp.get, default=None)
    entries = []
    for contestant, how in (("gradus", "mpi"), ("gradus", "threads"), ("ddp", best)):
        here, one, ceiling = ((contestant, how, ranks), (contestant, "alone", 1), (contestant, "alone", ranks))
        if not {here, one, ceiling} <= rate.keys():
            continue
        entries.append({
            "workload": workload,
            "who": f"gradus, {'MPI' if how == 'mpi' else how}" if contestant == "gradus" else f"PyTorch DDP, Gloo ({how})",
            "one": rate[one],
            "many": rate[here],
            "speed_up": rate[here] / rate[one],
            "ceiling": rate[ceiling] / rate[one],
            "exposed_ms": 1e3 * exposed[here] if here in exposed else None,
            "longer_ms": 1e3 * (seconds[here] - seconds[ceiling]),
            "ratio": rate[here] / ddp[best] if best and contestant == "gradus" else None,
        })
    return entries


def table(entries, ranks):
    out = [f"| workload | | samples/s on 1 rank | on {ranks} ranks | speed-up | ceiling | exposed, ms a step | longer than the ceiling, ms a step | ratio to DDP |",
           "| --- | --- |" + " ---: |" * 7]
    for e in entries:
        exposed, ratio = ("–" if e[key] is None else f"{e[key]:.2f}" for key in ("exposed_ms", "ratio"))
        out.append(f"| `{e['workload']}` | {e['who']} | {e['one']:.0f} | {e['many']:.0f} | {e['speed_up']:.2f} | {e['ceiling']:.2f} | {exposed} | {e['longer_ms']:.2f} | {ratio} |")
    return "\n".join(out)


def largest_differences(ours, theirs):
    """Of two loss curves: the largest difference, and the largest relative to the second's loss at the same step."""
    if len(ours) != len(theirs):
        raise ValueError(f"curves of {len(ours)} and {len(theirs)} steps")
    return max(abs(a - b) for a, b in zip(ours, theirs)), max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))


def check(options):
    """The same batch in every step, shared by the ranks of gradus, and whole in one process of PyTorch. Whether all curves agree.

    `cnn` learns the batch by heart: relative to its last losses, of 0.001, any rounding looks large. Two more figures show what it comes from:
    the difference to one rank of gradus is what the ranks do, and that of PyTorch to itself with its other Adam is how far rounding alone
    drives this workload's losses apart.
    """
    print("| workload | ranks | transport | first loss | last loss | largest difference to PyTorch's | the same, relative | relative, to gradus on one rank | relative, PyTorch with unfused Adam to PyTorch |\n"
          "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    agree = True
    for workload in options.only:
        def curve(command, *flags):
            line = call([*command, *flags, "--check"], workload, options.timeout)
            return line and line["values"]

        theirs = curve(DDP, "--alone", "--ranks", "1")
        unfused = curve(DDP, "--alone", "--ranks", "1", "--unfused")
        single = curve(GRADUS, "--transport", "none", "--ranks", "1")
        for transport in ("mpi", "threads"):
            ours = curve(GRADUS, "--transport", transport, "--ranks", str(options.ranks))
            if not (ours and theirs and unfused and single):
                agree = False
                continue
            difference, relative = largest_differences(ours, theirs)
            agree &= difference <= CHECK
            others = (largest_differences(*pair)[1] for pair in ((ours, single), (unfused, theirs)))
            figures = [f"{ours[0]:.6f}", f"{ours[-1]:.6f}", *(f"{figure:.1e}" for figure in (difference, relative, *others))]
            print(f"| `{workload}` | {options.ranks} | {transport} | {' | '.join(figures)} |" + ("" if difference <= CHECK else " **differs**"), flush=True)
    return agree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda s: s.split(","), default=WORKLOADS, metavar="NAME,...")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one workload of one contestant [300]")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, default=contestants.HERE / "results")
    parser.add_argument("--from", dest="recorded", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    unknown = [name for name in options.only if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if options.rounds < 1 or options.ranks < 2:
        parser.error("rounds start at 1, ranks at 2")
    if options.check:
        return 0 if check(options) else 1
    options.out.mkdir(parents=True, exist_ok=True)
    if options.recorded:
        head, *lines = map(json.loads, options.recorded.read_text().splitlines())
    else:
        head = {"machine": machine.describe(), "rounds": options.rounds, "ranks": options.ranks}
        with open(options.out / "ranks.jsonl", "w") as log:
            log.write(json.dumps(head) + "\n")
            lines = measure(options, log)
    entries = [entry for workload in options.only for entry in judge(lines, workload, head["ranks"])]
    versions = sorted({f"{'PyTorch' if line['contestant'] == 'ddp' else 'gradus'} {line['version']}" for line in lines})
    words = f"{machine.sentence(head['machine'])}. {', '.join(versions)}. Rounds: {head['rounds']}.\n\n{table(entries, head['ranks'])}\n"
    print(words)
    (options.out / "ranks.md").write_text(words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
