"""The baseline of `bench.training`: the training loop of most MNIST tutorials, with its faults.

`DataLoader(batch_size=64)` over `datasets.MNIST` with `ToTensor()`, no shuffling, Adam with its default learning rate
of 0.001, 5 epochs. Kept as tutorials write it, without code of this project in the loop. Its time counts from the four
files on disk to the weights, without imports, as that of `train.py`; the test images are scored once, after it.
"""

import argparse
import json
import shutil
import tempfile
import time

import torch
import torch._dynamo  # before the clock of the training starts, as in train.py
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from digits import metrics
from digits.data import mnist


class Net(nn.Module):
    """Images (B, 1, 28, 28) in [0, 1] to logits (B, 10), with the operations in the order of tutorials."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(64 * 5 * 5, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        return self.fc2(x)


def train(folder: str, epochs: int, device: str) -> Net:
    data = datasets.MNIST(folder, train=True, download=True, transform=transforms.ToTensor())
    loader = DataLoader(data, batch_size=64)
    model = Net().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Train as tutorials do; print time and accuracy as one JSON object.")
    parser.add_argument("--epochs", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--device", default="cpu", help="default: %(default)s")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    test = mnist.load("test").to(args.device)
    mnist.load("train")  # downloads the files if they are missing
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree("data/MNIST/raw", f"{folder}/MNIST/raw")
        began = time.perf_counter()
        model = train(folder, args.epochs, args.device)
        seconds = time.perf_counter() - began
    accuracy = metrics.accuracy(model, test)
    print(json.dumps({"train_seconds": round(seconds, 2), "test_accuracy": round(accuracy, 2)}))
