"""The collector's own wall clock leaps about, as with a dead battery or a wrong reference (R12): a real collector under libfaketime."""
import datetime
import glob
import shutil
import sqlite3
import time

import pytest

from conftest import wait_for
from intake import Intake, RawAgent, batch, hello, record, series
from sanitized import SANITIZED

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
STEPS = ["+0", "+1d", "-1d", "+1h", "-1h", "-10y", "+75y", "+0"]

pytestmark = [pytest.mark.skipif(not FAKETIME, reason="not proven: libfaketime is not installed"),
              pytest.mark.skipif(SANITIZED, reason="not proven: a sanitizer must be loaded first, and so must libfaketime")]


@pytest.fixture
def collector(tmp_path):
    clock = tmp_path / "identity/clock"         # a folder that its walls leave open
    intake = Intake(tmp_path, env={"LD_PRELOAD": FAKETIME[0], "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                                   "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})
    intake.clock = clock
    clock.write_text("+0")
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30)
    intake.agent(begin=begin)           # issued a while ago, so that it was valid yesterday
    yield intake.start()
    if intake.process.poll() is None:
        intake.stop()


def stored(store):
    """Sequences of all days, and how many days there are."""
    sequences, days = [], sorted(store.glob("raw-*.db"))
    for day in days:
        with sqlite3.connect(f"file:{day}?mode=ro", uri=True) as db:
            sequences += [n for n, in db.execute("SELECT sequence FROM result")]
    return sorted(sequences), len(days)


def test_r12_the_collectors_clock_steps_while_agents_send(collector):
    """No agent is let go, each result is kept once, no day's file goes; and the next start at any hour goes on from there."""
    agent, n = collector.connect(), 0

    def send():
        nonlocal n
        n += 1
        agent.send(batch(n, [record(at=time.time_ns())], define=series()))
        assert agent.held(n) == n
    for step in STEPS:
        collector.clock.write_text(step)
        time.sleep(0.2)
        for _ in range(3):
            send()
    told = collector.text()
    assert told.count(": connected") == 1 and "closed" not in told and "error" not in told, told
    agent.close()
    for step in ("+1d", "-1d", "+0"):
        collector.stop()
        collector.clock.write_text(step)
        collector.start()
        agent = collector.connect()
        send()
        agent.close()
    collector.stop()
    sequences, days = stored(collector.store)
    assert sequences == list(range(1, n + 1))
    assert days >= 3, "the days that the clock claimed are there"


def expired(collector):
    """An agent whose certificate ended ten days ago."""
    ends = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=10)
    return collector.agent(2, begin=ends - datetime.timedelta(days=30), end=ends)


def refused(collector):
    uuid, identity = expired(collector)
    agent = RawAgent(collector.port, identity)
    agent.send(hello(uuid))
    return agent.receive() is None


def kept(collector):
    """The time that the store keeps for the next start; None: none yet."""
    with sqlite3.connect(f"file:{collector.store}/main.db?mode=ro", uri=True) as db:
        return db.execute("SELECT json FROM setting WHERE key = 'clock'").fetchone()


def test_r12_no_certificate_ends_by_a_clock_that_is_suspect(collector):
    """New connections at any hour, while it runs and after a restart; and by a clock that is believed one that is over is refused."""
    assert refused(collector) and "certificate refused: expired" in collector.text()
    wait_for("the time is kept", lambda: kept(collector))
    for step in ("-10y", "-2h", "+2h", "+75y"):
        collector.clock.write_text(step)
        collector.connect(1).close()
        assert not refused(collector)
    for step in ("+75y", "-10y"):
        collector.stop()
        collector.clock.write_text(step)
        collector.start()
        collector.connect(1).close()
        assert not refused(collector)
    assert "refused" not in collector.text()
    collector.clock.write_text("+0")
    assert refused(collector), "it is back, and so is believed"
    collector.stop()
    collector.clock.write_text("+20m")
    collector.start()
    collector.connect(1).close()
    assert refused(collector), "twenty minutes are no reason"


def test_r12_nothing_is_deleted_for_its_age_while_the_clock_is_suspect(collector):
    """By a clock that is believed the older days are deleted at the start. Ahead of what was kept by seventy-five years they stay."""
    collector.config.write_text(collector.config.read_text() + "retention: 92d\n")
    agent = collector.connect()
    wait_for("the time is kept", lambda: kept(collector))
    for n, step in enumerate(("-200d", "-20d"), 1):
        collector.clock.write_text(step)
        agent.send(batch(n, [record()], define=series()))
        agent.held(n)
    agent.close()
    collector.stop()
    old = min(collector.store.glob("raw-*.db"))
    began = datetime.datetime.strptime(old.stem, "raw-%Y%m%d")
    for n in range(1, 92):                      # so many days with results are kept in any case
        shutil.copy(old, collector.store / f"{began + datetime.timedelta(days=n):raw-%Y%m%d}.db")
    for step, stays in (("+75y", True), ("+0", False)):
        collector.clock.write_text(step)
        collector.start()
        wait_for("it was looked", lambda: "old results are not deleted" in collector.text() or not old.exists())
        collector.stop()
        assert old.exists() == stays
    assert len(list(collector.store.glob("raw-*.db"))) == 92
