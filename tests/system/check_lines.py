#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The log folder of a running tfld, read by python's own JSON parser: what lines hold against doc/json-log.md, their sums against stats,
hist and tflctl merge, and what becomes of them when the folder vanishes or its disk is full. Output is TAP.

    check_lines.py TFLD TFLCTL DIGITS-FOLDER DOC-FOLDER"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60
STAGES = ("wait", "compute", "reply", "total")


class Daemon:
    def __init__(self, tfld, tflctl, folder, wrapper=()):
        self.tfld, self.tflctl, self.folder = tfld, tflctl, pathlib.Path(folder)
        self.lines = self.folder / "above" / "lines"
        self.wrapper = list(wrapper)
        (self.folder / "models").mkdir(exist_ok=True)
        self.lines.parent.mkdir(exist_ok=True)
        (self.folder / "tfld.conf").write_text(f"[log]\nperiod = 1s\nfolder = {self.lines}\ndevice = camera\n")
        self.start()

    def start(self):
        self.log = open(self.folder / "stderr", "a")
        self.process = subprocess.Popen(
            [*self.wrapper, self.tfld, "--config", self.folder / "tfld.conf", "--models", self.folder / "models", "--socket",
             self.folder / "socket"], stderr=self.log)
        wait_for(lambda: self.ready(), "tfld is ready")

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"tfld ended with {self.process.returncode}: {(self.folder / 'stderr').read_text()}")
        run = subprocess.run([self.tflctl, "--socket", self.folder / "socket", "health"], capture_output=True)
        return run.returncode == 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, f"tfld ended with {self.process.returncode}"
        self.log.close()

    def ctl(self, *arguments, check=True):
        run = subprocess.run([self.tflctl, "--socket", self.folder / "socket", "--json", *arguments], capture_output=True, text=True)
        assert run.returncode == 0 or not check, (arguments, run.stdout, run.stderr)
        return json.loads(run.stdout)

    def files(self, folder=None):
        folder = folder or self.lines
        return sorted(folder.glob("tfld-*.jsonl")) + sorted(folder.glob("tfld.jsonl"))

    def read(self, folder=None):
        return [json.loads(line) for file in self.files(folder) for line in file.read_bytes().split(b"\n")[:-1]]


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


def counters(pairs, into):
    assert len(pairs) % 2 == 0 and pairs[::2] == sorted(set(pairs[::2])) and all(count > 0 for count in pairs[1::2]), pairs
    for index, count in zip(pairs[::2], pairs[1::2]):
        into[index] = into.get(index, 0) + count


def periods_of(lines, model, version):
    return [line for line in lines if line["schema"] == "tfld.period/1" and (line["model"], line["version"]) == (model, version)]


def add_up(lines):
    """What the lines of one version hold together."""
    total = {"requests": 0, "results": {}, "seconds": 0, "sum_ns": dict.fromkeys(STAGES, 0), "buckets": {stage: {} for stage in STAGES},
             "verdicts": 0, "invalid": 0, "sum": 0, "bins": {}, "margins": {}, "fine": {}, "counts": {}}
    for line in lines:
        total["requests"] += line["requests"]
        total["seconds"] += line["seconds"]
        for name, count in line["results"].items():
            total["results"][name] = total["results"].get(name, 0) + count
        for stage in STAGES:
            total["sum_ns"][stage] += line["latency"][stage]["sum_ns"]
            counters(line["latency"][stage]["buckets"], total["buckets"][stage])
        for head in line["heads"]:
            total["verdicts"] += head["verdicts"]
            total["invalid"] += head["histogram"]["invalid"]
            total["sum"] += head["histogram"]["sum"]
            for name in ("bins", "margins", "fine"):
                counters(head["histogram"][name], total[name])
            counters(head["counts"], total["counts"])
    return total


def pairs_of(counted):
    return [number for index in sorted(counted) for number in (index, counted[index])]


def ask(daemon, digits, model, picture, times):
    daemon.ctl("infer", model, "--image", str(digits / "pictures" / picture), "--repeat", str(times))


