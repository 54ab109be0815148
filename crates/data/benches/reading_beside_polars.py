#!/usr/bin/env python3
"""polars, on one thread, on the CSV files of the bench `reading`.

    pip install polars
    cargo bench -p gradus-data --bench reading -- FOLDER
    POLARS_MAX_THREADS=1 python3 crates/data/benches/reading_beside_polars.py FOLDER
"""

import os
import sys
import time

import polars

assert polars.thread_pool_size() == 1, "set POLARS_MAX_THREADS=1"
for name in ["short.csv", "mixed.csv"]:
    path = os.path.join(sys.argv[1], name)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        table = polars.read_csv(path)
        times.append(time.perf_counter() - start)
    size, best = os.path.getsize(path), min(times)
    print(f"polars {polars.__version__}, {name}: {table.height} rows, {size / 1e6:.0f} MB in {best:.3f} s, {size / best / 1e9:.2f} GB/s")
