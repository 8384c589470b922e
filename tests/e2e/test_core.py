"""The agent's core with the real template and real hosts against a raw TLS collector: what it promises on the wire, whatever dies."""
import contextlib
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

import certs
from agent import HOST, SECOND, Agent, check, inventory
from clocks import Clock
from conftest import BUILD, wait_for
from sanitized import SANITIZED
from protobuf import pack
from wire import WIRE, Listener, Store, clocks, frame

MIB = 1024 * 1024
BAD = BUILD / "tests/plugins/bad"
UUID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(scope="module", autouse=True)
def modules():
    subprocess.run(["make", "-s", "-C", BUILD, "tests/plugins/bad/bad.so", "tests/plugins/bad/watcher.so", "plugins/disk/disk.so"],
                   check=True)


@pytest.fixture(scope="module")
def inventories(modules):
    return {"bad": inventory("bad", BAD / "bad.so"), "disk": inventory("disk", BUILD / "plugins/disk/disk.so")}


PLUGINS = [("disk", BUILD / "plugins/disk/disk.so"), ("bad", BAD / "bad.so")]
ROOT = [{"name": "mounts", "value": b"/"}]


class Place:
    def __init__(self, folder, inventories):
        self.folder, self.inventories, self.ca, self.agents = folder, inventories, certs.Authority(), []
        self.ca.folder("agent", UUID, folder / "agent")
        self.ca.folder("collector", "main", folder / "collector")
        self.listener = Listener(folder / "collector")
        self.store = self.listener.store

    def disk(self, name="disk", **more):
        return check(name, "disk", 0, self.inventories["disk"], options=ROOT, **more)

    def bad(self, name, misdeed, **more):
        return check(name, "bad", 1, self.inventories["bad"], options=[{"name": "misdeed", "value": misdeed.encode()}], **more)

    def agent(self, checks, env=None, **plan):
        a = Agent(self.folder, self.folder / "agent", [self.listener.address], PLUGINS, checks, **plan)
        a.env.update(env or {})
        self.agents.append(a)
        return a.start()

    def accept(self, **welcome):
        peer = self.listener.accept()
        peer.greet(**welcome)
        return peer

    def take_until(self, peer, enough, timeout=60):
        end = time.monotonic() + timeout
        while not enough():
            assert time.monotonic() < end, "not in time"
            try:
                assert peer.take(timeout=1) is not None, "the agent closed the connection"
            except TimeoutError:
                pass

    def of(self, name):
        return [r for r in self.store.records if r["name"] == name]


@pytest.fixture
def place(tmp_path, inventories):
    p = Place(tmp_path, inventories)
    yield p
    for a in p.agents:
        if a.core and a.core.poll() is None:
            a.kill()
    p.listener.close()


def exactly_once(records):
    """Each sequence once and in order, in each epoch."""
    last = {}
    for r in records:
        assert r["sequence"] > last.get(r["epoch"], 0)
        last[r["epoch"]] = r["sequence"]


def test_r12_an_agents_clock_leaps_and_its_checks_keep_their_rhythm(place):
    """Started ten years behind, then to and fro: one connection, no round too many and none too few, and each is sent."""
    clock = Clock(place.folder / "agent/clock", "-10y")
    agent = place.agent([place.disk(interval=0.5)], env=clock.env)
    peer = place.accept()
    for step in ("-10y", "+75y", "-1h", "+1h", "0s"):
        clock.set(step)
        begin, before = time.monotonic(), len(place.store.records)
        place.take_until(peer, lambda: len(place.store.records) >= before + 4)
        assert 1 < time.monotonic() - begin < 10
    exactly_once(place.store.records)
    stamps = [r["at"] for r in place.store.records]
    assert max(stamps) - min(stamps) > 80 * 365 * 86400 * SECOND, "it did leap"
    assert agent.text().count(": connected") == 1 and agent.stop() == 0


