"""Small functions and modules in TorchScript's own language, an idea each: control flow, lists, dicts, strings, optionals, in-place views. Scripted by
make_operator_cases.py.
"""
import math
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

import torch
import torch.nn as nn
import torch.nn.functional as F


def fill(shape, seed=1, lo=-2.0, hi=2.0):
    """Multiples of 1/64 between lo and hi from a small generator (Park and Miller)."""
    state = (seed * 7919 + 12345) % 2147483647 or 1
    values = []
    for _ in range(math.prod(shape)):
        state = state * 48271 % 2147483647
        values.append(round((lo + (hi - lo) * state / 2147483647) * 64) / 64)
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


def views_reshaped_in_place(x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    y = x * 2.0
    z = y.view(x.numel())
    y.unsqueeze_(0)
    if y.dim() == 3:
        y.transpose_(1, 2)
    z.mul_(3.0)
    return y, z.unsqueeze_(1).squeeze_(1)


def union_of_lists(x: torch.Tensor) -> torch.Tensor:
    parts = as_parts(x, 2)
    if isinstance(parts, list):
        return parts[0] + parts[1]
    return parts


def as_parts(x: torch.Tensor, n: int) -> Union[torch.Tensor, List[torch.Tensor]]:
    if n > 1:
        return [x * float(i) for i in range(1, n + 1)]
    return x


def number_of_either_kind(x: torch.Tensor) -> torch.Tensor:
    return F.lp_pool2d(x.unsqueeze(0).unsqueeze(0).abs(), 2, [2, 2])


def fourier(x: torch.Tensor) -> Dict[str, torch.Tensor]:
    z = torch.fft.fftn(x, dim=(0, 1))
    half = torch.fft.rfft2(x, norm="ortho")
    gate = torch.view_as_complex(torch.stack([x[:, :2], x[:, 1:]], -1).contiguous())
    turned = torch.polar(torch.ones_like(x), x)
    return {"real": z.real, "imag": torch.imag(torch.fft.ifft(z, 5)), "size": torch.fft.rfft(x, 4, 0, "forward").abs(), "filtered": torch.fft.irfft2(half * gate, s=(2, 3), norm="ortho"),
            "even": torch.fft.irfft(half), "parts": torch.view_as_real(turned * turned + torch.fft.fft(x)), "scaled": torch.view_as_real(z * 0.5)[0]}


class Pair(NamedTuple):
    first: torch.Tensor
    count: int


def control_while(x: torch.Tensor) -> torch.Tensor:
    n = 0
    while bool((x.abs() < 100.0).all()) and n < 10:
        x = x * 2.0
        n += 1
    return x + n


def control_break_continue(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    for i in range(10):
        if i % 2 == 1:
            continue
        if i > 6:
            break
        y = y + x * i
    return y


def control_return_in_loop(x: torch.Tensor) -> torch.Tensor:
    for i in range(5):
        if float(x.sum()) + i > 3.0:
            return x * i
    return -x


def control_nested_return(x: torch.Tensor, flip: bool = True) -> torch.Tensor:
    if x.dim() == 2:
        if flip:
            for row in x:
                if bool(row.sum() > 0):
                    return row
            return x[0]
        return x[1]
    elif x.dim() == 3:
        return x[0, 0]
    return x.flatten()


def control_while_true(x: torch.Tensor) -> torch.Tensor:
    i = 0
    while True:
        i += 1
        if i == 7:
            break
    return x * i


def control_ternary(x: torch.Tensor) -> torch.Tensor:
    a = 3 if x.size(0) > 1 else 4
    b = x if a == 3 else None
    if b is not None:
        return b * a
    return x


def control_try(x: torch.Tensor) -> torch.Tensor:
    if x.numel() == 0:
        raise ValueError(f"empty {x.shape}")
    assert x.dim() < 9, "too many: %d" % x.dim()
    return x + 1


def lists_methods(x: torch.Tensor) -> List[int]:
    a = [3, 1, 2]
    a.append(7)
    a.extend([5, 5])
    a.insert(1, 9)
    a.remove(5)
    b = a.pop()
    a.sort()
    a.reverse()
    c = a[1:4:2] + a[-2:] + [b] * 2
    c[0] = len(c)
    c.append(sum(a))
    c.append(max(a))
    c.append(min(a) + a.index(9) + a.count(7))
    c += [x.size(0), int(3 in a), int(11 not in a)]
    del c[1]
    return c


def lists_comprehension(x: torch.Tensor) -> torch.Tensor:
    sizes = [i * 2 for i in range(4)]
    parts = [t * t for t in x.unbind(0)]
    pairs = [(i, s) for i, s in enumerate(sizes)]
    total = 0
    for i, s in pairs:
        total += i * s
    return torch.stack(parts).sum(0) + total


def lists_sorted(x: torch.Tensor) -> Tuple[List[int], List[float], List[str]]:
    return sorted([3, -1, 2]), sorted([2.5, -1.0, 3.0]), sorted(["b", "a", "c"])


def lists_any_all(x: torch.Tensor) -> List[bool]:
    a = [True, False]
    return [any(a), all(a), any([0, 3]), all([1, 2]), [1, 2] == [1, 2], [1] != [2], a[-1]]


def lists_of_tensors(xs: torch.Tensor) -> List[torch.Tensor]:
    out: List[torch.Tensor] = []
    for i in range(xs.size(0)):
        out.append(xs[i] + len(out))
    out[0] = out[0] * 2
    return out[::-1] if len(out) > 9 else out[:2]


def loops_zip(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros(x.size(1))
    for a, b in zip([1.0, 2.0, 3.0], x):
        y = y + a * b
    for i, t in enumerate(x):
        y[i] += t.sum()
    for i in range(5, 0, -2):
        y = y * i
    return y


def dicts_methods(x: torch.Tensor) -> Dict[str, torch.Tensor]:
    d: Dict[str, torch.Tensor] = {"a": x, "b": x * 2}
    d["c"] = d["a"] + d["b"]
    d.update({"b": x * 3})
    if "c" in d:
        d["d"] = d.pop("c")
    y = d.get("zz", x - 1)
    for k, v in d.items():
        y = y + v * len(k)
    keys = list(d.keys())
    d[keys[0]] = y
    del d["b"]
    return d


def dicts_int_keys(x: torch.Tensor) -> int:
    d = {i: i * i for i in range(4)}
    d[7] = d.setdefault(9, 5)
    total = len(d)
    for v in d.values():
        total += v
    return total


def tuples_named(x: torch.Tensor) -> Tuple[torch.Tensor, int]:
    p = Pair(x * 2, 3)
    a, n = p
    q = (a, n, "s")
    return q[0] + p.first, p.count + q[-2]


def optionals(x: torch.Tensor, y: Optional[torch.Tensor] = None, n: Optional[int] = None) -> torch.Tensor:
    if y is None:
        y = x
    k = n if n is not None else 5
    z: Optional[torch.Tensor] = None
    for i in range(2):
        if z is None:
            z = y
        else:
            z = z + k
    assert z is not None
    return z


def strings(x: torch.Tensor) -> List[str]:
    s = "Hello, World"
    out = [s.lower(), s.upper(), s[1:4], s.replace("l", "L"), "-".join(["a", "b"]), "{} and {}".format(x.size(0), 2.5), f"n={x.dim()}", "%s is %d" % ("x", 3), str(7), str(True)]
    out.extend(s.split(", "))
    if s.startswith("Hell") and s.endswith("d") and s.find("World") == 7 and len(s) == 12 and "lo" in s:
        out.append("  padded ".strip())
    out.append(s.lstrip("H") + "xx".rstrip("x"))
    return out


def numbers(x: torch.Tensor) -> List[float]:
    n, f = x.size(0), 2.5
    return [n / 4, float(n // 2), float(-7 // 2), float(-7 % 3), float(n ** 2), f ** 2, float(int(f)), float(round(f)), math.sqrt(f), math.floor(-f) + 0.0, math.ceil(f) + 0.0, float(abs(-n)), max(1.5, f), float(min(n, 1)), math.exp(1.0), math.log(f), math.pi, float(7 & 3 | 8 ^ 1),
            float(1 << 4), float(n > 1), math.inf, -1.0 * n, math.atan2(1.0, 2.0), float("2.5"), float(int("12"))]


def numbers_from_tensors(x: torch.Tensor) -> torch.Tensor:
    a = int(x[0, 0])
    b = float(x[0, 1])
    c = x.argmax().item()
    if bool(x[0, 0] > x[0, 1]):
        a += 1
    return x * a + b + c


def isinstance_any(x: torch.Tensor, y: Optional[torch.Tensor]) -> torch.Tensor:
    if isinstance(y, torch.Tensor):
        return x + y
    if torch.jit.isinstance(x, List[int]):
        return x
    return x


def annotate_empty(x: torch.Tensor) -> torch.Tensor:
    a = torch.jit.annotate(List[int], [])
    b: List[Tuple[int, torch.Tensor]] = []
    d: Dict[int, List[int]] = {}
    for i in range(3):
        a.append(i)
        b.append((i, x + i))
        d[i] = a[:]
    y = x
    for i, t in b:
        y = y + t * len(d[i])
    return y + a[-1]


def inplace_views(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[0] = 1.0
    y[:, 1] += 2
    y[1:, ::2] *= 3
    z = y.t()
    z[0].zero_()
    z[-1, 0].fill_(7.0)
    y.view(-1)[3:5].add_(10)
    w = y[1]
    w.mul_(2).clamp_(max=20.0)
    return y


def indexing_everything(x: torch.Tensor) -> torch.Tensor:
    a = x[..., -1]
    b = x[None, :, 1:].squeeze(0)
    c = x[x > 0].sum()
    d = x[[0, -1]]
    e = x[torch.tensor([1, 0]), :2]
    y = x.clone()
    y[y < 0] = 0.0
    y[torch.tensor([0]), 1] = 5.0
    return a.sum() + b.sum() + c + d.sum() + e.sum() + y


def masks(x: torch.Tensor) -> torch.Tensor:
    mask = torch.zeros(4, 4)
    count = 0
    for h in ((0, 2), (2, 4)):
        for w in ((0, 1), (1, 4)):
            mask[h[0]:h[1], w[0]:w[1]] = count
            count += 1
    m = mask.unsqueeze(1) - mask.unsqueeze(2)
    m = m.masked_fill(m != 0, float(-100.0)).masked_fill(m == 0, float(0.0))
    return m + torch.triu(torch.full((4, 4), float("-inf")), diagonal=1) + x[0, 0]


def functions_helper(x: torch.Tensor, scale: float = 2.0, names: Tuple[int, int] = (1, 2)) -> torch.Tensor:
    return x * scale + names[0]


def functions_calls(x: torch.Tensor) -> torch.Tensor:
    return functions_helper(functions_helper(x), scale=0.5, names=(3, 4)) + functions_helper(x, 3.0)


def interpolation(x: torch.Tensor) -> torch.Tensor:
    x = x.reshape(1, 1, 2, 3)
    a = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    b = F.interpolate(x, size=(4, 6), mode="nearest")
    c = F.interpolate(x, size=[4, 6], mode="bicubic", align_corners=True)
    return a + b + c + F.adaptive_avg_pool2d(F.pad(x, (1, 1, 0, 2), mode="replicate"), (4, 6))


def functional(x: torch.Tensor) -> torch.Tensor:
    a = F.normalize(x, p=2.0, dim=-1) + F.softmax(x, dim=-1) + F.gelu(x) + F.layer_norm(x, [3])
    b = F.dropout(a, 0.5, False) + F.hardtanh(x) + F.leaky_relu(x, 0.1) + F.log_softmax(x, 1)
    return torch.einsum("ij,kj->ik", b, x) + F.cosine_similarity(x, b, 1).unsqueeze(0)


def dtypes(x: torch.Tensor) -> torch.Tensor:
    i = torch.arange(x.size(1), dtype=torch.long, device=x.device)
    y = x.to(torch.float64) + i
    z = (i > 1).to(x.dtype) + torch.tensor([0.5]) + torch.ones(3, dtype=torch.int32)
    if x.dtype == torch.float32 and not x.is_cuda:
        y = y.to(x)
    return y + z.type_as(x)


def no_grad_block(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        y = x * 2
    return y + 1


@torch.jit.script
class Counter(object):
    def __init__(self, start: int):
        self.n = start
        self.seen: List[int] = []

    def bump(self, by: int = 1) -> int:
        self.n += by
        self.seen.append(self.n)
        return self.n


def classes(x: torch.Tensor) -> torch.Tensor:
    c = Counter(3)
    c.bump()
    c.bump(5)
    c.n = c.n * 2
    return x * c.n + len(c.seen)


class Layered(nn.Module):
    """Submodules in lists, dicts and sequences, buffers, constants and several methods."""
    scale: torch.jit.Final[float]

    def __init__(self):
        super().__init__()
        self.scale = 0.5
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])
        self.named = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Sequential(nn.Identity(), nn.Tanh())})
        self.register_buffer("table", fill((3,), 5))
        self.register_buffer("missing", None)
        self.weight = nn.Parameter(fill((3,), 6))
        for k, l in enumerate(self.layers):
            l.weight.data, l.bias.data = fill((3, 3), k + 7), fill((3,), k + 9)
        self.bn = nn.BatchNorm1d(3)
        self.widths = [1, 2]

    def forward(self, x: torch.Tensor) -> Dict[str, torch.Tensor]:
        skips: List[torch.Tensor] = []
        for i, layer in enumerate(self.layers):
            x = layer(x) * self.scale + self.widths[i]
            skips.append(x)
        for name, m in self.named.items():
            x = m(x) + len(name)
        if self.training:
            x = x + 100
        return {"y": self.helper(self.bn(x), skips), "last": skips[-1]}

    def helper(self, x: torch.Tensor, skips: List[torch.Tensor]) -> torch.Tensor:
        for s in skips[::-1] if len(skips) > 5 else skips:
            x = x + s * self.table
        return x * self.weight


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 2, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(4, 2)
        for k, p in enumerate(self.parameters()):
            p.data = fill(tuple(p.shape), k + 1, -0.5, 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, (h, c) = self.lstm(x.unsqueeze(0))
        z, _ = self.gru(y)
        return z + h.sum() + c.mean()


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2)
        for k, p in enumerate(self.parameters()):
            p.data = fill(tuple(p.shape), k + 1, -0.5, 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.encoder(x.unsqueeze(0).repeat(1, 1, 2)[..., :4])


class Padded(nn.Module):
    """An encoder with a padding mask that becomes a nested tensor, and with one that does not."""
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2)
        for k, p in enumerate(self.parameters()):
            p.data = fill(tuple(p.shape), k + 1, -0.5, 0.5)

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        tokens = torch.stack([x, x * 0.5, x - 1.0, x.flip([0])], 2)
        mask = torch.zeros(2, 3, dtype=torch.bool)
        mask[1, 2:] = True
        return self.encoder(tokens, src_key_padding_mask=mask), self.encoder(tokens, src_key_padding_mask=mask.flip([1]))


class GlobalFilter(nn.Module):
    """A spectrum times a weight of complex numbers, which is kept as its parts."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(fill((4, 3, 2), 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.fft.rfft2(x.view(-1, 4, 4), norm="ortho") * torch.view_as_complex(self.weight)
        return torch.fft.irfft2(y, s=(4, 4), norm="ortho")


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant = torch.ao.quantization.QuantStub()
        self.conv = nn.Conv2d(1, 4, (1, 2), padding=(1, 0))
        self.point = nn.Sequential(nn.Conv2d(4, 4, 1, groups=2), nn.ReLU())
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2, output_padding=1)
        self.linear = nn.Linear(5, 3)
        self.dequant = torch.ao.quantization.DeQuantStub()
        for k, p in enumerate(self.parameters()):
            p.data = fill(tuple(p.shape), k + 1, -0.5, 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.point(self.conv(self.quant(x.unsqueeze(0).unsqueeze(0))))
        return self.dequant(self.linear(self.up(y)))


def quantized_layers():
    """Layers of eager mode after convert: their packed params are made by __setstate__."""
    import torch.ao.quantization as tq
    torch.backends.quantized.engine = "x86"
    m = Small().eval()
    tq.fuse_modules(m, [["point.0", "point.1"]], inplace=True)
    m.qconfig = tq.get_default_qconfig("x86")
    m.up.qconfig = tq.QConfig(activation=m.qconfig.activation, weight=tq.default_weight_observer)
    tq.prepare(m, inplace=True)
    m(fill((2, 3), 4))
    return tq.convert(m)


def dynamic_layers():
    """Linear layers with int8 weights, whose inputs are quantized by the range that they have."""
    import torch.ao.quantization as tq
    torch.backends.quantized.engine = "x86"
    m = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 5)).eval()
    for k, p in enumerate(m.parameters()):
        p.data = fill(tuple(p.shape), k + 1, -0.5, 0.5)
    return tq.quantize_dynamic(m, {nn.Linear}, dtype=torch.qint8)


def complex_numbers(x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Spectra there and back, and shapes, products and exponentials of complex tensors."""
    window = torch.hann_window(8)
    s = torch.stft(x, 8, 2, 8, window, return_complex=True)
    back = torch.istft(s, 8, 2, 8, window, length=30)
    turned = torch.cat([s.transpose(1, 2).conj(), s.permute(0, 2, 1)], 1)[:, 2:7].reshape(2, -1)
    matrix = torch.complex(x[:, :4], x[:, 4:8])
    y = torch.exp(matrix @ matrix.conj().mT) / (matrix.sum(1, keepdim=True) + 3.0) - matrix[:, :2]
    mixed = torch.fft.ifft2(torch.fft.fft2(x[:, :6].to(torch.complex64)) * 2.0)
    return back, torch.view_as_real(turned), torch.view_as_real(y), mixed.real + torch.fft.irfft(torch.fft.rfft(x[:, :6]).roll([1], [1]), 6)


def all_programs():
    """Every function or module with its inputs."""
    x = fill((2, 3), 1)
    plain = [control_while, control_break_continue, control_return_in_loop, control_while_true, control_ternary, control_try, lists_methods, lists_comprehension,
             lists_sorted, lists_any_all, lists_of_tensors, dicts_methods, dicts_int_keys, tuples_named, strings, numbers, numbers_from_tensors, annotate_empty,
             inplace_views, indexing_everything, masks, functions_calls, interpolation, functional, dtypes, no_grad_block, classes, views_reshaped_in_place, union_of_lists, number_of_either_kind, fourier]
    more = [(control_nested_return, x, True), (control_nested_return, fill((4,)), False), (optionals, x, None, None), (optionals, x, fill((2, 3), 2), 7),
            (isinstance_any, x, fill((2, 3), 2)), (loops_zip, fill((3, 3), 1)), (Layered(), x), (Recurrent(), x), (Attending(), x), (Padded(), x), (quantized_layers(), x), (dynamic_layers(), x), (complex_numbers, fill((2, 32), 3)), (GlobalFilter(), fill((2, 32), 3))]
    return [(f, x) for f in plain] + more
