#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes doc/operators.md: make_operators.py ROOT OPERATORS, OPERATORS being the program that prints the table. With --check behind them the
page is compared instead, and the exit status is 1 when it is not what the table, the unit tests and tests/conformance/coverage.json say."""

import json
import pathlib
import re
import subprocess
import sys

HEAD = """# Operators

Made by `tests/documents/make_operators.py` from the table in `runtime/op.h`; a test keeps the two equal.

Every operator has a portable kernel. XNNPACK runs those marked so, as far as it has the types, ranks and scales at hand; what it
refuses runs in the portable kernel instead, and `tflctl describe` counts both. A model with an operator, version or combination of
types that is not listed is refused when it is loaded, by name.

Each operator is tested by the unit test named here, which has a reference of its own beside the kernel, written from the operator's
definition; another test sees to it that each combination of types listed here is among those drawn. Behind it stand the cases of the
conformance suite that have the operator and pass: real models, and models of one operator, whose outputs are those of TensorFlow Lite.

| operator | versions | types (inputs → output) | kernels | unit test in `tests/runtime` | conformance cases |
|---|---|---|---|---|---|
"""

FOOT = """
T: any type of fixed size, the same throughout. A bias may be left out; of LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM the input gate, peepholes,
projection and layer normalisation, as `runtime/kernel_lstm.h` says.

Where the shape of an output depends on the content of an input (the size of SLICE, the multiples of TILE, all that WHERE looks at) that a
request brings, what stands behind it is prepared when it is there (`doc/runtime.md`). The daemon must know the shapes of a model's outputs:
one that depends on a request is refused by name.

## What is refused

Of what converters write, this is known and has no kernel. The error says which it is, and `tflctl inspect` what can be done about it.

| operator | form | what the error says |
|---|---|---|
| LSTM | the basic kind: 5 inputs, 4 outputs, all weights in one matrix | it is of the basic kind |
| LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM | integers throughout with gates of 8 bits (12 intermediates) | its gates have 8 bits |
| UNIDIRECTIONAL_SEQUENCE_LSTM | recurrent weights that are diagonals | its recurrent weights are diagonals |
| FULLY_CONNECTED | weights shuffled in blocks of 4 × 16 | its weights are shuffled |
| any | weights in 4 or 2 bits, scales for each block | these types are not among those known |
| BATCH_MATMUL | int16 by int8 | these types are not among those known |
| CONV_3D, RNN, BIDIRECTIONAL_SEQUENCE_LSTM, HASHTABLE, NON_MAX_SUPPRESSION_V4 and others that are not in the table; strings; Flex and other custom operators | all | this operator is not known |
"""


def unit_test(tests, symbol, name):
    """The file that has the operator's row, or, where it has none, that which names it most often."""
    for path, text in tests.items():
        if re.search(rf"struct kernel_row kernel_{symbol} =", text):
            return path
    found = {path: len(re.findall(rf"\bTFL_BUILTIN_{name}\b", text)) for path, text in tests.items()}
    best = max(found, key=found.get)
    if found[best] == 0:
        sys.exit(f"{name} has no test in tests/runtime")
    return best


def page(root, lines):
    coverage = json.loads((root / "tests/conformance/coverage.json").read_text())
    tests = {path.name: path.read_text() for path in sorted((root / "tests/runtime").glob("test_*.c"))}
    rows = []
    for line in lines:
        symbol, name, kind, version, types, kernels = line.split("\t")
        if "?" in types:
            sys.exit(f"{name} has a type without a name: {types}")
        cases = sum(coverage.get(name, {}).values())
        shown = f"{name} (custom)" if kind == "custom" else name
        versions = "1" if version == "1" else f"1 to {version}"
        rows.append((kind, f"| {shown} | {versions} | {types} | {kernels} | {unit_test(tests, symbol, name)} | {cases} |\n"))
    unknown = set(coverage) - {line.split("\t")[1] for line in lines}
    if unknown:
        sys.exit(f"tests/conformance/coverage.json has operators that are not in the table: {', '.join(sorted(unknown))}")
    return HEAD + "".join(row for _, row in sorted(rows, key=lambda row: row[0])) + FOOT


def main():
    root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    path = root / "doc/operators.md"
    text = page(root, lines)
    if sys.argv[3:] != ["--check"]:
        path.write_text(text)
        return
    if path.read_text() != text:
        sys.exit(f"{path} is not what the table of operators, its tests and coverage.json say; write it anew: "
                 f"make_operators.py {root} {program}")


main()