def packed(value):
    """As MessagePack, as far as a request without inputs needs it."""
    if isinstance(value, int):
        return bytes([value])
    if isinstance(value, str):
        return bytes([0xa0 + len(value)]) + value.encode()
    if isinstance(value, list):
        return bytes([0x90 + len(value)]) + b"".join(map(packed, value))
    return bytes([0x80 + len(value)]) + b"".join(packed(key) + packed(member) for key, member in value.items())


def fail(daemon, model, version):
    """A request that lacks its input, which tflctl would not send."""
    message = packed([0, 1, "infer", {"model": model, "version": version, "inputs": []}])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(daemon.folder / "socket"))
        connection.sendall(len(message).to_bytes(4, "big") + message)
        assert b"INVALID_ARGUMENT" in connection.recv(4096)


def compare_with_daemon(daemon, version):
    """Sums of the lines against what the daemon says at the same time, when nothing is asked."""
    total = add_up(periods_of(daemon.read(), "digits", version))
    stats = next(entry for entry in daemon.ctl("stats")["versions"] if entry["version"] == version)
    assert total["requests"] == stats["requests"], (total["requests"], stats["requests"])
    assert total["results"] == stats["results"], (total["results"], stats["results"])
    for stage in STAGES:
        count = sum(total["buckets"][stage].values())
        assert count == stats["results"].get("OK", 0)
        assert int(total["sum_ns"][stage] / count) == stats["latency"][stage]["mean_ns"]
    head = daemon.ctl("hist", f"digits@{version}")["heads"][0]
    for name in ("invalid", "sum"):
        assert total[name] == head["histogram"][name], name
    for name in ("bins", "margins", "fine"):
        assert pairs_of(total[name]) == head["histogram"][name], name
    assert pairs_of(total["counts"]) == head["counts"]
    assert total["verdicts"] == sum(total["bins"].values())


def told(daemon, version, requests):
    return sum(line["requests"] for line in periods_of(daemon.read(), "digits", version)) == requests


def lines_add_up(daemon, digits, doc):
    daemon.ctl("load", "digits", str(digits / "digits-int8.tflite"))
    daemon.ctl("load", "digits", str(digits / "digits-float32.tflite"))
    for round, picture in enumerate(("seven.png", "one.png", "four-or-nine.png")):
        ask(daemon, digits, "digits@1", picture, 300 + round)
        ask(daemon, digits, "digits@2", picture, 50)
        fail(daemon, "digits", 1)
        time.sleep(0.7)
    stats = {entry["version"]: entry["requests"] for entry in daemon.ctl("stats")["versions"]}
    assert stats[1] == 906 and stats[2] == 150, stats
    for version in (1, 2):
        wait_for(lambda: told(daemon, version, stats[version]), f"all of version {version} is told")
        compare_with_daemon(daemon, version)
    assert add_up(periods_of(daemon.read(), "digits", 1))["results"] == {"OK": 903, "INVALID_ARGUMENT": 3}
    ask(daemon, digits, "digits@1", "six.png", 1)
    wait_for(lambda: told(daemon, 1, stats[1] + 1), "the next period is told")
    compare_with_daemon(daemon, 1)
    assert len(periods_of(daemon.read(), "digits", 1)) >= 2


def the_last_words(daemon, digits, doc):
    ask(daemon, digits, "digits@2", "two.png", 7)
    daemon.ctl("unload", "digits@2")
    assert told(daemon, 2, 157), "an unloaded version has told all"
    before = add_up(periods_of(daemon.read(), "digits", 1))["requests"]
    ask(daemon, digits, "digits@1", "two.png", 11)
    daemon.stop()
    assert told(daemon, 1, before + 11), "a stopped daemon has told all"
    daemon.start()
    ask(daemon, digits, "digits@1", "three.png", 3)
    wait_for(lambda: told(daemon, 1, before + 14), "the next run tells what it did")
    runs = {}
    for line in daemon.read():
        runs.setdefault(line["run"], []).append(line["seq"])
    assert len(runs) == 2, runs
    for seqs in runs.values():
        assert seqs == list(range(1, len(seqs) + 1)), seqs


