"""Who takes part: the command of each contestant, and whether it has been set up."""

import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
VENV = pathlib.Path(os.environ.get("GRADUS_PEERS_VENV", HERE / ".venv"))
TARGET = pathlib.Path(os.environ.get("GRADUS_PEERS_TARGET", HERE / "rust" / "target"))

NAMES = ["torch", "torch-compile", "jax", "burn", "candle", "dfdx", "autograd", "engines"]

TITLES = {"gradus": "gradus", "torch": "PyTorch", "torch-compile": "torch.compile", "jax": "JAX", "burn": "Burn", "candle": "Candle",
          "dfdx": "dfdx", "autograd": "autograd", "engines": "products' best"}

# Products alone, of ndarray, gemm, faer and OpenBLAS: the best of them counts.
PROGRAMS = {"engines": "gemm-bench"}


def gradus():
    """Gradus's own program. Cargo tells where it builds, which an environment variable or a configuration may have moved."""
    manifest = HERE.parent.parent / "Cargo.toml"
    metadata = subprocess.run(["cargo", "metadata", "--format-version=1", "--no-deps", "--manifest-path", str(manifest)],
                              check=True, capture_output=True, text=True).stdout
    return [str(pathlib.Path(json.loads(metadata)["target_directory"]) / "release" / "gradus-benches")]


def command(name):
    """The command line of a contestant, whether or not its program is there."""
    if name == "gradus":
        return gradus()
    if name in ("torch", "torch-compile", "jax"):
        return [str(VENV / "bin" / "python"), str(HERE / "python" / "bench.py"), "--peer", name]
    return [str(TARGET / "release" / PROGRAMS.get(name, f"{name}-bench"))]


def is_set_up(name):
    argv = command(name)
    if not os.access(argv[0], os.X_OK):
        return False
    package = {"torch": "torch", "torch-compile": "torch", "jax": "jax"}.get(name)
    # Looks the package up without importing it, which would take seconds.
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec('{package}') is None)"
    return package is None or subprocess.run([argv[0], "-c", probe]).returncode == 0
