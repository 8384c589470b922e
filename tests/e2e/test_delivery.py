"""Whose number is it (R3): state folders put back and copied, machines put back while they run, and peers that mix numbers up."""
import collections
import shutil
import sqlite3
import struct
import subprocess
import time

import pytest

import crc32c
from conftest import wait_for
from protobuf import Fixed64, frame, pack
from raw import Raw
from school import FAST, Site, each_once
from test_core import Place, exactly_once, inventories, modules  # noqa: F401

S = 10**9


@pytest.fixture
def site(tmp_path):
    s = Site(tmp_path).start()
    yield s
    s.collector.kill()
    for agent in s.agents:
        agent.kill()


def copy(source, to):
    """With owners and modes, as a snapshot would have them."""
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(["cp", "-a", source, to], check=True)


def results(site):
    return site.ask("status")["intake"]["results"]


def connected(site):
    return site.ask("status")["hosts"]["connected"]


def measured(site):
    """{check: [when, in s, ...]}, read once the collector has ended."""
    at = collections.defaultdict(list)
    for file in sorted(site.state.glob("store/raw-*.db")):
        with sqlite3.connect(file) as db:
            for task, ns in db.execute("select task, at from result"):
                at[task].append(ns / S)
    return {task: sorted(times) for task, times in at.items()}


def without_a_hole(site, begin, end, most=2.0):
    """Each check of FAST was measured all the time between: what is lost leaves a hole."""
    for task, times in measured(site).items():
        times = [begin] + [t for t in times if begin < t < end] + [end]
        holes = [(b - a, a - begin) for a, b in zip(times, times[1:]) if b - a > most]
        assert not holes, (task, holes, len(times))


def never_twice(site, unheard=0):
    """No number names two records, and no measurement has two numbers; but for `unheard`: that many may have been stored with their
    acknowledgement cut off by the twin, whose records then stand behind them, so that the agent cannot know."""
    each_once(site.records())
    seen = [(task, at) for task, times in measured(site).items() for at in times]
    assert len(seen) - len(set(seen)) <= unheard, "one measurement is stored under two numbers"


def test_r03_a_state_folder_put_back_loses_nothing_new(site):
    agent = site.agent("web1", FAST).start()
    wait_for("results", lambda: results(site) > 20)
    agent.stop()
    copy(agent.folder / "state", agent.folder / "snapshot")
    agent.start()
    begin = time.time()
    before = results(site)
    wait_for("results of the time that is to be undone", lambda: results(site) > before + 150, timeout=60)
    agent.stop()
    site.collector.stop(60)                     # so that what is measured next waits in the spool
    copy(agent.folder / "snapshot", agent.folder / "state")
    agent.start()
    put_back = time.time() + 1.5
    time.sleep(5)
    site.start()
    wait_for("the agent is back", lambda: connected(site) == 1, timeout=60)
    time.sleep(3)
    end = time.time() - 1
    site.stop()
    never_twice(site)
    without_a_hole(site, put_back, end)
    assert "other records" not in agent.program.text(), "nothing was mixed up: no incident for nothing"


def test_r03_a_clone_that_runs_at_the_same_time_takes_no_number_of_the_other(site):
    agent = site.agent("web1", FAST).start()
    wait_for("results", lambda: results(site) > 20)
    agent.stop()
    twin = site.agent("web2", FAST)             # a folder of its own; what is in it is web1's
    for folder in ("identity", "state"):
        if (agent.folder / folder).exists():
            copy(agent.folder / folder, twin.folder / folder)
    begin = time.time()
    agent.start()
    twin.start()
    time.sleep(10)
    agent.stop()
    twin.stop()
    end = time.time()
    for one in (agent, twin):                   # what the one kept while the other was connected
        one.start()
        wait_for("connected", lambda: "connected" in one.program.text(), timeout=60)
        time.sleep(4)
        one.stop()
    site.stop()
    never_twice(site, unheard=2 * site.collector.text().count(": connected"))      # a round of two checks for each time one took over
    without_a_hole(site, begin + 1.5, end - 0.5)
    per_check = [sum(begin < t < end for t in times) for times in measured(site).values()]
    assert min(per_check) > 2 * 0.7 * (end - begin) / 0.2, (per_check, end - begin)


# ---- a machine that was put back while it ran: it goes on in its epoch, and the collector holds the other's records there ----

@pytest.fixture
def place(tmp_path, inventories):   # noqa: F811
    p = Place(tmp_path, inventories)
    yield p
    for a in p.agents:
        if a.core and a.core.poll() is None:
            a.kill()
    p.listener.close()


