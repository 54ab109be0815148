"""Writes PyTorch's loss curve for crates/distributed/tests/loss_curve.rs, which has the same model, data and steps:

    python loss_curve.py > ../../../crates/distributed/tests/loss_curve/pytorch.txt

Every number is a sine, so that both languages have the same without a file: number k of stream s is sin(s + 1.7 k + 0.3 k²).
"""

import torch
from torch import nn

INPUTS, UNITS, CLASSES, BATCH, STEPS = 6, 24, 4, 16, 50


def waves(stream, *shape):
    k = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(stream + 1.7 * k + 0.3 * k * k).reshape(shape).float()


def main():
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(INPUTS, UNITS), nn.Tanh(), nn.Linear(UNITS, CLASSES))
    with torch.no_grad():
        for stream, weight in ((1, model[0].weight), (2, model[2].weight)):
            weight.copy_(waves(stream, *weight.shape) / weight.shape[1] ** 0.5)
        model[0].bias.zero_(), model[2].bias.zero_()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(STEPS):
        x = waves(10 + step, BATCH, INPUTS)
        y = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        print(f"{loss.item():.9}")


if __name__ == "__main__":
    main()
