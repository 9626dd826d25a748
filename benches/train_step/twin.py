"""PyTorch's side of the training-step benchmark; speaks with compare.py as examples/train_step.rs does."""
import sys
import time

import torch
from torch import nn

SYMBOLS, LABELS = 29, 40


class Net(nn.Module):
    """[batch norm, GRU]*, Linear, batch norm, clipped ReLU, Linear.

    nn.GRU multiplies and recurs in one call: its batch norm stands before the product, on fewer channels than ours.
    """

    def __init__(self, gru, fc):
        super().__init__()
        inputs = [80, *gru]
        self.norms = nn.ModuleList(nn.BatchNorm1d(n) for n in inputs[:-1])
        self.grus = nn.ModuleList(nn.GRU(n, h, batch_first=True) for n, h in zip(inputs, gru))
        self.fc, self.fc_norm = nn.Linear(inputs[-1], fc, bias=False), nn.BatchNorm1d(fc)
        self.output = nn.Linear(fc, SYMBOLS)

    def forward(self, x):
        batch, steps, _ = x.shape
        for norm, gru in zip(self.norms, self.grus):
            x = norm(x.reshape(batch * steps, -1)).reshape(batch, steps, -1)
            x, _ = gru(x)
        x = self.fc_norm(self.fc(x.reshape(batch * steps, -1))).clamp(0, 20)
        return self.output(x).reshape(batch, steps, SYMBOLS)


class Training:
    def __init__(self, gru, fc, batch, steps):
        torch.manual_seed(1)
        self.net = Net(gru, fc)
        self.features = torch.randn(batch, steps, 80)
        self.count = min(LABELS, steps // 2)
        self.labels = torch.randint(1, SYMBOLS, (batch, self.count))
        self.sizes = torch.full((batch,), steps), torch.full((batch,), self.count)
        # The fastest of PyTorch's Adams on the CPU.
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, betas=(0.9, 0.98), fused=True)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        log_probabilities = self.net(self.features).log_softmax(2).transpose(0, 1)
        losses = nn.functional.ctc_loss(log_probabilities, self.labels, *self.sizes, reduction="sum")
        loss = losses / len(self.labels)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 400.0)
        self.optimizer.step()
        return loss.item()


def main():
    torch.set_num_threads(1)
    Training([16], 16, 2, 8).step()
    print("idle", flush=True)
    training = None
    for line in sys.stdin:
        training = training or Training([256, 320, 384], 512, 8, 200)
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            loss = training.step()
            seconds.append(time.perf_counter() - start)
        parameters = sum(p.numel() for p in training.net.parameters())
        print(*(f"{s:.6f}" for s in seconds), "loss", f"{loss:.4f}", "parameters", parameters, flush=True)


main()
