# SPDX-License-Identifier: MIT
"""A headless Chromium, steered over a pipe by the DevTools protocol: pages as a person sees them, every complaint and every request."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import struct
import time
import zlib

WAIT_S = 60


def find():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return None


def start(folder):
    """The browser, or why there is none. What is looked at is our own, so where there can be no sandbox it goes without."""
    binary, last = find(), None
    if not binary:
        return None, "there is no Chromium; scripts/setup --tests installs it"
    for arguments in [["--no-sandbox"]] if os.geteuid() == 0 else [[], ["--no-sandbox"]]:
        try:
            return Browser(binary, folder, *arguments), ""
        except (EOFError, OSError, TimeoutError) as error:
            last = error
    return None, f"{binary} does not start: {last}"


def moved(fd):
    """The same on a number that is out of the way."""
    there = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(fd)
    return there


class Browser:
    def __init__(self, binary, folder, *arguments):
        # The browser reads from descriptor 3 and writes to 4; ours lie higher, so that none is in the way.
        theirs_in, ours_out, ours_in, theirs_out = [moved(fd) for fd in (*os.pipe(), *os.pipe())]

        def arrange():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        command = [binary, "--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={folder}/browser",
                   *arguments]
        # Not the address sanitizer of what is tested, nor what it wants to be preloaded.
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("LD_", "ASAN_", "UBSAN_"))}
        with open(f"{folder}/browser.log", "wb") as log:
            self.process = subprocess.Popen(command, close_fds=False, preexec_fn=arrange, stdout=log, stderr=log, env=environment)
        os.close(theirs_in)
        os.close(theirs_out)
        self.out, self.input, self.buffer, self.number, self.events = ours_out, ours_in, b"", 0, []
        try:
            self.attach()
        except (EOFError, OSError, TimeoutError):
            self.close()
            raise

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank", session=None)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True, session=None)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def receive(self, end):
        while b"\0" not in self.buffer:
            if not select.select([self.input], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            got = os.read(self.input, 1 << 20)
            if not got:
                raise EOFError("the browser has ended")
            self.buffer += got
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session="own", **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + WAIT_S
        while True:
            answer = self.receive(end)
            if answer.get("id") != self.number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def wait_for(self, method):
        end = time.monotonic() + WAIT_S
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive(end))

    def evaluate(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def show(self, url, width, height, dark):
        """What came up on the way: events since the page was asked for."""
        self.events = []
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        return self.events

    def screenshot(self):
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def pixels(png):
    """Width, height, and the rows of a PNG of 8 bits a channel, without a library; each pixel as bytes."""
    at, packed = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", png[at + 8:at + 18])
            assert depth == 8 and color in (2, 6)
        elif kind == b"IDAT":
            packed += png[at + 8:at + 8 + length]
        at += 12 + length
    size, data, rows = 3 if color == 2 else 4, zlib.decompress(packed), []
    before = bytearray(width * size)
    for y in range(height):
        begin = y * (width * size + 1)
        before = unfilter(data[begin], bytearray(data[begin + 1:begin + 1 + width * size]), before, size)
        rows.append([bytes(before[x:x + 3]) for x in range(0, width * size, size)])
    return width, height, rows


def paeth(a, b, c):
    estimate = a + b - c
    return min((abs(estimate - a), 0, a), (abs(estimate - b), 1, b), (abs(estimate - c), 2, c))[2]


def unfilter(kind, row, before, size):
    if kind == 2:
        return bytearray((a + b) & 255 for a, b in zip(row, before))
    for i in range(len(row) if kind else 0):
        left = row[i - size] if i >= size else 0
        if kind == 1:
            row[i] = (row[i] + left) & 255
        elif kind == 3:
            row[i] = (row[i] + (left + before[i]) // 2) & 255
        else:
            row[i] = (row[i] + paeth(left, before[i], before[i - size] if i >= size else 0)) & 255
    return row
