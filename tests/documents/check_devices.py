#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""doc/raspberry-pi.md and doc/jetson.md against what they name: scripts and their options, commands of tflctl and theirs, keys of
tfld.conf, files that are installed, other pages. Output is TAP.

usage: check_devices.py SOURCE-ROOT TFLCTL"""

import pathlib
import re
import shlex
import subprocess
import sys

PAGES = ("raspberry-pi.md", "jetson.md")
PREFIXES = ("sudo", "echo")  # of a command that is somebody else's


def commands_of(page):
    """The lines of code blocks, without comments."""
    for line in re.findall(r"^    (\S.*)$", page, re.M):
        words = shlex.split(line, comments=True)
        while words and (words[0] in PREFIXES or re.match(r"\w+=", words[0])):
            words.pop(0)
        if words:
            yield words


def check_tflctl(tflctl, words):
    shown = subprocess.run([tflctl, words[1], "--help"], capture_output=True, text=True)
    if shown.returncode != 0:
        return f"there is no {words[1]}"
    missing = [word for word in words[2:] if word.startswith("--") and not re.search(rf"^  (-\w, )?{word}\b", shown.stdout, re.M)]
    return f"{words[1]} has no {missing[0]}" if missing else None


def check_script(top, words):
    script = top / words[0]
    if not script.is_file():
        return f"there is no {words[0]}"
    missing = [word for word in words[1:] if word.startswith("--") and word not in script.read_text()]
    return f"{words[0]} has no {missing[0]}" if missing else None


def check_commands(top, tflctl, page):
    for words in commands_of(page):
        if words[0] == "tflctl":
            fault = check_tflctl(tflctl, words)
        elif words[0].startswith("scripts/"):
            fault = check_script(top, words)
        else:
            continue
        yield f"{shlex.join(words)}{': ' + fault if fault else ''}", fault is None


def installed(top):
    """Names of examples, and of what is put beside the sample model."""
    text = re.sub(r"#.*", "", (top / "systemd/meson.build").read_text() + (top / "models/meson.build").read_text())
    names = re.findall(r"'([^']+)'", text)
    return {pathlib.PurePath(name).name for name in names}


def check_names(top, page):
    keys = set(re.findall(r"^#?(\w+) =", (top / "systemd/tfld.conf").read_text(), re.M))
    named = r"`(\w+)(?: = [^`]*)?`\s(?:and\s`\w+`\s)?(?:in|of)\s\[?(?:requests|log|models|`?tfld\.conf|`?model\.conf)"
    for key in sorted(set(re.findall(named, page))):
        yield f"the key {key} is there", key in keys
    there = installed(top)
    for path in sorted(set(re.findall(r"/usr/share/(?:doc/)?tfld/\w+/([\w.-]+)", page))):
        yield f"{path} is installed", path in there
    for path in sorted(set(re.findall(r"`((?:doc|bench|scripts)/[\w./-]+)[ `]", page))):
        yield f"{path} is there", (top / path).is_file()


def main(top, tflctl):
    checks = []
    for name in PAGES:
        page = (top / "doc" / name).read_text()
        found = [*check_commands(top, tflctl, page), *check_names(top, page)]
        checks += [(f"{name}: {text}", right) for text, right in found]
        checks.append((f"{name}: {len(found)} things are named", len(found) > 10))
    print(f"1..{len(checks)}")
    for number, (text, right) in enumerate(checks, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {text}")
    return 0 if all(right for _, right in checks) else 1


sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
