"""More than there is room for (R5): spools of 1 MiB, ten times as much to say, and a collector that is away, or slow."""
import os
import struct
import subprocess
import time

import pytest

import mailserver
import test_core
from agent import check, inventory
from conftest import BUILD, wait_for
from protobuf import Fixed64, frame, pack
from raw import Raw
from school import Site
from test_core import exactly_once
from test_people import member
from wire import Listener

LOUD = BUILD / "tests/plugins/bad/loud.so"
SMALL = {"spool_measurements": 1 << 20, "spool_events": 1 << 20, "sync_ns": 200_000_000}


@pytest.fixture(scope="module")
def inventories():
    subprocess.run(["make", "-s", "-C", BUILD, "tests/plugins/bad/loud.so"], check=True)
    return {"loud": inventory("loud", LOUD)}


class Place(test_core.Place):
    def loud(self, name, values=1, events=0, **more):
        options = [{"name": "values", "value": b"%d" % values}, {"name": "events", "value": b"%d" % events}]
        return check(name, "loud", self.index(name), self.inventories["loud"], options=options, **more)

    def index(self, name):
        """Each has a host of its own: they are taken for different plugins."""
        self.names = getattr(self, "names", [])
        self.names.append(name)
        return len(self.names) - 1

    def agent(self, checks, **plan):
        a = test_core.Agent(self.folder, self.folder / "agent", [self.listener.address], [("loud", LOUD) for _ in checks], checks,
                            **{**SMALL, **plan})
        self.agents.append(a)
        return a.start()

    def events(self, name):
        return [e for r in self.of(name) for e in r["events"]]


@pytest.fixture
def place(tmp_path, inventories):
    p = Place(tmp_path, inventories)
    yield p
    for a in p.agents:
        if a.core and a.core.poll() is None:
            a.kill()
    p.listener.close()


def numbers(events):
    return [int(f["value"]) for e in events for f in e["fields"] if f["name"] == "n"]


def test_r05_ten_times_too_much_is_told_by_check_and_no_event_is_lost(place):
    place.listener.close()
    checks = [place.loud(f"m{i}", values=2000, interval=0.2) for i in range(5)] + [place.loud("quiet", events=100)]
    agent = place.agent(checks)                 # 5 rounds of 20 KiB every 0.2 s
    time.sleep(22)
    place.listener = Listener(place.folder / "collector", place.store)
    agent.reload(collectors=[place.listener.address])
    peer = place.accept()

    def account(name):
        records = place.of(name)
        rounds = [r["named"][0][2] for r in records if r["round"]]
        dropped = [r["dropped"] for r in records if r["dropped"]]
        return len(rounds), sum(d["count"] for d in dropped), max(rounds, default=0), dropped

    def all_told():
        return all(stored and dropped and stored + dropped == made for stored, dropped, made, _ in map(account, [f"m{i}" for i in range(5)]))
    place.take_until(peer, all_told, timeout=100)
    exactly_once(place.store.records)
    produced = stored = 0
    for i in range(5):
        n, _, made, dropped = account(f"m{i}")
        assert all(0 < d["from"] <= d["to"] < time.time_ns() for d in dropped)
        rounds = [r["named"][0][2] for r in place.of(f"m{i}") if r["round"]]
        assert sorted(rounds) == rounds, "in order"
        produced, stored = produced + made, stored + n
    assert produced * 20 * 1024 > 5 << 20, "as much as a busy machine managed to measure"
    assert numbers(place.events("quiet")) == list(range(100))
    assert not any(e["more"] for e in place.events("quiet"))
    assert agent.stop() == 0


