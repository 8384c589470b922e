"""From a value on the wire to an incident, to those who are told, to its end: the whole collector, with raw agents. R13, R14, I3, M2."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest

import mailserver
from conftest import ENV, wait_for
from raw import Raw, identity_uuid
from school import BEADLE, Site

CANARY = "canary-5e1f"
USED = ("disk_space_used_ratio", f"mount=/srv/{CANARY}")
CHEN = {"people": "{chen: {name: 陳志明, mail: chen@school.example}, lin: {name: Lin, mail: lin@school.example, language: en}}",
        "roles": "{computer_room_manager: lin}", "hosts": '{"*": {owner: chen}}'}


def by_mail(server):
    return {**CHEN, "notify": "notify:\n  retry-min: 2s\n  mail: {server: 127.0.0.1, port: %d, security: none, "
            "from: beadle@school.example}" % server.port}


@pytest.fixture
def site(tmp_path):
    made = []

    def make(**more):
        made.append(Site(tmp_path, **more))     # before it is started: stopped even when it does not come up
        return made[-1].start()
    yield make
    for one in made:
        one.stop()


@pytest.fixture
def server():
    made = []

    def make(*behaviours):
        made.append(mailserver.Script(*behaviours))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def identity(site, name):
    folder = site.folder / f"id-{name}"
    if not folder.exists():
        site.beadle("identity", "new", "--host", name, "--out", folder)
    return folder


def raw(site, name="web1", checks=None, **more):
    return Raw(site.port, identity(site, name), name, checks or {"disk": 60}, **more)


def open_ones(site):
    return site.ask("incidents")["incidents"]


def whole(site, number=1):
    return site.ask("incident", number)


def wait_incident(site, state="open", n=1):
    return wait_for(f"{n} incidents, {state}", lambda: len(found := open_ones(site)) == n and found[0]["state"] == state and found)


def steps(site, number=1):
    return [s["what"] for s in whole(site, number)["steps"]]


def notifier(site):
    return next(pid for pid, name in site.collector.children().items() if name == "beadle-notifier")


def test_value_becomes_incident_and_recovers(site):
    site = site()
    agent = raw(site)
    agent.round("disk", {USED: 0.5})
    assert wait_for("the value is shown", lambda: site.values("web1", USED[0])) == {USED[1]: (0.5, "ok")}
    agent.round("disk", {USED: 0.91})
    found = wait_incident(site)[0]
    assert (found["host_name"], found["severity"], found["clauses"]) == ("web1", "critical", ["5.3.3"])
    agent.round("disk", {USED: 0.84})           # 85 % opens, < 83 % clears
    agent.round("disk", {USED: 0.79})
    wait_for("hysteresis", lambda: open_ones(site)[0]["severity"] == "warning")
    agent.round("disk", {USED: 0.5})
    wait_incident(site, "recovered")


def test_r12_a_stepped_clock_deletes_escalates_and_rejects_nothing(site):
    """The agent's clock: a day ahead, a day back, 1970, seventy-five years on, and right again; then a restart of the collector."""
    site = site()
    agent = raw(site, checks={"disk": 1, "patch": 1})
    day = 86400 * 10**9
    steps_of_clock = [0, day, -day, -time.time_ns() + 1, 75 * 365 * day, 0]
    for n, step in enumerate(steps_of_clock):
        for value in (0.5, 0.51):
            agent.round("disk", {USED: value}, at=time.time_ns() + step)
            agent.round("patch", {("patch_security_pending",): 0, ("patch_oldest_security_age",): 0}, at=time.time_ns() + step)
        wait_for("the value is shown", lambda: site.values("web1", USED[0]) == {USED[1]: (0.51, "ok")})
    assert open_ones(site) == [] and site.ask("hosts")["hosts"][0]["connected"]
    agent.round("disk", {USED: 0.91}, at=time.time_ns() + day)      # and what is wrong is found at any time of day
    assert wait_incident(site)[0]["clauses"] == ["5.3.3"]
    agent.round("disk", {USED: 0.5}, at=time.time_ns() - day)
    wait_incident(site, "recovered")
    site.collector.stop(60)
    site.start()
    again = raw(site, checks={"disk": 1, "patch": 1}, epoch=1)
    assert again.next == agent.next, "nothing of it was forgotten"
    again.round("disk", {USED: 0.5}, at=time.time_ns() - day)
    agent.close()
    again.close()
    site.collector.stop(60)
    sequences = [sequence for _, _, sequence, *_ in site.records()]
    assert sequences == list(range(1, 4 * len(steps_of_clock) + 4))


