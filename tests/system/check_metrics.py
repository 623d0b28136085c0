#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a running tfld tells Prometheus: the text read by a parser of its own and compared with stats, describe, hist and drift; the file for
node_exporter compared with the text; both, and the rules of doc/metrics.md, given to promtool, where there is one. Output is TAP.

    check_metrics.py TFLD TFLCTL SOURCE-ROOT PROMTOOL

PROMTOOL is where it lies if it is not in $PATH."""

import json
import math
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

REPEAT = {1: 300, 2: 1400}
WAIT_S = 60


class Scene:
    def __init__(self, tfld, tflctl, top, folder):
        self.tfld, self.tflctl, self.digits, self.folder = tfld, tflctl, top / "models/digits", pathlib.Path(folder)
        self.file = self.folder / "tfld.prom"
        self.configuration = self.folder / "tfld.conf"
        self.configuration.write_text(f"[models]\npath = {folder}/models\n[sockets]\npath = {folder}/socket\n"
                                      f"[metrics]\nmetrics_file = {self.file}\nmetrics_period = 1s\n[log]\nlevel = warning\n")
        os.environ["TFL_SOCKET"] = f"{folder}/socket"
        self.start()

    def start(self):
        self.daemon = subprocess.Popen([self.tfld, "--config", self.configuration])
        self.wait(lambda: self.run("health").returncode == 0)

    def wait(self, condition):
        end = time.monotonic() + WAIT_S
        while not condition() and time.monotonic() < end and self.daemon.poll() is None:
            time.sleep(0.05)
        return condition()

    def run(self, *arguments):
        return subprocess.run([self.tflctl, *map(str, arguments)], capture_output=True, text=True, timeout=WAIT_S)

    def ask(self, *arguments):
        return json.loads(self.run("--json", *arguments).stdout)

    def infer(self, version, picture, repeat):
        return self.ask("infer", f"digits@{version}", "--image", self.digits / "pictures" / picture, "--repeat", repeat)

    def metrics(self):
        """Once no worker is busy: a request is counted when its reply has gone."""
        self.wait(lambda: self.ask("stats")["workers"]["busy"] == 0)
        return self.run("metrics").stdout

    def fail(self, version):
        """A request without inputs, which tflctl would not send."""
        body = b"\x94\x00\x01\xa5infer\x83\xa5model\xa6digits\xa7version" + bytes([version]) + b"\xa6inputs\x90"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WAIT_S)
            connection.connect(os.environ["TFL_SOCKET"])
            connection.sendall(len(body).to_bytes(4, "big") + body)
            return connection.recv(4096)

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        return self.daemon.wait(WAIT_S)


class Metrics:
    """Families by name, and samples by name and labels, in the order of the text. Raises ValueError for what is not in the format."""

    def __init__(self, text):
        self.types, self.samples = {}, {}
        family, helped = None, None
        if not text.endswith("\n"):
            raise ValueError("the last line has no end")
        for line in text[:-1].split("\n"):
            if match := re.fullmatch(r"# HELP (\w+) (\S.*)", line):
                helped = match.group(1)
            elif match := re.fullmatch(r"# TYPE (\w+) (counter|gauge|histogram)", line):
                family = match.group(1)
                if family != helped or family in self.types:
                    raise ValueError(f"{line}: without HELP before, or for the second time")
                self.types[family] = match.group(2)
            else:
                self.add(line, family)

    def add(self, line, family):
        match = re.fullmatch(r'(\w+)(?:\{((?:\w+="(?:[^"\\]|\\[\\"n])*",?)+)\})? (\S+)', line)
        if not match:
            raise ValueError(f"{line}: no sample")
        name, labels, value = match.groups()
        suffixes = ("_bucket", "_sum", "_count") if self.types.get(family) == "histogram" else ("",)
        if name not in [f"{family}{suffix}" for suffix in suffixes]:
            raise ValueError(f"{line}: not of {family}")
        key = (name, frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")))
        if key in self.samples:
            raise ValueError(f"{line}: twice")
        self.samples[key] = float(value)

    def get(self, name, **labels):
        return self.samples.get((name, frozenset((key, str(value)) for key, value in labels.items())))

    def buckets(self, name, **labels):
        """Edges and cumulative counts, the edges as text."""
        wanted = {(key, str(value)) for key, value in labels.items()}
        found = [(dict(key[1])["le"], value) for key, value in self.samples.items()
                 if key[0] == f"{name}_bucket" and {pair for pair in key[1] if pair[0] != "le"} == wanted]
        return sorted(found, key=lambda pair: float(pair[0]))


def is_same(a, b, tolerance=1e-9):
    return a is not None and math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)


def check_requests(scene, metrics, stats):
    for version in stats["versions"]:
        labels = {"model": version["model"], "version": version["version"]}
        name, results = f"digits@{version['version']}", version["results"]
        failed = sum(value for (sample, of), value in metrics.samples.items()
                     if sample == "tfl_inference_request_failure_total" and set(map(str, labels.values())) <= {value for _, value in of})
        yield f"{name}: successes", metrics.get("tfl_inference_request_success_total", **labels) == results["OK"] > 0, results
        yield f"{name}: failures", failed == version["requests"] - results["OK"] == 1, failed
        yield f"{name}: reason", metrics.get("tfl_inference_request_failure_total", reason="INVALID_ARGUMENT", **labels) == 1, results
        yield f"{name}: inferences", metrics.get("tfl_inference_count_total", **labels) == results["OK"], results
        yield f"{name}: executions", metrics.get("tfl_inference_exec_count_total", **labels) == results["OK"], results
        yield f"{name}: none waits", metrics.get("tfl_inference_pending_requests", **labels) == 0, None
        for kind, size in version["memory"].items():
            yield f"{name}: bytes of {kind}", metrics.get("tfl_model_memory_bytes", kind=kind, **labels) == size, size


def check_durations(scene, metrics, stats):
    for version in stats["versions"]:
        labels = {"model": version["model"], "version": version["version"]}
        for family, stage in (("queue", "wait"), ("compute", "compute"), ("request", "total")):
            name, latency = f"tfl_inference_{family}_duration_seconds", version["latency"][stage]
            count, total = metrics.get(f"{name}_count", **labels), metrics.get(f"{name}_sum", **labels)
            buckets = metrics.buckets(name, **labels)
            what = f"digits@{version['version']}: {family}"
            yield f"{what}, count", count == version["results"]["OK"], count
            yield f"{what}, sum", abs(total / count * 1e9 - latency["mean_ns"]) < 1.01, total
            yield f"{what}, edges", all(is_same(float(edge), 1e-5 * 1.8**i, 1e-5) for i, (edge, _) in enumerate(buckets[:-1])), buckets
            ascending = buckets == sorted(buckets, key=lambda pair: pair[1])
            yield f"{what}, buckets", len(buckets) == 29 and ascending and buckets[-1] == ("+Inf", count), buckets
            for share, key in ((0.5, "p50_ns"), (0.99, "p99_ns")):
                # The percentile is within 0.8 % of a value, an edge within 0.8 % of what it says.
                seconds = latency[key] / 1e9
                below = max((seen for edge, seen in buckets if float(edge) < seconds * 0.98), default=0)
                above = min(seen for edge, seen in buckets if float(edge) > seconds * 1.02)
                yield f"{what}, {key}", below <= math.ceil(share * count) and above >= math.ceil(share * count), (seconds, buckets)


def counters(pairs, length):
    counts = [0] * length
    for index, count in zip(pairs[::2], pairs[1::2]):
        counts[index] = count
    return counts


def check_confidence(scene, metrics, version):
    labels = {"model": "digits", "version": version, "output": 0}
    name, histogram = f"digits@{version}", scene.ask("hist", f"digits@{version}")["heads"][0]["histogram"]
    for family, key in (("tfl_inference_confidence", "bins"), ("tfl_inference_confidence_margin", "margins")):
        bins = counters(histogram[key], 50)
        buckets = metrics.buckets(family, **labels)
        right = all(seen == sum(bins[:round(float(edge) * 50)]) for edge, seen in buckets[:-1])
        yield f"{name}: {key}", len(buckets) == 15 and right and buckets[-1][1] == sum(bins) > 0, (buckets, bins)
        yield f"{name}: count of {key}", metrics.get(f"{family}_count", **labels) == sum(bins), None
    total = metrics.get("tfl_inference_confidence_sum", **labels)
    yield f"{name}: sum of confidences", total == histogram["sum"] / 2**24, total
    yield f"{name}: invalid", metrics.get("tfl_inference_confidence_invalid_total", **labels) == histogram["invalid"], None
    drift = scene.ask("drift", f"digits@{version}")["heads"][0]
    for key in ("psi", "jensen_shannon", "kolmogorov_smirnov"):
        yield f"{name}: {key}", is_same(metrics.get(f"tfl_drift_{key}", **labels), drift[key], 1e-6), drift
    verdicts = [metrics.get("tfl_drift_verdict", verdict=word, **labels) for word in ("unknown", "stable", "watch", "drift")]
    right = metrics.get("tfl_drift_verdict", verdict=drift["verdict"], **labels)
    yield f"{name}: verdict", sum(verdicts) == right == 1, (verdicts, drift)
    yield f"{name}: verdicts of the hour", metrics.get("tfl_drift_window_verdicts", **labels) == drift["window_verdicts"], drift


def check_service(scene, metrics, stats):
    later = Metrics(scene.run("metrics").stdout)
    yield "uptime", 0 < metrics.get("tfl_uptime_seconds") <= stats["uptime_ns"] / 1e9 <= later.get("tfl_uptime_seconds"), None
    yield "requests", metrics.get("tfl_requests_total") == stats["requests"] - 1 == later.get("tfl_requests_total") - 2, stats
    yield "connections", metrics.get("tfl_connections") == 1 and metrics.get("tfl_connections_accepted_total") > 3, None
    yield "workers", metrics.get("tfl_workers") == stats["workers"]["count"], None
    yield "queue", metrics.get("tfl_queue_capacity") == stats["queue"]["capacity"] and metrics.get("tfl_queue_length") == 0, None
    yield "memory", metrics.get("tfl_resident_memory_bytes") > 1e6, None
    yield "nothing is wrong", metrics.get("tfl_conditions", condition="metrics") == 0, None
    for version in (1, 2):
        described = scene.ask("describe", f"digits@{version}")
        labels = {"model": "digits", "version": version}
        duration = metrics.get("tfl_model_load_duration_seconds", **labels)
        yield f"digits@{version}: load duration", is_same(duration, described["load_ns"] / 1e9), described
        yield f"digits@{version}: instances", metrics.get("tfl_model_instances", **labels) == described["instances"], described
        yield f"digits@{version}: active", metrics.get("tfl_model_active", **labels) == described["active"] == (version == 1), described
        yield f"digits@{version}: state", metrics.get("tfl_model_state", state="AVAILABLE", **labels) == 1, None
    as_json = scene.ask("metrics")
    yield "as JSON", Metrics(as_json["text"]).types == metrics.types, None
    yield "type of the text", as_json["content_type"] == "text/plain; version=0.0.4; charset=utf-8", as_json["content_type"]


def check_file(scene, metrics):
    scene.run("unload", "digits@2")
    scene.wait(lambda: 'tfl_model_state{model="digits",version="2",state="END"} 1' in scene.file.read_text())
    written = Metrics(scene.file.read_text())
    yield "the file has the same families", written.types == metrics.types, None
    for name in ("tfl_inference_request_success_total", "tfl_inference_request_duration_seconds_sum"):
        here, there = (text.get(name, model="digits", version=1) for text in (metrics, written))
        yield f"the same {name}", here == there, (here, there)
    ended = written.get("tfl_inference_request_success_total", model="digits", version=2)
    yield "what is unloaded has a state and nothing else", ended is None, ended
    yield "everybody may read it", scene.file.stat().st_mode & 0o777 == 0o644, oct(scene.file.stat().st_mode)


def check_restart(scene):
    """Counters begin anew with the version, also those of which hist has the sum."""
    scene.start()
    scene.infer(1, "seven.png", 5)
    metrics = Metrics(scene.metrics())
    labels = {"model": "digits", "version": 1}
    bins = scene.ask("hist", "digits@1")["heads"][0]["histogram"]["bins"]
    counts = [metrics.get("tfl_inference_count_total", **labels), metrics.get("tfl_inference_confidence_count", output=0, **labels),
              metrics.buckets("tfl_inference_confidence", output=0, **labels)[-1][1]]
    anew = 0 < counts[0] <= 6 and len(set(counts)) == 1
    yield "after a restart counters begin anew", anew and sum(bins[1::2]) > counts[0], (counts, bins)
    yield "and drift goes on", metrics.get("tfl_drift_window_verdicts", output=0, **labels) == sum(bins[1::2]), bins


def check_promtool(promtool, what, silent, arguments, text):
    if not promtool:
        yield f"promtool, {what} # SKIP there is no promtool (scripts/setup --tests installs it)", True, None
        return
    result = subprocess.run([promtool, "check", *arguments], input=text, capture_output=True, text=True, timeout=WAIT_S)
    said = result.stdout + result.stderr
    yield f"promtool, {what}", result.returncode == 0 and not (silent and said), said


def check_page(scene, promtool, page, metrics):
    """The examples of doc/metrics.md are rules of Prometheus, about series that there are."""
    rules = scene.folder / "rules.yml"
    rules.write_text(re.search(r"```yaml\n(.*?)```", page, re.S).group(1))
    yield from check_promtool(promtool, "the rules of doc/metrics.md", False, ["rules", str(rules)], "")
    named = set(re.findall(r"\btfl_\w+", page))
    unknown = [name for name in named if name not in metrics.types and re.sub("_(bucket|sum|count)$", "", name) not in metrics.types]
    yield "doc/metrics.md names series that there are", len(named) >= len(metrics.types) and not unknown, unknown


def check(scene, promtool, page):
    for model in ("digits-float32.tflite", "digits-int8.tflite"):
        scene.run("load", "digits", scene.digits / model)
    for version, repeat in REPEAT.items():
        for picture in ("seven.png", "eight.png", "four-or-nine.png"):
            scene.infer(version, picture, repeat)
        scene.fail(version)
    text = scene.metrics()
    stats = scene.ask("stats")
    metrics = Metrics(text)
    yield from check_service(scene, metrics, stats)
    yield from check_requests(scene, metrics, stats)
    yield from check_durations(scene, metrics, stats)
    for version in REPEAT:
        yield from check_confidence(scene, metrics, version)
    yield from check_promtool(promtool, "tflctl metrics", True, ["metrics"], text)
    yield from check_page(scene, promtool, page, metrics)
    yield from check_file(scene, metrics)
    yield from check_promtool(promtool, "the file", True, ["metrics"], scene.file.read_text())
    yield "ends well", scene.stop() == 0, None
    yield from check_restart(scene)
    yield "ends well again", scene.stop() == 0, None
    yield "and its file is gone", not scene.file.exists(), None


def main(tfld, tflctl, top, promtool):
    promtool = promtool if os.access(promtool, os.X_OK) else shutil.which("promtool")
    wrong = number = 0
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(tfld, tflctl, pathlib.Path(top), folder)
        page = (pathlib.Path(top) / "doc/metrics.md").read_text()
        try:
            for number, (name, right, seen) in enumerate(check(scene, promtool, page), 1):
                print(f"{'ok' if right else 'not ok'} {number} - {name}", flush=True)
                wrong += not right
                if not right:
                    print(f"# {seen}")
        finally:
            scene.daemon.kill()
            scene.daemon.wait()
    print(f"1..{number}")
    return 1 if wrong or number < 60 else 0


sys.exit(main(*sys.argv[1:]))
