#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tflctl logs over journals that systemd-journal-remote makes of entries in export format: which entries are shown, how, and what is made of entries that
somebody forged. Skipped, with a reason, where there is no systemd-journal-remote. Output is TAP.

usage: check_logs.py TOP TFLCTL"""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

PLACES = "/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"
BOOT = "f5e8a1d2c3b44d5e9f60718293a4b5c6"
BEGIN = 1700000000  # 2023-11-14 22:13:20 UTC
PATIENCE = 30


def export(seconds, **fields):
    """One entry; bytes that are no plain text go with their length."""
    lines = [f"__REALTIME_TIMESTAMP={seconds * 1000000}", f"__MONOTONIC_TIMESTAMP={(seconds - BEGIN + 1) * 1000000}", f"_BOOT_ID={BOOT}"]
    entry = "\n".join(lines).encode() + b"\n"
    for name, value in fields.items():
        value = value if isinstance(value, bytes) else str(value).encode()
        if all(32 <= byte < 127 for byte in value):
            entry += name.encode() + b"=" + value + b"\n"
        else:
            entry += name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return entry + b"\n"


class Scene:
    def __init__(self, remote, tflctl, ids, folder):
        self.remote, self.tflctl, self.ids, self.folder = remote, tflctl, ids, folder
        self.environment = {**os.environ, "TZ": "UTC0", "TFL_SOCKET": str(folder / "nobody")}
        self.journal = folder / "journal"
        self.journal.mkdir()

    def write(self, name, entries):
        source = self.folder / f"{name}.export"
        source.write_bytes(b"".join(entries))
        subprocess.run([self.remote, "-o", str(self.journal / f"{name}.journal"), str(source)], check=True, capture_output=True, timeout=PATIENCE)

    def command(self, *arguments):
        return [self.tflctl, "logs", "--directory", str(self.journal), *arguments]

    def run(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, env=self.environment, timeout=PATIENCE)

    def lines(self, *arguments):
        return self.run(*arguments).stdout.decode().splitlines()

    def change(self, seconds, kind, text, **fields):
        return export(BEGIN + seconds, PRIORITY=6, MESSAGE=text, MESSAGE_ID=self.ids[kind], TFL_CHANGE=kind, **fields)


def fill(scene):
    scene.write("first", [
        scene.change(0, "started", "serving"),
        scene.change(60, "loaded", "version 1 of 'digits' is available", TFL_MODEL="digits", TFL_VERSION=1, TFL_UID=1000, TFL_REASON="7 bytes"),
        export(BEGIN + 90, MESSAGE="of another program", MESSAGE_ID="0" * 31 + "1"),
        export(BEGIN + 91, MESSAGE="without an id", TFL_MODEL="digits"),
        export(BEGIN + 120, MESSAGE="digits did 5 requests", MESSAGE_ID=scene.ids["period"], TFL_MODEL="digits", TFL_VERSION=1),
        scene.change(180, "drift", "version 2 of 'digits' has drifted", TFL_MODEL="digits", TFL_VERSION=2, TFL_PSI="0.310000"),
        scene.change(240, "loaded", "version 2 of 'other' is available", TFL_MODEL="other", TFL_VERSION=2),
        *(export(BEGIN + 250 + i, MESSAGE=text, MESSAGE_ID=scene.ids["audit"], TFL_AUDIT="done", TFL_METHOD="model.load", TFL_UID=1000, **fields)
          for i, (text, fields) in enumerate(AUDIT)),
    ])


AUDIT = [("audit: a load", {"TFL_MODEL": "digits"}), ("audit: a refusal", {})]
TEXTS = ["serving", "version 1 of 'digits' is available", "digits did 5 requests", "version 2 of 'digits' has drifted", "version 2 of 'other' is available"]


def check_text(scene):
    lines = scene.lines()
    yield "all of tfld's entries, in order, and nobody else's", [line[21:] for line in lines] == TEXTS
    yield "with the time of day", lines and lines[0].startswith("2023-11-14 22:13:20  ") and lines[-1].startswith("2023-11-14 22:17:20  ")
    for arguments, chosen in [(("digits",), [1, 2, 3]), (("digits@2",), [3]), (("digits", "--changes"), [1, 3]), (("--changes",), [0, 1, 3, 4]),
                              (("--lines", "2"), [3, 4]), (("digits", "--lines", "1"), [3]), (("--since", "2023-11-14 22:16:20"), [3, 4]),
                              (("--since", "2023-11-14T22:16:20Z", "--lines", "1"), [4]), (("--since", "2023-11-15"), []), (("nosuch",), []),
                              (("--since", "2023-11-14"), [0, 1, 2, 3, 4])]:
        texts = [line[21:] for line in scene.lines(*arguments)]
        yield f"{' '.join(arguments)}: {len(chosen)} entries", texts == [TEXTS[i] for i in chosen]
    for arguments, chosen in [((), [0, 1]), (("digits",), [0]), (("--lines", "1"), [1])]:
        texts = [line[21:] for line in scene.lines("--audit", *arguments)]
        yield f"--audit {' '.join(arguments)}: who administered, alone", texts == [AUDIT[i][0] for i in chosen]
    none = scene.run("nosuch")
    yield "that there is none is said", none.returncode == 0 and none.stderr == b"tflctl: there is no such entry\n"


def check_json(scene):
    entries = json.loads(scene.run("--json").stdout)
    yield "JSON has the kinds", [entry["kind"] for entry in entries] == ["started", "loaded", "period", "drift", "loaded"]
    loaded = entries[1]
    yield "and what an entry is about", (loaded["model"], loaded["version"], loaded["uid"], loaded["reason"]) == ("digits", 1, 1000, "7 bytes")
    yield "and when it was", loaded["time"] == BEGIN + 60 and loaded["time_us"] == (BEGIN + 60) * 1000000
    yield "and all fields", entries[3]["fields"] == {"TFL_CHANGE": "drift", "TFL_MODEL": "digits", "TFL_VERSION": "2", "TFL_PSI": "0.310000"}
    audit = json.loads(scene.run("--audit", "--json").stdout)
    yield "an audit's too", [(entry["kind"], entry["uid"], entry["fields"]["TFL_METHOD"]) for entry in audit] == [("audit", 1000, "model.load")] * 2
    yield "of nothing it is an empty list", json.loads(scene.run("nosuch", "--json").stdout) == []


def check_follow(scene):
    child = subprocess.Popen(scene.command("--follow", "--json", "--lines", "1"), stdout=subprocess.PIPE, env=scene.environment)
    try:
        first = json.loads(child.stdout.readline())
        scene.write("later", [scene.change(300, "stopping", "stopping")])
        second = json.loads(child.stdout.readline())
    finally:
        child.terminate()
        child.wait(PATIENCE)
    yield "--follow shows the last, and what comes, an object a line", (first["kind"], second["kind"]) == ("loaded", "stopping")


def check_forged(scene):
    evil = b"\x1b[2J\xff\xfe two\nlines"
    scene.write("forged", [
        scene.change(400, "loaded", evil, TFL_MODEL="digits", TFL_VERSION="-5x", TFL_REASON=evil),
        scene.change(401, "loaded", b"x" * 70000, TFL_MODEL="m" * 3000),
        export(BEGIN + 402, MESSAGE_ID=scene.ids["erased"]),
    ])
    result = scene.run("--lines", "3")
    yield "no control character reaches the terminal", result.returncode == 0 and not re.search(rb"[\x00-\x09\x0b-\x1f\x7f-\xff]", result.stdout)
    lines = result.stdout.decode().split("\n")
    yield "a long text is cut", max(map(len, lines)) < 5000
    entries = json.loads(scene.run("--json", "--lines", "3").stdout)
    yield "JSON stays JSON", len(entries) == 3 and entries[0]["version"] == -5 and len(entries[1]["model"]) == 3000 and entries[2]["text"] == ""


def check_mistakes(scene):
    for arguments, status, part in [(("--since", "soon"), 2, b"--since takes a time such as"), (("--daemon",), 2, b"give one"), (("--audit", "--changes"), 2, b"give one"),
                                    (("--audit", "--daemon"), 2, b"the daemon does not remember who called what"), (("a@0",), 2, b"version"),
                                    (("--lines", "0"), 2, b"--lines takes a whole number"), (("a", "b"), 2, b"one argument too many")]:
        result = scene.run(*arguments)
        yield f"{' '.join(arguments)} is refused", result.returncode == status and part in result.stderr
    missing = subprocess.run([scene.tflctl, "logs", "--directory", str(scene.folder / "nosuch")], capture_output=True, timeout=PATIENCE)
    yield "a folder that is not there", missing.returncode == 1 and b"no journal can be read from" in missing.stderr


def check_rights(scene):
    """The journal of the device, as it looks to somebody who may not read it: in a file system of the test's own."""
    name = "who may not read the journal is told who may, and the daemon is asked"
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        yield f"{name} # SKIP only root has a file system of its own", True
        return
    script = ('mount -t tmpfs log /var/log && d=/var/log/journal/$(cat /etc/machine-id 2>/dev/null) && mkdir -p "$d" &&'
              ' : >"$d/system.journal" && chmod 640 "$d/system.journal" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$0" logs')
    shutil.copy(scene.tflctl, scene.folder)
    os.chmod(scene.folder, 0o755)
    result = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(scene.folder / "tflctl")], capture_output=True,
                            env={**scene.environment, "LD_LIBRARY_PATH": str(pathlib.Path(scene.tflctl).resolve().parent)}, timeout=PATIENCE)
    said = b"may not be read by this user; root may, and members of the group systemd-journal or adm; this is what the daemon remembers"
    yield name, result.returncode == 1 and said in result.stderr and b"nobody" in result.stderr.splitlines()[-1]


def main(top, tflctl):
    remote = next((place for place in PLACES if shutil.which(place)), None)
    if not remote:
        print("1..0 # SKIP there is no systemd-journal-remote to make a journal with (scripts/setup --tests installs it)")
        return 0
    if b"without libsystemd" in subprocess.run([tflctl, "logs", "--directory", "/"], capture_output=True, timeout=PATIENCE).stderr:
        print("1..0 # SKIP this tflctl was built without libsystemd")
        return 0
    names = re.findall(r'#define TFL_MESSAGE_(\w+) "(\w+)"', (top / "base/message_ids.h").read_text())
    checks = []
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(remote, tflctl, {name.lower().replace("_", "-"): number for name, number in names}, pathlib.Path(folder))
        fill(scene)
        for check in check_text, check_json, check_follow, check_forged, check_mistakes, check_rights:
            checks += check(scene)
    print(f"1..{len(checks)}")
    for number, (text, right) in enumerate(checks, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {text}")
    return 0 if all(right for _, right in checks) else 1


sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
