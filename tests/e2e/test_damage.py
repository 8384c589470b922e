"""A day's file of the collector with a bit that the disk turned (R8), under a whole site: set aside, told, and the intake goes on."""
import collections
import contextlib
import sqlite3

import pytest

from conftest import wait_for
from incidents import doctor
from school import FAST, Site, each_once

PAGE = 4096


def page_of(file, table):
    with contextlib.closing(sqlite3.connect(file)) as db:
        return db.execute("select rootpage from sqlite_schema where name = ?", (table,)).fetchone()[0]


def flip(file, page):
    with open(file, "r+b") as f:
        f.seek((page - 1) * PAGE + PAGE // 2)
        byte = f.read(1)[0]
        f.seek(-1, 1)
        f.write(bytes([byte ^ 0x10]))


@pytest.mark.parametrize("table", ["spool", None], ids=["who is held to what", "what tables there are"])
def test_r08_a_damaged_file_is_set_aside_and_told(tmp_path, table):
    site = Site(tmp_path).start()
    try:
        for name in ("web1", "web2"):
            site.agent(name, FAST).start()
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 100)
        site.collector.stop(60)
        file, = site.state.glob("store/raw-*.db")
        flip(file, page_of(file, table) if table else 1)
        bad = file.read_bytes()
        site.start()
        incident, = wait_for("an incident", lambda: site.ask("incidents")["incidents"])
        assert incident["about_en"] == "Records of the collector are damaged" and incident["host"] == 0
        finding, = site.ask("incident", incident["id"])["findings"]
        assert "0 are lost" in finding["what"] if table else "nothing of it can be read" in finding["what"]
        aside, = site.state.glob("store/raw-*.damaged-1.db")
        assert aside.name in finding["what"] and aside.name in site.collector.text()
        assert [what for what in doctor(site) if aside.name in what]
        assert aside.read_bytes() == bad        # as it was: somebody may know how to rescue more
        wait_for("results go on", lambda: site.ask("status")["intake"]["results"] > 100, timeout=60)
        site.beadle("close", incident["id"], "--note", "another disk")
        for agent in site.agents:
            agent.stop()
        site.collector.stop(60)
        aside.rename(tmp_path / "away")
        if table:
            each_once(site.records())           # nothing is lost, nothing there twice
        sequences = collections.Counter((host, epoch, sequence) for host, epoch, sequence, *_ in site.records())
        assert sequences and max(sequences.values()) == 1
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()
