"""From a value on the wire to an incident, to its end: the whole collector, with raw agents. R12, R14, I3."""
import re
import time

import pytest

from conftest import wait_for
from incidents import CANARY, USED, by_mail, doctor, events, identity, open_ones, raw, server, site, steps, wait_incident, whole  # noqa: F401
from raw import Raw, identity_uuid


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


VIRUS = {"engine": "clamav", "file": f"/home/{CANARY}", "signature": "Eicar"}
GOOD = {("antivirus_installed", "engine=clamav"): 1}


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
