"""Writes operator_cases.json beside this file: calls of PyTorch's operators with all their arguments and what they return, and small scripted
functions that exercise TorchScript's own language, as archives with inputs and results.

Run where PyTorch 2.11 is installed: python make_operator_cases.py [overload ...]. The numbers are deterministic; inputs are multiples of 1/64, exact in
JSON. engine/runtime/operators/pytorch.test.ts runs both parts.
"""
import base64
import io
import json
import math
import os
import sys
import zipfile

import torch
import torch.nn as nn

from operator_programs import all_programs, fill

INF, NAN = math.inf, math.nan
calls, programs = [], []


def ints(shape, seed=1, lo=0, hi=4, dtype=torch.int64):
    return fill(shape, seed, lo, hi + 0.98).floor().to(dtype)


def tensor(*values, dtype=None):
    return torch.tensor(values, dtype=dtype)


def number(v):
    if isinstance(v, int):
        return v
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    return float(f"{v:.8g}")


def encode(v):
    """A value as JSON: tensors and floats are told from lists and ints."""
    if isinstance(v, torch.Tensor):
        v = v.detach()
        return {"dtype": str(v.dtype).replace("torch.", ""), "shape": list(v.shape), "values": [number(int(e) if isinstance(e, bool) else e) for e in v.reshape(-1).tolist()]}
    if isinstance(v, float):
        return {"float": number(v)}
    if isinstance(v, torch.dtype):
        return {"scalarType": str(v).replace("torch.", "")}
    if isinstance(v, (list, tuple)):
        return [encode(e) for e in v]
    if isinstance(v, dict):
        return {"dict": [[encode(k), encode(e)] for k, e in v.items()]}
    if v is None or isinstance(v, (bool, int, str)):
        return v
    return str(v)


def call(name, *args, outputs=None, tol=1e-5, **kwargs):
    """Runs an operator, `add.Tensor` or `relu`, and notes all its arguments, defaults included. `outputs` leaves out results beyond the first few."""
    base, _, overload = name.partition(".")
    op = getattr(getattr(torch.ops.aten, base), overload or "default")
    given = list(args)
    full = []
    for i, a in enumerate(op._schema.arguments):
        if i < len(given) and not a.kwarg_only:
            full.append(given[i])
        elif a.name in kwargs:
            full.append(kwargs[a.name])
        else:
            full.append(a.default_value)
    # In-place operators change their inputs, so they are noted before.
    noted = [encode(v) for v in full]
    try:
        result = op(*[v.clone() if isinstance(v, torch.Tensor) else v for v in args], **kwargs)
    except Exception as e:
        print(f"{name}: left out: {str(e).strip().splitlines()[0]}")
        return
    results = list(result) if isinstance(result, tuple) else [result]
    calls.append({"op": f"aten::{base}", "overload": overload, "args": noted, "outputs": [encode(v) for v in results[:outputs]], "tol": tol})


def elementwise():
    x = torch.tensor([-3.0, -1.5, -0.5, 0.0, 0.25, 1.0, 2.5, 6.5])
    unit = torch.tensor([-0.75, -0.25, 0.0, 0.5, 0.9375])
    for n in ("relu", "relu6", "selu", "sigmoid", "tanh", "mish", "silu", "hardswish", "hardsigmoid", "abs", "neg", "square", "exp", "expm1", "exp2", "reciprocal", "sin", "cos",
              "tan", "atan", "floor", "ceil", "round", "trunc", "frac", "sign", "erf", "erfc", "sinh", "cosh", "asinh", "isnan", "isinf", "isfinite", "logical_not", "sgn", "absolute"):
        call(n, x)
    for n in ("asin", "acos", "atanh"):
        call(n, unit)
    for n in ("sqrt", "rsqrt", "log", "log2", "log10", "log1p"):
        call(n, fill((5,), 3, 0.25, 4.0))
    call("acosh", fill((5,), 3, 1.25, 4.0))
    for n in ("relu_", "sigmoid_", "abs_", "round_"):
        call(n, x)
    for n in ("abs", "neg", "sign", "square", "relu", "bitwise_not", "logical_not", "floor"):
        call(n, ints((6,), 5, -3, 3))
    call("neg", ints((3,), 5, -3, 3, torch.int8))
    call("sigmoid", ints((4,), 5, -3, 3))
    call("sqrt", torch.tensor(4))
    call("hardtanh", x, -2.0, 0.5), call("leaky_relu", x, 0.2), call("elu", x, 0.5), call("celu", x, 2.0), call("threshold", x, 0.5, -7.0)
    call("softplus", x, 2, 4), call("hardshrink", x, 1.0), call("softshrink", x, 1.0), call("log_sigmoid", x)
    call("gelu", x), call("gelu", x, approximate="tanh"), call("logit", fill((5,), 3, 0.0625, 0.875)), call("logit", unit, 0.25), call("rrelu", x)
    call("round.decimals", torch.tensor([1.234, -2.345, 12.5]), decimals=1), call("glu", fill((2, 6), 4), 1), call("prelu", fill((2, 3, 2), 4), fill((3,), 5, 0.0, 1.0))
    call("prelu", fill((4,), 4), fill((1,), 5, 0.0, 1.0))
    for args in ((-1, 2), (None, 1.5), (0, None), (0.5, 2), (2, -1)):
        call("clamp", x, *args)
    call("clamp", ints((5,), 3, -4, 4), -1, 2), call("clamp", ints((5,), 3, -4, 4), 0.5, None)
    call("clamp.Tensor", fill((2, 3), 1), fill((3,), 2, -1.0, 0.0), None), call("clamp.Tensor", fill((2, 3), 1), None, fill((2, 1), 2, 0.0, 1.0))
    call("clamp_min", x, 0.5), call("clamp_max", x, 0.5), call("clamp_min.Tensor", x, torch.tensor(1.0)), call("clamp_", x, -1, 1)
    call("nan_to_num", torch.tensor([NAN, INF, -INF, 1.0])), call("nan_to_num", torch.tensor([NAN, INF, -INF, 1.0]), 7.0, 8.0, 9.0)
    call("dropout", x, 0.5, False), call("softmax.int", fill((2, 3), 1), -1), call("softmax.int", ints((2, 3)), 1, torch.float32), call("log_softmax.int", fill((2, 3), 1), 0)
    call("softmax.int", torch.tensor(3.0), 0), call("softmax.int", torch.tensor([[-INF, 0.0, 1.0]]), 1)