def test_r12_the_collectors_certificate_is_judged_by_the_stated_time_and_never_by_our_own(place):
    """Our own clock is by turns where that certificate is over, and where it is valid."""
    clock = Clock(place.folder / "agent/clock", "+75y")
    agent = place.agent([place.disk()], env=clock.env)
    place.take_until(place.accept(), lambda: place.store.records)
    agent.kill()
    before = len(place.store.records)
    clock.set("0s")
    agent.start()
    peer = place.accept(clocks={**clocks(), "wall": time.time_ns() + 10 * 365 * 86400 * SECOND})
    assert peer.take() is None and not place.store.records[before:]
    wait_for("it says why", lambda: "certificate refused: expired" in agent.text())


def test_first_result_within_a_second_and_clean_end(place):
    start = time.monotonic()
    agent = place.agent([place.disk()])
    peer = place.accept()
    records = peer.take()
    assert time.monotonic() - start < 1 * (5 if os.environ.get("BEADLE_SLOW") else 3), "1 s is measured by make bench-agent"
    assert records[0]["outcome"] == 0 and records[0]["round"]
    assert {m for m, _, _ in records[0]["named"]} >= {"disk_space", "disk_inodes"}
    assert peer.hello["agent"] == UUID
    assert {f["name"] for f in peer.hello["facts"]} == {"hostname", "os", "kernel", "boot_id", "version"}
    assert agent.stop() == 0
    assert "error" not in agent.text()


def test_r02_killed_at_random_moments_every_record_once(place):
    random.seed(2)
    checks = [place.disk(f"d{i}") for i in range(10)]
    durable = 0
    for _ in range(20):
        agent = place.agent(checks, sync_ns=50_000_000)
        peer = place.accept()
        end = time.monotonic() + random.uniform(0.05, 0.6)
        while time.monotonic() < end:
            try:
                if peer.take(timeout=0.05, ack=random.random() < 0.7) is None:
                    break
            except TimeoutError:
                pass
        durable = len(place.store.records)
        if random.random() < 0.5:
            agent.kill()
        else:
            agent.stop()
        peer.close()
    agent = place.agent(checks)
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) > durable + 20)
    exactly_once(place.store.records)
    # What was durable before a kill is told in Hello and comes: no epoch of which a part arrived stays incomplete.
    for span in peer.hello["spools"]:
        if span["next"] > span["oldest"]:
            place.take_until(peer, lambda s=span: place.store.held.get(s["epoch"], 0) >= s["next"] - 1)
    assert agent.stop() == 0


def test_collector_away_and_back_loses_nothing(place):
    agent = place.agent([place.disk(f"d{i}") for i in range(5)])
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) >= 10)
    peer.close()
    place.listener.close()
    time.sleep(5)
    place.listener = Listener(place.folder / "collector", place.store, place.listener.port)
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) >= 35)
    exactly_once(place.store.records)
    sequences = [r["sequence"] for r in place.store.records]
    assert sequences == list(range(1, len(sequences) + 1))
    at = sorted(r["at"] for r in place.of("d0"))
    assert max(b - a for a, b in zip(at, at[1:])) < 3_000_000_000, "it went on measuring meanwhile"
    assert agent.stop() == 0


def test_unacknowledged_comes_again_and_held_does_not(place):
    agent = place.agent([place.disk()])
    peer = place.accept()
    peer.take(ack=False)
    place.take_until(peer, lambda: len(place.store.records) >= 3)
    peer.close()
    peer = place.accept()
    first = peer.take()[0]["sequence"]
    assert first == len(place.store.records), "Welcome said what was held: nothing of it came again"
    place.store.held.clear()    # a collector restored from an older backup knows nothing
    peer.close()
    assert agent.stop() == 0


@pytest.mark.parametrize("misdeed, outcome, words", [
    ("segfault", 4, "SIGSEGV"), ("abort", 4, "SIGABRT"), ("loop", 3, "timeout"), ("exit", 4, "status"),
    ("random", 4, "was ended"), ("huge_count", 4, "was ended"), ("renew", 4, "was ended"),
    ("half", 4, "its process")])
