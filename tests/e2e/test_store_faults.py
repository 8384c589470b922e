"""Every place in the collector that writes fails once (R7): faults.c, preloaded, and the load generator as the ledger. What a failed sync
could not write is lost with the page cache when the collector is killed, as it would be on a real disk."""
import collections
import concurrent.futures
import os
import signal
import sqlite3
import time

import pytest

from conftest import BUILD, free_port, wait_for
from intake import loaded

SHIM = BUILD / "tests/e2e/faults.so"
KILLS = max(int(os.environ.get("BEADLE_KILLS", 20)), 15)    # as many seconds
KINDS = ["eio", "enospc", "eintr", "short"]
PAGE = 4096


class Faulty:
    """A collector that is started again as often as a fault ends it."""

    def __init__(self, folder, how, odds=1):
        self.failures, self.losses = folder / "failures", folder / "losses"
        self.collector, self.load = loaded(folder, "reserve: 4MiB", agents=4, results=5, values=2, window=1)
        self.collector.port = free_port()
        store = str(self.collector.store)
        self.collector.env.update(BEADLE_FAULTS=store, BEADLE_FAULTS_HOW=how, BEADLE_FAULTS_ODDS=str(odds), LD_PRELOAD=str(SHIM),
                                  BEADLE_FAULTS_LOG=str(self.failures), BEADLE_FAULTS_LOST=str(self.losses))
        self.said = ""

    def keep_up(self):
        """Starts it if it does not run; one that a fault ended has said why and has not crashed."""
        process = self.collector.process
        if process and process.poll() is None:
            return
        if process:
            self.said += self.collector.text()
            assert process.returncode == 1, f"{process.returncode}: {self.collector.text()[-3000:]}"
        try:
            self.collector.start()
        except AssertionError as e:
            assert "ended with 1" in str(e), e

    def failed(self):
        """[(call, kind of file)] of the places that have failed."""
        lines = self.failures.read_text().splitlines() if self.failures.exists() else []
        return [(line.split()[2], "".join(c for c in os.path.basename(line.split()[3]) if not c.isdigit()))
                for line in lines if line.startswith("failed")]

    def kill(self):
        """And with it goes what is in memory alone."""
        if self.collector.process.poll() is None:
            self.collector.stop(signal.SIGKILL)
        self.said += self.collector.text()
        lost = {}
        for line in self.losses.read_text().splitlines():
            path, page, old = line.rsplit(" ", 2)
            lost[path, int(page)] = None if old == "-" else bytes.fromhex(old)
        for (path, page), old in lost.items():
            if old and os.path.exists(path) and page * PAGE < os.path.getsize(path):
                with open(path, "r+b") as f:
                    f.seek(page * PAGE)
                    f.write(old[:os.path.getsize(path) - page * PAGE])
        return sum(old is not None for old in lost.values())


def steps_twice(store):
    """A step of an incident that was kept when its change failed, and once more when that was tried again."""
    with sqlite3.connect(f"file:{store}/main.db?mode=ro", uri=True) as db:
        return db.execute("SELECT incident, at, action, payload, count(*) FROM step JOIN journal ON number = entry GROUP BY 1, 2, 3, 4 HAVING count(*) > 1").fetchall()


def run(folder, how, odds, seconds):
    """Until for a while no place is new; returns what failed."""
    site = Faulty(folder, how, odds)
    site.keep_up()
    load = site.load()
    count, since, end = 0, time.monotonic(), time.monotonic() + seconds
    while time.monotonic() < end and time.monotonic() - since < 15:
        site.keep_up()
        load.going()
        if len(site.failed()) != count:
            count, since = len(site.failed()), time.monotonic()
        time.sleep(0.05)
    failed = site.failed()
    site.lost = site.kill()
    again = [line for line in site.failures.read_text().splitlines() if line.startswith("again")]
    assert not again, f"synced again on the descriptor on which a sync failed: {again[:5]}"
    del site.collector.env["LD_PRELOAD"]
    site.collector.start()
    for _ in range(5):      # one batch of each agent is under way: the fifth follows an acknowledgement
        before = sum(f.stat().st_size for f in site.collector.store.glob("raw-*"))
        wait_for("it goes on", lambda: load.going() or sum(f.stat().st_size for f in site.collector.store.glob("raw-*")) > before)
    load.stop()
    site.collector.stop()
    load.verify(site.collector.store)
    assert not steps_twice(site.collector.store)
    print(how, len(failed), "places,", site.lost, "pages lost:", dict(collections.Counter(failed)))
    return failed


def together(folder, odds, seconds):
    """All four kinds of failure at once, each with its own collector: they mostly wait. {kind: what failed}."""
    def one(how):
        (folder / how).mkdir()
        return run(folder / how, how, odds, seconds)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(zip(KINDS, pool.map(one, KINDS)))


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    return together(tmp_path_factory.mktemp("faults"), 1, 60)


@pytest.mark.parametrize("how", KINDS)
def test_r07_every_place_fails_once(failures, how):
    failed = failures[how]
    writes = {("pwrite", "raw-.db-wal"), ("pwrite", "raw-.db"), ("pwrite", "main.db-wal"), ("pwrite", "main.db")}
    syncs = {("fdatasync", kind) for call, kind in writes} | {("ftruncate", "raw-.db-wal"), ("fallocate", "reserve")}
    missing = (writes if how == "short" else writes | syncs) - set(failed)
    assert not missing, f"never failed: {missing}"


def test_r07_places_fail_at_any_time(tmp_path):
    """Not at their first call but at a random one, when there is more to lose."""
    assert len(together(tmp_path, 20, KILLS)["eio"]) > 5
