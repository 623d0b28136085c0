#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""systemd/tfld.catalog and doc/journal.md against base/message_ids.h: the same ids, each once; the catalog says of each what it means; journalctl takes
it, where there is one. Output is TAP."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def entries(text):
    """The entries of a catalog: id, header lines, body."""
    for part in re.split(r"^-- ", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n\n")
        lines = head.split("\n")
        yield lines[0], dict(line.split(": ", 1) for line in lines[1:]), body.strip()


def check_ids(header, catalog, page):
    ids = [number for _, number in header]
    yield "ids are 128 bits in hexadecimal", all(re.fullmatch(r"[0-9a-f]{32}", number) for number in ids)
    yield f"{len(ids)} ids are all different", len(ids) > 10 and len(set(ids)) == len(ids)
    listed = [number for number, _, _ in catalog]
    yield "the catalog has each id once, and no other", sorted(listed) == sorted(ids)
    for name, number in header:
        yield f"doc/journal.md has {name}", page.count(f"`{number}`") == 1


def check_entries(catalog):
    for number, head, body in catalog:
        right = head.get("Subject") and head.get("Defined-By") == "tfld" and "Documentation" in head and len(body) > 20
        yield f"{number} has a subject, and says what it means", bool(right)
        yield f"{number} fits a terminal", all(len(line) <= 80 for line in body.split("\n"))
        fields = re.findall(r"@(\w+)@", head.get("Subject", "") + body)
        yield f"{number} refers to fields of tfld", all(field.startswith("TFL_") for field in fields)


def check_journalctl(path, ids):
    name = "journalctl takes the catalog"
    if not shutil.which("journalctl"):
        yield f"{name} # SKIP there is no journalctl", True
        return
    with tempfile.TemporaryDirectory() as root:
        for folder in "usr/lib/systemd/catalog", "var/lib/systemd/catalog":
            pathlib.Path(root, folder).mkdir(parents=True)
        shutil.copy(path, pathlib.Path(root, "usr/lib/systemd/catalog"))
        update = subprocess.run(["journalctl", "--update-catalog", "--root", root], capture_output=True, text=True)
        shown = subprocess.run(["journalctl", "--list-catalog", "--root", root], capture_output=True, text=True)
    yield f"{name} {update.stderr}".strip(), update.returncode == 0 and not update.stderr
    yield "and lists it", sorted(line.split()[0] for line in shown.stdout.splitlines()) == sorted(ids)


def check_changes(text, header):
    changes = re.search(r"#define TFL_MESSAGES_OF_CHANGES(.*?)\n\n", text, re.S).group(1)
    names = [name for name, _ in header if name not in ("TFL_MESSAGE_PERIOD", "TFL_MESSAGE_AUDIT")]
    yield "TFL_MESSAGES_OF_CHANGES has them all", sorted(re.findall(r"\w+", changes)) == sorted(names)


def main(top):
    text = (top / "base/message_ids.h").read_text()
    header = re.findall(r'#define (TFL_MESSAGE_\w+) "(\w+)"', text)
    path = top / "systemd/tfld.catalog"
    catalog = list(entries(path.read_text()))
    checks = list(check_ids(header, catalog, (top / "doc/journal.md").read_text())) + list(check_entries(catalog))
    checks += check_changes(text, header)
    checks += check_journalctl(path, [number for _, number in header])
    print(f"1..{len(checks)}")
    for number, (text, right) in enumerate(checks, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {text}")
    return 0 if all(right for _, right in checks) else 1


sys.exit(main(pathlib.Path(sys.argv[1])))
