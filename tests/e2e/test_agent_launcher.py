"""beadle-agent as its service manager and its administrator meet it. No collector answers: results stay in the spool."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import BUILD, ENV, Program, wait_for
from passable import passable

AGENT = BUILD / "agent/launcher/beadle-agent"
BAD = BUILD / "tests/plugins/bad"


@pytest.fixture(scope="module", autouse=True)
def modules():
    if not (BAD / "bad.so").exists():
        subprocess.run(["make", "-s", "-C", BUILD, "tests/plugins/bad/bad.so", "tests/plugins/bad/apple.so"], check=True)


class Agent(Program):
    def __init__(self, folder):
        passable(folder)
        self.folder, self.state = folder, folder / "state"
        (folder / "agent.d").mkdir()
        (folder / "agent.yaml").write_text(f"collector: 127.0.0.1:1\nstate: {self.state}\nplugins: [{BAD}]\n")
        super().__init__([AGENT, "--config", folder / "agent.yaml"], folder / "agent.log")

    def checks(self, **checks):
        (self.folder / "agent.d/checks.yaml").write_text("checks:\n" + "".join(
            f"  {name}: {{{what}}}\n" for name, what in checks.items()))

    def spooled(self):
        return sum(f.stat().st_size for f in (self.state / "core/measurements").glob("*"))

    def measures(self):
        """The spool grows: rounds are made."""
        before = self.spooled()
        wait_for("more in the spool", lambda: self.spooled() > before)

    def child(self, program, other_than=None):
        def found():
            pids = [p for p, name in self.children().items() if name == program and p != other_than]
            return pids[0] if pids else None    # parents come first: of the template and its hosts, the template; numbers can begin anew
        return wait_for(f"a process of {program}", found)


@pytest.fixture
def agent(tmp_path):
    agent = Agent(tmp_path)
    agent.checks(good="plugin: bad, interval: 1s")
    yield agent
    if agent.process and agent.process.poll() is None:
        agent.kill()


def started(agent):
    agent.start()
    agent.wait_log("started: 1 plugins")
    wait_for("a spool", lambda: (agent.state / "core/measurements").is_dir())
    agent.measures()
    return agent


def test_it_ends_in_order(agent):
    pids = set(started(agent).children())
    assert len(pids) >= 3       # core, template, host
    assert agent.stop() == 0
    assert agent.text().rstrip().endswith("agent: ended")
    assert not [p for p in pids if os.path.exists(f"/proc/{p}")]


def test_c01_wrong_configuration_is_not_started(agent):
    agent.checks(good="plugin: bad, intervall: 1s")
    agent.start()
    assert agent.process.wait(30) == 1
    lines = agent.text().splitlines()
    assert 'checks.yaml:2: intervall: is not known here (did you mean "interval"?)' in "\n".join(lines)
    assert lines[-1].endswith("not started: mend the configuration (beadle-agent --check-config tells its mistakes)")
    assert not agent.state.exists()


def test_c01_wrong_configuration_leaves_the_old_one(agent):
    started(agent)
    before = agent.children()
    agent.checks(good="plugin: bad, interval: soon", other="plugin: apple, interval: 1s")
    agent.process.send_signal(signal.SIGHUP)
    agent.wait_log("the new configuration is not accepted")
    assert "checks.yaml:2: interval: \"soon\"" in agent.text()
    agent.measures()
    assert {p: n for p, n in agent.children().items() if n == "beadle-core"} == \
        {p: n for p, n in before.items() if n == "beadle-core"}
    agent.checks(good="plugin: bad, interval: 1s", other="plugin: apple, interval: 1s")
    agent.process.send_signal(signal.SIGHUP)
    agent.wait_log("configuration read again: 2 plugins")
    assert (agent.state / "plugins.index").read_text() == "bad\napple\n"
    agent.measures()
    assert agent.stop() == 0


@pytest.mark.parametrize("program", ["beadle-core", "beadle-host"])
def test_r02_what_is_killed_is_started_again(agent, program):
    started(agent)
    pid = agent.child(program)
    os.kill(pid, signal.SIGKILL)
    agent.wait_log(f"{'core' if program == 'beadle-core' else 'template'} was killed by SIGKILL")
    agent.wait_log("starting again in 1 s")
    agent.child(program, other_than=pid)
    agent.measures()
    assert agent.stop() == 0


def test_r02_nothing_outlives_a_killed_launcher(agent):
    pids = set(started(agent).children())
    agent.process.kill()
    agent.process.wait()
    wait_for("all have ended", lambda: not [p for p in pids if os.path.exists(f"/proc/{p}")])


@pytest.mark.parametrize("misdeed", ["segfault", "exit", "loop", "close_all", "random", "huge_count", "other_name", "heap"])
def test_p05_other_checks_miss_no_beat(agent, misdeed, crashes):
    """A good check of another plugin goes on, in the same core, template and host."""
    agent.checks(good="plugin: apple, interval: 500ms",
                 wrong=f"plugin: bad, interval: 500ms, timeout: 500ms, options: {{misdeed: {misdeed}}}")
    agent.start()
    agent.wait_log("check wrong: .+", 30)
    processes = {p for p, n in agent.children().items() if n == "beadle-core"} | {agent.child("beadle-host")}
    for _ in range(3):
        agent.measures()
    assert processes <= set(agent.children())
    assert "check good" not in agent.text()
    assert agent.stop() == 0


def test_notify(agent, tmp_path):
    """As systemd hears it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        agent.env |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        started(agent)
        assert manager.recv(100) == b"READY=1"
        start = time.monotonic()
        assert [manager.recv(100) for _ in range(5)] == [b"WATCHDOG=1"] * 5
        assert time.monotonic() - start < 10
        agent.process.terminate()
        wait_for("STOPPING", lambda: manager.recv(100) == b"STOPPING=1")
        assert agent.process.wait(20) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="not proven: users of their own (needs root)")
def test_users(agent):
    started(agent)
    host = next(p for p in agent.children() if open(f"/proc/{p}/comm").read() == "bad\n")
    status = open(f"/proc/{host}/status").read()
    uids = set(re.search(r"^Uid:\t(.*)$", status, re.M)[1].split())
    assert len(uids) == 1 and int(uids.pop()) >= 70000
    assert re.search(r"^Groups:\t\s*$", status, re.M)
    for mask in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{mask}:\t0+$", status, re.M), status
    assert "NoNewPrivs:\t1" in status
    assert oct((agent.state / "plugins/bad").stat().st_mode)[-3:] == "700"


def test_command_line():
    run = lambda *a: subprocess.run([AGENT, *a], capture_output=True, text=True, env=ENV, timeout=30)
    assert run("--version").stdout.startswith("beadle-agent ")
    assert run("--help").returncode == 0
    assert run("--nonsense").returncode == 2
    done = run("--check-config", "--config", "/nonexistent.yaml")
    assert done.returncode == 1 and done.stderr.startswith("/nonexistent.yaml")