def test_a_warning_that_lasts_is_accepted_with_a_reason(site):
    site = site()
    agent = raw(site)
    agent.round("disk", {USED: 0.91})
    wait_incident(site)
    agent.round("disk", {USED: 0.81})
    wait_for("below the limit of 5.3.3", lambda: open_ones(site)[0]["severity"] == "warning")
    site.beadle("close", 1, "--note", "the disk is replaced in spring")
    assert open_ones(site) == [] and site.values("web1", USED[0])[USED[1]][1] == "warning", "accepted is not forgotten"
    site.collector.kill()
    site.start()
    agent = raw(site, epoch=1)
    agent.round("disk", {USED: 0.82})
    wait_for("the value is judged", lambda: site.values("web1", USED[0])[USED[1]] == (0.82, "warning"))
    assert open_ones(site) == [], "not told again as long as it is the same"
    agent.round("disk", {USED: 0.91})
    assert [(i["id"], i["severity"]) for i in wait_incident(site)] == [(2, "critical")]
    assert [f["state"] for f in whole(site, 1)["findings"]] == ["warning"] and steps(site, 1)[-1] == "closed"


def test_acts_of_a_person(site):
    site = site()
    agent = raw(site)
    agent.round("disk", {USED: 0.91})
    wait_incident(site)
    site.beadle("ack", 1, "--for", "2h", "--note", "on my way")
    wait_incident(site, "acknowledged")
    site.beadle("close", 1, "--note", "too soon", status=1)     # it is still full
    site.beadle("handle", 1, "--note", "old logs moved")
    agent.round("disk", {USED: 0.5})
    wait_incident(site, "recovered")
    site.beadle("close", 1, "--note", "done")
    wait_for("it is closed", lambda: not open_ones(site))
    site.collector.kill()
    site.start()
    kept = whole(site)
    assert (kept["state"], kept["findings"][0]["metric"]) == ("closed", USED[0])
    said = [s["what"] for s in kept["steps"] if s["actor"] != "system"]
    assert said == ["acknowledged", "handled", "closed"]
    assert len(site.ask("incidents", "--all")["incidents"]) == 1
    raw(site).round("disk", {USED: 0.95})
    assert wait_incident(site)[0]["id"] == 2    # numbers are never used again


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


VIRUS = {"engine": "clamav", "file": f"/home/{CANARY}", "signature": "Eicar"}
GOOD = {("antivirus_installed", "engine=clamav"): 1}


def events(site, number=1):
    return [s for s in whole(site, number)["steps"] if s["what"] == "event"]


def detections(site):
    return [s for s in events(site) if s["detail"] == "detection"]


