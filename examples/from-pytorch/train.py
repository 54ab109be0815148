"""Trains a small network on handwritten digits in PyTorch, and saves what `cargo run --release --example from-pytorch` loads.

Writes model.pt and model.safetensors, the same state dict in two formats, and logits.safetensors: what the network answers to the first
test images, and its accuracy on all of them.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

from network import HERE, Network, Options, accuracy, digits, run


def main():
    options = Options(description=__doc__)
    options.add_argument("--out", type=Path, default=HERE, help="the folder for the three files [default: beside this one]")
    options.add_argument("--epochs", type=int, default=15, help="passes over the training images [default: 15]")
    options = options.parse_args()

    torch.manual_seed(7)
    (images, labels), (test_images, test_labels) = digits()
    model = Network()
    adam = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(options.epochs):
        for batch in torch.randperm(len(images)).split(32):
            loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()

    model.eval()  # batch normalization with its running statistics
    with torch.no_grad():
        logits = model(test_images)
    right = accuracy(logits, test_labels)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), options.out / "model.pt")
    save_file(model.state_dict(), options.out / "model.safetensors")
    save_file({"logits": logits[:50].contiguous(), "accuracy": torch.tensor(right)}, options.out / "logits.safetensors")
    print(f"PyTorch {torch.__version__}: test accuracy {100 * right:.2f} %, saved in {options.out}")


run(main)