def test_r05_a_hundred_thousand_events_at_once_are_here_or_counted(place):
    patience = 60.0 if os.environ.get("BEADLE_SLOW") else 8.0   # it waits for 9 s and more, which do not count
    agent = place.agent([place.loud("flood", events=100_000, interval=600.0, timeout=patience),
                         place.loud("other", events=10, interval=0.5)])
    peer = place.accept()
    beats = []

    def slow():
        """A collector that takes what comes, and acknowledges nothing."""
        try:
            name, message = peer.receive(timeout=1)
        except TimeoutError:
            return
        assert name is not None, "the agent closed the connection"
        if name == "heartbeat":
            beats.append(message["held"])
    end = time.monotonic() + 60
    while not (any(beats) and "it waits, and what still comes is only counted" in agent.text()):
        assert time.monotonic() < end, agent.text()
        slow()
    agent.log.write_text("")
    end = time.monotonic() + 6                  # it does not come to an end by waiting
    while time.monotonic() < end:
        slow()
    peer.close()
    peer = place.accept()
    first = peer.take() + peer.take() + peer.take()
    assert any(r["round"] for r in first) and any(r["events"] for r in first), "measurements go in turn with events"

    def told():
        events = place.events("flood")
        return len(events) + sum(e["more"] for e in events) >= 100_000
    place.take_until(peer, lambda: told() and any(r["round"] for r in place.of("flood")), timeout=100)
    events = place.events("flood")
    folded = [e for e in events if e["more"]]
    assert len(events) + sum(e["more"] for e in folded) == 100_000
    assert 1 <= len(folded) and all(e["digest"] and e["until"] >= e["at"] for e in folded)
    first = [e for e in events[:events.index(folded[0]) + 1]]
    assert len(first) > 1000 and numbers(first) == list(range(len(first))), "the first ones, in order"
    assert [r["outcome"] for r in place.of("flood") if r["round"]] == [0], "the time that it waited is not its own"
    assert numbers(place.events("other")) == list(range(10)), "it is not pushed out"
    assert len([r for r in place.of("other") if r["round"]]) > 5
    wait_for("it is told", lambda: "there was no room for its events: of change the first is sent" in agent.text())
    assert agent.stop() == 0


@pytest.mark.parametrize("made", [8_000, 100_000])
def test_r05_what_waits_when_the_agent_ends_is_counted(place, made):
    """8,000 are more than its share, and no more than that and what is on its way; of 100,000 the plugin has not yet told the most."""
    place.listener.close()
    agent = place.agent([place.loud("flood", events=made, interval=600.0, timeout=60.0)])
    agent.wait_log("it waits, and what still comes is only counted")
    assert agent.stop() == 0
    place.listener = Listener(place.folder / "collector", place.store)
    agent.plan.update(collectors=[place.listener.address], checks=[place.loud("other")])
    agent.start()
    peer = place.accept()
    spans = [s for s in peer.hello["spools"] if s["next"] > s["oldest"]]
    place.take_until(peer, lambda: all(place.store.held.get(s["epoch"], 0) >= s["next"] - 1 for s in spans))
    events = place.events("flood")
    n = numbers(events)
    assert n == list(range(len(n))) and len(events) == len(n), "the first ones, and the one that stands for the others"
    assert [e["more"] > 0 for e in events] == [False] * (len(events) - 1) + [True]
    assert made > 8000 or len(events) + events[-1]["more"] == made
    assert agent.stop() == 0


# ---- what the collector makes of it ----

def told(name, at, more, digest):
    """wire.Event that stands for others"""
    return pack((1, name), (2, Fixed64(at)), (4, more), (6, Fixed64(at + 10**9))) + bytes([5 << 3 | 5]) + struct.pack("<I", digest)


@pytest.fixture
def post(tmp_path):
    reason = mailserver.can_run()
    if reason:
        pytest.skip(reason)
    exim = mailserver.Exim(tmp_path / "exim").start()
    yield exim
    exim.stop()


@pytest.fixture
def site(tmp_path, post):
    password = tmp_path / "password"
    password.write_text(post.password)
    password.chmod(0o600)
    if os.geteuid() == 0:       # the notifier may have a user of its own
        subprocess.run(["chown", "beadle-notify", password], capture_output=True)
    s = Site(tmp_path, notify=f"notify: {{mail: {{server: localhost, port: {post.port}, security: starttls, user: beadle, "
                              f"password-file: {password}, from: beadle@school.example, ca: {post.ca}}}}}",
             people="{chen: {name: 陳志明, mail: chen@school.example}, wang: {name: 王安全, mail: wang@school.example, language: en}}",
             roles="{computer_room_manager: chen, ciso: wang}", hosts='{"*": {owner: chen}}').start()
    yield s
    s.collector.kill()


