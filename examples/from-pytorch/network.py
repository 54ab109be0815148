"""What train.py and load.py share: the network, the digits, and how a program ends."""

import argparse
import gzip
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
DIGITS = HERE.parent.parent / "crates" / "data" / "digits" / "digits.csv.gz"
# The digits from here on, in the order of their file, are those to test with.
FIRST_TEST_IMAGE = 1437


class Network(nn.Module):
    """The network of main.rs: the same layers under the same names."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(8 * 4 * 4, 32)
        self.out = nn.Linear(32, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.norm(self.conv(x))))
        return self.out(torch.relu(self.hidden(x.flatten(1))))


def digits():
    """The 1,797 digits that the crate gradus-data carries: images to train with and to test with, and their labels."""
    with gzip.open(DIGITS, "rt") as file:
        rows = torch.tensor([[int(field) for field in line.split(",")] for line in file])
    images, labels = rows[:, :64].float().reshape(-1, 1, 8, 8) / 16, rows[:, 64]
    cut = FIRST_TEST_IMAGE
    return (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def accuracy(logits, labels):
    return (logits.argmax(1) == labels).float().mean().item()


class Options(argparse.ArgumentParser):
    """An error is one line."""

    def error(self, message):
        sys.exit(f"error: {message}")


def run(main):
    """Runs a program; what it cannot read or write, and what does not fit, is said in one line."""
    try:
        main()
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        sys.exit("error: " + " ".join(str(error).split()))
