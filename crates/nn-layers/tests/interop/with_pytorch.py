"""Weights both ways between gradus and the PyTorch, NumPy and safetensors that are installed, compared bit by bit.

    python with_pytorch.py

builds the example program `weights` with cargo, and then
- saves models from PyTorch as .pt, .npz and .safetensors, lets gradus read each and write it again as .npz and
  .safetensors, and loads that into a fresh PyTorch model with `load_state_dict(strict=True)`;
- does the same through a gradus model of the same architecture, which is loaded strictly, too;
- lets gradus write fresh models, which PyTorch loads strictly;
- checks that gradus refuses what it should, with a message.
Every state dict must come back with the same names, shapes and bits. The exit code is 1 if one does not.
"""

import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file, save_file

CRATE = pathlib.Path(__file__).resolve().parents[2]


class Tied(torch.nn.Module):
    """Two layers of one weight, as in language models."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(7, 4)
        self.head = torch.nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight


MODELS = {
    "linear": lambda: torch.nn.Linear(5, 3),
    "embedding": lambda: torch.nn.Embedding(10, 4),
    "sequential": lambda: torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2, bias=False)),
    "lstm": lambda: torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True),
    "batch norm": lambda: torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)),
    "transformer": lambda: torch.nn.TransformerEncoderLayer(8, 2, 16),
    "tied": Tied,
}
# Those that the program can build, too.
OURS = ["linear", "embedding", "sequential"]


def program():
    command = ["cargo", "build", "-q", "--features", "interop", "--example", "weights", "--message-format=short"]
    subprocess.run(command, cwd=CRATE, check=True)
    target = os.environ.get("CARGO_TARGET_DIR")
    if target is None:
        target = CRATE.parents[1] / "target"
    return pathlib.Path(target) / "debug" / "examples" / "weights"


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)


def weights(*arguments):
    done = run(*arguments)
    if done.returncode != 0:
        raise RuntimeError(f"weights {' '.join(map(str, arguments))}: {done.stderr.strip()}")


def save(state, path):
    match path.suffix:
        case ".pt":
            torch.save(state, path)
        case ".npz":
            np.savez(path, **{name: array.numpy() for name, array in state.items()})
        case ".safetensors":
            save_file({name: array.clone().contiguous() for name, array in state.items()}, path)


def load(path):
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            # np.ascontiguousarray would turn a number without axes into an array of one.
            return {name: torch.from_numpy(np.array(arrays[name], order="C")) for name in arrays.files}
    return load_file(path)


def bits(state):
    """By name; whole numbers become what gradus holds, f32."""
    return {name: (tuple(a.shape), a.detach().to(torch.float32).contiguous().numpy().tobytes()) for name, a in state.items()}


def unusual(model):
    """Bits that a conversion on the way would lose."""
    values = [-0.0, float("inf"), -float("inf"), float("nan"), 1e-45, -1.17549435e-38, 3.4028235e38]
    with torch.no_grad():
        for parameter in model.parameters():
            flat = parameter.view(-1)
            flat[: len(values)] = torch.tensor(values)[: len(flat)]
            if len(flat) > 8:
                # A signalling NaN.
                flat.view(torch.int32)[8] = 0x7F80_0123
    return model


def check_loads(name, path, expected):
    state = load(path)
    if bits(state) != bits(expected):
        wrong = [key for key in expected if bits(state).get(key) != bits(expected)[key]]
        raise RuntimeError(f"{path.name}: other bits in {wrong}, or other names: {sorted(state)}")
    fresh = MODELS[name]()
    fresh.load_state_dict(state, strict=True)
    if bits(fresh.state_dict()) != bits(expected):
        raise RuntimeError(f"{path.name}: other bits in the model")


def main():
    failures, rows = 0, []

    def row(model, way, check, right="same bits"):
        nonlocal failures
        try:
            check()
            rows.append((model, way, right))
        except Exception as error:  # whatever it is: the table names it
            failures += 1
            rows.append((model, way, f"FAILED: {error}"))

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, make in MODELS.items():
            torch.manual_seed(7)
            state = unusual(make()).state_dict()
            for source in [".pt", ".npz", ".safetensors"]:
                given = folder / f"{name}{source}"
                save(state, given)
                for target in [".npz", ".safetensors"]:
                    made = folder / f"{name} from {source[1:]}{target}"

                    def convert():
                        weights("convert", given, made)
                        check_loads(name, made, state)

                    def through():
                        weights("pass", name, given, made)
                        check_loads(name, made, state)

                    row(name, f"PyTorch {source} > gradus {target} > PyTorch", convert)
                    if name in OURS:
                        row(name, f"PyTorch {source} > gradus model {target} > PyTorch", through)

            def checkpoint():
                given, made = folder / "checkpoint.pt", folder / "checkpoint.safetensors"
                adam = torch.optim.Adam(make().parameters())
                value = {"model": state, "optimizer": adam.state_dict(), "epoch": 3}
                for protocol in [2, 3, 4, 5]:
                    torch.save(value, given, pickle_protocol=protocol)
                    weights("convert", given, made, "model")
                    check_loads(name, made, state)

            row(name, "checkpoint .pt, protocols 2 to 5 > gradus part > PyTorch", checkpoint)
            for dtype in [torch.float16, torch.bfloat16, torch.float64]:

                def other():
                    cast = {key: a.to(dtype) if a.is_floating_point() else a for key, a in state.items()}
                    finite = {key: torch.nan_to_num(a, nan=1.0) if a.is_floating_point() else a for key, a in cast.items()}
                    given, made = folder / "other.pt", folder / "other.safetensors"
                    save(finite, given)
                    weights("convert", given, made)
                    check_loads(name, made, finite)

                row(name, f"PyTorch .pt of {str(dtype)[6:]} > gradus > PyTorch", other)

        for name in OURS:
            for target in [".npz", ".safetensors"]:
                made = folder / f"new {name}{target}"

                def fresh():
                    weights("new", name, made)
                    state = load(made)
                    check_loads(name, made, state)
                    back = folder / f"back {name}.pt"
                    torch.save(MODELS[name]().state_dict() | state, back)
                    again = folder / f"again {name}{target}"
                    weights("pass", name, back, again)
                    if again.read_bytes() != made.read_bytes():
                        raise RuntimeError("what came back is written otherwise")

                row(name, f"gradus {target} > PyTorch .pt > gradus model", fresh)

        def refuses(value, message, **options):
            def check():
                path = folder / "refused.pt"
                torch.save(value, path, **options)
                done = run("show", path)
                if done.returncode == 0 or message not in done.stderr:
                    raise RuntimeError(f"not refused as it should be: {done.stdout}{done.stderr}")

            return check

        linear = MODELS["linear"]()
        row("linear", "PyTorch .pt of the model itself", refuses(linear, "torch.nn.modules.linear.Linear"), "refused")
        legacy = refuses(linear.state_dict(), "before PyTorch 1.6", _use_new_zipfile_serialization=False)
        row("linear", "PyTorch .pt as before 1.6", legacy, "refused")
        complex64 = torch.zeros(1, dtype=torch.complex64)
        row("complex", "PyTorch .pt of complex64", refuses(complex64, "ComplexFloatStorage"), "refused")
        script = folder / "script.pt"

        def scripted():
            torch.jit.save(torch.jit.script(linear), script)
            done = run("show", script)
            if done.returncode == 0 or "TorchScript" not in done.stderr:
                raise RuntimeError(f"not refused as it should be: {done.stdout}{done.stderr}")

        row("linear", "TorchScript .pt", scripted, "refused")

    print(f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}, safetensors {safetensors.__version__}")
    width = [max(len(row[i]) for row in rows) for i in range(2)]
    for model, way, result in rows:
        print(f"{model:{width[0]}}  {way:{width[1]}}  {result}")
    print(f"{len(rows) - failures} of {len(rows)} right")
    return failures > 0


if __name__ == "__main__":
    PROGRAM = program()
    sys.exit(main())
