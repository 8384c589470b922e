"""One agent that sends many times what the others send: nobody else waits longer for it (N6)."""
import multiprocessing
import os
import signal
import statistics
import struct
import threading
import time

import pytest

from conftest import wait_for
from incidents import identity
from protobuf import Fixed64, frame, pack, receive, varint
from raw import Raw
from school import Site

OTHERS = 12
VALUES = {("disk_space_used_ratio", f"mount=/srv/{i}"): 0.1 for i in range(10)}
ROUNDS = 4              # of each kind, by turns


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    s = Site(tmp_path_factory.mktemp("n6"))
    try:
        yield s.start()
    finally:
        s.stop()


@pytest.fixture(scope="module")
def others(site):
    agents = [Raw(site.port, identity(site, f"web{i}"), f"web{i}", {"disk": 60}) for i in range(OTHERS)]
    for agent in agents:
        agent.round("disk", VALUES)
    yield agents
    for agent in agents:
        agent.close()


def flood(port, folder, sent):
    """As fast as the collector takes it: batches of 500 rounds, window or not; answers are read and thrown away."""
    hog = Raw(port, folder, "hog", {"disk": 60})
    hog.round("disk", VALUES)
    ids = b"".join(varint(hog.known["disk", key]) for key in VALUES)
    record = (4, pack((1, 0), (2, Fixed64(time.time_ns())), (3, 1000000), (5, ids), (6, struct.pack("<10d", *VALUES.values())), (13, 1)))
    many = pack(*[record] * 500)

    def listen():
        while receive(hog.tls, 600) is not None:
            pass
    threading.Thread(target=listen, daemon=True).start()
    while True:
        batch = frame(pack((4, pack((1, Fixed64(1)), (2, hog.next)) + many)))
        hog.tls.sendall(batch)
        hog.next += 500
        sent.value = hog.next


class Other:
    """Another process, that what it costs is not on the one that measures; it can be held."""

    def __init__(self, work, *arguments):
        self.process = multiprocessing.Process(target=work, args=arguments, daemon=True)
        self.process.start()

    def on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def off(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def end(self):
        self.process.kill()
        self.process.join()


def delays(agents, seconds):
    """How long each waits for its acknowledgement; each sends in its turn, one after the other."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for agent in agents:
            begin = time.monotonic()
            agent.round("disk", VALUES)
            found.append(time.monotonic() - begin)
            time.sleep(0.002)
    return found


def grows(agents, on, off, seconds=0.5):
    """Median with and without, measured by turns so that the machine's own moods meet both."""
    calm, busy = [], []
    for _ in range(ROUNDS):
        off()
        time.sleep(0.3)
        calm += delays(agents, seconds)
        on()
        time.sleep(0.3)
        busy += delays(agents, seconds)
    calm, busy = statistics.median(calm), statistics.median(busy)
    print(f"median {calm * 1000:.2f} ms, with it {busy * 1000:.2f} ms: {busy / calm - 1:+.1%}")
    return busy / calm


def test_n06_one_agent_at_a_hundred_times_its_rate(site, others):
    sent = multiprocessing.Value("q", 0)
    hog = Other(flood, site.port, identity(site, "hog"), sent)
    try:
        wait_for("it has begun", lambda: sent.value > 2000)
        began, at = sent.value, time.monotonic()
        grown = until_calm(lambda: grows(others, hog.on, hog.off))
        rate = (sent.value - began) / (time.monotonic() - at)
        print(f"the hog got {rate:.0f} rounds a second in")
    finally:
        hog.end()
    assert "sends many times what others send" in site.collector.text()
    assert rate > 100, "it is slowed, not shut out"
    assert grown < 1.10


def until_calm(measure):
    """A machine that does other things as well is given more tries."""
    for _ in range(5):
        grown = measure()
        if grown < 1.10:
            break
    return grown
