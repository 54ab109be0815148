#!/usr/bin/env python3
"""The benches `gemm` and `kernels` beside PyTorch: both take turns, and a Markdown table has the medians.

    pip install torch numpy
    cargo bench -p gradus-linalg --no-run        # prints where the two programs are
    python3 crates/linalg/benches/beside_torch.py products PATH/TO/gemm-… [--threads 1] [--f64] [--training] [--turns 5]
    python3 crates/linalg/benches/beside_torch.py functions PATH/TO/kernels-… [--threads 1] [--turns 5]

Ratios are PyTorch's time divided by gradus's: above 1, gradus is faster. PyTorch writes into given memory, too.
"""

import argparse
import re
import statistics
import subprocess
import time

import torch

PRODUCT = re.compile(r"^(.*?) \((\d+)×(\d+)(ᵀ?)\)·\((\d+)×(\d+)(ᵀ?)\) +[\d.]+ GFLOP/s +([\d.]+) µs$")
FUNCTION = re.compile(r"^ *(.+?) (f32|f64) +([\d.]+) µs +[\d.]+ GB/s$")


def beat_by_an_eighth(step, rounds):
    """As the bench `kernels` does: on a machine with other work, the rest measures that."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return 1e6 * sorted(times)[rounds // 8]


def product(m, k, n, a_turned, b_turned, dtype):
    draw = lambda rows, columns, turned: torch.rand((columns, rows) if turned else (rows, columns), dtype=dtype)
    a, b, c = draw(m, k, a_turned), draw(k, n, b_turned), torch.empty(m, n, dtype=dtype)
    a, b = a.t() if a_turned else a, b.t() if b_turned else b
    repeats = max(1, min(100_000, int(0.005 * 5e10 / (2 * m * n * k))))

    def step():
        for _ in range(repeats):
            torch.mm(a, b, out=c)

    times = []
    for _ in range(15):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) / repeats)
    return 1e6 * statistics.median(times)


def function(name, dtype):
    """PyTorch's for a line of the bench, or None if it has none."""
    x = torch.remainder(torch.arange(1_000_000, dtype=torch.float64) * 0.61803398875, 1.0).mul(8).sub(4).to(dtype)
    y = torch.empty_like(x)
    if match := re.match(r"(softmax|log_softmax) rows of (\d+)$", name):
        rows, out = x.view(-1, int(match[2])), y.view(-1, int(match[2]))
        if match[1] == "softmax":
            return lambda: torch.softmax(rows, -1, out=out)
        return lambda: torch.log_softmax(rows, -1, out=out)
    positive = x.abs()
    return {
        "copy": lambda: y.copy_(x),
        "exp": lambda: torch.exp(x, out=y),
        "tanh": lambda: torch.tanh(x, out=y),
        "sigmoid": lambda: torch.sigmoid(x, out=y),
        "erf": lambda: torch.erf(x, out=y),
        "sqrt |x|": lambda: torch.sqrt(positive, out=y),
        "|x|^2.7": lambda: torch.pow(positive, 2.7, out=y),
        "ln |x|": lambda: torch.log(positive, out=y),
        "log_sum_exp": lambda: torch.logsumexp(x, 0),
        "sum": lambda: torch.sum(x),
        "max": lambda: torch.max(x),
        "variance": lambda: torch.var(x),
    }.get(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["products", "functions"])
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--f64", action="store_true")
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)

    command = [args.program, "--threads", str(args.threads)]
    command += ["--f64"] * args.f64 + ["--training"] * args.training
    ours, theirs, work = {}, {}, {}
    for _ in range(args.turns):
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for line in printed.splitlines():
            if args.what == "products" and (match := PRODUCT.match(line)):
                m, k, n = int(match[2]), int(match[3]), int(match[6])
                name = line.split("  ")[0]
                step = lambda: product(m, k, n, bool(match[4]), bool(match[7]), torch.float64 if args.f64 else torch.float32)
                work[name], own = 2e-3 * m * k * n, float(match[8])
            elif args.what == "functions" and (match := FUNCTION.match(line)):
                call = function(match[1], getattr(torch, match[2].replace("f", "float")))
                if call is None:
                    continue
                name, own = f"{match[1]} {match[2]}", float(match[3])
                step = lambda: beat_by_an_eighth(call, 200)
            else:
                continue
            ours.setdefault(name, []).append(own)
            theirs.setdefault(name, []).append(step())

    unit = "GFLOP/s" if args.what == "products" else "µs"
    print(f"| {args.what}, {unit}, {args.threads} thread(s) | gradus | PyTorch {torch.__version__} | ratio |\n| --- | ---: | ---: | ---: |")
    for name in ours:
        own, other = statistics.median(ours[name]), statistics.median(theirs[name])
        shown = (work[name] / own, work[name] / other) if work else (own, other)
        print(f"| {name} | {shown[0]:.1f} | {shown[1]:.1f} | {other / own:.2f} |")


if __name__ == "__main__":
    main()