def test_a_virus_found_between_good_values_is_told_at_once(site, server):
    """5.4.6: an event alone, with every value as it should be. A resend, a kill and a restart open nothing twice; a person closes it."""
    server = server("take")
    site = site(**{**by_mail(server), "roles": "{computer_room_manager: lin, system_admin: lin}"})
    agent = raw(site, checks={"antivirus": 60, "disk": 60})
    agent.round("disk", GOOD, events=[("detection", VIRUS)])       # not the antivirus plugin's word
    agent.round("antivirus", GOOD, events=[("update", {"to": "2"})])     # no rule names it
    agent.round("antivirus", GOOD, events=[("detection", VIRUS), ("detection", {**VIRUS, "file": "/srv/b"})])
    found = wait_incident(site)[0]
    assert (found["kind"], found["severity"], found["clauses"]) == ("INC-B", "critical", ["5.4.6", "5.4.7"])
    wait_for("owner and administrator are told", lambda: {m["To"] for m in server.taken} == {"chen@school.example", "lin@school.example"})
    assert all(CANARY not in m.get_content() and "5.4.6" in m.get_content() for m in server.taken)
    finding, = whole(site)["findings"]
    assert (finding["rule"], finding["what"]) == ("antivirus_detection", f"engine=clamav file=/home/{CANARY} signature=Eicar, and 1 more")
    wait_for("its events are kept", lambda: len(detections(site)) == 2)
    assert finding["title_en"] == "Malware detected"
    agent.tls.sendall(agent.sent)                                   # again, as after a lost acknowledgement
    agent.expect(5)
    site.collector.kill()
    site.start()
    again = raw(site, checks={"antivirus": 60, "disk": 60})
    assert again.next == agent.next
    assert len(open_ones(site)) == 1 and len(detections(site)) == 2 and len(server.taken) == 2
    site.beadle("ack", 1, "--for", "2h", "--note", "is looked at")
    again.round("antivirus", GOOD, events=[("detection", {**VIRUS, "file": "/srv/c"})])
    wait_for("one more is part of it", lambda: len(detections(site)) == 3)
    assert steps(site).count("opened") == 1 and "found" in steps(site) and len(open_ones(site)) == 1
    site.beadle("close", 1, "--note", "cleaned")
    wait_for("closed", lambda: not open_ones(site))
    site.collector.kill()
    site.start()
    assert open_ones(site) == []
    raw(site, checks={"antivirus": 60, "disk": 60}).round("antivirus", GOOD, events=[("detection", VIRUS)])
    assert wait_incident(site)[0]["id"] == 2


ODD = "/etc/\u5716\u66f8 \x1b[31m\u202ename\n" + "d" * 3900
WRONG = {("integrity_modified",): 1}


def changed(path, **fields):
    return "integrity_change", {"path": path, "change": "modified", "owner_before": "0:0", "owner_after": "0:0", "mode_before": "0644",
                                "mode_after": "4755", **fields}


def test_what_an_event_says_can_be_read_by_a_person(site):
    """Path, before and after; they come ahead of the round that finds them out, and none is lost on the way."""
    site = site()
    agent = raw(site, checks={"integrity": 60})
    agent.round("integrity", {}, events=[changed(f"/etc/{n}") for n in range(40)] + [changed(ODD)])
    agent.round("integrity", WRONG)
    wait_incident(site)
    found = wait_for("its events are kept", lambda: len(events(site)) == 41 and events(site))
    assert [e["fields"]["path"] for e in found[:40]] == [f"/etc/{n}" for n in range(40)] and len(found) == 41
    shown = ODD.replace("\x1b", "\\x1b").replace("\u202e", "\\xe2\\x80\\xae").replace("\n", "\\x0a")
    assert found[40]["fields"]["path"] == shown and found[40]["escaped"] and "escaped" not in found[0]
    assert found[0]["detail"] == "integrity_change" and found[0]["fields"]["mode_after"] == "4755" and "more" not in found[0]
    text = site.beadle("incident", 1)
    assert "/etc/39" in text and shown in text and "\x1b" not in text
    assert len([line for line in text.splitlines() if line.split()[:4] == ["mode", "0644", "->", "4755"]]) == 41
    assert not [line for line in text.splitlines() if line.split()[:1] == ["owner"]], "what did not change is no news"


def test_events_that_wait_for_an_incident_are_bounded_and_the_rest_is_told(site):
    site = site()
    agent = raw(site, checks={"integrity": 60})
    for n in range(10):
        agent.round("integrity", {}, events=[changed(f"/srv/{100 * n + k}", what="x" * 300) for k in range(100)])
    agent.round("integrity", WRONG)
    wait_incident(site)
    found = wait_for("its events are kept", lambda: events(site))
    assert 100 < len(found) < 1000 and found[-1]["fields"]["path"] == "/srv/999"
    assert len(found) + found[0]["more"] == 1000 and all("more" not in e for e in found[1:])
    for n in range(10):                         # what comes now is its detail at once; the oldest steps are only counted
        agent.round("integrity", {}, events=[changed(f"/tmp/{100 * n + k}") for k in range(100)])
    document = wait_for("all of it", lambda: events(site)[-1]["fields"]["path"] == "/tmp/999" and whole(site))
    assert len(document["steps"]) == 1000 and document["more_steps"] > 100


