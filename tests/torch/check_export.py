"""Loads exported TorchScript files with PyTorch, runs them and compares with the outputs that Quantbench gave.

    python check_export.py FOLDER

FOLDER is what bench/exportSamples.ts wrote: for each case NAME.pt, NAME.in0.npy... and NAME.out0.npy..., listed in cases.json. fp32 outputs
must agree to 1e-4 of their range; of int8 outputs 98% must be within one step, on the engine named in the case. Needs torch and numpy.
Prints one line a case and exits 1 if one falls short.
"""
import json
import pathlib
import sys

import numpy as np
import torch


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_of(v)]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_of(v)]
    return []


def operators(module):
    """Kinds of the ops that make tensors, in order: what Quantbench calls an op sequence."""
    names = []

    def visit(block):
        for node in block.nodes():
            if not node.kind().startswith("prim::") and any("Tensor" in str(o.type()) for o in node.outputs()):
                names.append(node.kind())
            for inner in node.blocks():
                visit(inner)

    visit(module.graph)
    return names


def check(folder, case):
    torch.backends.quantized.engine = case["engine"]
    module = torch.jit.load(str(folder / f"{case['name']}.pt")).eval()
    found, wanted = operators(module), case["ops"]
    if found != wanted:
        first = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), min(len(found), len(wanted)))
        return False, f"operator {first} is {found[first:first + 3]}, {wanted[first:first + 3]} was written"
    inputs = [torch.from_numpy(np.load(folder / f"{case['name']}.in{i}.npy")) for i in range(case["inputs"])]
    with torch.no_grad():
        outputs = tensors_of(module(*inputs))
    if len(outputs) != case["outputs"]:
        return False, f"{len(outputs)} outputs, {case['outputs']} were written"
    worst = []
    for i, got in enumerate(outputs):
        if got.is_quantized:
            got = got.dequantize()
        want = torch.from_numpy(np.load(folder / f"{case['name']}.out{i}.npy")).to(torch.float64)
        if list(got.shape) != list(want.shape):
            return False, f"output {i} is {list(got.shape)}, {list(want.shape)} was written"
        difference = (got.to(torch.float64) - want).abs()
        if case["precision"] == "int8":
            step = case["steps"][i]
            share = (difference <= step * 1.001).double().mean().item()
            worst.append(f"{share:.4%} within a step, {(difference == 0).double().mean().item():.4%} equal")
            if share < 0.98:
                return False, worst[-1]
        else:
            limit = 1e-4 * max(1e-6, want.abs().max().item())
            worst.append(f"largest difference {difference.max().item():.3g} (limit {limit:.3g})")
            if difference.max().item() > limit:
                return False, worst[-1]
    return True, "; ".join(worst)


def main():
    folder = pathlib.Path(sys.argv[1])
    failures = 0
    cases = json.loads((folder / "cases.json").read_text())
    for case in cases:
        try:
            ok, figures = check(folder, case)
        except Exception as error:  # a case that cannot be loaded must not hide the others
            ok, figures = False, f"{type(error).__name__}: {str(error)[:1200]}"
        failures += not ok
        print("ok  " if ok else "FAIL", f"{case['name']:<70}", figures)
    print(f"{len(cases) - failures} of {len(cases)} on torch {torch.__version__}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