def binaries():
    a, b = fill((2, 1, 3), 1), fill((2, 1), 2)
    i, j = ints((4,), 3, -5, 5), tensor(2, -3, 1, 4)
    for n in ("add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor", "remainder.Tensor", "fmod.Tensor", "maximum", "minimum", "atan2", "fmax", "fmin", "eq.Tensor", "ne.Tensor", "lt.Tensor",
              "le.Tensor", "gt.Tensor", "ge.Tensor", "logical_and", "logical_or", "logical_xor", "floor_divide"):
        call(n, a, b)
    for n in ("add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor", "remainder.Tensor", "fmod.Tensor", "maximum", "eq.Tensor", "lt.Tensor", "bitwise_and.Tensor", "bitwise_or.Tensor",
              "bitwise_xor.Tensor", "floor_divide", "pow.Tensor_Tensor"):
        call(n, i, j if n != "pow.Tensor_Tensor" else j.abs())
    # Promotion: tensors with dimensions before 0-dim ones before numbers; categories bool, int, float.
    kinds = [fill((2,)), ints((2,)), ints((2,), 2, 0, 1, torch.bool), ints((2,), 3, 0, 9, torch.uint8), ints((2,), 3, -3, 3, torch.int8), fill((2,)).half(), fill((2,)).double(), torch.tensor(2), torch.tensor(1.5),
             torch.tensor(True)]
    for p, x in enumerate(kinds):
        for y in kinds[p:]:
            call("add.Tensor", x, y)
        for s in (2, 1.5):
            call("mul.Tensor", x, torch.tensor(s)), call("mul.Scalar", x, s)
    for n in ("add.Scalar", "sub.Scalar", "mul.Scalar", "div.Scalar", "remainder.Scalar", "fmod.Scalar", "eq.Scalar", "gt.Scalar"):
        call(n, fill((3,)), 2), call(n, ints((3,)), 2), call(n, ints((3,)), 1.5)
    call("add.Tensor", a, b, alpha=2.5), call("sub.Tensor", i, j, alpha=3), call("rsub.Scalar", fill((3,)), 1), call("rsub.Tensor", fill((3,)), fill((3,), 2), alpha=2)
    for mode in (None, "floor", "trunc"):
        call("div.Tensor_mode", i, j, rounding_mode=mode), call("div.Tensor_mode", a, b, rounding_mode=mode), call("div.Scalar_mode", i, 2, rounding_mode=mode)
    for n in ("add_.Tensor", "mul_.Tensor"):
        call(n, fill((2, 3), 1), fill((3,), 2))
    call("div_.Scalar", fill((2, 3)), 4), call("sub_.Tensor", ints((3,)), tensor(1, 2, 3)), call("pow.Tensor_Scalar", fill((4,)), 2), call("pow.Tensor_Scalar", fill((4,)), 3), call("pow.Tensor_Scalar", ints((4,)), 2)
    call("pow.Tensor_Scalar", fill((4,), 1, 0.25, 2.0), 0.5), call("pow.Tensor_Scalar", ints((4,)), 0.5), call("pow.Scalar", 2, fill((4,))), call("pow.Tensor_Tensor", fill((3,), 1, 0.25, 2.0), fill((3,), 2))
    call("__lshift__.Scalar", ints((3,)), 2), call("__rshift__.Scalar", ints((3,), 2, 0, 40), 1), call("__and__.Tensor", i > 0, j > 0), call("__or__.Scalar", i, 1)
    call("lerp.Scalar", fill((3,)), fill((3,), 2), 0.25), call("lerp.Tensor", fill((3,)), fill((3,), 2), fill((3,), 3)), call("addcmul", fill((3,)), fill((3,), 2), fill((3,), 3), value=0.5)
    call("addcdiv", fill((3,)), fill((3,), 2), fill((3,), 3, 1.0, 2.0), value=2), call("hypot", fill((3,)), fill((3,), 2)), call("isclose", fill((3,)), fill((3,)) + 1e-6), call("heaviside", tensor(-1.0, 0.0, 2.0), torch.tensor(0.5))
    call("where.self", a > 0, a, b), call("where.self", i > 0, i, torch.tensor(1.5)), call("where.ScalarOther", i > 0, i, 7), call("where.ScalarSelf", i > 0, 1.5, i), call("where.Scalar", i > 0, 1.0, 0.0)
    call("masked_fill.Scalar", a, a > 0, -INF), call("masked_fill.Scalar", i, i > 0, 7), call("masked_fill.Tensor", a, torch.tensor([True, False, True]), torch.tensor(3.0)), call("masked_fill_.Scalar", a, a > 0, 0.0)
    call("rsub.Scalar", ints((3,)), 1.5), call("true_divide.Tensor", i, j), call("add.Tensor", torch.zeros(2, 0), torch.zeros(1))


def views():
    x = fill((2, 3, 4), 1)
    for shape in ([6, 4], [-1], [2, -1, 2], [24, 1]):
        call("reshape", x, shape), call("view", x, shape)
    call("reshape", x.transpose(1, 2), [2, 12]), call("flatten.using_ints", x, 1), call("flatten.using_ints", torch.tensor(3.0)), call("unflatten.int", x, -1, [2, -1]), call("permute", x, [2, 0, -2]), call("transpose.int", x, -1, 0)
    call("t", fill((2, 3))), call("mT", x), call("movedim.int", x, 0, -1), call("movedim.intlist", x, [0, 1], [2, 0]), call("swapaxes", x, 0, 2), call("squeeze", fill((1, 2, 1))), call("squeeze.dim", fill((1, 2, 1)), -1), call("squeeze.dim", fill((1, 2)), 1)
    call("squeeze.dims", fill((1, 2, 1)), [0, 2]), call("unsqueeze", x, -1), call("unsqueeze", x, 1), call("expand", fill((3, 1)), [2, -1, 4]), call("expand_as", fill((1, 3)), fill((2, 3))), call("broadcast_to", fill((3,)), [2, 3])
    call("select.int", x, 1, -1), call("slice.Tensor", x, 2, 1, 4, 2), call("slice.Tensor", x, -1, -3, 9223372036854775807), call("slice.Tensor", x, 1, 3, 1), call("narrow", x, 2, 1, 2), call("diagonal", x, 1, 1, 2), call("diagonal", x, -1, 0, 2)
    call("unfold", x, 2, 2, 1), call("as_strided", x, [2, 2], [3, 1], 2), call("repeat", fill((2, 1)), [2, 1, 3]), call("tile", fill((2, 3)), [2]), call("repeat_interleave.self_int", fill((2, 2)), 2, 1), call("repeat_interleave.self_int", fill((2, 2)), 2)
    call("repeat_interleave.self_Tensor", fill((3, 2)), tensor(1, 0, 2), 0), call("flip", x, [0, -1]), call("fliplr", fill((2, 3))), call("flipud", fill((2, 3))), call("roll", x, [1, -2], [0, 2]), call("roll", x, [5]), call("roll", x, [-7], [1])
    for k in (-1, 1, 2, 4):
        call("rot90", fill((2, 3)), k)
    for n, args in (("chunk", (2, 1)), ("chunk", (3, 2)), ("split.Tensor", (3, 2)), ("split_with_sizes", ([1, 2], 1)), ("tensor_split.sections", (3, 2)), ("tensor_split.indices", ([1, 3], 2)), ("unbind.int", (1,)), ("unsafe_chunk", (2, 0))):
        call(n, x, *args)
    call("cat", [x, fill((2, 1, 4), 2)], 1), call("cat", [fill((2,)), ints((2,))]), call("cat", [torch.zeros(0), fill((2, 2))], 1), call("stack", [fill((2,)), fill((2,), 2)], -1), call("hstack", [fill((2,)), fill((3,), 2)]), call("vstack", [fill((2,)), fill((2,), 2)])
    call("dstack", [fill((2,)), fill((2,), 2)]), call("column_stack", [fill((2,)), fill((2, 2), 2)]), call("block_diag", [fill((2, 1)), fill((1, 2), 2)]), call("meshgrid", [fill((2,)), fill((3,), 2)]), call("meshgrid.indexing", [fill((2,)), fill((3,), 2)], indexing="xy")
    call("tril", fill((3, 4)), 1), call("triu", fill((2, 3, 4)), -1), call("tril", ints((3, 3)) > 1), call("diag", fill((3,)), 1), call("diag", fill((3, 4)), -1), call("diag_embed", fill((2, 3)), -1), call("diag_embed", fill((2, 3)), 1, 0, 2)
    call("pixel_shuffle", fill((1, 8, 2, 3)), 2), call("pixel_unshuffle", fill((1, 2, 4, 6)), 2), call("channel_shuffle", fill((1, 6, 2, 2)), 3), call("atleast_2d", fill((3,))), call("atleast_3d", fill((3, 2)))
    for mode, p in (("constant", [1, 2]), ("constant", [1, 0, 0, 2]), ("reflect", [1, 2]), ("replicate", [2, 1]), ("circular", [1, 1])):
        call("pad", x, p, mode, 0.5 if mode == "constant" else None)
    call("constant_pad_nd", ints((2, 3)), [-1, 2], 7), call("reflection_pad2d", fill((1, 1, 3, 4)), [1, 2, 2, 1]), call("replication_pad2d", fill((1, 1, 2, 2)), [1, 2, 0, 1]), call("replication_pad3d", fill((1, 1, 2, 2, 2)), [1, 1, 0, 1, 1, 0]), call("reflection_pad3d", fill((1, 1, 2, 3, 2)), [1, 0, 0, 1, 1, 0])
    call("size.int", x, -1), call("dim", x), call("numel", x), call("is_same_size", x, x), call("slice_scatter", x, fill((2, 1, 4), 9), 1, 1, 2), call("select_scatter", x, fill((2, 4), 9), 1, 2), call("transpose.int", torch.tensor(1.0), 0, -1)