PARTIAL, APT = 1, ("patch_security_pending",)
AGE = ("patch_oldest_security_age",)


def test_a_source_that_is_left_out_is_unknown_and_not_green(site):
    site = site()
    agent = raw(site, checks={"patch": 60})
    agent.round("patch", {APT: 0, AGE: 0})
    for _ in range(2):
        agent.round("patch", {APT: 0}, outcome=PARTIAL, skips=["apt", ODD])
    check, = site.ask("hosts", "web1")["checks"]
    assert (check["state"], [s["what"] for s in check["skips"]][0], check["skips"][0]["error"]) == ("ok", "apt", "Permission denied")
    assert open_ones(site) == []
    agent.round("patch", {APT: 0}, outcome=PARTIAL, skips=["apt"])
    assert wait_incident(site)[0]["severity"] == "unknown"
    found = {f["rule"]: (f["state"], f["what"]) for f in whole(site)["findings"]}
    assert found == {"check_partial": ("unknown", "left out 3 times in a row: apt"),
                     "patch_security_old": ("unknown", "no longer reported: its source is left out")}
    assert site.values("web1", AGE[0])[""][1] == "unknown" and site.values("web1", APT[0])[""] == (0, "ok")
    assert "apt: Permission denied" in site.beadle("hosts", "web1")
    site.collector.kill()
    site.start()
    agent = raw(site, checks={"patch": 60})
    agent.round("patch", {APT: 0}, outcome=PARTIAL, skips=["apt"])
    assert site.ask("hosts", "web1")["state"] == "unknown" and wait_incident(site)
    agent.round("patch", {APT: 0, AGE: 0})
    wait_incident(site, "recovered")
    check, = site.ask("hosts", "web1")["checks"]
    assert (check["state"], check["skips"]) == ("ok", [])


def test_facts_keep_their_labels_and_go_with_their_check(site):
    site = site()
    agent = raw(site, checks={"service": 60, "disk": 60})
    agent.round("service", {}, facts={("service_detail", "service=ssh"): "running", ("service_detail", "service=nginx"): "dead"})
    agent.round("disk", {USED: 0.5})

    def facts():
        return {c["name"]: {(f["name"], f["labels"].get("service")): f["value"] for f in c["facts"]} for c in site.ask("hosts", "web1")["checks"]}
    told = {("service_detail", "ssh"): "running", ("service_detail", "nginx"): "dead"}
    assert wait_for("facts", lambda: facts()["service"] == told and facts()) == {"service": told, "disk": {}}
    assert site.ask("hosts", "web1")["facts"] == {"hostname": "web1"}
    text = site.beadle("hosts", "web1")
    assert "service=ssh" in text and "dead" in text
    agent.close()
    raw(site, checks={"disk": 60}).close()
    raw(site, checks={"service": 60, "disk": 60})
    assert facts() == {"service": {}, "disk": {}}


def open_rows(site):
    """Notices that the next start would take up, read with another program's SQLite once the collector has ended."""
    with sqlite3.connect(site.state / "store/main.db") as db:
        return [id for id, in db.execute("select id from notice where open")]


def doctor(site):
    return [f["what"] for f in json.loads(subprocess.run([BEADLE, "doctor", "--json", "--collector-config", site.config], env=ENV,
                                                          capture_output=True, text=True).stdout)["findings"]]


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
    assert open_rows(site) == ["1-chen-1-new-mail"]
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


def test_r14_absence_of_the_collector_is_not_blamed_on_hosts(site):
    site = site(edit_procedure=lambda text: text.replace("gone: 2min", "gone: 5s"))
    agent = raw(site, checks={"disk": 1})
    agent.round("disk", {USED: 0.5})
    site.collector.stop(60)
    time.sleep(6)
    site.start()
    time.sleep(2)
    assert open_ones(site) == []                # it is we who were away
    agent = raw(site, checks={"disk": 1})
    agent.round("disk", {USED: 0.5})
    silent = wait_incident(site)[0]             # connected, and no round for 2.5 intervals
    assert silent["severity"] == "unknown"
    agent.round("disk", {USED: 0.5})
    wait_incident(site, "recovered")
    agent.close()
    wait_for("the host is gone", lambda: site.ask("hosts", "web1")["state"] == "unknown")


