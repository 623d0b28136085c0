#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doc/operations.md against what it describes: the fields of a period's entry in the journal, and configurations of others that are read as what they
are. Output is TAP."""

import configparser
import pathlib
import re
import sys


def fields_of(top):
    """Names as daemon/period_line.c has them, those of the first head alone."""
    return set(re.findall(r'"(TFL_[A-Z0-9_]+)"', (top / "daemon/period_line.c").read_text()))


def documented(page):
    chapter = page.split("## What a version tells of a period", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`TFL_[^|]*) \|", chapter, re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def blocks(page, word):
    """The code blocks that have this word."""
    return [block for block in re.findall(r"^```\w*\n(.*?)^```", page, re.M | re.S) if word in block]


def check_fluent_bit(page):
    for block in blocks(page, "[INPUT]") + blocks(page, "[PARSER]"):
        for section in re.split(r"^(?=\[)", block, flags=re.M)[1:]:
            parser = configparser.ConfigParser(delimiters=" ", interpolation=None)
            parser.read_string(re.sub(r"^    (\S+) +", r"\1 ", section, flags=re.M))
            yield f"Fluent Bit: {parser.sections()[0]}", len(parser[parser.sections()[0]]) >= 2


def check_vector(page):
    (block,) = blocks(page, "transforms:")
    try:
        import yaml
    except ImportError:
        yield "Vector # SKIP python has no yaml", True
        return
    parts = yaml.safe_load(block)
    there = {name for part in ("sources", "transforms") for name in parts[part]}
    wanted = {name for part in ("transforms", "sinks") for entry in parts[part].values() for name in entry["inputs"]}
    yield "Vector: inputs are there", wanted <= there
    yield "Vector: everything has a type", all("type" in entry for part in parts.values() for entry in part.values())


def main():
    top = pathlib.Path(sys.argv[1])
    page = (top / "doc/operations.md").read_text()
    there, told = fields_of(top), documented(page)
    checks = [(f"{name} is documented", name in told) for name in sorted(there)]
    checks += [(f"{name} is there", name in there) for name in sorted(told)]
    message_id = re.search(r'TFL_MESSAGE_PERIOD "(\w+)"', (top / "base/message_ids.h").read_text()).group(1)
    checks += [("the MESSAGE_ID is that of periods", page.count(message_id) >= 1), ("there are fields", len(there) > 15)]
    checks += list(check_fluent_bit(page)) + list(check_vector(page))
    print(f"1..{len(checks)}")
    for number, (name, right) in enumerate(checks, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {name}")
    return not all(right for _, right in checks)


sys.exit(main())