def changes_are_lines(daemon, digits, doc):
    changes = [line for line in daemon.read() if line["schema"] == "tfld.change/1"]
    kinds = [(line["kind"], line.get("model"), line.get("version")) for line in changes]
    for kind in (("started", None, None), ("loaded", "digits", 1), ("active", "digits", 1), ("loaded", "digits", 2),
                 ("unloaded", "digits", 2), ("stopping", None, None)):
        assert kind in kinds, (kind, kinds)
    assert all("uid" not in json.dumps(line) for line in changes), "nothing about who"


TYPES = {"string": str, "integer": int, "object": dict, "array": list, "counters": list, "number": (int, float)}


def documented(doc):
    """Per chapter of the page, its members and their types."""
    chapters, chapter = {}, "every"
    for line in (doc / "json-log.md").read_text().splitlines():
        if line.startswith("## "):
            chapter = line[3:] if line.startswith("## tfld.") else "every"
        row = re.match(r"\| `([^`]+)` \| (\w+) \|", line)
        if row:
            names = [row[1].replace("STAGE", stage) for stage in STAGES] if "STAGE" in row[1] else [row[1]]
            chapters.setdefault(chapter, {}).update({name: row[2] for name in names})
    return chapters


def members_of(value, path=""):
    """Every member there is, as the page names it, and its value."""
    for key, member in value.items():
        name = f"{path}{key}"
        yield name, member
        if name == "results":
            continue
        if isinstance(member, dict):
            yield from members_of(member, f"{name}.")
        elif name == "heads":
            for head in member:
                yield from members_of(head, "heads[].")


def lines_are_as_documented(daemon, digits, doc):
    chapters = documented(doc)
    seen = {"tfld.period/1": set(), "tfld.change/1": set()}
    for line in daemon.read():
        types = {**chapters["every"], **chapters[line["schema"]]}
        types.update({f"latency.{stage}": "object" for stage in STAGES if line["schema"] == "tfld.period/1"})
        for name, value in members_of(line):
            assert name in types, f"{name} is not documented"
            assert isinstance(value, TYPES[types[name]]) and not isinstance(value, bool), (name, value)
            seen[line["schema"]].add(name)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["time"]), line["time"]
        assert re.fullmatch(r"[0-9a-f]{16}", line["run"]), line["run"]
        assert line["device"] == "camera"
    for schema, names in seen.items():
        missing = {*chapters["every"], *chapters[schema]} - names
        assert not missing, f"documented, and in no line of {schema}: {missing}"


def merge_adds_up_the_same(daemon, digits, doc):
    lines = daemon.read()
    files = [str(file) for file in daemon.files()]
    run = subprocess.run([daemon.tflctl, "merge", "--json", *files, *files], check=True, capture_output=True, text=True)
    merged = json.loads(run.stdout)
    periods = [line for line in lines if line["schema"] == "tfld.period/1"]
    assert merged["lines"] == 2 * len(lines) and merged["repeated"] == len(periods) and merged["unreadable"] == 0, merged
    assert merged["other"] == 2 * (len(lines) - len(periods))
    assert [(entry["model"], entry["version"]) for entry in merged["versions"]] == [("digits", 1), ("digits", 2)]
    for entry in merged["versions"]:
        expected = add_up(periods_of(lines, "digits", entry["version"]))
        assert entry["requests"] == expected["requests"] and entry["results"] == expected["results"]
        assert abs(entry["seconds"] - expected["seconds"]) < 1e-3
        for stage in STAGES:
            assert entry["latency"][stage]["buckets"] == pairs_of(expected["buckets"][stage]), stage
            assert entry["latency"][stage]["sum_ns"] == expected["sum_ns"][stage]
        (head,) = entry["heads"]
        assert head["verdicts"] == expected["verdicts"] and head["counts"] == pairs_of(expected["counts"])
        for name in ("bins", "margins", "fine"):
            assert head["histogram"][name] == pairs_of(expected[name]), name
        assert [device["device"] for device in entry["devices"]] == ["camera"]
    # A version, as merge prints it, is a baseline.
    path = daemon.folder / "baseline.json"
    path.write_text(json.dumps(merged["versions"][0]))
    daemon.ctl("baseline", "digits@1", "--from", str(path))
    baseline = daemon.ctl("hist", "digits@1")["heads"][0]["baseline"]
    assert baseline["histogram"] == merged["versions"][0]["heads"][0]["histogram"]


