"""Writes numbers.safetensors: what PyTorch computes, for the tests beside it to compare with.

    python generate.py        needs torch and safetensors
"""

import copy
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
numbers = {}


def keep(prefix, tensors):
    for name, tensor in tensors.items():
        numbers[f"{prefix}.{name}"] = tensor.detach().clone().double().contiguous()


def averages():
    """A model over five steps, its mean and its moving average, and batch statistics taken anew for the mean."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.3))
    swa, ema = AveragedModel(model), AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    batches = [torch.randn(n, 3) for n in (5, 5, 7)]
    for i, batch in enumerate(batches):
        numbers[f"averages.batch{i}"] = batch
    for step in range(5):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn_like(p))
        model(torch.randn(6, 3))  # the running statistics follow
        keep(f"averages.step{step}", model.state_dict())
        swa.update_parameters(model)
        ema.update_parameters(model)
    keep("averages.swa", swa.module.state_dict())
    keep("averages.ema", ema.module.state_dict())
    update_bn(batches, swa.module)
    keep("averages.swa_with_statistics", swa.module.state_dict())


def layer(name, module, x, train):
    """State, input, output, cotangent, gradients; and the state after a pass in training."""
    module.train(train)
    keep(f"{name}.state", module.state_dict())
    x = x.requires_grad_()
    y = module(x)
    dy = torch.randn_like(y)
    y.backward(dy)
    keep(name, {"x": x, "y": y, "dy": dy, "dx": x.grad})
    keep(f"{name}.gradient", {n: p.grad for n, p in module.named_parameters()})
    keep(f"{name}.after", {n: b for n, b in module.named_buffers()})


def reparametrized():
    for dim in (0, 1, None):
        module = weight_norm(nn.Linear(3, 4), dim=dim)
        with torch.no_grad():
            module.parametrizations.weight.original0.mul_(1.7)
        layer(f"weight_norm_{'all' if dim is None else dim}", module, torch.randn(5, 3), True)
    layer("weight_norm_conv", weight_norm(nn.Conv2d(2, 3, 2)), torch.randn(2, 2, 4, 4), True)
    for train in (True, False):
        word = "train" if train else "use"
        layer(f"spectral_norm_{word}", spectral_norm(nn.Linear(3, 4)), torch.randn(5, 3), train)
        layer(f"spectral_norm_conv_{word}", spectral_norm(nn.Conv2d(2, 3, 2)), torch.randn(2, 2, 4, 4), train)
        transposed = spectral_norm(nn.ConvTranspose2d(2, 3, 2), n_power_iterations=3)
        layer(f"spectral_norm_transposed_{word}", transposed, torch.randn(2, 2, 4, 4), train)


def functions():
    for p in (0.1, 0.5):
        y = F.alpha_dropout(torch.full((1000,), 3.0), p, True).unique()
        numbers[f"alpha_dropout_{p}"] = y  # a 3 from which nothing is taken, and what is dropped
    image, at = torch.randn(2, 5, 4), torch.rand(6, 7, 2) * 8 - 2
    size = torch.tensor([5.0, 4.0])
    grid = (2 * at / (size - 1) - 1).flip(-1)
    sampled = F.grid_sample(image[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=True)
    keep("resample", {"image": image, "at": at, "y": sampled[0]})

    logits, labels = 3 * torch.randn(200, 5), torch.randint(0, 5, (200,))
    labels = torch.where(torch.rand(200) < 0.7, logits.argmax(1), labels)
    beta = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([beta], max_iter=200, tolerance_grad=1e-15, tolerance_change=0, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(beta * logits, labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    keep("temperature", {"logits": logits, "labels": labels, "value": 1 / beta})


averages()
reparametrized()
functions()
save_file(numbers, Path(__file__).with_name("numbers.safetensors"), metadata={"torch": torch.__version__})
