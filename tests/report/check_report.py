#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tflctl report against a running tfld: the page is well-formed, needs nothing but itself, shows every figure of --json as a person reads
it and no other, and shows labels that would be markup as text. Then a headless Chromium looks at it, where there is one. Output is TAP.

    check_report.py TFLD TFLCTL DIGITS [PAGE]

DIGITS is the folder of the sample model; PAGE, a file, keeps the page."""

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import browser  # noqa: E402

WAIT_S = 60
LABELS = ["zero", "<script>document.title='gone'</script>", "\"two\" & 'more' </data></td>", "&lt;b&gt;", "<img src=x onerror=alert(1)>",
          "fünf \U0001f642", "]]>", "<!--", "<style>*{display:none}</style>", "nine"]
FETCHING_TAGS = {"script", "img", "iframe", "link", "object", "base"}
FETCHING_ATTRIBUTES = {"src", "href", "srcset", "style"}


class Scene:
    def __init__(self, tfld, tflctl, digits, folder):
        self.tflctl, self.digits, self.folder = tflctl, pathlib.Path(digits), pathlib.Path(folder)
        self.page = self.folder / "page.html"
        models = self.folder / "models" / "digits"
        models.mkdir(parents=True)
        (models / "model.conf").write_text("[model]\nlabels = labels.txt\n")
        (models / "labels.txt").write_text("\n".join(LABELS) + "\n")
        os.environ["TFL_SOCKET"] = f"{folder}/socket"
        self.daemon = subprocess.Popen([tfld, "--models", models.parent, "--socket", f"{folder}/socket", "--log-level", "warning"])
        end = time.monotonic() + WAIT_S
        while self.run("health").returncode != 0 and time.monotonic() < end and self.daemon.poll() is None:
            time.sleep(0.05)

    def run(self, *arguments, **options):
        return subprocess.run([self.tflctl, *map(str, arguments)], capture_output=True, text=True, timeout=WAIT_S, **options)

    def need(self, *arguments):
        result = self.run(*arguments)
        if result.returncode != 0:
            raise RuntimeError(f"tflctl {' '.join(map(str, arguments))}: {result.stderr}")
        return result

    def ask(self, picture, times, model="digits"):
        self.need("infer", model, "--image", self.digits / "pictures" / f"{picture}.png", "--repeat", times)

    def play(self):
        """A version that drifts, one on trial beside it that has a share of the requests, and a shadow that nobody asks."""
        for kind in ("int8", "float32", "float32"):
            self.need("load", "digits", self.digits / f"digits-{kind}.tflite")
        for picture in ("seven", "two", "one", "four"):
            self.ask(picture, 300)
        self.need("baseline", "digits", "--set")
        self.ask("four-or-nine", 3000)
        self.run("infer", "digits@7", "--image", self.digits / "pictures" / "one.png")
        self.need("swap", "digits", "2")
        self.need("route", "digits", "1=3", "2=1", "--salt", "autumn", "--shadow", "3")
        end = time.monotonic() + WAIT_S
        while json.loads(self.need("route", "digits", "--json").stdout)["copies"].get("requests", 0) < 5 and time.monotonic() < end:
            for key in range(8):
                self.need("infer", "digits", "--image", self.digits / "pictures" / "two.png", "--key", key)

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        return self.daemon.wait(WAIT_S)


def three_digits(value, unit):
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def scaled(value, step, units):
    while value >= 999.5 and len(units) > 1:
        value, units = value / step, units[1:]
    return three_digits(value, units[0])


def uptime(seconds):
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h {seconds // 60 % 60} min"
    return f"{seconds // 86400} days"


WORDS = {
    "count": lambda value: str(value),
    "real": lambda value: f"{value:.3f}",
    "share": lambda value: f"{100 * value:.1f} %",
    "duration": lambda value: f"{value:.0f} ns" if value < 1000 else scaled(value / 1e3, 1000, ["µs", "ms", "s"]),
    "seconds": uptime,
    "bytes": lambda value: f"{value} B" if value < 1024 else scaled(value / 1024, 1024, ["KiB", "MiB", "GiB"]),
    "time": lambda value: time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(value)) if value else "–",
}


def words_of(value, kind):
    if isinstance(value, bool):
        return {"yes" if value else "no"}
    if isinstance(value, str):
        return {value}
    # The page rounds the whole number, --json has nine digits of it: at an edge either is right.
    if isinstance(value, float):
        return {WORDS[kind](value * (1 + off)) for off in (-1e-8, 0, 1e-8)}
    return {WORDS[kind](value)}


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, child in value.items():
            yield from leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from leaves(child, f"{path}.{index}")
    elif value is not None and value != "":
        yield path, value


def compare(shown, figures):
    """What is wrong with the figures that a page shows: (path, value, kind, text)."""
    there, seen = dict(leaves(figures)), set()
    for path, value, kind, text in shown:
        seen.add(path)
        if path not in there:
            yield f"{path} is shown and not in --json"
        elif json.loads(value) != there[path]:
            yield f"{path}: {value} is shown, --json has {there[path]!r}"
        elif text not in words_of(there[path], kind):
            yield f"{path}: '{text}' is no way to write {there[path]!r}"
    yield from (f"{path} is not shown" for path in there if path not in seen)


def text_of(element):
    return "".join(element.itertext())


def check_page(page, figures):
    root = xml.fromstring(page.split("\n", 1)[1])
    yield "a document type", page.startswith("<!DOCTYPE html>\n"), page[:40]
    shown = [(e.get("data-at"), e.get("value"), e.get("data-as"), text_of(e)) for e in root.iter("data")]
    faults = list(compare(shown, figures))
    yield f"{len(shown)} figures are those of --json", len(shown) > 300 and not faults, faults[:5]
    broken = [(at, value.replace("1", "2"), kind, text) for at, value, kind, text in shown]
    yield "another figure would be found", list(compare(broken, figures)), "it was not"
    yield "no script, nothing to fetch", not [e.tag for e in root.iter() if e.tag in FETCHING_TAGS or FETCHING_ATTRIBUTES & set(e.attrib)
                                              or any(name.startswith("on") for name in e.attrib)], ""
    style = text_of(root.find("head/style"))
    yield "style without addresses", "url(" not in style and "@import" not in style, ""
    yield "light and dark", "prefers-color-scheme:dark" in style and "color-scheme:light dark" in style, ""
    yield "made for phones", any("width=device-width" in e.get("content", "") for e in root.iter("meta")), ""
    charts = [e for e in root.iter("svg") if e.get("role") == "img"]
    yield f"{len(charts)} charts have titles", len(charts) >= 5 and all(e.find("title").text and e.find("desc").text for e in charts), ""
    labels = {text for at, _, _, text in shown if at.endswith(".label")}
    yield "labels are text", labels and labels <= set(LABELS), labels
    yield "the verdict is drift", figures["heads"][0]["drift"]["verdict"] == "drift", figures["heads"][0]["drift"]
    yield ("changes are told", {"loaded", "active", "baseline", "trial", "routed"} <= {change["kind"] for change in figures["changes"]},
           figures["changes"])
    yield "the route", [(v["version"], v["share"]) for v in figures["route"]["versions"]] == [(1, 0.75), (2, 0.25)], figures["route"]
    yield "the trial", (figures["trial"]["candidate"], len(figures["trial"]["limits"])) == (2, 5), figures["trial"]
    yield ("the shadow", figures["shadow"]["version"] == 3 and figures["shadow"]["agreement"][0]["same_class"] == 1, figures["shadow"])
    yield "roles of a version on trial", figures["versions"][1]["roles"] == "on trial, 25 %", figures["versions"]


def check_command(scene):
    figures = json.loads(scene.need("report", "digits@1", "--output", scene.page, "--json").stdout)
    yield "report -o FILE --json", scene.page.stat().st_size > 10000, ""
    yield from check_page(scene.page.read_text(), figures)
    mode = stat.S_IMODE(scene.page.stat().st_mode)
    yield "the file is one that others may read", mode == 0o666 & ~umask(), oct(mode)
    yield "to standard output", scene.need("report", "digits", "-o", "-").stdout.startswith("<!DOCTYPE html>"), ""
    scene.need("report", "digits@3", f"-o{scene.folder}/idle.html")
    idle = (scene.folder / "idle.html").read_text()
    yield "a version that nobody asked", "No request has succeeded yet" in text_of(xml.fromstring(idle.split("\n", 1)[1])), idle[-2000:]
    before = scene.page.read_text()
    yield "a file in no folder", scene.run("report", "digits", "-o", scene.folder / "no" / "page.html").returncode == 1, ""
    yield "no such model", scene.run("report", "dogs", "-o", scene.page).returncode == 1 and scene.page.read_text() == before, ""
    yield "no file is named", scene.run("report", "digits").returncode == 2, ""
    left = [name for name in os.listdir(scene.folder) if name.startswith("page.html.")]
    yield "nothing is left behind", not left, left
    link = scene.folder / "link.html"
    link.symlink_to("page.html")
    scene.page.write_text("old")
    scene.need("report", "digits@1", "-o", link)
    yield "a link stays one", link.is_symlink() and scene.page.read_text().startswith("<!DOCTYPE"), ""


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


DATA = "JSON.stringify([...document.querySelectorAll('data')].map(e => [e.dataset.at, e.value, e.dataset.as, e.textContent]))"


def complaints(events):
    for event in events:
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            yield json.dumps(parameters)[:300]


def check_browser(scene, window):
    figures = json.loads(scene.need("report", "digits@1", "-o", scene.page, "--json").stdout)
    try:
        for width, height in ((400, 800), (1280, 800)):
            for dark in (False, True):
                name = f"{width}x{height}, {'dark' if dark else 'light'}"
                events = window.show(scene.page.as_uri(), width, height, dark)
                said = list(complaints(events))
                fetched = [e["params"]["request"]["url"] for e in events if e.get("method") == "Network.requestWillBeSent"]
                yield f"{name}: nothing in the console", not said, said
                yield f"{name}: nothing fetched but the page", fetched == [scene.page.as_uri()], fetched
                over = window.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                yield f"{name}: no scrolling sideways", over == 0, over
                _, _, rows = browser.pixels(window.screenshot())
                colors = {pixel for row in rows for pixel in row}
                yield f"{name}: a picture of many colours", len(colors) > 100, len(colors)
                paper = sum(rows[1][1]) / 3
                yield f"{name}: on {'dark' if dark else 'light'} paper", paper < 60 if dark else paper > 200, paper
        faults = list(compare(json.loads(window.evaluate(DATA)), figures))
        yield "figures in the browser are those of --json", not faults, faults[:5]
        yield "the title is the model's", window.evaluate("document.title") == "digits@1", window.evaluate("document.title")
    finally:
        window.close()


def main(tfld, tflctl, digits, keep=None):
    results = []
    with tempfile.TemporaryDirectory(prefix="tfl-report-") as folder:
        scene = Scene(tfld, tflctl, digits, folder)
        try:
            scene.play()
            results += check_command(scene)
            window, reason = browser.start(folder)
            if window:
                results += check_browser(scene, window)
            if keep:
                shutil.copy(scene.page, keep)
        finally:
            results.append(("tfld ends in order", scene.stop() == 0, ""))
    skipped = [] if window else [f"look at the page # SKIP {reason}"]
    print(f"1..{len(results) + len(skipped)}")
    for number, (name, right, why) in enumerate(results, 1):
        print(f"{'ok' if right else 'not ok'} {number} - {name}")
        if not right:
            print(f"# {why}")
    for text in skipped:
        print(f"ok {len(results) + 1} - {text}")
    return 0 if all(right for _, right, _ in results) else 1


sys.exit(main(*sys.argv[1:]))
