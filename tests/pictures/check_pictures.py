#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real pictures through a running tfld: three photographs get their labels from a real network, and a detector finds what two of them show.
Skipped, with a reason, where the folder of models is missing. Output is TAP.

    check_pictures.py TFLD TFLCTL ZOO"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

WAIT_S = 60
MODEL = "models/coral_mobilenet_v2_1.0_224_quant.tflite"
PICTURES = [("peacock.png", "peacock"), ("parrot.jpg", "macaw"), ("burger.jpg", "cheeseburger")]
DETECTOR = "models/support_coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
THINGS = [("sparrow.png", "bird", (400, 150, 1000, 700)), ("burger.jpg", "sandwich", (0, 0, 400, 330))]  # the box lies within


def ask(tflctl, *arguments):
    result = subprocess.run([tflctl, "--json", *arguments], capture_output=True, text=True, timeout=60)
    return json.loads(result.stdout) if result.returncode == 0 else {"failed": result.stdout + result.stderr}


def check(tflctl, zoo):
    loaded = ask(tflctl, "load", "mobilenet", str(zoo / MODEL))
    yield "loads", loaded.get("state") == "AVAILABLE", loaded
    for file, label in PICTURES:
        answer = ask(tflctl, "infer", "mobilenet", "--image", str(zoo / "assets" / file), "--labels", str(zoo / "assets/imagenet_labels.txt"),
                     "--top", "1")
        yield f"{file} is a {label}", f'"{label}' in json.dumps(answer), answer


def check_labels_in_file(tflctl, zoo):
    answer = ask(tflctl, "infer", "mobilenet", "--image", str(zoo / "assets/parrot.jpg"), "--top", "1")
    yield "labels come from the file itself", '"macaw' in json.dumps(answer), answer


def check_detector(tflctl, zoo):
    if not (zoo / DETECTOR).exists():
        return
    loaded = ask(tflctl, "load", "ssd", str(zoo / DETECTOR))
    yield "the detector loads", loaded.get("state") == "AVAILABLE", loaded
    for file, label, (left, top, right, bottom) in THINGS:
        answer = ask(tflctl, "infer", "ssd", "--image", str(zoo / "assets" / file))
        found = answer.get("detections", [{}])[0]
        box = found.get("pixels", {"left": -1, "top": -1, "right": 1e9, "bottom": 1e9})
        inside = left <= box["left"] and top <= box["top"] and box["right"] <= right and box["bottom"] <= bottom
        yield f"a {label} in {file}", found.get("label") == label and found["score"] >= 0.5 and inside, found


def is_healthy(tflctl):
    return subprocess.run([tflctl, "health"], capture_output=True).returncode == 0


def main(tfld, tflctl, zoo):
    if not (zoo / MODEL).exists():
        print(f"1..0 # SKIP no models at {zoo}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        socket = os.path.join(folder, "socket")
        os.environ["TFL_SOCKET"] = socket
        daemon = subprocess.Popen([tfld, "--models", os.path.join(folder, "models"), "--socket", socket, "--log-level", "warning"])
        try:
            deadline = time.monotonic() + WAIT_S
            while not is_healthy(tflctl) and daemon.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            results = [*check(tflctl, zoo), *check_labels_in_file(tflctl, zoo), *check_detector(tflctl, zoo)]
        finally:
            daemon.send_signal(signal.SIGTERM)
            status = daemon.wait(WAIT_S)
    results.append(("tfld ends with 0", status == 0, status))
    print(f"1..{len(results)}")
    for number, (name, good, seen) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            print(f"# {seen}")
    return 0 if all(good for _, good, _ in results) else 1


sys.exit(main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])))
