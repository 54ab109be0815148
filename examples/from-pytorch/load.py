"""Loads a network that `cargo run --release --example from-pytorch` has trained, and compares what it answers here and there.

Reads model.safetensors and logits.safetensors.
"""

from pathlib import Path

from safetensors.torch import load_file
import torch

from network import Network, Options, accuracy, digits, run


def main():
    options = Options(description=__doc__)
    folder = Path("target/gradus/from-pytorch")
    options.add_argument("folder", type=Path, nargs="?", default=folder, help=f"where both files are [default: {folder}]")
    options = options.parse_args()

    model = Network()
    model.load_state_dict(load_file(options.folder / "model.safetensors"))  # strict: every name and every shape
    saved = load_file(options.folder / "logits.safetensors")
    model.eval()
    _, (images, labels) = digits()
    with torch.no_grad():
        logits = model(images)
    expected = saved["logits"]
    if expected.ndim != 2 or len(expected) > len(logits) or expected.shape[1] != logits.shape[1]:
        raise ValueError(f"{options.folder}: logits of shape {tuple(expected.shape)} are not those of this network")
    apart = (logits[: len(expected)] - expected).abs().max().item()
    print(f"the logits of {len(expected)} images differ by at most {apart:.1e}")
    print(f"test accuracy {100 * accuracy(logits, labels):.2f} %, there {100 * saved['accuracy'].item():.2f} %")
    if not apart <= 1e-4:
        raise ValueError(f"the logits differ by {apart:.1e}; rounding explains 1e-4")


run(main)
