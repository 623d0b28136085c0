#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares what stats/ computes with numpy, on a million values: histograms, mean, PSI, Jensen-Shannon, Kolmogorov-Smirnov, percentiles,
and what comparisons rest on: exact probabilities of few errors, intervals, the bootstrap.

    compare_numpy.py COMPUTE-STATS

Numbers are computed here from the values, by the definitions in the headers; nothing but the edges of bins is taken from the program."""

import json
import math
import subprocess
import sys
import tempfile

import numpy as np

VALUES = 1_000_000


def draw(generator, blur, quantized):
    confidence = 1 - generator.random(VALUES) ** (1 / (0.15 + blur))
    if quantized:
        confidence = np.floor(confidence * 255.99) / 256
    confidence = confidence.astype(np.float32)
    confidence[generator.integers(0, VALUES, 500)] = np.nan
    margin = (confidence * generator.random(VALUES)).astype(np.float32)
    margin[generator.integers(0, VALUES, 500)] = np.inf
    return np.stack([confidence, margin], axis=1)


def histogram(pairs):
    sound = pairs[np.isfinite(pairs).all(axis=1)].astype(np.float64)
    equal = np.arange(51) / 50
    return {
        "count": len(sound),
        "invalid": len(pairs) - len(sound),
        "mean": sound[:, 0].mean(),
        "mean_margin": sound[:, 1].mean(),
        "bins": np.histogram(sound[:, 0], equal)[0],
        "margins": np.histogram(sound[:, 1], equal)[0],
        "values": np.sort(sound[:, 0]),
    }


def fine_counts(values, edges):
    """Bins hold their lower edge below one half, their upper edge above it."""
    half = len(edges) // 2
    below = np.concatenate([np.searchsorted(values, edges[:half + 1], "left"), np.searchsorted(values, edges[half + 1:], "right")])
    return np.diff(below)


def group_edges(counts):
    cumulative = np.concatenate([[0], np.cumsum(counts)])
    total = cumulative[-1]
    cuts = []
    for decile in range(1, 10):
        wanted = decile / 10 * total
        low = np.flatnonzero(cumulative <= wanted)[-1]
        edge = low if low == len(counts) or wanted - cumulative[low] <= cumulative[low + 1] - wanted else low + 1
        if 0 < edge < len(counts) and edge not in cuts:
            cuts.append(edge)
    return [0] + cuts


def drift(baseline, window, fine_baseline, fine_window):
    cuts = group_edges(fine_baseline)
    groups = len(cuts)
    p = (np.add.reduceat(fine_baseline, cuts) + 0.5) / (baseline["count"] + groups / 2)
    q = (np.add.reduceat(fine_window, cuts) + 0.5) / (window["count"] + groups / 2)
    raw = float(np.sum((q - p) * np.log(q / p)))
    noise = (groups - 1) * (1 / baseline["count"] + 1 / window["count"])
    a, b = baseline["bins"] / baseline["count"], window["bins"] / window["count"]
    with np.errstate(divide="ignore", invalid="ignore"):
        js = float(np.nansum(a * np.log2(2 * a / (a + b)) + 0) + np.nansum(b * np.log2(2 * b / (a + b)))) / 2
    ks = float(np.abs(np.cumsum(fine_baseline) / baseline["count"] - np.cumsum(fine_window) / window["count"]).max())
    return {"psi": max(0, raw - noise), "psi_raw": raw, "noise": noise, "groups": groups, "js": js, "ks": ks}


def exact_ks(baseline, window):
    points = np.concatenate([baseline["values"], window["values"]])
    return np.abs(np.searchsorted(baseline["values"], points, "right") / baseline["count"] -
                  np.searchsorted(window["values"], points, "right") / window["count"]).max()


def run(program, arrays):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, array in enumerate(arrays):
            paths.append(f"{folder}/{i}")
            array.tofile(paths[-1])
        return json.loads(subprocess.run([program, *paths], check=True, capture_output=True, text=True).stdout)


def check_histogram(found, pairs):
    expected = histogram(pairs)
    for key in ("count", "invalid"):
        assert found[key] == expected[key], (key, found[key], expected[key])
    assert abs(found["mean"] - expected["mean"]) <= 2 ** -25, (found["mean"], expected["mean"])
    assert abs(found["mean_margin"] - expected["mean_margin"]) <= 0.01, (found["mean_margin"], expected["mean_margin"])
    for key in ("bins", "margins"):
        assert np.array_equal(found[key], expected[key]), key
    expected["fine"] = fine_counts(expected["values"], np.array(found["edges"]))
    assert np.array_equal(found["fine"], expected["fine"]), "fine"
    return expected


def check_latency(found, latencies):
    assert found["count"] == VALUES
    assert abs(found["mean"] / latencies.mean() - 1) < 1e-9
    exact = np.percentile(latencies, np.arange(101), method="inverted_cdf")
    worst = np.max(np.abs(np.array(found["percentiles"]) / exact - 1))
    assert worst < 0.01, worst


LEVEL = 0.01 / 5  # of one interval of a comparison
Z = 3.090232306167813  # of half of it


def exact(errors, first, other, second):
    """Fisher's, by whole numbers: ways are counted."""
    total = errors + other
    ways = {i: math.comb(first, i) * math.comb(second, total - i) for i in range(max(0, total - second), min(total, first) + 1)}
    return sum(way for way in ways.values() if way <= ways[errors]) / math.comb(first + second, total)


