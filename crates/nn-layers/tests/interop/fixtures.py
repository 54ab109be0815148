"""Writes the files in `fixtures`, which the Rust tests read: what PyTorch and NumPy really write, in a few kilobytes.

    python fixtures.py

needs torch, numpy and safetensors. Beside each `.pt` that can be read stands a `.safetensors` with what is in it.
"""

import pathlib
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent / "fixtures"


def save(name, value, arrays=None, **options):
    """A `.pt` of the value, and a `.safetensors` of what a reader should find in it."""
    torch.save(value, FOLDER / f"{name}.pt", **options)
    if arrays is not None:
        # safetensors takes no shared memory and no views: each array by itself.
        save_file({key: array.detach().clone().contiguous() for key, array in arrays.items()}, FOLDER / f"{name}.safetensors")


def rewrite(source, target, change):
    """The same archive with changed members, stored."""
    with zipfile.ZipFile(FOLDER / source) as old, zipfile.ZipFile(FOLDER / target, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), change(name, old.read(name)))


def checkpoint():
    """A model and its optimizer after one step, with all that people put beside them."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.MultiStepLR(adam, [2, 5])
    model(torch.randn(5, 3)).square().sum().backward()
    adam.step()
    schedule.step()
    value = {
        "model": model.state_dict(),
        "optimizer": adam.state_dict(),
        "schedule": schedule.state_dict(),
        "epoch": 3,
        "loss": 0.25,
        "seen": {1, 2},
        "raw": b"bytes",
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "size": torch.Size([3, 4]),
        "large": -(2**70),
        "history": [torch.tensor(1.5), (torch.tensor(0.5), "text")],
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    arrays = {f"model.{key}": array for key, array in model.state_dict().items()}
    for number, state in adam.state_dict()["state"].items():
        arrays |= {f"optimizer.state.{number}.{key}": array for key, array in state.items()}
    arrays |= {"history.0": torch.tensor(1.5), "history.1.0": torch.tensor(0.5), "parameter": torch.ones(2)}
    return value, arrays


def main():
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(7)
    linear = torch.nn.Linear(3, 2)
    save("linear", linear.state_dict(), linear.state_dict())
    save("model", linear)
    save("legacy", linear.state_dict(), _use_new_zipfile_serialization=False)
    save("checkpoint", *checkpoint())
    save("protocol4", *checkpoint(), pickle_protocol=4)

    numbers = torch.arange(24.0).reshape(2, 3, 4)
    views = {
        "whole": numbers,
        "transposed": numbers.transpose(0, 2),
        "slice": numbers[1:, ::2, 1:3],
        "column": numbers[0, :, 2],
        "element": numbers[1, 2, 3],
        "expanded": numbers[0, 0].expand(3, 4),
        "windows": numbers.flatten().unfold(0, 4, 3),
        "nothing": numbers[:, 3:],
        "axis of one": numbers[:, 1:2, :].transpose(0, 1),
        "tied": numbers,
    }
    save("views", views, views)

    types = {}
    for name in ["float16", "bfloat16", "float32", "float64"]:
        dtype = getattr(torch, name)
        info = torch.finfo(dtype)
        values = [0.0, -0.0, 1.0, -2.5, info.max, info.smallest_normal, info.smallest_normal * info.eps, torch.inf, -torch.inf]
        types[name] = torch.tensor(values, dtype=torch.float64).to(dtype)
    for name in ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]:
        info = torch.iinfo(getattr(torch, name))
        types[name] = torch.tensor([0, 1, info.min, info.max], dtype=getattr(torch, name))
    types["bool"] = torch.tensor([True, False])
    save("types", types, types)

    save("complex", {"c": torch.zeros(2, dtype=torch.complex64)})
    save("negative", {"n": torch._neg_view(torch.ones(2))})
    torch.serialization.set_crc32_options(False)
    save("no_checksums", *checkpoint())
    torch.serialization.set_crc32_options(True)

    # As a machine of the other byte order writes it.
    sizes = {"data/0": 4, "data/1": 4}

    def swap(name, data):
        key = name.split("/", 1)[1]
        if key == "byteorder":
            return b"big"
        return np.frombuffer(data, f"u{sizes[key]}").byteswap().tobytes() if key in sizes else data

    rewrite("linear.pt", "big_endian.pt", swap)

    arrays = {"plain": np.arange(6, dtype="<f4").reshape(2, 3), "a.b.c": np.float64(2.5), "empty": np.zeros((0, 3))}
    arrays["fortran"] = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    for kind in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
        for order in "<>":
            arrays[f"{order}{kind}"] = np.array([[1, 2], [100, 0]]).astype(order + kind)
    arrays["bool"] = np.array([True, False])
    np.savez(FOLDER / "numpy.npz", **arrays)
    np.savez_compressed(FOLDER / "numpy_compressed.npz", **arrays)
    with zipfile.ZipFile(FOLDER / "versions.npz", "w") as archive:
        for version in [(1, 0), (2, 0), (3, 0)]:
            with archive.open(zipfile.ZipInfo(f"v{version[0]}.npy"), "w") as member:
                np.lib.format.write_array(member, np.array([1.0, version[0]]), version=version)
    for name, array in {"complex": np.zeros(2, "c8"), "text": np.array(["a"]), "record": np.zeros(1, [("a", "<f4"), ("b", "<i2")])}.items():
        np.savez(FOLDER / f"{name}.npz", x=array)
    np.savez(FOLDER / "object.npz", x=np.array([None], object))


if __name__ == "__main__":
    main()