def creation():
    for f in ("zeros", "ones"):
        call(f, [2, 3]), call(f, [2], dtype=torch.int64)
    call("full", [2], 3), call("full", [2], 1.5), call("full", [2], True), call("full", [2], 3, dtype=torch.float32), call("full_like", fill((2,)), 3), call("zeros_like", ints((2,))), call("ones_like", fill((2,)), dtype=torch.int64)
    call("new_zeros", fill((2,)), [1, 2]), call("new_ones", ints((2,)), [2]), call("new_full", fill((2,)), [2], 7), call("arange", 5), call("arange", 2.5), call("arange.start", 2, 5), call("arange.start_step", 5, 0, -2), call("arange.start_step", 0.0, 1.0, 0.25)
    call("arange", 3, dtype=torch.float32), call("linspace", 0, 1, 5), call("linspace", -1.0, 1.0, 1), call("eye", 3), call("eye.m", 2, 3), call("scalar_tensor", 2), call("tril_indices", 3, 3), call("triu_indices", 3, 4, 1), call("hann_window", 5)
    call("logspace", 0, 2, 3), call("arange", 0)


def reductions():
    x, i, b = fill((2, 3, 4), 1), ints((2, 3), 2, -3, 3), ints((2, 3), 3, 0, 1, torch.bool)
    for n in ("sum", "mean", "prod", "max", "min", "std", "var", "any", "all", "median", "norm.Scalar", "argmax", "argmin", "amax", "amin", "count_nonzero", "logsumexp"):
        if n == "logsumexp":
            call(n, x, [1])
        else:
            call(n, x)
    for n in ("sum", "prod", "max", "any", "all", "argmax", "count_nonzero"):
        call(n, i)
    call("sum", b), call("any", b), call("mean", i, dtype=torch.float32), call("sum.dim_IntList", x, [0, -1]), call("sum.dim_IntList", x, [1], True), call("sum.dim_IntList", x, None), call("sum.dim_IntList", b, [0]), call("sum", i, dtype=torch.float32), call("mean.dim", x, [-1], True), call("mean.dim", x, [0, 1])
    call("prod.dim_int", x, 1), call("max.dim", x, 1), call("min.dim", x, -1, True), call("amax", x, [0, 2]), call("amin", x, [1], True), call("aminmax", x), call("aminmax", x, dim=1), call("argmax", x, 1, True), call("argmin", x, -1)
    for n in ("std", "var"):
        call(f"{n}.dim", x, [1]), call(f"{n}.dim", x, [0, 2], False, True), call(f"{n}.correction", x, [1], correction=0), call(f"{n}.correction", x, None, correction=2), call(f"{n}_mean.correction", x, [1]), call(f"{n}_mean.dim", x, [0, 1], False), call(n, x, False)
    for p in (0, 1, 2, 3, INF, -INF):
        call("linalg_vector_norm", x, p, [1]), call("norm.ScalarOpt_dim", x, p, [0, 2], True)
    call("linalg_norm", x, None, [1]), call("linalg_norm", fill((2, 3)), 1, [0, 1]), call("linalg_norm", fill((2, 3)), INF), call("linalg_norm", fill((2, 3))), call("linalg_norm.ord_str", fill((2, 3)), "fro", [0, 1]), call("frobenius_norm.dim", x, [1, 2])
    call("any.dim", b, 1), call("all.dim", b, 0, True), call("any.dims", b, [0, 1]), call("cumsum", x, 1), call("cumsum", i, 0), call("cumsum", b, -1), call("cumprod", x, 2), call("cumsum", i, 1, dtype=torch.float32), call("nansum", torch.tensor([1.0, NAN, 2.0]))
    call("topk", x, 2), call("topk", x, 1, 1, False), call("sort", x, 1, True), call("sort.stable", i, stable=True, dim=1), call("argsort", x, 0), call("kthvalue", x, 2, 1), call("median.dim", x, 2), call("median.dim", i, 1, True), call("msort", fill((3, 2)))
    call("bucketize.Tensor", fill((4,)), tensor(-1.0, 0.0, 1.0)), call("bucketize.Tensor", tensor(0.0, 1.0), tensor(-1.0, 0.0, 1.0), right=True), call("searchsorted.Tensor", tensor([1, 3, 5], [2, 4, 6]), tensor([3, 6], [3, 6]))
    call("sum", torch.zeros(0)), call("prod", torch.zeros(0)), call("mean.dim", torch.zeros(2, 0), [1]), call("sum", torch.tensor(2.5)), call("mean", torch.tensor(2.5)), call("max.dim", torch.tensor(2.5), 0), call("std.correction", fill((1, 3)), [0])