def put_back(place, through):
    """Connects once, then again with another record as that which the collector holds at the end: `through`, from what Hello says."""
    agent = place.agent([place.disk()])
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) >= 3)
    epoch, mine = place.store.records[-1]["epoch"], len(place.store.records)
    peer.close()
    time.sleep(2.5)
    peer = place.listener.accept()
    peer.greet(held=lambda spools: [{"epoch": epoch, "through": through(spools[epoch]), "digest": 4711}])
    while peer.receive()[0] is not None:        # it says Hello anew
        pass
    peer = place.listener.accept()
    peer.greet()
    assert peer.hello["parted"]
    place.take_until(peer, lambda: len(place.store.records) >= mine + 4)
    peer.close()
    peer = place.listener.accept()
    peer.greet()
    assert not peer.hello["parted"], "it is told once"
    assert agent.stop() == 0
    new = place.store.records[mine:]
    assert {r["epoch"] for r in new}.isdisjoint({epoch}), "nothing more under numbers that are another's"
    exactly_once(new)
    at = sorted(r["at"] for r in place.store.records)
    assert len(set(at)) == len(at) and max(b - a for a, b in zip(at, at[1:])) < 2 * S, "what was measured meanwhile is there"
    agent.wait_log("holds other records under our numbers")


def test_r03_put_back_while_running_and_the_collector_is_ahead(place):
    put_back(place, lambda spool: 100)


def test_r03_put_back_while_running_and_the_agent_is_ahead(place):
    put_back(place, lambda spool: spool["next"] - 1)


# ---- a peer that mixes numbers up ----

def batch(epoch, first, values, before=0, define=False, wrong=False):
    series = [(3, pack((1, 1), (2, 0), (3, "disk_space_used_ratio"), (4, pack((1, "mount"), (2, "/")))))] if define else []
    records = [pack((1, 0), (2, Fixed64(time.time_ns())), (3, 1000), (5, b"\x01"), (6, struct.pack("<d", v)), (13, 1)) for v in values]
    digests = [crc32c.of_record(epoch, r) for r in records]
    body = pack((1, Fixed64(epoch)), (2, first), *series, *[(4, r) for r in records])
    for field, value in ((5, before), (6, crc32c.of_batch(digests) ^ wrong)):
        body += bytes([field << 3 | 5]) + struct.pack("<I", value)
    return frame(pack((4, body))), digests


def ended(raw):
    with pytest.raises((AssertionError, OSError)):
        raw.expect(99)


def test_r03_another_record_under_a_number_is_set_apart_and_an_incident(site):
    folder = site.folder / "id"
    site.beadle("identity", "new", "--host", "web1", "--out", folder)

    def connect():
        return Raw(site.port, folder, "web1", {"disk": 60}, epoch=7)
    raw = connect()
    data, ours = batch(7, 1, [0.1, 0.2, 0.3], define=True)
    raw.tls.sendall(data)
    assert raw.expect(5)[2][0] == 3
    raw.close()
    raw = connect()
    assert raw.next == 4
    data, theirs = batch(7, 2, [0.92, 0.93, 0.94], before=ours[0], define=True)
    raw.tls.sendall(data)
    ended(raw)
    found, = wait_for("an incident", lambda: site.ask("incidents")["incidents"])
    assert (found["host_name"], found["kind"], found["severity"]) == ("web1", "INC-D", "critical")
    finding, = site.ask("incident", found["id"])["findings"]
    assert (finding["rule"], finding["clause"]) == ("agent_parted", "5.8.1.3 5.8.5.5")
    raw = connect()
    assert raw.next == 4                        # what is held is what came first
    data, more = batch(7, 4, [0.4], before=ours[2], define=True)
    raw.tls.sendall(data)
    assert raw.expect(5)[2][0] == 4
    raw.tls.sendall(batch(7, 5, [0.5], before=more[0], wrong=True)[0])
    ended(raw)
    site.collector.wait_log("a batch's digest is not that of its records")
    assert site.values("web1", "disk_space_used_ratio")["mount=/"] == (0.4, "ok"), "0.94 was never judged"
    site.stop()
    assert [r[2] for r in site.records()] == [1, 2, 3, 4]
    file, = site.state.glob("store/raw-*.db")
    with sqlite3.connect(file) as db:
        assert db.execute("select epoch, sequence from parted").fetchall() == [(7, 2), (7, 3), (7, 4)]
