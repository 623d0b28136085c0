#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Layers point down only: fails when a file includes a header of a layer that its own may not know, or a library that does not belong
there. With --self-test it plants one such line after the other in a copy and fails unless each is found. Output is TAP."""

import pathlib
import re
import shutil
import sys
import tempfile

# Layer: the layers below it that it may include, and patterns of system headers it must not.
LAYERS = {
    "base": ([], r"uv\.h|xnnpack|pthreadpool|msgpack|systemd/|sys/socket|check\.h"),
    "stats": (["base"], r"uv\.h|xnnpack|pthreadpool|msgpack|systemd/|sys/socket|check\.h"),
    "proto": (["base"], r"uv\.h|xnnpack|pthreadpool|systemd/|sys/socket|check\.h"),
    "runtime": (["base"], r"uv\.h|msgpack|systemd/|sys/socket|check\.h"),
    "client": (["base", "proto", "runtime", "stats"], r"uv\.h|xnnpack|check\.h"),
    "daemon": (["base", "proto", "runtime", "stats"], r"xnnpack|check\.h"),
}
# The library is linked into other people's programs: of the client folder, these files may know base and proto only, and no further library.
LIBRARY_FORBIDDEN = r"uv\.h|xnnpack|systemd/|check\.h"
LIBRARY = re.compile(r"client_sources = files\((.*?)\)", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def library_files(top):
    match = LIBRARY.search((top / "client/meson.build").read_text())
    return set(re.findall(r"'([^']+)'", match.group(1))) if match else set()


def faults_of(top):
    library = library_files(top)
    if not library:
        yield "client/meson.build: client_sources = files(…) not found, so the library's files are unknown"
    for layer, (below, forbidden) in LAYERS.items():
        for path in sorted((top / layer).rglob("*.[ch]")):
            allowed, refused = below, forbidden
            if layer == "client" and path.name in library:
                allowed, refused = ["base", "proto"], LIBRARY_FORBIDDEN
            for quote, name in INCLUDE.findall(path.read_text()):
                place = f"{path.relative_to(top)} includes {name}"
                folder = name.split("/")[0] if "/" in name else layer
                if quote == "<" and re.match(refused, name):
                    yield f"{place}: not a library of this layer"
                elif quote == '"' and folder != layer and (folder in LAYERS or folder in ("tests", "bench")) and folder not in allowed:
                    yield f"{place}: {layer} may know {', '.join(allowed) or 'no other layer'}"


PLANTS = [
    ("base/error.c", '#include "runtime/model.h"'),
    ("proto/frame.c", '#include "runtime/model.h"'),
    ("proto/frame.c", "#include <sys/socket.h>"),
    ("runtime/model.c", '#include "proto/frame.h"'),
    ("runtime/model.c", "#include <uv.h>"),
    ("stats/latency.c", '#include "daemon/version.h"'),
    ("client/client.c", '#include "stats/latency.h"'),
    ("client/client.c", '#include "runtime/model.h"'),
    ("client/client.c", "#include <systemd/sd-journal.h>"),
    ("client/tflctl.c", '#include "daemon/version.h"'),
    ("client/cmd_inspect.c", "#include <xnnpack.h>"),
    ("daemon/version.c", "#include <xnnpack.h>"),
    ("daemon/version.c", '#include "tests/builder/builder.h"'),
]


def finds_plant(top, file, line):
    with tempfile.TemporaryDirectory() as copy:
        copy = pathlib.Path(copy)
        for layer in LAYERS:
            shutil.copytree(top / layer, copy / layer)
        target = copy / file
        target.write_text(line + "\n" + target.read_text())
        return any(fault.startswith(file) for fault in faults_of(copy))


def main(top, self_test):
    results = [("layers point down", list(faults_of(top)))]
    if self_test:
        for file, line in PLANTS:
            results.append((f"finds {line} in {file}", [] if finds_plant(top, file, line) else ["it was not found"]))
    print(f"1..{len(results)}")
    for number, (name, faults) in enumerate(results, 1):
        print(f"{'not ok' if faults else 'ok'} {number} - {name}")
        for fault in faults:
            print(f"# {fault}")
    return 1 if any(faults for _, faults in results) else 0


sys.exit(main(pathlib.Path(sys.argv[1]), "--self-test" in sys.argv))
