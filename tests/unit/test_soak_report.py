"""A soak's figures against their limits: what fails, why, and what to do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rtstem.control.telemetry import Percentiles
from rtstem.load.stalls import Stalls
from rtstem.soak_measured import Exactness, Measured
from rtstem.soak_picture import FORMATS, render
from rtstem.soak_report import COLUMNS, make_report
from rtstem.soak_watch import TROUBLES, Growth, Sample

NONE = dict.fromkeys(TROUBLES, 0)
SAMPLES = tuple(
    Sample(float(n), 2300.0, 3000.0, 3500.0, 90.0, int(n == 3), 300.0, 60.0, 2600.0)
    for n in range(1, 6)
)
GOOD = Measured(
    machine="a box",
    model="live",
    provider="CPUExecutionProvider",
    route=("file:x", "virtual"),
    load="none",
    realtime="SCHED_FIFO 60, memory locked",
    sizing="",
    rate=44100,
    block=256,
    hop_frames=512,
    safety_hops=0.5,
    latency_frames=1344,
    latency="30.5 ms",
    seconds=600.0,
    planned_seconds=600.0,
    interrupted=False,
    error="",
    notices=(),
    gave_up={},
    counts=NONE,
    callback_us=Percentiles(20.0, 60.0, 120.0, 400.0, 100_000),
    hop_us=Percentiles(2300.0, 3500.0, 5000.0, 6500.0, 50_000),
    exactness=Exactness(26_460_000, 0, 1344, False),
    drift_ppm=(1.5, 0.5),
    growth=Growth(0.4, 2.4),
    threads=(18, 18),
    celsius=61.0,
    mhz=(2500.0, 2600.0),
    throttled=0.0,
    stolen_percent=0.1,
    stalls=Stalls(3, 4.0, True),
    samples=SAMPLES,
)
SLOW_HOP = Percentiles(2300.0, 3500.0, 9000.0, 12_000.0, 50_000)


def seen(**changes):
    return make_report(replace(GOOD, **changes))


def counted(**counts):
    return NONE | {name.replace("_", " "): count for name, count in counts.items()}


def test_a_quiet_soak_passes_and_says_for_how_long():
    report = seen()
    assert report.passed
    assert report.verdict == "PASS: 10 min 0 s without a miss at 30.5 ms"
    assert report.advice == "Keep latency.safety_hops: 0.5 and blocks of 256 frames."


@pytest.mark.parametrize("name", TROUBLES)
def test_every_kind_of_miss_fails_by_name(name):
    report = seen(counts=NONE | {name: 2})
    assert not report.passed
    assert report.verdict == f"FAIL after 10 min 0 s: {name} 2"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"error": "the virtual device has stopped"}, "stream"),
        ({"callback_us": Percentiles(20.0, 60.0, 120.0, 5900.0, 100)}, "worst callback"),
        ({"hop_us": SLOW_HOP}, "slowest hop"),
        ({"exactness": Exactness(1000, 1, 1344, False)}, "latency"),
        ({"exactness": Exactness(1000, 0, 1345, False)}, "latency"),
        ({"drift_ppm": (250.0, 3.0)}, "clock drift"),
        ({"drift_ppm": (-250.0, 3.0)}, "clock drift"),
        ({"growth": Growth(5.1, 30.0)}, "memory growth"),
        ({"threads": (18, 21)}, "threads"),
    ],
)
def test_every_limit_fails_by_name(changes, name):
    report = seen(**changes)
    assert [item.name for item in report.failures] == [name]
    assert name in report.verdict


@pytest.mark.parametrize(
    "changes",
    [
        {"drift_ppm": (250.0, 60.0)},  # not sure enough to be held against anybody
        {"drift_ppm": None},
        {"growth": None},
        {"growth": Growth(-20.0, -120.0)},
        {"growth": Growth(9.0, 4.5), "seconds": 7200.0},
        {"threads": (None, 18)},
        {"threads": (18, 5)},
        {"exactness": None},
        {"exactness": Exactness(1000, 0, None, False)},  # silence has no delay to find
        {"exactness": Exactness(0, 0, None, True)},
        {"celsius": None, "mhz": None, "throttled": None, "stolen_percent": None, "stalls": None},
    ],
    ids=str,
)
def test_what_is_within_or_cannot_be_read_does_not_fail(changes):
    assert seen(**changes).passed


def test_what_cannot_be_read_is_said():
    rows = {item.name: item.value for item in seen(celsius=None, exactness=None).items}
    assert rows["hottest"] == "not readable here"
    assert "not measured on a sound device" in rows["latency"]


LATE = counted(late_hops=3)
STOOD_STILL = {
    "callback_us": Percentiles(20.0, 60.0, 120.0, 34_000.0, 100_000),
    "stalls": Stalls(9, 34.0, True),
}


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"error": "lost"}, "Mend what ended the stream"),
        ({"counts": LATE, "realtime": "normal priority (refused)"}, "Allow real-time priority"),
        (
            {"counts": LATE, "hop_us": Percentiles(1e4, 2e4, 2e4, 2e4, 9)},
            "too slow for this machine",
        ),
        (
            {"counts": LATE, "hop_us": SLOW_HOP},
            "Set latency.safety_hops: 1.25 (now 0.5), then soak again.",
        ),
        ({"counts": LATE}, "Set latency.safety_hops: 0.75 (now 0.5"),
        ({"counts": LATE, "stalls": Stalls(9, 40.0, True)}, "stood still for 40 ms"),
        ({"counts": LATE, "stalls": Stalls(9, 400.0, False)}, "Set latency.safety_hops: 0.75"),
        (
            {"counts": counted(xruns_of_the_host=1)},
            "Set audio.block: 512 (now 256), then soak again.",
        ),
        ({"counts": counted(callbacks_over_their_deadline=1)}, "Set audio.block: 512"),
        (
            {"counts": counted(callbacks_over_their_deadline=1, late_hops=2)} | STOOD_STILL,
            "Set latency.safety_hops: 1.25 (now 0.5) and audio.block: 2048 (now 256),",
        ),
        ({"counts": counted(input_not_ready=1)}, "faster disk"),
        ({"growth": Growth(80.0, 480.0)}, "Report this"),
        ({"counts": counted(model_faults=1)}, "Report this"),
        ({"safety_hops": 2.0}, "Keep latency.safety_hops: 2; 0.5 may do as well (17.4 ms less"),
    ],
)
def test_the_advice_is_the_first_thing_to_do(changes, advice):
    assert advice in seen(**changes).advice


def test_the_advice_never_leaves_what_the_configuration_takes():
    late = seen(counts=LATE, stalls=Stalls(9, 60_000.0, True))
    assert "safety_hops: 64 " in late.advice


def test_an_interrupted_soak_says_so():
    report = seen(interrupted=True, seconds=65.0)
    assert "PASS: 1 min 5 s of 10 min 0 s (interrupted)" in report.verdict


def test_the_rows_and_the_json_hold_everything():
    report = seen(sizing="safety 0.5 hops chosen", gave_up={"disk": "full"})
    assert all(len(item.cells()) == len(COLUMNS) for item in report.items)
    names = [item.name for item in report.items]
    assert {"latency: auto", "load 'disk' gave up", "rights", *TROUBLES} <= set(names)
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert found["passed"] is True
    assert found["counts"]["late hops"] == 0
    assert found["samples"][0]["hop_p99"] == 3000.0
    assert len(found["items"]) == len(names)


@pytest.mark.parametrize("form", FORMATS)
def test_the_picture_is_drawn_in_every_form(form):
    content = render(seen(error="<b>lost</b>"), form)
    begins = {"html": b"<!doctype html", "svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[form]
    assert content.startswith(begins)
    if form == "html":
        assert b"<svg" in content
        assert b"FAIL after 10 min 0 s" in content
        assert b"<b>lost" not in content


@pytest.mark.parametrize("samples", [(), SAMPLES[:1]], ids=len)
def test_a_picture_of_next_to_nothing_is_drawn(samples):
    assert render(seen(samples=samples), "svg")