def products():
    a, b = fill((2, 3, 4), 1), fill((2, 4, 2), 2)
    call("matmul", a, b), call("matmul", a, fill((4,))), call("matmul", fill((3,)), fill((3, 2), 2)), call("matmul", fill((3,)), fill((3,), 2)), call("matmul", fill((2, 1, 3, 4)), fill((3, 4, 2), 2)), call("matmul", fill((4,)), b)
    call("mm", fill((2, 3)), fill((3, 2), 2)), call("bmm", a, b), call("mv", fill((2, 3)), fill((3,), 2)), call("dot", fill((3,)), fill((3,), 2)), call("outer", fill((2,)), fill((3,), 2)), call("inner", fill((2, 3)), fill((4, 3), 2))
    call("addmm", fill((2,)), fill((2, 3)), fill((3, 2), 2), beta=0.5, alpha=2), call("addmv", fill((2,)), fill((2, 3)), fill((3,), 2)), call("baddbmm", fill((2, 3, 2)), a, b, beta=0, alpha=0.5), call("addbmm", fill((3, 2)), a, b), call("addr", fill((2, 3)), fill((2,)), fill((3,), 2), alpha=2)
    call("linear", a, fill((5, 4), 2), fill((5,), 3)), call("linear", fill((4,)), fill((5, 4), 2)), call("bilinear", fill((2, 3)), fill((2, 4), 2), fill((5, 3, 4), 3), fill((5,), 4)), call("tensordot", a, fill((4, 3, 2), 2), [1, 2], [1, 0]), call("cdist", fill((3, 4)), fill((2, 4), 2)), call("cdist", fill((2, 3, 4)), fill((2, 2, 4), 2), 1.0)
    call("cosine_similarity", a, fill((2, 3, 4), 2)), call("pairwise_distance", fill((2, 3)), fill((2, 3), 2)), call("dist", fill((2, 3)), fill((2, 3), 2), 1), call("chain_matmul", [fill((2, 3)), fill((3, 2), 2), fill((2, 4), 3)]), call("linalg_vecdot", a, fill((2, 3, 4), 2))
    for eq, shapes in (("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("bij,bjk->bki", [(2, 3, 4), (2, 4, 2)]), ("...ij,...jk->...ik", [(2, 3, 4), (4, 2)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("i,j->ij", [(2,), (3,)]),
                       ("bhid,bhjd->bhij", [(1, 2, 3, 4), (1, 2, 5, 4)]), ("b i d , b j d -> b i j", [(2, 3, 4), (2, 5, 4)]), ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]), ("bij,bij->b", [(2, 3, 4), (2, 3, 4)]), ("i...->...i", [(2, 3, 4)]), ("ij,ij->ij", [(2, 3), (1, 3)]), ("ba,bac->bc", [(2, 3), (2, 3, 4)]), ("...,...->...", [(2, 3), (3,)])):
        call("einsum", eq, [fill(s, k + 1) for k, s in enumerate(shapes)])
    q, k, v = fill((1, 2, 3, 4), 1), fill((1, 2, 5, 4), 2), fill((1, 2, 5, 4), 3)
    sdpa = "scaled_dot_product_attention"
    call(sdpa, q, k, v), call(sdpa, q, k, v, fill((3, 5), 4)), call(sdpa, q, k, v, ints((1, 1, 3, 5), 4, 0, 1, torch.bool)), call(sdpa, q, q, q, is_causal=True), call(sdpa, q, k, v, scale=0.25), call(sdpa, fill((1, 4, 3, 4)), k, v, enable_gqa=True), call(sdpa, q[0], k[0], v[0]), call(sdpa, q, k, v, torch.zeros(3, 5).masked_fill(ints((3, 5), 6, 0, 1) > 0, -INF))


def layers():
    x1, x2, x3 = fill((2, 4, 7), 1), fill((1, 4, 5, 6), 1), fill((1, 2, 4, 5, 3), 1)
    call("conv1d", x1, fill((6, 4, 3), 2), fill((6,), 3), [2], [1], [1]), call("conv1d.padding", x1, fill((2, 4, 4), 2), None, [1], "same"), call("conv1d", x1, fill((4, 1, 3), 2), None, [1], [2], [2], 4)
    call("conv2d", x2, fill((3, 4, 3, 2), 2), fill((3,), 3), [1, 2], [1, 0], [1, 2]), call("conv2d.padding", x2, fill((3, 4, 3, 4), 2), None, [1, 1], "same", [1, 1]), call("conv2d.padding", x2, fill((3, 4, 3, 3), 2), None, [1, 1], "valid"), call("conv2d", x2, fill((8, 1, 3, 3), 2), None, [1, 1], [1, 1], [1, 1], 4)
    call("conv2d", x2[0], fill((3, 4, 1, 1), 2)), call("conv3d", x3, fill((3, 2, 2, 3, 2), 2), fill((3,), 3), [1, 2, 1], [1, 1, 0]), call("conv3d", x3, fill((4, 1, 3, 2, 2), 2), None, [2, 1, 1], [1, 0, 1], [1, 2, 1], 2), call("conv3d.padding", x3, fill((3, 2, 2, 3, 2), 2), None, [1, 1, 1], "same")
    call("conv_transpose1d", x1, fill((4, 3, 3), 2), fill((3,), 3), [2], [1], [1]), call("conv_transpose2d.input", x2, fill((4, 3, 3, 2), 2), None, [2, 1], [1, 0], [1, 0]), call("conv_transpose2d.input", x2, fill((4, 2, 3, 3), 2), None, [2, 2], [1, 1], [1, 1], 2), call("conv_transpose2d.input", x2, fill((4, 2, 2, 2), 2), None, [1, 1], [0, 0], [0, 0], 1, [2, 2])
    call("conv_transpose3d.input", x3, fill((2, 3, 2, 3, 2), 2), fill((3,), 3), [2, 1, 2], [1, 0, 0], [1, 0, 1]), call("conv_transpose3d.input", x3, fill((2, 1, 2, 2, 2), 2), None, [1, 2, 1], [0, 1, 1], [0, 0, 0], 2)
    call("_convolution", x2, fill((3, 4, 3, 3), 2), None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, True, True), call("convolution", x2, fill((4, 2, 3, 3), 2), None, [2, 2], [0, 0], [1, 1], True, [1, 1], 1)
    call("max_pool1d", x1, [3], [2], [1]), call("max_pool2d", x2, [3, 2], [2, 2], [1, 1], [1, 1], True), call("max_pool2d", x2, [2, 2]), call("max_pool2d", x2, [2, 2], [1, 1], [0, 0], [2, 2]), call("max_pool2d_with_indices", x2, [3, 2], [2, 1], [1, 0]), call("max_pool2d_with_indices", x2, [2, 2], [2, 2], [0, 0], [2, 1], True)
    call("max_pool3d", x3, [2, 3, 2], [1, 2, 1], [1, 1, 0]), call("max_pool3d", x3, [2, 2, 2], [], [0, 0, 0], [1, 1, 1], True), call("avg_pool1d", x1, [3], [2], [1]), call("avg_pool1d", x1, [3], [2], [1], True, False), call("avg_pool2d", x2, [3, 2], [2, 2], [1, 1], True, False), call("avg_pool2d", x2, [2, 2], [], [0, 0], False, True, 3)
    call("avg_pool2d", x2, [3, 3], [2, 2], [1, 1], True, True), call("avg_pool3d", x3, [2, 3, 2], [2, 2, 1], [1, 1, 0]), call("avg_pool3d", x3, [2, 3, 2], [2, 2, 1], [1, 1, 0], True, False), call("avg_pool3d", x3, [2, 2, 2], [1, 1, 1], [0, 0, 0], False, True, 5)
    call("adaptive_avg_pool1d", x1, [3]), call("adaptive_avg_pool2d", x2, [3, 2]), call("adaptive_avg_pool2d", x2[0], [1, 1]), call("adaptive_avg_pool3d", x3, [2, 3, 2]), call("adaptive_max_pool1d", x1, [3], outputs=1), call("adaptive_max_pool2d", x2, [3, 4], outputs=1), call("adaptive_max_pool3d", x3, [2, 2, 2], outputs=1)
    y, at = torch.ops.aten.max_pool2d_with_indices(x2, [2, 2])
    call("max_unpool2d", y, at, [5, 6])
    c = lambda k, lo=-2.0: fill((4,), k, lo, 2.0)
    call("batch_norm", x2, c(2), c(3), c(4), c(5, 0.25), False, 0.1, 1e-5, False), call("batch_norm", fill((3, 4)), None, None, c(4), c(5, 0.25), False, 0.1, 1e-3, False), call("batch_norm", fill((3, 4, 2), 6), c(2), c(3), None, None, True, 0.1, 1e-5, False), call("instance_norm", x2, c(2), c(3), None, None, True, 0.1, 1e-5, False), call("instance_norm", x1, None, None, None, None, True, 0.1, 1e-5, False)
    call("group_norm", x2, 2, c(2), c(3)), call("group_norm", x1, 4), call("layer_norm", fill((2, 3, 4)), [4], c(2), c(3)), call("layer_norm", fill((2, 3, 4)), [3, 4]), call("layer_norm", fill((2, 4)), [4], c(2), None), call("rms_norm", fill((2, 4)), [4], c(2), 1e-6), call("rms_norm", fill((2, 4)), [4])
    call("native_layer_norm", fill((2, 4)), [4], c(2), c(3), 1e-5, outputs=1), call("native_group_norm", x2, c(2), c(3), 1, 4, 30, 2, 1e-5, outputs=1), call("_native_batch_norm_legit_no_training", x2, c(2), c(3), c(4), c(5, 0.25), 0.1, 1e-5, outputs=1)
    call("embedding", fill((5, 3)), ints((2, 2))), call("embedding", fill((5, 3)), ints((2,), 2, 0, 4, torch.int32), 1)
    for mode in (0, 1, 2):
        call("embedding_bag", fill((5, 3)), ints((6,)), tensor(0, 2, 4), False, mode, outputs=1)
    call("im2col", fill((2, 2, 4, 5)), [2, 3], [1, 1], [1, 0], [2, 1]), call("im2col", fill((1, 2, 5, 5)), [2, 2], [2, 1], [0, 1], [1, 2]), call("col2im", fill((1, 8, 6)), [3, 4], [2, 2], [1, 1], [0, 0], [1, 1]), call("col2im", fill((2, 4, 9)), [4, 4], [2, 2], [1, 1], [1, 1], [2, 2])
    grid = fill((1, 2, 3, 2), 7, -1.3, 1.3)
    for mode in (0, 1, 2):
        for pad in (0, 1, 2):
            call("grid_sampler", x2[:, :1], grid, mode, pad, False), call("grid_sampler", x2[:, :1], grid, mode, pad, True)
    call("affine_grid_generator", fill((2, 2, 3)), [2, 1, 3, 4], False), call("affine_grid_generator", fill((1, 2, 3)), [1, 1, 2, 3], True)
    w = lambda g, h, i: [fill((g * h, i), 2, -0.5, 0.5), fill((g * h, h), 3, -0.5, 0.5), fill((g * h,), 4), fill((g * h,), 5)]
    seq, state = fill((4, 2, 3), 1), lambda n: fill((n, 2, 2), 6)
    call("lstm.input", seq, [state(1), state(1)], w(4, 2, 3), True, 1, 0.0, False, False, False), call("lstm.input", seq.transpose(0, 1).contiguous(), [state(4), state(4)], w(4, 2, 3) + w(4, 2, 3) + w(4, 2, 4) + w(4, 2, 4), True, 2, 0.0, False, True, True)
    call("lstm.input", seq, [state(1), state(1)], w(4, 2, 3)[:2], False, 1, 0.0, False, False, False), call("gru.input", seq, state(2), w(3, 2, 3) + w(3, 2, 3), True, 1, 0.0, False, True, False), call("gru.input", seq, state(2), w(3, 2, 3) + w(3, 2, 2), True, 2, 0.0, False, False, False)
    call("rnn_tanh.input", seq, state(1), w(1, 2, 3), True, 1, 0.0, False, False, False), call("rnn_relu.input", seq, state(1), w(1, 2, 3), True, 1, 0.0, False, False, False), call("lstm_cell", fill((2, 3)), [fill((2, 2), 2), fill((2, 2), 3)], *w(4, 2, 3)), call("gru_cell", fill((2, 3)), fill((2, 2), 2), *w(3, 2, 3)), call("rnn_tanh_cell", fill((2, 3)), fill((2, 2), 2), *w(1, 2, 3))
    e = fill((1, 3, 4), 1)
    mha = (fill((12, 4), 2), fill((12,), 3), fill((4, 4), 4), fill((4,), 5))
    call("_native_multi_head_attention", e, e, e, 4, 2, *mha, None, False, outputs=1), call("_native_multi_head_attention", e, e, e, 4, 2, *mha, None, True, True)
    call("_transformer_encoder_layer_fwd", e, 4, 2, *mha, True, False, 1e-5, c(2), c(3), c(4), c(5), fill((8, 4), 6), fill((8,), 7), fill((4, 8), 8), c(9)), call("_transformer_encoder_layer_fwd", e, 4, 2, *mha, False, True, 1e-5, c(2), c(3), c(4), c(5), fill((8, 4), 6), fill((8,), 7), fill((4, 8), 8), c(9), torch.tensor([[False, False, True]]), 1)
    call("native_channel_shuffle", fill((1, 4, 2, 2)), 2)


