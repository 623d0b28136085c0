#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages against what they describe: options of tfld, commands and options of tflctl, keys of the configuration with their
defaults and ranges, functions of the library, statuses. Nothing may be missing, nothing stale. Output is TAP.

usage: check_manuals.py SOURCE-ROOT TFLD TFLCTL SETTINGS"""

import pathlib
import re
import subprocess
import sys


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env={"TFL_SOCKET": "/no/such/socket"}).stdout


def chapter(page, title):
    """What stands under "# TITLE", up to the next one."""
    return re.split(r"^# ", page.split(f"\n# {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def sections(text):
    """"## heading" and what stands under it."""
    parts = re.split(r"^## (.*)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def options_in(text):
    """"*--name* _VALUE_" at the beginning of a line: name and value, which is "" for a flag."""
    return set(re.findall(r"^\*--([a-z-]+)\*(?: _(.*)_)?$", text, re.M))


def compare(what, documented, there):
    for name in sorted(there - documented):
        yield f"{what}: {name} is not documented, or otherwise", False
    for name in sorted(documented - there):
        yield f"{what}: {name} is documented, and not there", False
    yield f"{what}: {len(there)} documented", len(there) > 0 and documented == there


def options_of(text):
    """The options that a help text lists."""
    return set(re.findall(r"^  --([a-z-]+)(?: (\S+))?(?:  |$)", text, re.M))


def check_tfld(top, tfld):
    page = (top / "doc/tfld.8.scd").read_text()
    yield from compare("tfld(8)", options_in(chapter(page, "OPTIONS")), options_of(output_of(tfld, "--help")))


def check_tflctl(top, tflctl):
    page = (top / "doc/tflctl.1.scd").read_text()
    documented = sections(chapter(page, "COMMANDS"))
    text = output_of(tflctl, "--help")
    named = re.search(r"See also tflctl --([a-z]+), tflctl COMMAND --([a-z]+)", text).groups()
    yield from compare("tflctl(1), options", options_in(chapter(page, "OPTIONS")), options_of(text) | {(name, "") for name in named})
    usages = set()
    for command in output_of(tflctl, "--complete", "").split():
        if command == "help":
            continue
        text = output_of(tflctl, command, "--help")
        usage = re.match(r"usage: (.*)", text).group(1)
        usages.add(usage)
        if options_of(text) or usage not in documented:
            yield from compare(f"tflctl(1), {command}", options_in(documented.get(usage, "")), options_of(text))
    yield from compare("tflctl(1), commands", set(documented), usages)


def check_settings(top, settings):
    page = (top / "doc/tfld.conf.5.scd").read_text()
    documented, there = set(), set()
    for table, title in (("tfld.conf", "KEYS OF TFLD.CONF"), ("model.conf", "MODEL.CONF")):
        for heading, text in sections(chapter(page, title)).items():
            for key, value, expected, mark, when in re.findall(r"^\*(\w+)\* =(?: _(.*)_)? \((.*)\)( \+)?(?: ([!~]))?$", text, re.M):
                documented.add((table, heading, key, value, expected, bool(mark), when))
    for line in output_of(settings).splitlines():
        table, section, key, value, expected, inherited, when = line.split("\t")
        # The page says once what a size and a time look like.
        if not expected.startswith(("all", "the name")):
            expected = expected.split(", as in")[0]
        there.add((table, f"[{section}]", key, value, expected, inherited == "1", when))
    yield from compare("tfld.conf(5)", documented, there)


def check_library(top):
    page = (top / "doc/libtflclient.3.scd").read_text()
    functions = set(re.findall(r"^\t(tfl_\w+);$", (top / "client/libtflclient.sym").read_text(), re.M))
    listed = [line for line in chapter(page, "FUNCTIONS").splitlines() if line.startswith("*")]
    yield from compare("libtflclient(3)", set(re.findall(r"\*(tfl_\w+)\*", "\n".join(listed))), functions)
    types = (top / "base/tfl-types.h").read_text()
    statuses = set(re.findall(r"TFL_(\w+) = \d+,", types[types.index("enum tfl_status"):])) - {"OK"}
    yield from compare("libtflclient(3), statuses", set(re.findall(r"^:  ([A-Z_]+)$", chapter(page, "ERRORS"), re.M)), statuses)
    header = (top / "client/tflclient.h").read_text()
    pairs = set(re.findall(r"(-E[A-Z]+)[\s*]+([A-Z_]+)[,.]", header[header.index("* Results."):header.index("* Waiting.")]))
    rows = set(re.findall(r"^\|  (-E\w+)\n:  (\w+)$", page, re.M)) - {("-ENOMEM", "RESOURCE_EXHAUSTED")}
    yield from compare("libtflclient(3), errors as in tflclient.h", rows, pairs)


def main(top, tfld, tflctl, settings):
    top = pathlib.Path(top)
    checks = [*check_tfld(top, tfld), *check_tflctl(top, tflctl), *check_settings(top, settings), *check_library(top)]
    print(f"1..{len(checks)}")
    for number, (text, right) in enumerate(checks, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {text}")
    return 0 if all(right for _, right in checks) else 1


sys.exit(main(*sys.argv[1:]))