def test_r14_an_identity_that_was_made_and_never_used_is_listed_and_found(site):
    site = site(edit_procedure=lambda text: text.replace("awaited: 1h ", "awaited: 5s "), hosts='{new1: {owner: admin}, "*": {owner: admin}}')
    unknown = "new1: stands under hosts: in collector.yaml, and is not watched: it has no identity"
    assert unknown in doctor(site) and site.ask("hosts")["hosts"] == []
    identity(site, "new1")
    assert unknown not in doctor(site)
    identity(site, "old1")
    site.beadle("identity", "revoke", "old1")
    wait_for("both are listed", lambda: [h["name"] for h in site.ask("hosts")["hosts"]] == ["new1", "old1"])
    new = site.ask("hosts")["hosts"][0]
    assert (new["state"], new["connected"], new["never_connected"]) == ("unknown", False, True)
    assert re.search(r"^new1 +unknown +never connected ", site.beadle("hosts"), re.M)
    incident = wait_incident(site)[0]
    assert (incident["host_name"], incident["kind"], incident["about_en"]) == ("new1", "INC-A", "Agent has never connected")
    site.beadle("identity", "new", "--host", "new1", "--replace", "--out", site.folder / "again")   # the same host, still awaited
    site.collector.stop(60)
    site.start()
    assert site.ask("hosts")["hosts"][0]["never_connected"]
    time.sleep(7)
    assert [i["id"] for i in open_ones(site)] == [incident["id"]]
    assert not {"found", "changed", "worse", "recovered", "reopened"} & set(steps(site)), "it was found before the restart"
    agent = raw(site, "new1")
    wait_incident(site, "recovered")
    assert not site.ask("hosts")["hosts"][0]["never_connected"]
    agent.close()
    site.collector.stop(60)
    site.start()
    assert not site.ask("hosts")["hosts"][0]["never_connected"], "once it was there, it is gone and not new"


def test_i03_impostor_is_an_incident_of_the_host_whose_certificate_it_was(site):
    site = site()
    raw(site, "web1").close()
    other = identity(site, "web2")
    for _ in range(3):
        with pytest.raises((AssertionError, OSError)):
            Raw(site.port, identity(site, "web1"), "web1", {"disk": 60}, claim=identity_uuid(other))
    found = wait_incident(site)[0]
    assert (found["host_name"], found["severity"]) == ("web1", "critical")
    assert len(steps(site)) < 6                 # three times told is told once
    site.beadle("close", found["id"], "--note", "it was a test")
    wait_for("closed", lambda: not open_ones(site))


def test_i03_a_pair_is_one_incident_that_names_both_addresses(site):
    site = site()
    for _ in range(3):
        kept = [raw(site, "web1", address=address) for address in ("127.0.0.1", "127.0.0.2")]
    found = wait_incident(site)[0]
    assert (found["host_name"], found["kind"], found["severity"]) == ("web1", "INC-D", "critical")
    finding, = site.ask("incident", found["id"])["findings"]
    assert (finding["rule"], finding["clause"]) == ("agent_twins", "5.8.1.3 5.8.5.5")
    told = [s["detail"] for s in site.ask("incident", found["id"])["steps"] if "by turns" in s["detail"]]
    assert told and all("127.0.0.1" in t and "127.0.0.2" in t for t in told), told
    assert len(open_ones(site)) == 1 and len(steps(site)) < 6
    kept.clear()


def test_check_that_is_taken_away_is_not_missed(site):
    site = site()
    agent = raw(site, checks={"disk": 60, "other": 60})
    agent.round("other", {USED: 0.91})
    wait_incident(site)
    agent.close()
    raw(site, checks={"disk": 60})
    wait_incident(site, "recovered")
    assert [c["name"] for c in site.ask("hosts", "web1")["checks"]] == ["disk"]


def test_nobody_is_named(site):
    site = site()                               # no ciso, whom the kind tells at once (5.12.10.1)
    raw(site).round("disk", {USED: 0.91})
    wait_incident(site)
    wait_for("that nobody holds the role is on record", lambda: "nobody" in steps(site))