def conditions(daemon):
    return [condition["name"] for condition in daemon.ctl("health", check=False)["conditions"]]


def loses_and_recovers(daemon, digits, lose, recover, folder=None):
    """Serving goes on while lines are lost; health says so; lines come again and say how many are missing."""
    ask(daemon, digits, "digits@1", "one.png", 5)
    wait_for(lambda: periods_of(daemon.read(folder), "digits", 1), "there are lines")
    lose()

    def lost():
        ask(daemon, digits, "digits@1", "one.png", 5)
        return "log" in conditions(daemon)

    wait_for(lost, "the condition stands")
    recover()

    def recovered():
        ask(daemon, digits, "digits@1", "one.png", 5)
        return "log" not in conditions(daemon)

    wait_for(recovered, "the condition is over")
    wait_for(lambda: any(line.get("kind") == "condition-over" for line in daemon.read(folder)), "the change is told")
    last = daemon.read(folder)[-1]
    seqs = [line["seq"] for line in daemon.read(folder) if line["run"] == last["run"]]
    assert seqs == sorted(set(seqs)) and len(seqs) < last["seq"], "lines that were lost are missing in the numbers"


def a_folder_that_vanishes(daemon, digits, doc):
    shutil.rmtree(daemon.lines)
    ask(daemon, digits, "digits@1", "one.png", 5)
    wait_for(lambda: daemon.files(), "the folder is made anew")
    above, away = daemon.lines.parent, daemon.folder / "away"
    loses_and_recovers(daemon, digits, lambda: above.rename(away), lambda: away.rename(above))


def a_full_disk(daemon, digits, doc):
    """A daemon of its own, in a mount namespace with a small file system for the log."""
    with tempfile.TemporaryDirectory(prefix="tfld-lines-") as folder:
        lines = pathlib.Path(folder) / "above" / "lines"
        lines.mkdir(parents=True)
        mount = f'mount -t tmpfs -o size=256k lines "{lines}" && exec "$@"'
        small = Daemon(daemon.tfld, daemon.tflctl, folder, ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh"])
        inside = pathlib.Path(f"/proc/{small.process.pid}/root{lines}")
        filler = inside / "filler"

        def fill():
            with open(filler, "wb", buffering=0) as file:
                try:
                    while file.write(b"\0" * 4096):
                        pass
                except OSError:
                    pass

        try:
            small.ctl("load", "digits", str(digits / "digits-int8.tflite"))
            loses_and_recovers(small, digits, fill, filler.unlink, inside)
        finally:
            small.stop()


def may_mount():
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


CASES = [
    (lines_add_up, None),
    (the_last_words, None),
    (changes_are_lines, None),
    (lines_are_as_documented, None),
    (merge_adds_up_the_same, None),
    (a_folder_that_vanishes, None),
    (a_full_disk, lambda: None if may_mount() else "a file system of its own is only root's"),
]


def main():
    tfld, tflctl, digits, doc = sys.argv[1:5]
    failed = 0
    print(f"1..{len(CASES)}")
    with tempfile.TemporaryDirectory(prefix="tfld-lines-") as folder:
        daemon = Daemon(tfld, tflctl, folder)
        try:
            for number, (case, obstacle) in enumerate(CASES, 1):
                reason = obstacle and obstacle()
                if reason:
                    print(f"ok {number} - {case.__name__} # SKIP {reason}")
                    continue
                try:
                    case(daemon, pathlib.Path(digits), pathlib.Path(doc))
                    print(f"ok {number} - {case.__name__}", flush=True)
                except Exception as fault:
                    failed += 1
                    print(f"not ok {number} - {case.__name__}: {type(fault).__name__} {fault}", flush=True)
        finally:
            daemon.stop()
    return failed > 0


sys.exit(main())