def test_p1_p2_a_bad_plugin_costs_one_result_with_its_cause(place, misdeed, outcome, words, crashes):
    if SANITIZED and words == "SIGSEGV":
        words = "status"        # a sanitizer takes that signal and ends the host by itself
    agent = place.agent([place.disk(), place.bad("evil", misdeed, timeout=1.0, interval=60.0)])
    peer = place.accept()
    place.take_until(peer, lambda: place.of("evil") and len(place.of("disk")) >= 3)
    assert [r["outcome"] for r in place.of("evil")] == [outcome], place.of("evil")[0]["error"]
    assert words in place.of("evil")[0]["error"].decode()
    assert all(r["outcome"] == 0 for r in place.of("disk")), "the others do not miss a beat"
    assert agent.stop() == 0


OWN = {"check": 2, "run": 1}        # of the second check the first round
NOT_ITS_OWN = {
    "a metric that it has not": ("round", {"values": [{"metric": 7}]}, "a value that cannot be"),
    "no number": ("round", {"values": [{"value": float("nan")}]}, "a value that cannot be"),
    "a label without a name": ("round", {"values": [{"labels": [{"name": "no name"}]}]}, "a value that cannot be"),
    "17 labels": ("round", {"values": [{"labels": [{"name": f"l{i}"} for i in range(17)]}]}, "a value that cannot be"),
    "a fact without a name": ("round", {"facts": [{"name": "no name"}]}, "a fact that cannot be"),
    "an outcome that the core tells": ("round", {"outcome": 3}, "an outcome that is not its own to tell"),
    "a round of another's check": ("round", {"check": 1}, "a round that nobody asked for"),
    "a round of another time": ("round", {"run": 2}, "a round that nobody asked for"),
    "an event of another's check": ("events", {"check": 1, "events": [{"name": "e"}]}, "events of a check that is not its own"),
    "an event without a name": ("events", {"check": 2, "events": [{"name": "no name"}]}, "an event that cannot be"),
    "the wish to be renewed at once": ("renew", {}, "the wish to be started again, at a wrong time"),
}


@pytest.mark.parametrize("name", NOT_ITS_OWN)
def test_p05_what_cannot_be_its_own_is_refused(place, name, crashes):
    """A good message that says what the plugin cannot have measured: its host ends, and nothing of it is kept."""
    kind, said, words = NOT_ITS_OWN[name]
    message = frame(HOST.encode("FromHost", {kind: (OWN | said) if kind == "round" else said})).hex()
    evil = place.bad("evil", "none", timeout=2.0, interval=0.5)
    evil["options"].append({"name": "frame", "value": message.encode()})
    agent = place.agent([place.disk(), evil])
    peer = place.accept()
    place.take_until(peer, lambda: place.of("evil") and len(place.of("disk")) >= 3)
    first = place.of("evil")[0]
    assert (first["outcome"], first["error"].decode()) == (4, f"its process sent {words}, and was ended")
    assert not first["values"] and not first["events"] and not first["facts"]
    assert all(r["outcome"] == 0 and not r["events"] for r in place.of("disk")), "the others do not miss a beat"
    assert agent.stop() == 0


def test_p01_who_crashes_again_waits_longer(place, crashes):
    """1 s, then 2 s: a plugin that always crashes does not keep the machine busy. Its rounds meanwhile wait."""
    agent = place.agent([place.disk(), place.bad("evil", "abort", timeout=1.0, interval=0.1)])
    peer, seen = place.accept(), []
    while len(seen) < 3:
        peer.take()
        seen += [time.monotonic()] * (len(place.of("evil")) - len(seen))
    assert seen[1] - seen[0] > 0.9 and seen[2] - seen[1] > 1.9, seen
    assert agent.stop() == 0


