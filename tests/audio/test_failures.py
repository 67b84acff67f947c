"""What a user meets: a sound server that dies, changes period, or lacks the device asked for."""

from __future__ import annotations

import signal
import time

import pytest
from engineprocess import Command, EngineProcess, system_config
from exactness import STALLED, compare, find_latency
from jackbench import ENGINE_PORTS, Rig, settled
from jackserver import JackServer

STOPPED = "'system' has stopped; waiting for it to come back"
BACK = "'system' is back after"


def live(server: JackServer, model: str, *arguments: str) -> Command:
    """`rtstem live` on the server's own ports."""
    ports = ("--input", "system", "--output", "system")
    return Command(server, "live", "--model", model, *ports, *arguments)


def await_stream(server: JackServer, command: Command, timeout: float = 60.0) -> None:
    """Wait until the command's ports are wired to the system's, so its stream runs."""
    client = server.client("watcher")
    try:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and command.process.poll() is None:
            ports = client.get_ports(ENGINE_PORTS, is_audio=True, is_output=True)
            if ports and client.get_all_connections(ports[0]):
                return
            time.sleep(0.05)
    finally:
        client.close()
    pytest.fail("no stream appeared")


def error_lines(text: str) -> list[str]:
    """The lines that are ours; a sound library may complain on standard error as well."""
    assert "Traceback" not in text
    return [line for line in text.splitlines() if line.startswith("error:")]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["crashed", "stopped"])
def test_a_server_that_dies_is_told_and_waited_for(start_jack, tiny, how):
    server = start_jack(48000, 256)
    with live(server, tiny, "--seconds", "180") as command:
        await_stream(server, command)
        assert command.says("load "), "no status line came"
        server.kill(how)
        assert command.says(STOPPED), command.output
        time.sleep(1.0)
        server.start_again()
        await_stream(server, command)
        assert command.says(BACK), command.output
        server.kill(how)
        assert command.says(STOPPED, times=2), command.output
        command.process.send_signal(signal.SIGTERM)  # the user has enough, with no server there
        code, errors = command.end()
        assert code == 0, errors
        assert error_lines(errors) == []
        said = command.output
    assert said.count(STOPPED) == 2, said
    assert said.count(BACK) == 1, said


def test_seconds_ends_the_command_in_order(start_jack, tiny):
    with live(start_jack(48000, 256), tiny, "--seconds", "1") as command:
        code, errors = command.end()
    assert code == 0, errors
    assert error_lines(errors) == []


def test_a_name_that_matches_no_device(start_jack):
    with Command(start_jack(48000, 256), "live", "--input", "no such card") as command:
        code, errors = command.end()
    assert code == 2, errors
    (line,) = error_lines(errors)
    assert "no such card" in line
    assert "system" in line, "the devices there are"


def test_a_name_that_matches_several_devices(start_jack):
    server = start_jack(48000, 256)
    clients = [server.client(name) for name in ("synth one", "synth two")]
    for client in clients:
        client.outports.register("out_1")
        client.outports.register("out_2")
        client.activate()
    with Command(server, "live", "--input", "synth", "--output", "system") as command:
        code, errors = command.end()
    for client in clients:
        client.close()
    assert code == 2, errors
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
        end = rig.sleep(1.5)
        error = engine.ask("snapshot")["error"]
    if error:
        assert "\n" not in error
        return
    match = compare(rig, engine.hello["latency"], start, end)
    assert match.bad == 0, match
    if match.excused > match.checked / 4:
        pytest.skip(STALLED)
    assert find_latency(rig, start, end) == engine.hello["latency"]
