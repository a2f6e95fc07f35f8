"""The network that ships as products of matrices: the same function, sooner for a picture or two on one core."""

import torch
from torch import nn


class Quick(nn.Module):
    """A trained CNN as products of matrices, channels last: the same function, for few pictures on one core.

    Each 3×3 window becomes a row, so that a convolution is one product (im2col, Chellapilla et al. 2006). For a
    single picture that takes 110 µs on one thread where the layers take 130 (torch.compile, TorchScript and ONNX
    Runtime: docs/deployment.md, "Which server"). For more than FEW the layers' own convolutions are faster.
    """

    FEW = 8

    def __init__(self, model: nn.Module):  # a model.CNN
        super().__init__()
        self.layers = model
        self.conv1 = model.conv1.weight.detach().reshape(32, 9).t().contiguous()
        self.conv2 = model.conv2.weight.detach().permute(2, 3, 1, 0).reshape(288, 64)
        fc1 = model.fc1.weight.detach().reshape(128, 64, 25).permute(2, 1, 0)  # as this flattens: places, channels
        self.fc1, self.fc2 = fc1.reshape(1600, 128), model.fc2.weight.detach().t().contiguous()
        self.bias1, self.bias2, self.bias3, self.bias4 = (
            layer.bias.detach() for layer in (model.conv1, model.conv2, model.fc1, model.fc2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        few = len(x) <= self.FEW
        if few:
            rows = x.contiguous().as_strided((len(x), 24, 24, 3, 3), (784, 28, 1, 28, 1)).reshape(-1, 9)
            x = torch.addmm(self.bias1, rows, self.conv1)  # (B * 576, 32)
        else:
            x = self.layers.conv1(x[..., :26, :26]).permute(0, 2, 3, 1)  # (B, 24, 24, 32)
        x = pooled(x.reshape(-1, 12, 2, 12, 2, 32))  # (B, 12, 12, 32)
        if few:
            rows = x.as_strided((len(x), 10, 10, 3, 96), (4608, 384, 32, 384, 1)).reshape(-1, 288)
            x = torch.addmm(self.bias2, rows, self.conv2)  # (B * 100, 64)
        else:
            x = self.layers.conv2(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # (B, 10, 10, 64)
        x = pooled(x.reshape(-1, 5, 2, 5, 2, 64))  # (B, 5, 5, 64)
        x = torch.addmm(self.bias3, x.reshape(-1, 1600), self.fc1).relu_()  # (B, 128)
        return torch.addmm(self.bias4, x, self.fc2)  # (B, 10)

    def forward_intermediates(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """As `model.CNN.forward_intermediates`."""
        return self.layers.forward_intermediates(x)


def pooled(x: torch.Tensor) -> torch.Tensor:
    """The largest of each 2×2, and at least 0: (B, h, 2, w, 2, C) to (B, h, w, C)."""
    upper, lower = torch.maximum(x[:, :, 0, :, 0], x[:, :, 0, :, 1]), torch.maximum(x[:, :, 1, :, 0], x[:, :, 1, :, 1])
    return torch.maximum(upper, lower).relu_()
