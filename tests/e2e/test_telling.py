"""From an incident to those who are told of it: each once, whatever dies on the way. R13, M2."""
import os
import re
import signal
import sqlite3
import time

from conftest import wait_for
from incidents import CANARY, CHEN, USED, by_mail, doctor, events, open_ones, raw, server, site, steps, wait_incident, whole  # noqa: F401


def notifier(site):
    return next(pid for pid, name in site.collector.children().items() if name == "beadle-notifier")


def test_r13_incident_is_mailed_once_and_says_nothing_sensitive(site, server):
    server = server("take")
    site = site(**by_mail(server))
    agent = raw(site, checks={"disk": 60, "antivirus": 60})
    agent.round("disk", {USED: 0.91}, events=[("detection", {"file": f"/home/{CANARY}", "signature": f"{CANARY}.Eicar"})])
    wait_for("the owner's mail", lambda: server.taken)
    mail = server.taken[0]
    text = mail.get_content()
    assert mail["To"] == "chen@school.example"
    assert "web1" in mail["Subject"] and "危急" in mail["Subject"]
    for part in ("web1", "危急", "5.3.3", "https://localhost:8443/#/incident/1"):
        assert part in text
    assert CANARY not in text + mail["Subject"]                                     # ACC-12, M2
    found = whole(site)
    events = [s for s in found["steps"] if s["what"] == "event"]
    assert len(events) == 1 and found["findings"][0]["labels"]["mount"].endswith(CANARY)    # but the record has it
    wait_for("its end is known", lambda: [n["state"] for n in whole(site)["notices"]] == ["sent"])
    agent.round("disk", {USED: 0.5})
    wait_incident(site, "recovered")
    assert len(server.taken) == 1               # the recovery waits for the end of the quiet time (5.10.5)


def test_r13_mail_server_down_then_slow_then_up(site, server):
    server = server("drop", "close in data", "take")
    site = site(**by_mail(server))
    raw(site).round("disk", {USED: 0.91})
    wait_for("retrying is shown", lambda: any(n["state"] == "retrying" for n in whole(site)["notices"]) if open_ones(site) else False)
    site.collector.kill()                       # all of it, notifier too
    site.start()
    wait_for("sent in the end", lambda: [n["state"] for n in whole(site)["notices"]] == ["sent"], 120)
    ids = {mail["Message-ID"] for mail in server.taken}
    assert len(ids) == 1 and len(server.taken) <= 2             # once more after "close in data", which nobody can know


def open_rows(site):
    """Notices that the next start would take up, read with another program's SQLite once the collector has ended."""
    with sqlite3.connect(site.state / "store/main.db") as db:
        return [id for id, in db.execute("select id from notice where open")]


def given_up(site, n=1):
    """All notices of the incident are, which takes no time where no mail server is configured."""
    return wait_for("given up", lambda: [x["state"] for x in whole(site)["notices"]] == n * ["given_up"] if open_ones(site) else False)


def test_r13_what_was_given_up_is_told_of_and_tried_again_as_long_as_the_incident_is_open(site, server):
    server = server("take")
    site = site(**CHEN)
    raw(site).round("disk", {USED: 0.91})
    given_up(site)
    assert "notice to chen by mail of incident 1: given up after 1 try" in doctor(site)
    os.kill(notifier(site), signal.SIGKILL)     # its successor tries once more, in vain
    wait_for("given up again", lambda: site.collector.text().count("given up after") == 2)
    given_up(site)
    site.collector.stop(60)
    row, = open_rows(site)
    assert re.fullmatch(r"1\.[0-9a-f]{16}-chen-1-new-mail", row)
    site.config.write_text(site.config.read_text() + by_mail(server)["notify"] + "\n")
    site.start()
    wait_for("mailed in the end", lambda: server.taken)
    wait_for("known to be sent", lambda: whole(site)["notices"][0]["state"] == "sent")
    assert not any("given up" in what for what in doctor(site))


def test_r13_what_was_given_up_ends_with_its_incident(site):
    site = site(**CHEN)
    agent = raw(site)
    agent.round("disk", {USED: 0.91})
    given_up(site)
    agent.round("disk", {USED: 0.5})
    wait_incident(site, "recovered")
    site.beadle("close", 1, "--note", "told by telephone")
    wait_for("the recovery is given up, too", lambda: [n["state"] for n in whole(site)["notices"]] == 2 * ["given_up"])
    assert not any("given up" in what for what in doctor(site))
    site.collector.stop(60)
    assert open_rows(site) == []


def test_r13_notifier_killed_at_any_moment(site, server):
    server = server("take")
    site = site(**by_mail(server))
    agents = []
    for n in range(4):
        agents.append(raw(site, f"web{n}"))
        agents[-1].round("disk", {USED: 0.91})
        time.sleep(0.2 * (n % 3))
        os.kill(wait_for("a notifier", lambda: next((p for p, x in site.collector.children().items() if x == "beadle-notifier"), 0)),
                signal.SIGKILL)
    wait_for("all are mailed", lambda: len({m["Message-ID"] for m in server.taken}) == 4, 120)
    assert len(server.taken) <= 8               # at most one repeat each


def test_restart_forgets_nothing_and_tells_nobody_twice(site, server):
    server = server("take")
    site = site(**by_mail(server))
    raw(site).round("disk", {USED: 0.91})
    before = wait_incident(site)
    for n in range(4):
        site.collector.kill()
        site.start()
        raw(site).round("disk", {USED: 0.92 + n / 100})
    assert [i["id"] for i in open_ones(site)] == [i["id"] for i in before]
    assert steps(site).count("opened") == 1
    wait_for("the mail", lambda: server.taken)
    assert len({m["Message-ID"] for m in server.taken}) == 1


def test_killed_while_incidents_open(site, server):
    """SIGKILL right behind the acknowledgement: what was stored and not yet judged is judged at the next start."""
    server = server("take")
    site = site(**by_mail(server))
    for n in range(5):
        agent = raw(site, f"web{n}")
        agent.round("disk", {USED: 0.91})
        site.collector.kill()
        site.start()
    wait_for("five incidents", lambda: len(open_ones(site)) == 5)
    wait_for("five mails", lambda: len({m["Message-ID"] for m in server.taken}) == 5)
    for number in range(1, 6):
        assert steps(site, number).count("opened") == 1