def test_wrong_option_is_refused_with_words(place):
    wrong = place.disk("wrong")
    wrong["options"] = [{"name": "mount", "value": b"/", "file": "/etc/beadle/agent.d/disk.yaml", "line": 7}]
    agent = place.agent([wrong])
    place.take_until(place.accept(), lambda: place.of("wrong"))
    record = place.of("wrong")[0]
    assert record["outcome"] == 5 and b"disk.yaml:7" in record["error"] and b"mounts" in record["error"]
    assert agent.stop() == 0


def test_reload_loses_no_result_and_keeps_numbers(place):
    agent = place.agent([place.disk("stays"), place.disk("goes")])
    peer = place.accept()
    place.take_until(peer, lambda: len(place.of("stays")) >= 2 and place.of("goes"))
    number = place.of("stays")[0]["check"]
    agent.reload(checks=[place.disk("stays"), place.disk("comes", interval=2.0)])
    peer.close()
    peer = place.accept()
    place.take_until(peer, lambda: place.of("comes") and len(place.of("stays")) >= 4)
    assert {r["check"] for r in place.of("stays")} == {number}
    sequences = [r["sequence"] for r in place.store.records]
    assert sequences == list(range(1, len(sequences) + 1))
    agent.reload(checks=[{"name": "NOT A NAME"}])
    agent.wait_log("the old one goes on")
    seen = len(place.of("stays"))
    place.take_until(peer, lambda: len(place.of("stays")) > seen)
    assert agent.stop() == 0


def test_assignment_stays_within_the_local_bounds(place):
    """SECURITY 5.5: names of its own permitted checks, intervals within its bounds, options marked remote; nothing else."""
    checks = [place.disk("free", assigned_only=True, remote=["mounts"]), place.disk("denied", deny=True), place.disk("plain")]
    agent = place.agent(checks)
    peer = place.accept(assignment={"checks": [
        {"name": "free", "interval_ns": 1, "options": [{"name": "mounts", "value": b"/proc/no/such"}, {"name": "table", "value": b"/etc/shadow"}]},
        {"name": "denied"}, {"name": "unheard_of", "options": [{"name": "exec", "value": b"/bin/sh"}]}]})
    name, _ = peer.receive()
    assert name is None, "other checks run now: it says Hello anew"
    assignment = {"checks": [{"name": "free", "interval_ns": 1, "options": [{"name": "mounts", "value": b"/no/such"},
                                                                           {"name": "table", "value": b"/etc/shadow"}]}]}
    peer = place.accept(assignment=assignment)
    assert {c["name"]: c["interval_ns"] for c in peer.hello["checks"]} == {"free": 10**9, "plain": 10**9}
    place.take_until(peer, lambda: place.of("free") and place.of("plain"))
    assert place.of("free")[-1]["outcome"] == 0 and not place.of("free")[-1]["named"], "the remote option was taken"
    assert place.of("plain")[0]["named"]
    for words in ('may not set option "table"', "the local file denies it", 'assigns check "unheard_of"', "outside the local bounds"):
        assert words in agent.text()
    peer.send(run_now={"check": "plain"})
    peer.send(run_now={"check": "denied"})
    assert agent.stop() == 0
    assert not place.of("denied")


@pytest.mark.parametrize("kind", sorted(certs.BAD))
def test_i01_a_bad_collector_is_refused(place, kind):
    certs.BAD[kind](place.ca, "collector", "main", place.folder / "bad")
    place.listener.close()
    (place.folder / "bad/ca.pem").write_bytes(certs.pem(place.ca.cert))
    place.listener = Listener(place.folder / "bad", place.store)
    agent = place.agent([place.disk()])
    try:
        peer = place.accept()
        while not place.store.records and peer.take(timeout=10) is not None:
            pass
    except (OSError, AssertionError):
        pass    # closed in the handshake, or at Hello
    assert not place.store.records, "not one result reaches it"
    agent.wait_log("results are kept")
    assert re.search(r"warning: collector \S+ .*(" + certs.why(kind) + ")", agent.text()), agent.text()
    assert agent.stop() == 0


