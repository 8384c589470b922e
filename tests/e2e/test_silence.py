"""R9 where no network can be made: a stopped process is a dead peer, too, whose kernel goes on to acknowledge every byte."""
import os
import signal

import pytest

from conftest import wait_for
from school import Site, each_once


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path, notify="limits: {silence: 3s, heartbeat: 1s}").start()
    site.agent("web1", {"system": ("system", "1s", "")}).start()
    wait_for("results", lambda: site.ask("status")["intake"]["results"] > 2, 60)
    yield site
    site.stop()


def processes(program):
    return [program.process.pid, *program.children()]


def test_r09_an_agent_that_says_nothing_is_let_go_and_comes_back(site):
    agent = site.agents[0].program
    stopped = processes(agent)
    before = site.ask("status")["intake"]["results"]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for("the collector lets go", lambda: not site.ask("hosts")["hosts"][0]["connected"], 15)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    wait_for("it is back", lambda: site.ask("hosts")["hosts"][0]["connected"], 60)
    wait_for("and its results", lambda: site.ask("status")["intake"]["results"] > before + 2, 60)
    site.stop()
    each_once(site.records())
