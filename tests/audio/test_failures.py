"""What a user meets: a sound server that dies, changes period, or lacks the device asked for."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
from engineprocess import EngineProcess, command_line, system_config
from jackbench import ENGINE_PORTS, Rig, compare, find_latency, settled
from jackserver import JackServer

ALLOWED_TO_NOTICE = 3.0


def live(server: JackServer, model: str, *arguments: str) -> subprocess.Popen[str]:
    """`rtstem live` on the server's own ports."""
    ports = ("--input", "system", "--output", "system")
    return command_line(server, "live", "--model", model, *ports, *arguments)


def await_stream(server: JackServer, process: subprocess.Popen[str], timeout: float = 30.0) -> None:
    """Wait until the command's ports are wired to the system's, so its stream runs."""
    client = server.client("watcher")
    try:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and process.poll() is None:
            ports = client.get_ports(ENGINE_PORTS, is_audio=True, is_output=True)
            if ports and client.get_all_connections(ports[0]):
                return
            time.sleep(0.05)
    finally:
        client.close()
    process.kill()
    pytest.fail(f"no stream appeared: {process.communicate()}")


def error_lines(text: str) -> list[str]:
    """The lines that are ours; libjack prints its own complaints on standard error as well."""
    assert "Traceback" not in text
    return [line for line in text.splitlines() if line.startswith("error:")]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["crashed", "stopped"])
def test_a_server_that_dies_ends_the_command(start_jack, tiny, how):
    server = start_jack(48000, 256)
    process = live(server, tiny, "--seconds", "60")
    await_stream(server, process)
    time.sleep(1.0)
    server.kill(how)
    died = time.monotonic()
    try:
        _, errors = process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("the command hangs after the sound server died")
    assert time.monotonic() - died < ALLOWED_TO_NOTICE
    assert process.returncode == 1
    assert len(error_lines(errors)) == 1, errors


def test_seconds_ends_the_command_in_order(start_jack, tiny):
    server = start_jack(48000, 256)
    process = live(server, tiny, "--seconds", "1")
    _, errors = process.communicate(timeout=45)
    assert process.returncode == 0, errors
    assert error_lines(errors) == []


def test_a_name_that_matches_no_device(start_jack):
    process = command_line(start_jack(48000, 256), "live", "--input", "no such card")
    _, errors = process.communicate(timeout=45)
    assert process.returncode == 2, errors
    (line,) = error_lines(errors)
    assert "no such card" in line
    assert "rtstem devices" in line or "system" in line


def test_a_name_that_matches_several_devices(start_jack):
    server = start_jack(48000, 256)
    clients = [server.client(name) for name in ("synth one", "synth two")]
    for client in clients:
        client.outports.register("out_1")
        client.outports.register("out_2")
        client.activate()
    process = command_line(server, "live", "--input", "synth", "--output", "system")
    _, errors = process.communicate(timeout=45)
    for client in clients:
        client.close()
    assert process.returncode == 2, errors
    (line,) = error_lines(errors)
    assert "synth one" in line
    assert "synth two" in line


@pytest.mark.parametrize("changed", [128, 512])
def test_a_period_change_keeps_the_latency_or_is_reported(start_jack, tiny, changed):
    server = start_jack(48000, 256)
    with EngineProcess(server, system_config(tiny)) as engine, Rig(server, 14) as rig:
        rig.attach()
        settled(rig)
        server.set_period(changed)
        start = settled(rig) + server.rate // 2
        end = rig.sleep(2.5)
        error = engine.ask("snapshot")["error"]
    if error:
        assert "\n" not in error
        return
    latency = find_latency(rig.played[0], rig.recorded[0], start)
    assert latency == engine.hello["latency"]
    assert compare(rig, latency, start, end).bad == 0