def test_r05_what_was_only_counted_is_shown_mailed_and_kept(site, post):
    folder = site.folder / "id"
    site.beadle("identity", "new", "--host", "web1", "--out", folder)
    raw = Raw(site.port, folder, "web1", {"disk": 60})
    now = time.time_ns()
    raw.round("disk", {("disk_space_used_ratio", "mount=/"): 0.1})
    raw.round("disk", {}, whole=0, rest=[(10, told("change", now, 99_990, 0xfeedface))])
    raw.round("disk", {}, whole=0, rest=[(12, pack((1, 37), (2, Fixed64(now - 9 * 10**9)), (3, Fixed64(now - 3 * 10**9))))])
    raw.round("disk", {}, whole=0, rest=[(12, pack((1, 5), (2, Fixed64(now - 3 * 10**9)), (3, Fixed64(now - 2 * 10**9))))])
    raw.round("disk", {("disk_space_used_ratio", "mount=/"): 0.97})
    incident, = wait_for("an incident", lambda: site.ask("incidents")["incidents"])

    def event():
        return [s for s in site.ask("incident", incident["id"])["steps"] if s["what"] == "event"]
    step, = wait_for("its event", event)
    assert (step["detail"], step["more"], step["until_at"], step["digest"]) == ("change", 99_990, now + 10**9, 0xfeedface)
    assert "change and 99990 more" in site.beadle("incident", incident["id"])
    mails = {m["To"]: m.get_content() for m in wait_for("two mails", lambda: len(post.mails()) >= 2 and post.mails())}
    assert "另有 99990 筆僅計數" in mails["chen@school.example"]
    assert "and 99990 more, which were only counted" in mails["wang@school.example"]
    given_up = site.ask("hosts", "web1")["checks"][0]["given_up"]
    assert given_up == {"results": 42, "from_at": now - 9 * 10**9, "to_at": now - 2 * 10**9}
    assert "42 results were given up" in site.beadle("hosts", "web1")
    site.collector.wait_log("the agent had no room for all events: change and 99990 more")
    site.collector.wait_log("37 results were given up")
    raw.close()
    series = site.ask("hosts", "web1")["checks"][0]["series"][0]["id"]
    site.collector.kill()
    site.start()
    assert event() == [step]
    status, history = member(site, "viewer", "viewer").ask(f"history?series={series}")
    assert status == 200 and [p[1] for p in history["points"]] == [0.1, 0.97]
    assert history["gaps"] == [{"results": 37, "from_at": now - 9 * 10**9, "to_at": now - 3 * 10**9},
                               {"results": 5, "from_at": now - 3 * 10**9, "to_at": now - 2 * 10**9}]


def test_r05_an_agent_without_room_for_events_is_shown(site):
    folder = site.folder / "id"
    site.beadle("identity", "new", "--host", "web1", "--out", folder)
    raw = Raw(site.port, folder, "web1", {"disk": 60})
    raw.round("disk", {("disk_space_used_ratio", "mount=/"): 0.1})

    def beat(held):
        raw.tls.sendall(frame(pack((6, pack((1, pack((1, Fixed64(time.time_ns())), (2, Fixed64(time.monotonic_ns())))), (2, held))))))
        wait_for("it is shown", lambda: site.ask("hosts")["hosts"][0]["events_held"] == bool(held))
    beat(1)
    assert "no room for events" in site.beadle("hosts")
    site.collector.wait_log("web1: the agent has no room for events: its plugins wait, and events are only counted")
    beat(0)
    assert "no room for events" not in site.beadle("hosts")
    beat(1)
    raw.close()
    wait_for("nothing is known of one that is away", lambda: not site.ask("hosts")["hosts"][0]["events_held"])
