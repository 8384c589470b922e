"""R9 on a network: a dead peer is noticed, by both sides, with no help from TCP, which would wait for a quarter of an hour. Agent and
collector stand on two machines (namespaces.py). Each fault: noticed, mended, and results flow again; in the end each sequence is in the
store once. BEADLE_SILENCE=90 is the full form, with the times that are installed."""
import contextlib
import os
import signal
import time

import pytest

import namespaces
from conftest import wait_for
from school import FAST, Site, each_once

SILENCE = int(os.environ.get("BEADLE_SILENCE", "3"))
TIMES = f"{{silence: {SILENCE}s, heartbeat: {SILENCE // 3}s}}"
BY_COLLECTOR, BY_AGENT = "was not heard of any more", f"nothing was heard for {SILENCE} s"


@pytest.fixture(scope="module")
def pair():
    with namespaces.pair() as pair:
        if isinstance(pair, str):
            pytest.skip(pair)
        yield pair


@pytest.fixture(scope="module")
def site(pair, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("n"), notify=f"limits: {TIMES}", on=pair.left).start()
    site.agent("web1", FAST, extra=f"connection: {TIMES}", on=pair.right).start()
    wait_for("results", lambda: results(site) > 10, 60)
    yield site
    site.stop()


def results(site):
    return site.ask("status")["intake"]["results"]


@contextlib.contextmanager
def stopped(program):
    pids = [program.process.pid, *program.children()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def lost(*machines):
    for machine in machines:
        machine.lose()
    try:
        yield
    finally:
        for machine in machines:
            machine.lose_none()


@contextlib.contextmanager
def pulled(machine):
    machine.pull()
    try:
        yield
    finally:
        machine.plug()


FAULTS = {      # what is done, and who has to notice it by itself
    "nothing reaches the collector": (lambda pair, site: lost(pair.left), [BY_COLLECTOR]),
    "nothing reaches the agent": (lambda pair, site: lost(pair.right), [BY_AGENT]),
    "nothing reaches anybody": (lambda pair, site: lost(pair.left, pair.right), [BY_COLLECTOR, BY_AGENT]),
    "the collector's link is pulled": (lambda pair, site: pulled(pair.left), [BY_COLLECTOR, BY_AGENT]),
    "the agent's link is pulled": (lambda pair, site: pulled(pair.right), [BY_COLLECTOR, BY_AGENT]),
    "the agent is stopped": (lambda pair, site: stopped(site.agents[0].program), [BY_COLLECTOR]),
    "the collector is stopped": (lambda pair, site: stopped(site.collector), [BY_AGENT]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_r09_a_dead_peer_is_noticed(pair, site, fault):
    begin, who = FAULTS[fault]
    logs = {BY_COLLECTOR: site.collector, BY_AGENT: site.agents[0].program}
    before = {words: logs[words].text().count(words) for words in who}
    with begin(pair, site):
        at = time.monotonic()
        for words in who:
            wait_for(f"{words}: {fault}", lambda: logs[words].text().count(words) > before[words], SILENCE + 5)
            print(f"{words}: after {time.monotonic() - at:.1f} s")
    goes_on(site)


def goes_on(site):
    """Both are connected, and not only what had been kept arrives."""
    wait_for("the agent is back", lambda: site.ask("status")["hosts"]["connected"] == 1, 60)
    seen = results(site)
    wait_for("results", lambda: results(site) > seen + 100, 60)


def test_r09_a_bad_line_is_no_dead_peer(pair, site):
    connected = site.agents[0].program.text().count("connected")
    for machine in pair.machines:
        machine.lose(5)
    try:
        time.sleep(5 * SILENCE)
        goes_on(site)
    finally:
        for machine in pair.machines:
            machine.lose_none()
    assert SILENCE < 90 or site.agents[0].program.text().count("connected") == connected    # 3 s are short for a line like that


def test_r09_a_slow_line_is_no_dead_peer(pair, site):
    """Less goes through than is measured: what waits is kept, and is not silence."""
    connected = site.agents[0].program.text().count("connected")
    pair.right.slow("16kbit")
    try:
        time.sleep(5 * SILENCE)
    finally:
        pair.right.fast()
    goes_on(site)
    assert SILENCE < 90 or site.agents[0].program.text().count("connected") == connected


def test_r09_in_the_end_every_sequence_is_there_once(site):
    agent = site.agents[0].program
    site.stop()
    assert len(each_once(site.records())) == 1, "one life of the agent"
    assert "dropped" not in agent.text()