def resizing():
    x1, x2, x3 = fill((1, 2, 5), 1), fill((1, 2, 4, 5), 1), fill((1, 1, 3, 4, 2), 1)
    for n, x, out in (("upsample_nearest1d", x1, [8]), ("upsample_nearest2d", x2, [7, 3]), ("upsample_nearest3d", x3, [5, 2, 3]), ("_upsample_nearest_exact1d", x1, [8]), ("_upsample_nearest_exact2d", x2, [7, 3]), ("_upsample_nearest_exact3d", x3, [5, 2, 3])):
        call(n, x, out), call(f"{n}.vec", x, None, [1.5] * len(out)), call(f"{n}.vec", x, out, None)
    for n, x, out in (("upsample_linear1d", x1, [8]), ("upsample_bilinear2d", x2, [7, 3]), ("upsample_trilinear3d", x3, [5, 2, 3]), ("upsample_bicubic2d", x2, [7, 3]), ("_upsample_bilinear2d_aa", x2, [7, 3]), ("_upsample_bicubic2d_aa", x2, [3, 8])):
        for aligned in (False, True):
            call(n, x, out, aligned), call(f"{n}.vec", x, None, aligned, [1.5] * len(out)), call(f"{n}.vec", x, None, aligned, [0.6] * len(out))
    call("upsample_bicubic2d", x2, [4, 5], False), call("_upsample_bilinear2d_aa", x2, [2, 2], False), call("_upsample_bicubic2d_aa", x2, [2, 2], False)