@pytest.mark.parametrize("wrong", ["TLS 1.2", "another protocol", "no protocol"])
def test_i02_a_collector_that_speaks_otherwise_is_refused(place, wrong):
    context = place.listener.context
    context.set_alpn_protocols([] if wrong == "no protocol" else ["h2"] if wrong == "another protocol" else ["beadle/1"])
    if wrong == "TLS 1.2":
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    agent = place.agent([place.disk()])
    with contextlib.suppress(OSError, AssertionError):
        place.accept()
    agent.wait_log("results are kept")
    assert re.search("handshake failed: .*protocol|does not speak beadle/1", agent.text()), agent.text()
    assert not place.store.records
    assert agent.stop() == 0


def test_i02_the_agent_resumes_nothing(place):
    """A collector that gives tickets: the agent never comes back with one."""
    place.listener.context.num_tickets = 2
    agent = place.agent([place.disk()])
    for _ in range(3):
        peer = place.accept()
        n = len(place.store.records)
        place.take_until(peer, lambda n=n: len(place.store.records) > n)
        assert not peer.tls.session_reused and peer.tls.version() == "TLSv1.3"
        peer.close()
    assert place.listener.context.session_stats()["hits"] == 0
    assert agent.stop() == 0


def until_closed(peer):
    while peer.receive()[0] is not None:
        pass


def resident(agent):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{agent.core.pid}/status").read()).group(1)) * 1024


def test_n02_forbidden_frames_end_the_connection_alone(place):
    agent = place.agent([place.disk()])
    for length in (0, MIB + 1, 2**31, 2**32 - 1):
        peer = place.accept()
        peer.tls.sendall(struct.pack(">I", length))
        until_closed(peer)
    wait_for("each to be told", lambda: agent.text().count("sent a frame of a forbidden length") == 4)
    peer = place.accept()
    peer.tls.sendall(frame(b"\xff\xff\xff\xff"))
    until_closed(peer)
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) >= 2)
    peer.send(ack={"epoch": place.store.records[0]["epoch"], "through": 1 << 40})
    until_closed(peer)
    assert "acknowledged what was never sent" in agent.text()
    assert agent.stop() == 0


