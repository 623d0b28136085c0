#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the commands of doc/rollout.md in order, in one shell, as a reader would, and compares what each prints with what the page shows. Figures, times and
units are patterns; numbers of versions, words and the classes that a model answers are not. A line "…" stands for any lines. A command is to fail where the page
shows an error, and only there. Output is TAP.

usage: check_rollout.py SOURCE-ROOT BUILD-ROOT [PAGE]"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

SECONDS = 1100  # for all of it: 20 are enough, but for a sanitized build on a busy machine
MARK = "=== command {} ended with {}"

# Figures that the page shows and every machine has others of. What is not in here has to be as it stands there: "digits@2", "version 2", "stable".
FIGURES = re.compile(r"""
    (?P<date>\d{4}-\d\d-\d\d[T\x20]\d\d:\d\d:\d\dZ?)
  | (?P<fixed>(?:@|version\x20)\d+|^\d(?=\x20\x20))
  | (?P<number>(?<![\w.])[+-]?\d[\d.,]*(?:\x20(?:ns|µs|ms|s|min|KiB|MiB|B)\b)?(?!\w))
  | (?P<gap>\x20\x20+|(?<=\S)\x20(?=[\d+-]))
""", re.X)
DATE = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?"
NUMBER = r"[+-]?\d[\d.,e+-]*(?: (?:ns|µs|ms|s|min|KiB|MiB|B)\b)?"
# Which of two versions is better depends on the machine: of such a table the first column alone is compared.
VERDICT = "tflctl compare "


def commands_of(page):
    """(command, lines that it prints), in the order of the page."""
    found = []
    for line in page.splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
            inside = True
        elif found and inside and (line.startswith("    ") or not line):
            found[-1][1].append(line[4:])
        else:
            inside = False
    for command, lines in found:
        while lines and not lines[-1]:
            lines.pop()
    return found


def pattern_of(line, command):
    if command.startswith(VERDICT) and not line.startswith("digits"):
        return re.escape(re.match(r"\s*\S+( \S+)*", line).group()) + ".*"
    if line.startswith(" ") and not line.strip():
        return r"\s*"
    text, end = "", 0
    for match in FIGURES.finditer(line):
        text += re.escape(line[end:match.start()])
        text += {"date": DATE, "fixed": re.escape(match.group()), "number": NUMBER, "gap": r"\s+"}[match.lastgroup]
        end = match.end()
    return text + re.escape(line[end:])


def pattern_for(command, lines):
    """Of all that a command prints."""
    return "".join(r"(?:.*\n)*?" if line == "…" else pattern_of(line, command) + r"\n" for line in lines)


def script_of(commands):
    """After each command a line that says how it ended."""
    mark = MARK.format("%d", "%d")
    return "".join(f"{command}\nprintf '\\n{mark}\\n' {number} $?\n" for number, (command, _) in enumerate(commands))


def run(script, top, build):
    """What the shell prints. The folders are where the page has them; nothing that it starts is left behind, whatever happens."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(build, f"{folder}/build")
        os.symlink(top / "models", f"{folder}/models")
        environment = {**os.environ, "TMPDIR": folder, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        shell = subprocess.Popen(["bash", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, start_new_session=True)
        try:
            return shell.communicate(timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            return shell.communicate()[0]
        finally:
            try:
                os.killpg(shell.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def results_of(printed):
    """Of each command that ended: what it printed, and its status."""
    parts = re.split("\n" + MARK.format(r"\d+", r"(\d+)") + "\n", printed)
    return list(zip(parts[0::2], map(int, parts[1::2])))


def judge(command, lines, result):
    """What is wrong, "" for nothing."""
    if result is None:
        return "it did not end"
    printed, status = result
    failing = bool(lines) and lines[0].startswith("tflctl: ")
    printed = printed + "\n" if printed and not printed.endswith("\n") else printed
    if (status != 0) != failing:
        return f"it ended with status {status}:\n{printed}"
    if not re.fullmatch(pattern_for(command, lines), printed):
        return "it printed\n" + printed + "and the page shows\n" + "\n".join(lines)
    return ""


def main():
    top, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    page = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else top / "doc/rollout.md"
    commands = commands_of(page.read_text())
    results = results_of(run(script_of(commands), top, build))
    results += [None] * (len(commands) - len(results))
    print(f"1..{len(commands) + 1}")
    right = len(commands) >= 40
    print(f"{'ok' if right else 'not ok'} 1 - the page has its commands: {len(commands)}")
    for number, ((command, lines), result) in enumerate(zip(commands, results), 2):
        fault = judge(command, lines, result)
        right = right and not fault
        print(f"{'not ok' if fault else 'ok'} {number} - {command.replace('#', '')}")
        for line in fault.splitlines():
            print(f"# {line}")
    return not right


sys.exit(main())