def indexing():
    x, i = fill((3, 4, 5), 1), tensor(2, 0, -1)
    m = ints((3,), 4, 0, 1, torch.bool)
    mask = fill((3, 4), 2) > 0
    for index in ([i], [None, i], [None, None, i], [i, i], [None, i, i], [i, None, i], [tensor([0], [2]), tensor(1, 3)], [mask], [None, tensor(True, False, True, True)], [tensor(True, False, True), i[:2]], [x > 0], [torch.tensor(1)], [tensor([0, 1], [2, 0]), None, tensor([4], [1])], [i.to(torch.int32)]):
        call("index.Tensor", x, index)
    v = fill((3, 4, 5), 9)
    for acc in (False, True):
        call("index_put", x, [tensor(2, 0)], v[:2], acc), call("index_put", x, [None, tensor(1, 3)], torch.tensor(7.0), acc), call("index_put", x, [tensor(0, 2), None, tensor(1, 4)], v[:2, :, 0], acc), call("index_put", x, [None, tensor(0, 2), tensor(1, 4)], v[:, 0, :2], acc), call("index_put", x, [mask], torch.tensor(1.0), acc)
    call("index_put", x, [tensor(0, 0, 2)], v, True), call("index_put", x, [mask], fill((int(mask.sum()), 5), 3)), call("index_put_", x, [tensor(-1)], torch.tensor(0.0)), call("index_put", ints((3, 2)), [tensor(0)], tensor(5, 6)), call("index_put", x, [x > 0], torch.tensor(0.0))
    call("index_select", x, 1, tensor(2, 0, 3)), call("index_select", x, -1, torch.tensor(1)), call("gather", x, 1, ints((3, 2, 5), 2, 0, 3)), call("gather", x, 0, ints((2, 4, 5), 2, 0, 2)), call("take", x, tensor([0, 7], [59, -1])), call("take_along_dim", x, ints((3, 1, 5), 2, 0, 3), 1), call("one_hot", ints((2, 3), 2, 0, 3), 5)
    at = ints((2, 3, 5), 3, 0, 3)
    call("scatter.src", x, 1, at.argsort(1), fill((3, 4, 5), 4)), call("scatter.value", x, 1, at, 2.5), call("scatter_add", x, 1, at, fill((3, 4, 5), 4)), call("scatter.reduce", x, 1, at, fill((3, 4, 5), 4), reduce="multiply"), call("scatter_.value", ints((2, 4)), 1, tensor([0, 1], [2, 3]), 9), call("scatter_add", torch.zeros(3), 0, tensor(0, 2, 2), fill((3,)))
    for r in ("sum", "prod", "mean", "amax", "amin"):
        for inc in (True, False):
            call("scatter_reduce.two", fill((4,)), 0, tensor(0, 2, 2, 0), fill((4,), 3), r, include_self=inc)
    call("index_add", x, 1, tensor(0, 0, 3), fill((3, 3, 5), 4), alpha=2), call("index_copy", x, 2, tensor(4, 0), fill((3, 4, 2), 4)), call("index_fill.int_Scalar", x, 0, tensor(0, 2), -1.0), call("masked_select", x, x > 0), call("masked_scatter", fill((2, 3)), tensor(True, False, True), fill((4,), 5)), call("nonzero", ints((2, 3), 2, 0, 1)), call("nonzero_numpy", ints((2, 3), 2, 0, 1))
    call("where", ints((2, 3), 2, 0, 1) > 0), call("fill_.Scalar", x, 2.0), call("copy_", fill((2, 3)), ints((3,))), call("zero_", x)


def conversions():
    x, i = torch.tensor([-1.5, 0.0, 0.5, 2.9]), tensor(0, 1, -1, 300)
    for d in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool):
        call("to.dtype", x, d)
    for d in (torch.float32, torch.int32, torch.uint8, torch.bool, torch.int16):
        call("to.dtype", i, d)
    call("to.other", x, i), call("type_as", i, x), call("_to_copy", x, dtype=torch.int64), call("to.dtype_layout", x, dtype=torch.float64), call("clone", x), call("contiguous", fill((2, 3)).t()), call("detach", x), call("item", torch.tensor(2.5)), call("item", torch.tensor(3)), call("is_floating_point", x), call("equal", x, x), call("allclose", x, x + 1e-7)
    call("size", fill((2, 3)))


