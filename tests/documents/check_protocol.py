#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doc/protocol.md against the code: every method and its right, every status and its number, every limit's value, every key and word that
a model is described with; and doc/models.md: every cause of a refusal. Output is TAP."""

import pathlib
import re
import sys


def value_of(text):
    """A C constant such as (64u << 20)."""
    return eval(re.sub(r"(?<=\d)(ull|u)\b", "", text), {"__builtins__": {}})


def methods(top):
    names = dict(re.findall(r'#define (TFL_METHOD_\w+) "([^"]+)"', (top / "proto/request.h").read_text()))
    for name, right in re.findall(r"\{(TFL_METHOD_\w+), TFL_RIGHT_(\w+),", (top / "daemon/dispatch.c").read_text()):
        yield names[name], right.lower()


def statuses(top):
    text = (top / "base/tfl-types.h").read_text()
    return [(name, number) for name, number in re.findall(r"TFL_(\w+) = (\d+),", text[text.index("enum tfl_status"):]) if name != "OK"]


def words(top):
    yield from re.findall(r'\(teller, "(\w+)"', (top / "runtime/tell.c").read_text())
    yield from re.findall(r'\] = "(\w+)"', (top / "runtime/metadata.c").read_text())


def main(top):
    page = (top / "doc/protocol.md").read_text()
    limits = dict(re.findall(r"#define (TFL_\w+) (\([^)]*\)|\w+)", (top / "base/limits.h").read_text()))
    checks = []
    for name, right in methods(top):
        checks.append((f"method {name} with right {right}", f"| `{name}` | {right} |" in page))
    for name, number in statuses(top):
        checks.append((f"status {number} {name}", f"| {number} | {name} |" in page))
    rows = re.findall(r"^\| [^|]+ \| (\d+) \| (TFL_\w+) \|$", page, re.M)
    for value, name in rows:
        checks.append((f"limit {name} is {value}", name in limits and value_of(limits[name]) == int(value)))
    for word in sorted(set(words(top))):
        checks.append((f"word {word}", f"`{word}`" in page))
    causes = re.findall(r'TFL_CAUSE_\w+\] = \{"(\w+)"', (top / "runtime/cause.c").read_text())
    for cause in causes[1:]:
        checks.append((f"cause {cause} in doc/models.md", f"`{cause}`" in (top / "doc/models.md").read_text()))
    checks.append(("at least one of each", len(rows) > 10 and len(list(methods(top))) >= 8 and len(statuses(top)) > 10 and len(set(words(top))) > 60 and len(causes) > 10))
    print(f"1..{len(checks)}")
    for number, (text, right) in enumerate(checks, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {text}")
    return 0 if all(right for _, right in checks) else 1


sys.exit(main(pathlib.Path(sys.argv[1])))
