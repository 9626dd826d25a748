"""Golden values of the PyTorch import: state dicts, and what PyTorch makes of them.

    python3 make.py        (numpy, torch, safetensors)

Writes NAME.safetensors (the state dict, 16-bit floats where that is named) and NAME.json (features, logits) beside
itself. The networks are put together as those of deepspeech.pytorch, or of a user's own.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).parent
CLIP = 1.5


def randomise(module):
    for name, p in list(module.named_parameters()) + list(module.named_buffers()):
        if name.endswith("running_var"):
            p.data.uniform_(0.5, 2.0)
        elif p.is_floating_point():
            p.data.normal_(0, 0.4)
    return module.eval()


class SequenceNorm(nn.Module):
    """Batch norm over the channels of frames x 1 x channels; `module` is the name it has elsewhere."""

    def __init__(self, width):
        super().__init__()
        self.module = nn.BatchNorm1d(width)

    def forward(self, x):
        return self.module(x[:, 0])[:, None]


class Layer(nn.Module):
    """One recurrent layer with a batch norm in front of it."""

    def __init__(self, kind, inputs, norm, **options):
        super().__init__()
        self.batch_norm = SequenceNorm(inputs) if norm else None
        self.rnn = kind(inputs, **options)

    def forward(self, x):
        if self.batch_norm is not None:
            x = self.batch_norm(x)
        return self.rnn(x)[0]


class Conv(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.seq_module = nn.Sequential(*layers)


class DeepSpeech(nn.Module):
    """Names and order of deepspeech.pytorch, one direction, with whatever recurrent layers."""

    def __init__(self, features, recurrent, width, taps, symbols):
        super().__init__()
        self.conv = Conv(
            [
                nn.Conv2d(1, 3, (5, 3), stride=(2, 2), padding=(2, 1)),
                nn.BatchNorm2d(3),
                nn.Hardtanh(0, CLIP),
                nn.Conv2d(3, 2, (3, 5), stride=(2, 1), padding=(1, 2)),
                nn.BatchNorm2d(2),
                nn.Hardtanh(0, CLIP),
            ]
        )
        self.rnns = nn.ModuleList(recurrent)
        self.lookahead = nn.Sequential(nn.Module())
        self.lookahead[0].conv = nn.Conv1d(width, width, taps, groups=width, bias=False)
        self.taps = taps
        head = nn.Sequential(nn.BatchNorm1d(width), nn.Linear(width, symbols, bias=False))
        self.fc = nn.Sequential(nn.Module())
        self.fc[0].module = head

    def forward(self, features):
        x = self.conv.seq_module(features.T[None, None])[0]  # channels x bins x frames
        x = x.reshape(-1, x.shape[2]).T[:, None]  # frames x 1 x (channels x bins)
        for layer in self.rnns:
            x = layer(x)
        x = nn.functional.pad(x[:, 0].T, (0, self.taps - 1))
        x = self.lookahead[0].conv(x[None])[0].T.clamp(0, CLIP)
        return self.fc[0].module(x)


class Own(nn.Module):
    """Names of nobody, several layers in one recurrent module, a fully connected layer with a norm behind it."""

    def __init__(self, features, rnn, width, symbols):
        super().__init__()
        self.encoder = rnn
        self.hidden = nn.Linear(width, 6)
        self.hidden_norm = nn.BatchNorm1d(6)
        self.head = nn.Linear(6, symbols)
        self.other = nn.Linear(2, 2)

    def forward(self, features):
        x = self.encoder(features[:, None])[0][:, 0]
        x = self.hidden_norm(self.hidden(x)).clamp(0, CLIP)
        return self.head(x)


def write(name, net, frames, features, dtype=torch.float32):
    randomise(net)
    state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in net.state_dict().items()}
    net.load_state_dict(state)  # PyTorch computes with the rounded values, too
    net.double()
    x = torch.randn(frames, features).float()
    with torch.no_grad():
        logits = net(x.double()).float()
    save_file({k: v.contiguous() for k, v in state.items()}, HERE / f"{name}.safetensors")
    values = {"frames": frames, "features": x.flatten().tolist(), "logits": logits.flatten().tolist()}
    (HERE / f"{name}.json").write_text(json.dumps(values) + "\n")


torch.manual_seed(3)
bins = 9  # 9 -> 5 -> 3, so that 2 x 3 come out of the convolutions
write(
    "deepspeech_gru",
    DeepSpeech(bins, [Layer(nn.GRU, 6, False, hidden_size=5), Layer(nn.GRU, 5, True, hidden_size=4)], 4, 3, 5),
    13,
    bins,
)
write(
    "deepspeech_lstm",
    DeepSpeech(
        bins,
        [Layer(nn.LSTM, 6, True, hidden_size=5, proj_size=3), Layer(nn.RNN, 3, True, hidden_size=4, bias=False)],
        4,
        2,
        5,
    ),
    12,
    bins,
    torch.bfloat16,
)
write("own_gru", Own(4, nn.GRU(4, 3, num_layers=2, bias=False), 3, 4), 7, 4, torch.float16)
write("own_lstm", Own(4, nn.LSTM(4, 3, num_layers=2), 3, 4), 7, 4)
