#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs into a folder of its own (DESTDIR) and looks at what is there: every file, and no other; programs that start; a program that
compiles and links with nothing but what pkg-config says; manual pages that can be shown. Output is TAP.

usage: check_install.py BUILD man|no-man PREFIX LIBDIR SBINDIR VERSION EXTRACT-EXAMPLE CC..."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

FILES = """
bin/tflctl
include/tflclient.h
include/tfl-types.h
{libdir}/libtflclient.so
{libdir}/libtflclient.so.0
{libdir}/libtflclient.so.{version}
{libdir}/pkgconfig/libtflclient.pc
lib/systemd/catalog/tfld.catalog
lib/systemd/system/tfld-admin.socket
lib/systemd/system/tfld.service
lib/systemd/system/tfld.socket
lib/sysusers.d/tfld.conf
{sbindir}/tfld
share/bash-completion/completions/tflctl
share/doc/tfld/examples/cpu.conf
share/doc/tfld/examples/memory.conf
share/doc/tfld/examples/model.conf
share/doc/tfld/examples/tfld.conf
share/tfld/digits/digits-float32.tflite
share/tfld/digits/digits-int8.tflite
share/tfld/digits/seven.png
"""
PAGES = """
share/man/man1/tflctl.1
share/man/man3/libtflclient.3
share/man/man5/tfld.conf.5
share/man/man8/tfld.8
"""


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def check_files(root, expected):
    there = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    for name in sorted(expected - there):
        yield f"{name} is not installed", False
    for name in sorted(there - expected):
        yield f"{name} is installed, and nobody expects it", False
    yield f"{len(expected)} files are installed", there == expected


def check_programs(root, libdir, sbindir, version):
    tfld = run(root / sbindir / "tfld", "--version")
    yield f"tfld --version: {tfld.stdout}{tfld.stderr}".strip(), tfld.stdout == f"tfld {version}\n"
    checked = run(root / sbindir / "tfld", "--config", root / "share/doc/tfld/examples/tfld.conf", "--check-config")
    yield "the example configuration is right", checked.returncode == 0
    tflctl = run(root / "bin/tflctl", "--version", LD_LIBRARY_PATH=str(root / libdir))
    yield f"tflctl --version: {tflctl.stdout}{tflctl.stderr}".strip(), tflctl.stdout == f"tflctl {version}\n"


def check_library(root, destdir, libdir, extract, cc):
    found = run("pkg-config", "--cflags", "--libs", "libtflclient", PKG_CONFIG_PATH=str(root / libdir / "pkgconfig"),
                PKG_CONFIG_SYSROOT_DIR=str(destdir), PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1", PKG_CONFIG_ALLOW_SYSTEM_LIBS="1")
    yield f"pkg-config finds the library: {found.stderr}".strip(": \n"), found.returncode == 0
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "program"
        source = program.with_suffix(".c")
        source.write_text(run(extract, root / "include/tflclient.h", "1").stdout)
        built = run(*cc, source, "-o", program, *found.stdout.split())
        yield f"the example compiles and links: {built.stderr}".strip(": \n"), built.returncode == 0
        if built.returncode != 0:
            return
        ran = run(program, LD_LIBRARY_PATH=str(root / libdir), TFL_SOCKET="/no/such/socket")
        yield "it runs, and says that there is no daemon", ran.returncode == 1 and "/no/such/socket" in ran.stderr


def check_units(root):
    """What systemd says of the service, from outside: no word that it does not know, and hardly any exposure (0 to 10; --threshold is tenths)."""
    service = root / "lib/systemd/system/tfld.service"
    judged = run("systemd-analyze", "security", "--offline=true", "--threshold=10", "--no-pager", str(service)) \
        if shutil.which("systemd-analyze") else None
    if judged is None or "--offline" in judged.stderr:
        yield "systemd-analyze judges the service # SKIP it is not here, or from before systemd 250", True
        return
    text = (judged.stdout.strip().splitlines() or [""])[-1]
    yield f"systemd-analyze: {text} {judged.stderr}".strip(), judged.returncode == 0 and not judged.stderr
    names = (root / "lib/systemd/system").glob("tfld*")
    placeholders = [unit.name for unit in names if "@" in unit.read_text().replace("=@", "").replace("~@", "").replace(" @", "")]
    yield f"no placeholder is left in the units: {placeholders}", not placeholders


def check_pages(root, pages):
    if not shutil.which("man"):
        yield "man shows the pages # SKIP there is no man here", True
        return
    for page in sorted(pages):
        shown = run("man", "--warnings", "-l", root / page, MANWIDTH="80", LC_ALL="C.UTF-8")
        yield f"man shows {pathlib.Path(page).name}: {shown.stderr}".strip(": \n"), \
            shown.returncode == 0 and not shown.stderr and "SEE ALSO" in shown.stdout


def checks_of(destdir, build, man, prefix, libdir, sbindir, version, extract, *cc):
    # Without a rebuild: a test does not build, and another may be under way.
    installed = run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", str(destdir))
    yield f"meson install: {installed.stderr}".strip(": \n"), installed.returncode == 0
    root = destdir / prefix.lstrip("/")
    pages = set(PAGES.split()) if man == "man" else set()
    yield from check_files(root, set(FILES.format(libdir=libdir, sbindir=sbindir, version=version).split()) | pages)
    yield from check_programs(root, libdir, sbindir, version)
    yield from check_library(root, destdir, libdir, extract, cc)
    yield from check_units(root)
    if pages:
        yield from check_pages(root, pages)


def main(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        checks = list(checks_of(pathlib.Path(folder), *arguments))
    print(f"1..{len(checks)}")
    for number, (text, right) in enumerate(checks, 1):
        lines = text.splitlines() or [""]
        print(f"{'ok' if right else 'not ok'} {number} - {lines[0]}")
        for line in lines[1:]:
            print(f"# {line}")
    return 0 if all(right for _, right in checks) else 1


sys.exit(main(*sys.argv[1:]))
