"""The collector's own disk, full (R6): no agent on that machine tells of it, and its mail must go out all the same."""
import os
import subprocess

import pytest

import mailserver
from conftest import wait_for
from incidents import doctor
from school import FAST, Site, each_once
from test_people import member

RESERVE = 64 << 20      # the default


@pytest.fixture
def place(tmp_path):
    """A folder whose `c`, where a site keeps its state, is a small file system."""
    if os.geteuid() != 0:
        pytest.skip("not proven: a small file system needs root")
    reason = mailserver.can_run()
    if reason:
        pytest.skip(reason)
    (tmp_path / "c").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=224m,mode=755", "tmpfs", tmp_path / "c"], check=True)
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path / "c"], check=True)


def fill(state):
    """From outside, to the last block."""
    with open(state / "filler", "ab", buffering=0) as f:
        try:
            while True:
                f.write(bytes(65536))
        except OSError:
            pass


def mailing(folder, exim):
    password = folder / "password"
    password.write_text(exim.password)
    password.chmod(0o600)
    subprocess.run(["chown", "beadle-notify", password], capture_output=True)      # the notifier may have a user of its own
    return Site(folder, notify=f"notify: {{mail: {{server: localhost, port: {exim.port}, security: starttls, user: beadle, "
                               f"password-file: {password}, from: beadle@school.example, ca: {exim.ca}}}}}",
                people="{chen: {name: 陳志明, mail: chen@school.example, language: en}}", roles="{computer_room_manager: chen}",
                hosts='{"*": {owner: chen}}')


def disk_incident(site):
    return [i for i in site.ask("incidents")["incidents"] if i["about_en"] == "The collector's disk is full"]


def test_r06_the_collectors_own_full_disk_is_mailed_shown_and_over(place):
    exim = mailserver.Exim(place / "exim").start()
    site = mailing(place, exim).start()
    state, reserve = site.state, site.state / "store/reserve"
    try:
        for name in ("web1", "web2"):
            site.agent(name, FAST).start()
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 50)
        person = member(site, "ann", "viewer")
        assert not disk_incident(site) and reserve.stat().st_size == RESERVE
        fill(state)
        incident, = wait_for("an incident", lambda: disk_incident(site), timeout=30)
        # One mail to each person and reason, sent from what the reserve left.
        wait_for("a mail", exim.mails, timeout=30)
        assert not reserve.exists()
        assert incident["host"] == 0 and incident["host_name"] == os.uname().nodename and incident["kind"] == "INC-A"
        assert incident["severity"] == "critical" and incident["state"] == "open" and incident["clauses"] == ["5.3.3"]

        # The rest of the reserve goes as well: the collector lives, is read, and takes nothing in.
        fill(state)
        status, shown = person.ask("status")
        assert status == 200 and shown["disk_full"] is True
        status, shown = person.ask("incidents")
        assert status == 200 and incident["id"] in [i["id"] for i in shown["incidents"]]
        assert [what for what in doctor(site) if "its disk is full" in what]
        before = site.ask("status")["intake"]["results"]
        wait_for("the agents to wait", lambda: site.ask("status")["intake"]["results"] == before, timeout=3)
        process = site.collector.process.pid

        (state / "filler").unlink()
        wait_for("recovered", lambda: site.ask("incident", incident["id"])["state"] == "recovered", timeout=30)
        assert reserve.stat().st_size == RESERVE and site.ask("status")["disk_full"] is False
        wait_for("results go on", lambda: site.ask("status")["intake"]["results"] > before + 100, timeout=60)
        assert site.collector.process.pid == process and site.collector.process.poll() is None
        site.beadle("close", incident["id"], "--note", "room was made")
        assert not disk_incident(site)
        mails = [m["Subject"] for m in exim.mails() if "disk is full" in m["Subject"]]
        assert len([m for m in mails if "critical" in m]) == 1 and all(os.uname().nodename in m for m in mails)
        site.stop()
        assert site.collector.text().count("the disk is full: nothing is acknowledged") == 1
        each_once(site.records())
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()
        exim.stop()


def test_r06_a_disk_that_was_freed_while_the_collector_was_away(place):
    """The incident outlives the process that opened it; the next one sees that there is room."""
    exim = mailserver.Exim(place / "exim").start()
    site = mailing(place, exim).start()
    try:
        site.agent("web1", FAST).start()
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 10)
        fill(site.state)
        incident, = wait_for("an incident", lambda: disk_incident(site), timeout=30)
        wait_for("it is kept", exim.mails, timeout=30)
        site.collector.kill()
        site.start()        # still full
        wait_for("it is known", lambda: site.ask("status")["disk_full"])
        assert [i["id"] for i in disk_incident(site)] == [incident["id"]]
        site.collector.kill()
        (site.state / "filler").unlink()
        site.start()
        wait_for("recovered", lambda: site.ask("incident", incident["id"])["state"] == "recovered", timeout=30)
        site.stop()
        each_once(site.records())
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()
        exim.stop()
