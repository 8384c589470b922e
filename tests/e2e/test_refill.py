"""A collector that is put back to an earlier state gets again what it had since (R4)."""
import shutil
import subprocess

from conftest import wait_for
from school import FAST, Site, each_once


def copy(state, to):
    subprocess.run(["cp", "-a", state, to], check=True)     # with its owners


def test_r04_a_collector_put_back_is_refilled(tmp_path):
    site = Site(tmp_path).start()

    def results():
        return site.ask("status")["intake"]["results"]

    def more(n):
        before = results()
        wait_for(f"{n} more results", lambda: results() >= before + n)
    try:
        web1, web2 = (site.agent(name, FAST).start() for name in ("web1", "web2"))
        more(100)
        site.collector.stop(60)
        copy(site.state, tmp_path / "backup")
        kept = len(site.records())
        site.start()
        more(150)
        web1.stop()                             # its next life has other epochs, and one check less
        web1.configure({name: FAST[name] for name in list(FAST)[1:]})
        web1.start()
        more(150)
        web2.kill()                             # its tail waits on its disk until it is back
        site.collector.stop(60)
        ledger = set(site.records())
        shutil.rmtree(site.state)
        copy(tmp_path / "backup", site.state)
        site.start()
        web2.start()
        wait_for("what was there before", lambda: results() > len(ledger) - kept + 50, timeout=60)
        site.stop()
        records = site.records()
        assert not ledger - set(records), "all that was acknowledged once is there again"
        each_once(records)
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()
