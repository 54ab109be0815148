#!/usr/bin/env python3
"""The bench `large_steps` beside PyTorch: both take turns, and a Markdown table has the medians.

    pip install torch numpy
    cargo bench -p gradus-benches --bench large_steps --no-run       # prints where the program is
    python3 benches/large_steps_beside_torch.py PATH-OF-THE-PROGRAM [--threads 1] [--turns 5]

Ratios are PyTorch's time divided by gradus's: above 1, gradus is faster.
"""

import argparse
import statistics
import subprocess
import time

import torch

ROUNDS = 31


def median(step):
    times = []
    for _ in range(ROUNDS):
        times.append(step())
    return 1e3 * statistics.median(times)


def adam():
    parameter = torch.full((10_000_000,), 0.5, requires_grad=True)
    parameter.grad = torch.full((10_000_000,), 0.1)
    optimizer = torch.optim.Adam([parameter], lr=1e-3, fused=True)

    def step():
        start = time.perf_counter()
        optimizer.step()
        return time.perf_counter() - start

    return median(step)


def attention(causal):
    q, k, v = [(torch.rand(8, 8, 256, 64) - 0.5).requires_grad_() for _ in range(3)]
    cotangent = torch.rand(8, 8, 256, 64) - 0.5

    def step():
        q.grad = k.grad = v.grad = None
        start = time.perf_counter()
        torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal).backward(cotangent)
        return time.perf_counter() - start

    return median(step)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    theirs = {"adam": adam, "attention": lambda: attention(False), "causal attention": lambda: attention(True)}
    ours, others = {}, {}
    for _ in range(args.turns):
        printed = subprocess.run(
            [args.program, "--threads", str(args.threads)], check=True, capture_output=True, text=True
        ).stdout
        for line in printed.splitlines():
            name, value = line.split(": ")
            ours.setdefault(name, []).append(float(value.split()[0]))
            others.setdefault(name, []).append(theirs[name]())
    print(f"| ms, {args.threads} thread(s) | gradus | PyTorch {torch.__version__} | ratio |\n| --- | ---: | ---: | ---: |")
    for name, times in ours.items():
        own, other = statistics.median(times), statistics.median(others[name])
        print(f"| {name} | {own:.2f} | {other:.2f} | {other / own:.2f} |")


if __name__ == "__main__":
    main()