def test_n02_frames_in_pieces_and_together_are_read_and_cut_ones_harm_nobody(place):
    agent = place.agent([place.disk()])
    beat = frame(WIRE.encode("Envelope", {"heartbeat": {"clocks": clocks()}}))
    for n in (1, 3, 4, 5, len(beat) // 2, len(beat) - 1):
        peer = place.accept()
        peer.tls.sendall(beat[:n])
        peer.close()
    peer = place.accept()
    for byte in beat:
        peer.tls.sendall(bytes([byte]))
    peer.tls.sendall(beat * 3)
    before = len(place.store.records)
    place.take_until(peer, lambda: len(place.store.records) >= before + 2)
    exactly_once(place.store.records)
    assert "forbidden" not in agent.text() and "no message" not in agent.text()
    assert agent.stop() == 0


BOMBS = {
    "unknown fields": lambda: b"\x78\x01" * (MIB // 2 - 1000),
    "empty checks": lambda: pack((7, b"\x0a\x00" * (MIB // 2 - 1000))),
    "empty held": lambda: pack((2, b"\x12\x00" * (MIB // 2 - 1000))),
    "nested unknown": lambda: pack((7, pack((1, b"\x78\x01" * (MIB // 2 - 1000))))),
}


@pytest.mark.parametrize("kind", sorted(BOMBS))
def test_n03_a_bomb_costs_the_agent_no_more_than_its_ceiling(place, kind):
    agent = place.agent([place.disk()])
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) >= 1)
    before = resident(agent)
    peer.tls.sendall(frame(BOMBS[kind]()))
    until_closed(peer)
    assert "is no message, or costs too much to read" in agent.text()
    assert SANITIZED or peak(agent) - before < 12 * MIB
    peer = place.accept()
    n = len(place.store.records)
    place.take_until(peer, lambda: len(place.store.records) > n)
    assert agent.stop() == 0


def peak(agent):
    """What it ever held."""
    return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{agent.core.pid}/status").read()).group(1)) * 1024


def test_n02_a_collector_that_never_stops_talking_does_not_stop_the_checks(place):
    """Good frames as fast as they go, of which not one is new, and never an acknowledgement."""
    agent = place.agent([place.disk()])
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) >= 1)
    flood = (frame(WIRE.encode("Envelope", {"heartbeat": {"clocks": clocks()}})) +
             frame(WIRE.encode("Envelope", {"run_now": {"check": "unheard_of"}}))) * 10000
    before, end = resident(agent), time.monotonic() + 6
    while time.monotonic() < end:
        peer.tls.sendall(flood)
    assert SANITIZED or peak(agent) - before < 12 * MIB
    peer.close()
    peer, n = place.accept(), len(place.store.records)
    place.take_until(peer, lambda: len(place.store.records) > n + 6)
    at = sorted(r["at"] for r in place.of("disk"))
    assert max(b - a for a, b in zip(at, at[1:])) < 3_000_000_000, "it went on measuring meanwhile"
    assert agent.stop() == 0


@pytest.mark.parametrize("stops", ["before the handshake", "within a frame"])
def test_n02_a_collector_that_stops_is_left_and_another_is_tried(place, stops):
    """Half-open: it takes the connection and says nothing, or drips a frame that does not end."""
    plain = socket.create_server(("127.0.0.1", 0))
    plain.settimeout(30)
    stuck = Listener(place.folder / "collector", place.store)
    first = f"127.0.0.1:{plain.getsockname()[1]}" if stops == "before the handshake" else stuck.address
    agent = Agent(place.folder, place.folder / "agent", [first, place.listener.address], PLUGINS, [place.disk()], silence_ns=3 * 10**9,
                  heartbeat_ns=10**9)
    place.agents.append(agent)
    agent.start()
    begin = time.monotonic()
    if stops == "before the handshake":
        held, _ = plain.accept()
    else:
        held = stuck.accept()
        held.greet()
        threading.Thread(target=dripped, args=(held,), daemon=True).start()
    peer = place.accept()
    place.take_until(peer, lambda: len(place.store.records) >= 2)
    assert time.monotonic() - begin < 20
    held.close()
    assert agent.stop() == 0


def dripped(peer):
    """A frame of 1,000 bytes, one a second."""
    with contextlib.suppress(OSError):
        for byte in struct.pack(">I", 1000) + bytes(1000):
            peer.tls.sendall(bytes([byte]))
            time.sleep(0.5)


@pytest.mark.skipif(os.geteuid() != 0, reason="not proven: mounting a tmpfs needs root")
def test_r06_a_full_disk_loses_nothing_acknowledged_and_heals(place):
    state = place.folder / "state"
    state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", state]).returncode:
        pytest.skip("not proven: no tmpfs can be mounted here")
    try:
        agent = place.agent([place.disk(f"d{i}") for i in range(10)], sync_ns=100_000_000)
        peer = place.accept()
        place.take_until(peer, lambda: len(place.store.records) >= 20)
        with open(state / "filler", "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        agent.wait_log("cannot write to the spool")
        before = len(place.store.records)
        time.sleep(3)
        (state / "filler").unlink()
        agent.wait_log("can be written again")
        place.take_until(peer, lambda: len(place.store.records) >= before + 40)
        exactly_once(place.store.records)
        assert [r["sequence"] for r in place.store.records] == list(range(1, len(place.store.records) + 1))
        assert agent.stop() == 0
    finally:
        for a in place.agents:
            if a.core.poll() is None:
                a.kill()
        subprocess.run(["umount", "-l", state])
