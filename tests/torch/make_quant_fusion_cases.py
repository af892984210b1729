"""Makes tests/fixtures/torchscript/{branch_pool,computed_bias,swapped}.{pt,graph.txt}: small traced models, and PyTorch's graph after convert_jit.

    python3 tests/torch/make_quant_fusion_cases.py

Needs torch. The graphs show where quantFusion puts ops without qparams of their own, and how a weight is packed whose bias is computed.
"""
import io
import pathlib
import re
import zipfile

import torch
from torch import nn
from torch.ao.quantization import QConfig, MinMaxObserver, default_weight_observer
from torch.ao.quantization.quantize_jit import convert_jit, prepare_jit

OUT = pathlib.Path(__file__).parent.parent / 'fixtures' / 'torchscript'


class Branches(nn.Module):
    """The pool is written last, and stands first in PyTorch's int8 graph."""

    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(8, 4, 1)
        self.right = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        left = torch.relu(self.left(x))
        pooled = nn.functional.avg_pool2d(x, 3, 1, 1)
        return torch.cat([left, self.right(pooled) * 0.5], 1)


class BranchPool(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.branches = Branches()
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.head(self.branches(self.stem(x)))


class ComputedBias(nn.Module):
    """As in torchvision's swin_v2, the bias is not what the module holds."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x):
        return nn.functional.linear(x, self.linear.weight, self.linear.bias * x.numel())


class Swapped(nn.Module):
    """swapaxes is a second name of transpose."""

    def __init__(self):
        super().__init__()
        self.before, self.after = nn.Linear(6, 4), nn.Linear(3, 2)

    def forward(self, x):
        return self.after(torch.swapaxes(self.before(x), 1, 2))


def save(module, path):
    """Saves without the .debug_pkl members, which hold the paths of the machine that traced."""
    whole = io.BytesIO()
    torch.jit.save(module, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, 'w', zipfile.ZIP_STORED) as target:
        for member in source.infolist():
            if not member.filename.endswith('.debug_pkl'):
                target.writestr(zipfile.ZipInfo(member.filename), source.read(member))


torch.manual_seed(0)
torch.backends.quantized.engine = 'x86'
activation = MinMaxObserver.with_args(dtype=torch.quint8, qscheme=torch.per_tensor_affine)
for name, model, shape in [('branch_pool', BranchPool(), (2, 3, 8, 8)), ('computed_bias', ComputedBias(), (2, 6)), ('swapped', Swapped(), (2, 3, 6))]:
    path = OUT / f'{name}.pt'
    save(torch.jit.trace(model.eval(), torch.rand(shape)), path)
    prepared = prepare_jit(torch.jit.load(str(path)).eval(), {'': QConfig(activation=activation, weight=default_weight_observer)})
    x = torch.linspace(-1, 1, torch.Size(shape).numel()).reshape(shape)
    prepared(x)
    converted = convert_jit(prepared)
    for _ in range(2):
        converted(x)
    (OUT / f'{name}.graph.txt').write_text(re.sub(r' # .*', '', str(converted.graph_for(x))))
