"""PyTorch's DistributedDataParallel over Gloo: data-parallel training of the workloads.

    python ddp.py --ranks 2 [--only NAME,...]          time, one JSON line a workload
    python ddp.py --ranks 2 --alone                    the ranks side by side, each training by itself: the machine's ceiling
    python ddp.py --ranks 1 --alone --check            losses of 50 steps of the whole batch in one process

Models, numbers and the step are those of bench.py. Every rank is a process with one thread, held to one processor, and
has the workload's whole batch. DistributedDataParallel runs with its defaults unless a setting is given: --bucket-mb,
--view (gradient_as_bucket_view) and --static (static_graph).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import bench

WORKLOADS = ["mlp", "cnn", "lstm"]


def timed(step, count):
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return times


def rank(options, name):
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    dist.init_process_group("gloo", init_method=f"file://{options.meeting}", rank=options.rank, world_size=options.ranks)

    def wrap(model):
        settings = {"gradient_as_bucket_view": options.view, "static_graph": options.static}
        if options.bucket_mb:
            settings["bucket_cap_mb"] = options.bucket_mb
        return model if options.alone else DistributedDataParallel(model, **settings)

    version, build = bench.torch_peer(1, compiled=False, wrap=wrap, fused=not options.unfused)
    step = build(name)
    line = {"peer": "torch-ddp", "version": version, "name": name, "ranks": options.ranks,
            "transport": "none" if options.alone else "gloo"}
    if options.check:
        line["values"] = [bench.value_of(step()) for _ in range(50)]
    else:
        losses = [bench.value_of(step()) for _ in range(20)]
        assert losses[-1] < losses[0], losses
        # As many steps on every rank as fill about two seconds: rank 0 says how many.
        count = [max(20, int(2.0 / statistics.mean(timed(step, 5))))]
        dist.broadcast_object_list(count)
        dist.barrier()
        gathered = [None] * options.ranks
        dist.all_gather_object(gathered, timed(step, count[0]))
        every = [t for times in gathered for t in times]
        line |= {"median_s": statistics.median(every), "min_s": min(every), "max_s": max(every), "runs": count[0],
                 "samples_per_s": round(sum(bench.BATCH[name] / statistics.median(times) for times in gathered), 1)}
    if options.rank == 0:
        print(json.dumps(line), flush=True)
    dist.destroy_process_group()


def run(options, name):
    """Starts the ranks of one workload, each on a processor of its own; whether all ended well."""
    # As in bench.py: no library starts more threads, and freed memory stays in the process.
    env = os.environ | {k: "1" for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    env |= {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31), "CUDA_VISIBLE_DEVICES": ""}
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < options.ranks:
        sys.exit(f"ddp.py: {options.ranks} ranks on {len(processors)} processors")
    with tempfile.TemporaryDirectory() as folder:
        ranks = []
        for number in range(options.ranks):
            command = [sys.executable, __file__, *sys.argv[1:], "--only", name, "--rank", str(number), "--meeting", f"{folder}/meeting"]
            hold = lambda processor=processors[number]: os.sched_setaffinity(0, [processor])
            ranks.append(subprocess.Popen(command, env=env, preexec_fn=hold))
        return all([process.wait() == 0 for process in ranks])


def main():
    parser = argparse.ArgumentParser(description="Time DistributedDataParallel; see the head of this file.")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--only", type=lambda s: s.split(","), default=WORKLOADS, help="workloads, separated by commas")
    parser.add_argument("--alone", action="store_true", help="no DistributedDataParallel: each rank for itself")
    parser.add_argument("--check", action="store_true", help="print the losses of the first 50 steps instead of times")
    parser.add_argument("--bucket-mb", type=float, help="bucket_cap_mb [25]")
    parser.add_argument("--view", action="store_true", help="gradient_as_bucket_view")
    parser.add_argument("--static", action="store_true", help="static_graph")
    parser.add_argument("--unfused", action="store_true", help="PyTorch's other Adam, to see what its rounding does to the losses")
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--meeting", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = [name for name in options.only if name not in WORKLOADS]
    if unknown:
        parser.error(f"no such workload: {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if options.rank is not None:
        return rank(options, options.only[0])
    return 0 if all([run(options, name) for name in options.only]) else 1


if __name__ == "__main__":
    sys.exit(main())