def without_debug_info(data):
    """The archive without the Python source locations, which are most of it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.infolist():
            if not item.filename.endswith(".debug_pkl"):
                code = item.filename.endswith((".py", ".pkl"))
                target.writestr(zipfile.ZipInfo(item.filename), source.read(item), zipfile.ZIP_DEFLATED if code else zipfile.ZIP_STORED, 9 if code else None)
    return out.getvalue()


def program(f, *inputs):
    """A scripted function or module as an archive, with its result. What this version of PyTorch cannot script is said and left out."""
    name = f.__name__ if not isinstance(f, nn.Module) else type(f).__name__
    try:
        scripted = torch.jit.script(f.eval() if isinstance(f, nn.Module) else f)
        buffer = io.BytesIO()
        torch.jit.save(scripted, buffer)
        with torch.no_grad():
            result = scripted(*[v.clone() if isinstance(v, torch.Tensor) else v for v in inputs])
    except Exception as e:
        print(f"{name}: left out: {str(e).strip().splitlines()[0]}")
        return
    programs.append({"name": name, "archive": base64.b64encode(without_debug_info(buffer.getvalue())).decode(), "inputs": [encode(v) for v in inputs], "output": encode(result), "tol": 1e-5})


def numerics():
    x, i = fill((2, 3, 4), 1), ints((2, 5), 2)
    for n in ("cummax", "cummin"):
        call(n, x, 1), call(n, i, -1), call(n, torch.tensor([1.0, 3.0, 3.0, 2.0]), 0)
    call("logcumsumexp", x, 2), call("logcumsumexp", torch.tensor([-INF, 1.0, 100.0]), 0), call("diff", x), call("diff", i, 2, 1), call("diff", x, 1, 0, fill((1, 3, 4), 2), fill((2, 3, 4), 3)), call("diff", i > 1)
    call("trapezoid.dx", x, dx=0.5), call("cumulative_trapezoid.dx", x, dim=1), call("trace", fill((3, 4))), call("trace", ints((2, 2))), call("kron", fill((2, 3)), fill((3, 2), 2)), call("kron", fill((3,)), fill((2, 2), 2)), call("cartesian_prod", [ints((2,)), ints((3,), 2)]), call("cartesian_prod", [fill((2,))])
    call("_unique2", i, True, True, True), call("unique_consecutive", tensor(1, 1, 2, 2, 2, 1), True, True), call("bincount", i[0]), call("bincount", i[0], fill((5,)), 7), call("histc", x, 4, -1.0, 1.0), call("histc", x, 3), call("histc", fill((5,)), 3, 5.0, 6.0), call("argwhere", i > 1)
    for reduction in (0, 1, 2):
        y, p, q = fill((2, 3), 3), fill((2, 3), 4, 0.125, 0.875), fill((2, 3), 5, 0.0, 1.0)
        call("mse_loss", fill((2, 3)), y, reduction), call("l1_loss", fill((2, 3)), y, reduction), call("smooth_l1_loss", fill((2, 3)), y, reduction, 0.5), call("huber_loss", fill((2, 3)), y, reduction, 0.75), call("binary_cross_entropy", p, q, None, reduction)
        call("binary_cross_entropy_with_logits", fill((2, 3)), q, fill((3,), 6, 0.5, 1.5), fill((3,), 7, 0.5, 1.5), reduction), call("kl_div", fill((2, 3)), q, reduction), call("kl_div", fill((2, 3)), y, reduction, log_target=True)
        call("nll_loss_nd", fill((3, 4)), tensor(0, 3, 1), fill((4,), 2, 0.5, 1.5), reduction, 3), call("cross_entropy_loss", fill((3, 4)), tensor(0, 3, 1), None, reduction), call("cross_entropy_loss", fill((2, 3, 2)), fill((2, 3, 2), 8, 0.0, 1.0), fill((3,), 9, 0.5, 1.5), reduction, label_smoothing=0.1)
    call("smooth_l1_loss", fill((2, 3)), fill((2, 3), 2), 1, 0.0), call("binary_cross_entropy", tensor(0.0, 1.0), tensor(1.0, 1.0))
    call("_weight_norm", fill((3, 2, 4)), fill((3, 1, 1), 2)), call("_weight_norm", fill((3, 2, 4)), fill((1, 1, 4), 2), 2), call("sinc", tensor(0.0, 0.5, -1.25)), call("deg2rad", fill((3,))), call("rad2deg", ints((3,))), call("signbit", tensor(-0.0, 0.0, -1.0, 2.0)), call("signbit", ints((3,), 1, -2, 2))
    call("lerp_.Scalar", fill((3,)), fill((3,), 2), 0.25), call("lerp_.Tensor", fill((3,)), fill((3,), 2), fill((3,), 3)), call("bitwise_left_shift.Tensor_Scalar", ints((3,)), 2), call("bitwise_right_shift.Tensor", ints((3,), 1, 0, 9), ints((3,), 2, 0, 2))
    call("copysign.Tensor", fill((2, 3)), tensor(-0.0, 1.0, -2.0)), call("copysign.Scalar", ints((3,)), -1), call("xlogy.Tensor", tensor(0.0, 0.0, 2.0), tensor(0.0, NAN, 3.0)), call("xlogy.Scalar_Other", ints((3,)), 2.5), call("logaddexp", tensor(0.0, -INF, 90.0, INF), tensor(1.0, -INF, 0.0, INF))
    for mode in (0, 1, 2):
        call("embedding_bag.padding_idx", fill((5, 3)), tensor(4, 1, 0, 1, 1, 2), tensor(0, 2, 3, 5), False, mode, False, None, False, 1, outputs=1)
    call("_grouped_mm", fill((5, 4)).bfloat16(), fill((2, 4, 3), 2).bfloat16(), tensor(2, 5, dtype=torch.int32))

def linear_algebra():
    a, b = fill((2, 3, 3), 1) + 2 * torch.eye(3), fill((2, 3, 2), 2)
    spd = a @ a.mT + torch.eye(3)
    tall, wide, low = fill((4, 3), 3), fill((2, 3, 5), 4), torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    for n in ("linalg_inv", "inverse", "linalg_inv_ex", "linalg_det", "det", "linalg_slogdet", "slogdet", "logdet", "linalg_matrix_exp", "matrix_exp"):
        call(n, a), call(n, a[0])
    call("linalg_det", low), call("linalg_slogdet", torch.zeros(2, 2)), call("linalg_slogdet", a[[1, 0]] * torch.tensor([1.0, -1.0])[:, None, None]), call("linalg_matrix_exp", 9 * a[0] / 4)
    for n in ("linalg_cholesky", "cholesky"):
        call(n, spd), call(n, spd[0], upper=True)
    factor = torch.linalg.cholesky(spd)
    call("linalg_cholesky_ex", spd), call("cholesky_inverse", factor), call("cholesky_inverse", factor.mT.contiguous(), True), call("cholesky_solve", b, factor), call("cholesky_solve", b, factor.mT.contiguous(), True)
    call("linalg_solve", a, b), call("linalg_solve", a, b.mT.contiguous(), left=False), call("linalg_solve", a, fill((2, 3), 5)), call("linalg_solve", a[0], fill((3,), 5)), call("linalg_solve_ex", a, b), call("linalg_solve", a[0], b)
    for upper in (True, False):
        call("linalg_solve_triangular", a, b, upper=upper), call("linalg_solve_triangular", a, b.mT.contiguous(), upper=upper, left=False, unitriangular=True)
        call("triangular_solve", b, a, upper, True, outputs=1), call("triangular_solve", b, a, upper, False, True, outputs=1)
    for x in (tall, tall.mT.contiguous(), a):
        call("linalg_qr", x), call("linalg_qr", x, "complete"), call("qr", x), call("linalg_svdvals", x), call("linalg_pinv", x, 1e-6), call("linalg_pinv.atol_rtol_float", x), call("linalg_matrix_rank.atol_rtol_float", x)
    call("linalg_qr", tall, "r"), call("linalg_pinv.atol_rtol_float", low), call("pinverse", wide), call("linalg_matrix_rank", low, 1e-3), call("linalg_matrix_rank.atol_rtol_float", low), call("linalg_eigvalsh", spd), call("linalg_eigvalsh", a[0], "U")
    call("linalg_lstsq", tall, fill((4, 2), 6), outputs=1), call("nuclear_norm", tall), call("nuclear_norm", tall, True)
    for n in (0, 1, 3, -2):
        call("linalg_matrix_power", a, n), call("matrix_power", a[0], n)
    call("linalg_cross", fill((2, 3), 1), fill((2, 3), 2)), call("linalg_cross", fill((3, 2), 1), fill((3, 1), 2), dim=0), call("cross", fill((2, 3, 3), 1), fill((2, 3, 3), 2)), call("linalg_diagonal", a), call("linalg_vander", fill((2, 3))), call("linalg_vander", fill((3,)), N=4)
    i = ints((2, 3, 3), 5, -9, 9)
    call("matmul", i, i[0]), call("mm", i[0], i[1])


def special():
    x, unit = torch.tensor([-2.5, -0.75, 0.25, 0.5, 1.0, 1.5, 2.0, 3.25, 12.5, 60.0]), torch.tensor([-1.0, -0.96875, -0.5, 0.0, 0.25, 0.984375, 1.0, 2.0])
    for n in ("lgamma", "digamma", "special_gammaln", "special_psi", "special_digamma"):
        call(n, x)
    call("lgamma", torch.tensor([0.0, -2.0, INF])), call("digamma", torch.tensor([0.0, -2.0])), call("lgamma_", x), call("lgamma", ints((3,), 1, 1, 5)), call("erfinv", unit), call("special_erfinv", unit), call("mvlgamma", x[5:], 2), call("special_multigammaln", x[6:], 3)
    for n in ("i0", "special_i0", "special_i0e", "special_i1", "special_i1e"):
        call(n, torch.tensor([-20.0, -3.5, -0.5, 0.0, 0.25, 3.75, 4.0, 30.0]))
    call("special_ndtr", x[:7]), call("special_ndtri", torch.tensor([0.0, 0.03125, 0.5, 0.75, 1.0])), call("special_entr", torch.tensor([-1.0, 0.0, 0.5, 2.0, NAN])), call("special_xlog1py", torch.tensor([0.0, 0.0, 2.0]), torch.tensor([-1.0, NAN, 0.5])), call("special_xlog1py.other_scalar", x, 1.5)
    call("logaddexp2", torch.tensor([0.0, -INF, 90.0]), torch.tensor([1.0, -INF, 0.0])), call("special_xlogy", torch.tensor([0.0, 2.0]), torch.tensor([0.0, 3.0])), call("special_log_softmax", fill((2, 3)), 1, dtype=None), call("special_logit", torch.tensor([0.25, 0.75])), call("special_logsumexp", fill((2, 3)), [1]), call("special_sinc", x)
    call("arctan2", x, x.flip(0)), call("divide.Tensor", x, x.flip(0)), call("divide.Tensor_mode", x, x.flip(0), rounding_mode="floor"), call("divide_.Scalar", x, 3), call("ger", fill((2,)), fill((3,), 2)), call("_safe_softmax", fill((2, 3)), 1), call("trapz.dx", fill((2, 3)), dx=0.5), call("trapz.x", fill((2, 3)), tensor(0.0, 1.0, 3.0))
    for n in ("absolute_", "negative_", "arctan_", "fix_", "sgn_"):
        call(n, x)
    call("atan2_", x, x.flip(0)), call("copysign_.Tensor", x, x.flip(0)), call("cumsum_", fill((2, 3)), 1), call("cumprod_", fill((2, 3)), 0), call("less_.Tensor", x, x.flip(0)), call("greater_equal_.Scalar", x, 1)


def signals():
    for n in ("bartlett_window", "blackman_window", "kaiser_window"):
        call(n, 6), call(f"{n}.periodic", 7, False), call(n, 1)
    call("kaiser_window.beta", 6, True, 5.0), call("hamming_window.periodic", 5, False), call("hamming_window.periodic_alpha", 5, True, 0.5), call("hamming_window.periodic_alpha_beta", 5, False, 0.5, 0.25), call("fft_fftfreq", 5, 0.5), call("fft_fftfreq", 6), call("fft_rfftfreq", 5)
    call("fft_fftshift", fill((3, 4))), call("fft_ifftshift", fill((3, 5)), [1]), call("fft_hfft", fill((4,))), call("fft_hfft", fill((4,)), 5, norm="ortho"), call("_fft_c2r", torch.fft.rfft(fill((2, 6))).real.contiguous(), [1], 2, 6)
    x, window = fill((2, 32)), torch.hann_window(8)
    spectra = dict(return_complex=False)
    call("stft.center", x, 8, 2, 8, window, **spectra), call("stft.center", x[0], 8, None, 6, torch.hann_window(6), normalized=True, **spectra), call("stft.center", x, 8, 3, None, None, False, onesided=False, **spectra), call("stft", x, 8, 4, 8, window, **spectra)
    # Inverse transforms take complex tensors: those of programs.


def quantizers():
    x = fill((2, 3, 4), 1, -3.0, 3.0)
    call("fake_quantize_per_tensor_affine", x, 0.03, 10, 0, 255), call("fake_quantize_per_tensor_affine", x, 0.01, 0, -128, 127), call("fake_quantize_per_tensor_affine.tensor_qparams", x, torch.tensor([0.02]), torch.tensor([3], dtype=torch.int32), 0, 127)
    call("fake_quantize_per_tensor_affine_cachemask", x, 0.01, 7, 0, 255), call("fake_quantize_per_channel_affine", x, torch.tensor([0.01, 0.02, 0.03]), torch.tensor([0, 5, -3], dtype=torch.int32), 1, -128, 127)
    call("fake_quantize_per_channel_affine_cachemask", x, torch.tensor([0.01, 0.02]), torch.tensor([0, 5], dtype=torch.int32), 0, -128, 127)
    on, off = torch.ones(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    for enabled in (on, off):
        call("fused_moving_avg_obs_fake_quant", x, off, enabled, torch.tensor([-1.0]), torch.tensor([1.0]), torch.tensor([0.02]), torch.tensor([3], dtype=torch.int32), 0.01, 0, 255, 0)
    call("fused_moving_avg_obs_fake_quant", x, off, on, torch.tensor([-1.0, -1.0]), torch.tensor([1.0, 1.0]), torch.tensor([0.02, 0.01]), torch.tensor([3, 0], dtype=torch.int32), 0.01, -128, 127, 0, True)


def rare():
    x, i = fill((3, 5), 1), ints((3, 5), 2, 0, 3)
    call("cov", x), call("cov", x[0]), call("cov", x, correction=0), call("corrcoef", x), call("isin.Tensor_Tensor", i, tensor(1, 3)), call("isin.Tensor_Scalar", i, 2, invert=True), call("isin.Scalar_Tensor", 2, i), call("mode", i), call("mode", i, 0, True), call("nanmean", torch.tensor([[1.0, NAN], [3.0, 5.0]])), call("nanmean", torch.tensor([[1.0, NAN], [3.0, 5.0]]), [0], True)
    call("nanmedian", torch.tensor([1.0, NAN, 3.0, 2.0])), call("nanmedian.dim", torch.tensor([[1.0, NAN, 3.0], [NAN, NAN, NAN]]), 1, outputs=1)
    for how in ("linear", "lower", "higher", "midpoint", "nearest"):
        call("quantile", x, tensor(0.125, 0.5, 0.875), 1, interpolation=how), call("quantile.scalar", x, 0.375, interpolation=how)
    call("quantile.scalar", x, 0.5, 0, True), call("quantile.scalar", torch.tensor([1.0, NAN]), 0.5)
    lengths, sizes = tensor(4, 2, 1), tensor(3, 2, 1, 1)
    padded = fill((4, 3, 2), 3)
    call("_pack_padded_sequence", padded, lengths, False), call("_pack_padded_sequence", fill((3, 4, 2), 4), lengths, True)
    data = fill((7, 2), 5)
    call("_pad_packed_sequence", data, sizes, False, 0.0, -1), call("_pad_packed_sequence", data, sizes, True, -1.5, 6)
    for directions in (1, 2):
        for n, gates in (("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("rnn_relu", 1)):
            params = [fill(s, 10 + k, -0.5, 0.5) for layer in range(2) for d in range(directions) for k, s in enumerate(((gates * 3, 2 if layer == 0 else 3 * directions), (gates * 3, 3), (gates * 3,), (gates * 3,)))]
            state = fill((2 * directions, 3, 3), 6)
            call(f"{n}.data", data, sizes, [state, fill((2 * directions, 3, 3), 7)] if n == "lstm" else state, params, True, 2, 0.0, False, directions == 2)
    call("pad_sequence", [fill((2, 2)), fill((3, 2), 2), fill((1, 2), 3)]), call("pad_sequence", [ints((2,)), ints((3,), 2)], True, 7.0, "left"), call("pdist", x), call("pdist", x, 1.0), call("combinations", x[0]), call("combinations", i[0], 3, True), call("unique_dim", i, 1, True, True, True), call("unique_dim", tensor([[1, 2], [0, 1], [1, 2]]), 0, True, True, True)
    call("_trilinear", fill((2, 3)), fill((4, 3, 5), 2), fill((2, 5), 3), [1, 3], [0], [1, 2], [2, 3])
    call("renorm", x, 2, 0, 1.0), call("renorm", x, 1, 1, 0.5), call("vander", x[0]), call("vander", x[0], 3, True), call("ldexp.Tensor", x, i), call("diagflat", x[0], -1), call("diagonal_scatter", x, fill((3,), 9)), call("range", 1, 4), call("range.step", 0, 1, 0.25)
    _, reductions = None, (0, 1, 2)
    for r in reductions:
        sign = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0])
        call("hinge_embedding_loss", x, sign, 1.0, r), call("margin_ranking_loss", x[0], x[1], sign, 0.25, r), call("triplet_margin_loss", x, fill((3, 5), 2), fill((3, 5), 3), 1.0, 2.0, 1e-6, r == 1, r), call("soft_margin_loss", x, sign, r)
    volume, grid = fill((2, 2, 3, 4, 5), 1), fill((2, 2, 3, 2, 3), 2, -1.25, 1.25)
    for mode in (0, 1):
        for padding in (0, 1, 2):
            for aligned in (True, False):
                call("grid_sampler_3d", volume, grid, mode, padding, aligned)
    call("grid_sampler", volume, grid, 0, 0, False), call("affine_grid_generator", fill((2, 3, 4)), [2, 1, 2, 3, 2], False), call("affine_grid_generator", fill((1, 3, 4)), [1, 1, 2, 1, 2], True)
    call("_native_batch_norm_legit.no_stats", volume, fill((2,), 3), fill((2,), 4), True, 0.1, 1e-5, outputs=1), call("_weight_norm_interface", fill((3, 2, 4)), fill((3, 1, 1), 2), outputs=1)



def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sections = (elementwise, binaries, views, creation, reductions, products, layers, resizing, indexing, conversions, numerics,
                linear_algebra, special, signals, quantizers, rare)
    for section in sections:
        section()
    for f, *inputs in all_programs():
        program(f, *inputs)
    wanted = set(sys.argv[1:])
    chosen = [c for c in calls if not wanted or c["op"] in wanted]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operator_cases.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write('{"torch":"%s","calls":[\n' % torch.__version__)
        out.write(",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in chosen))
        out.write('\n],"programs":[\n')
        out.write(",\n".join(json.dumps(p, separators=(",", ":"), allow_nan=False) for p in programs))
        out.write("\n]}\n")
    print(f"{len(chosen)} calls, {len(programs)} programs, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