def wilson(share, count):
    middle = share + Z * Z / (2 * count) + np.array([-1, 1]) * Z * np.sqrt(share * (1 - share) / count + (Z / (2 * count)) ** 2)
    return np.clip(middle / (1 + Z * Z / count), 0, 1)


def check_errors(found):
    for errors, first, other, second, probability, low, high in found:
        expected = min(1, 5 * exact(errors, first, other, second))
        assert abs(probability / expected - 1) < 1e-6, (errors, first, other, second, probability, expected)
        p, q = errors / first, other / second
        (pl, ph), (ql, qh) = wilson(p, first), wilson(q, second)
        assert abs(low - (q - p - np.hypot(q - ql, ph - p))) < 1e-9, low
        assert abs(high - (q - p + np.hypot(qh - q, p - pl))) < 1e-9, high


def check_comparison(found, first, second):
    difference, low, high = found["confidence"]
    error = np.sqrt(first["values"].var() / first["count"] + second["values"].var() / second["count"])
    assert abs(difference - (second["mean"] - first["mean"])) < 2 ** -24, difference
    assert abs((high - low) / 2 / (Z * error) - 1) < 0.01, (low, high, error)
    difference, low, high = found["distribution"]
    reach = np.sqrt(-np.log(LEVEL / 2) / 2 * (1 / first["count"] + 1 / second["count"]))
    assert exact_ks(first, second) - 0.02 < difference <= exact_ks(first, second) + 1e-12, difference
    assert abs(low - max(0, difference - reach)) < 1e-9 and abs(high - (difference + reach)) < 1e-9, (low, high)


def check_ratios(found, generator, first, second):
    """Against the bootstrap that draws records: within two buckets' width, and as wide within a fifth."""
    for share, ratio, low, high in found:
        def percentile(values):
            return np.quantile(values, share, method="inverted_cdf")

        drawn = [percentile(generator.choice(second, len(second))) / percentile(generator.choice(first, len(first))) for _ in range(1000)]
        expected = percentile(second) / percentile(first)
        assert abs(ratio / expected - 1) < 0.02, (share, ratio, expected)
        expected = np.quantile(drawn, [0.025, 0.975])
        assert abs(low / expected[0] - 1) < 0.03 and abs(high / expected[1] - 1) < 0.03, (share, low, high, expected)
        assert abs((high - low) / (expected[1] - expected[0]) - 1) < 0.2, (share, low, high, expected)


def check(program, seed, blur, quantized):
    generator = np.random.default_rng(seed)
    baseline, window = draw(generator, 0, quantized), draw(generator, blur, quantized)
    latencies = (10 ** (3 + 6 * generator.random(VALUES))).astype(np.uint64)
    sooner, later = (1e6 * generator.random(3000) ** -0.3).astype(np.uint64), (2e6 * generator.random(2000) ** -0.3).astype(np.uint64)
    found = run(program, [baseline, window, latencies, later])
    first, second = check_histogram(found["baseline"], baseline), check_histogram(found["window"], window)
    expected = drift(first, second, first["fine"], second["fine"])
    for key, value in expected.items():
        assert abs(found["drift"][key] - value) < 1e-9, (key, found["drift"][key], value)
    exact = exact_ks(first, second)
    assert exact - 0.02 < found["drift"]["ks"] <= exact + 1e-12, (found["drift"]["ks"], exact)
    check_latency(found["latency"], latencies)
    check_errors(found["errors"])
    check_comparison(found["compare"], first, second)
    check_ratios(run(program, [baseline[:1000], window[:1000], sooner, later])["ratios"], generator, sooner, later)


def main():
    cases = [(1, 0, False), (2, 0.02, False), (3, 0.2, False), (4, 0, True), (5, 0.1, True)]
    failed = 0
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        try:
            check(sys.argv[1], *case)
            print(f"ok {number} - seed, blur, quantised: {case}")
        except AssertionError as difference:
            failed += 1
            print(f"not ok {number} - {case}: {difference}")
    return failed > 0


sys.exit(main())
