"""The collector's own wall clock leaps about, as with a dead battery or a wrong reference (R12): a real collector under libfaketime."""
import datetime
import glob
import sqlite3
import time

import pytest

from intake import Intake, batch, record, series
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
