"""The whole way with nothing in its place: real plugins, agents, collector, mail server, disks."""
import collections
import contextlib
import os
import pathlib
import random
import re
import subprocess
import time

import pytest

import mailserver
from conftest import wait_for
from school import CALM, FAST, Site, each_once


@pytest.fixture
def small_disk(tmp_path):
    """A real ext4 of 16 MiB on a loop device, or a tmpfs where loops are not to be had. Its kind comes with it."""
    if os.geteuid() != 0:
        pytest.skip("not proven: a file system of the test's own needs root")
    mount = tmp_path / "disk"
    mount.mkdir()
    image = tmp_path / "disk.img"
    with open(image, "wb") as f:
        f.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, mount], capture_output=True).returncode:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", mount], check=True)
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


def fill(mount, ratio):
    """Writes until so much of it is used, as df counts it."""
    with open(mount / "filler", "ab", buffering=0) as f:
        while True:
            s = os.statvfs(mount)
            if (s.f_blocks - s.f_bfree) / (s.f_blocks - s.f_bfree + s.f_bavail) >= ratio:
                return
            f.write(b"x" * 65536)


def test_a_filled_disk_reaches_a_mailbox_with_its_clause_within_two_intervals(tmp_path, small_disk):
    reason = mailserver.can_run()
    if reason:
        pytest.skip(reason)
    exim = mailserver.Exim(tmp_path / "exim").start()
    password = tmp_path / "password"
    password.write_text(exim.password)
    password.chmod(0o600)
    site = Site(tmp_path, notify=f"notify: {{mail: {{server: localhost, port: {exim.port}, security: starttls, user: beadle, "
                                 f"password-file: {password}, from: beadle@school.example, ca: {exim.ca}}}}}",
                people="{chen: {name: 陳志明, mail: chen@school.example}, wang: {name: 王安全, mail: wang@school.example, language: en}}",
                roles="{computer_room_manager: chen, ciso: wang}", hosts='{"*": {owner: chen}}')
    if os.geteuid() == 0:       # the notifier may have a user of its own
        subprocess.run(["chown", "beadle-notify", password], capture_output=True)
    interval = 3
    site.start()
    try:
        site.agent("web1", {"disk": ("disk", f"{interval}s", f'mounts: "{small_disk}"')}).start()
        series = f"mount={small_disk}"
        wait_for("the first value", lambda: series in (site.values("web1", "disk_space_used_ratio")
                                                       if site.ask("hosts")["hosts"] else {}))
        assert site.values("web1", "disk_space_used_ratio")[series][1] == "ok" and site.ask("incidents")["incidents"] == []
        fill(small_disk, 0.86)
        filled = time.monotonic()
        incident, = wait_for("an incident", lambda: site.ask("incidents")["incidents"], timeout=2 * interval + 3)
        mails = wait_for("two mails", lambda: len(exim.mails()) >= 2 and exim.mails(), timeout=2 * interval + 10)
        print(f"on the screen and in the mailbox after {time.monotonic() - filled:.1f} s")
        assert incident["kind"] == "INC-A" and incident["severity"] == "critical" and "5.3.3" in incident["clauses"]
        to = {m["To"]: m for m in mails}
        assert set(to) == {"chen@school.example", "wang@school.example"}    # the owner and, first, the security officer (5.12.10.1)
        for mail in to.values():
            text = mail["Subject"] + mail.get_content()
            assert "web1" in text and "5.3.3" in text and "https://localhost:8443/" in text
            assert str(small_disk) not in text                              # a path is not for the mail (ACC-12)
        (small_disk / "filler").unlink()
        wait_for("recovered", lambda: site.ask("incident", incident["id"])["state"] == "recovered")
        site.beadle("close", incident["id"], "--note", "舊檔移走")
        assert site.ask("incidents")["incidents"] == []
        site.stop()
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()
        exim.stop()


def test_a_virus_in_the_daemons_log_reaches_a_mailbox_at_once(tmp_path):
    """5.4.6, from a line as clamd writes it when its on-access scanner finds something; no value is out of its bounds for it."""
    server = mailserver.Script("take")
    site = Site(tmp_path, notify=f"notify: {{mail: {{server: 127.0.0.1, port: {server.port}, security: none, from: beadle@school.example}}}}",
                people="{chen: {name: Chen, mail: chen@school.example}}", roles="{computer_room_manager: chen, system_admin: chen}", hosts='{"*": {owner: chen}}',
                edit_procedure=lambda text: re.sub(r"  antivirus_(?!detection:)\w+:.*?\n(?=  \w|\n)", "", text, flags=re.S)).start()
    log = tmp_path / "clamd.log"
    (tmp_path / "clamd.conf").write_text(f"LocalSocket {tmp_path}/clamd.ctl\nDatabaseDirectory {tmp_path}\nLogFile {log}\nLogTime yes\n")
    log.write_text("Wed Nov 25 09:00:00 2026 -> SelfCheck: Database status OK.\n")
    for file in (log, tmp_path / "clamd.conf"):
        file.chmod(0o644)
    try:
        site.agent("web1", {"antivirus": ("antivirus", "1s", f"engine: clamav, programs: /bin/sh, clamd_conf: {tmp_path}/clamd.conf",
                                          f'grant: ["read:{tmp_path}"]')}).start()
        wait_for("rounds", lambda: site.ask("status")["intake"]["results"] > 2)
        assert [i for i in site.ask("incidents")["incidents"] if i["kind"] == "INC-B"] == []
        with log.open("a") as f:
            f.write("Wed Nov 25 09:00:01 2026 -> /srv/www/upload/a b.com: Win.Test.EICAR_HDB-1(44d88612fea8a8f36de82e1278abb02f:68) FOUND\n")
        incident, = wait_for("an incident", lambda: [i for i in site.ask("incidents")["incidents"] if i["kind"] == "INC-B"], timeout=10)
        assert (incident["severity"], incident["about_en"]) == ("critical", "Malware detected")
        mail, = wait_for("a mail", lambda: [m for m in server.taken if "偵測到病毒" in m["Subject"]], timeout=10)
        assert "5.4.6" in mail.get_content() and "upload" not in mail.get_content()
        event, = [s for s in site.ask("incident", incident["id"])["steps"] if s["what"] == "event"]
        assert event["fields"]["file"] == "/srv/www/upload/a b.com" and event["fields"]["signature"].startswith("Win.Test.EICAR")
        site.stop()
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()
        server.stop()


def test_a_source_that_cannot_be_read_is_a_finding(tmp_path):
    """A real plugin that cannot read one of its sources: all that it still measures is good, and the check is not."""
    site = Site(tmp_path).start()
    agent = site.agent("web1", {"antivirus": ("antivirus", "1s", f"programs: /bin/sh, engine: clamav, scan_log: {tmp_path}/none.log")}).start()
    try:
        finding = wait_for("a finding", lambda: [f for i in site.ask("incidents")["incidents"] for f in site.ask("incident", i["id"])["findings"]
                                                 if f["rule"] == "check_partial"], timeout=15)[0]
        assert finding["state"] == "unknown" and "left out 3 times in a row" in finding["what"] and "5.12.2" in finding["clause"]
        check, = site.ask("hosts", "web1")["checks"]
        assert check["state"] in ("unknown", "critical")
        assert {"what": f"{tmp_path}/none.log", "error": "No such file or directory"} in check["skips"]
        assert f"{tmp_path}/none.log: No such file or directory" in site.beadle("hosts", "web1")
        site.stop()
    finally:
        site.collector.kill()
        agent.kill()



def test_r02_whoever_is_killed_every_sequence_arrives_exactly_once(tmp_path):
    rounds = int(os.environ.get("BEADLE_KILLS", "20"))
    chance = random.Random(2)
    site = Site(tmp_path).start()
    agents = [site.agent(name, FAST).start() for name in ("web1", "web2")]
    try:
        for i in range(rounds):
            time.sleep(0.2 + chance.random())
            victim = chance.choice(["agent", "core", "host", "collector", "collect", "signer"])
            if victim == "agent":
                agent = chance.choice(agents)
                agent.kill()
                agent.start()
            elif victim == "collector":
                site.collector.kill()
                site.start()
            else:
                program = site.collector if victim in ("collect", "signer") else chance.choice(agents).program
                for pid, name in program.children().items():
                    if name == f"beadle-{victim}":
                        with contextlib.suppress(ProcessLookupError):   # hosts end with the template, which is one of them
                            os.kill(pid, 9)
        wait_for("both agents are back", lambda: sum(h["connected"] for h in site.ask("hosts")["hosts"]) == 2, timeout=90)
        time.sleep(2)
        site.stop()
        by_epoch = each_once(site.records())
        print(f"{rounds} kills: {sum(map(len, by_epoch.values()))} records in {len(by_epoch)} epochs, each once")
        assert len(by_epoch) >= 4 and sum(map(len, by_epoch.values())) > 20 * rounds
    finally:
        site.collector.kill()
        for agent in agents:
            agent.kill()


def test_r02_a_collector_that_was_away_gets_it_all(tmp_path):
    """An hour of seven checks a minute is 420 rounds; here they come faster."""
    site = Site(tmp_path).start()
    agent = site.agent("web1", FAST).start()
    try:
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 20)
        site.collector.stop(60)
        away = len(site.records())
        time.sleep(22)
        site.start()
        wait_for("the agent is back", lambda: site.ask("status")["hosts"]["connected"] == 1, timeout=60)
        wait_for("what was kept", lambda: site.ask("status")["intake"]["results"] > 420, timeout=60)
        site.stop()
        each_once(site.records())
        assert len(site.records()) - away > 420
        assert "dropped" not in agent.program.text()
    finally:
        site.collector.kill()
        agent.kill()


def test_r14_an_agent_that_stops_is_a_finding(tmp_path):
    site = Site(tmp_path, edit_procedure=lambda text: re.sub(r"gone: 2min", "gone: 6s", text)).start()
    agent = site.agent("web1", CALM).start()
    try:
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 1)
        agent.kill()
        wait_for("gone", lambda: site.ask("status")["hosts"]["gone"] == 1, timeout=30)
        incident, = site.ask("incidents")["incidents"]
        assert incident["host_name"] == "web1"
        agent.start()
        wait_for("back", lambda: site.ask("incident", incident["id"])["state"] == "recovered", timeout=60)
        site.stop()
    finally:
        site.collector.kill()
        agent.kill()


def test_r06_an_agent_on_a_full_disk_goes_on_and_heals(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("not proven: a small file system needs root")
    site = Site(tmp_path).start()
    agent = site.agent("web1", FAST)
    state = agent.folder / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", state], check=True)
    try:
        agent.start()
        wait_for("results", lambda: site.ask("status")["intake"]["results"] > 10)
        with open(state / "filler", "wb", buffering=0) as f:
            with pytest.raises(OSError):
                while True:
                    f.write(b"x" * 4096)
        time.sleep(3)
        assert agent.program.process.poll() is None
        (state / "filler").unlink()
        seen = site.ask("status")["intake"]["results"]
        wait_for("results go on", lambda: site.ask("status")["intake"]["results"] > seen + 20, timeout=60)
        site.stop()
        by_epoch = collections.defaultdict(list)
        for host, epoch, sequence, *_ in site.records():
            by_epoch[epoch].append(sequence)
        assert all(len(s) == len(set(s)) for s in by_epoch.values())    # gaps are told as dropped; nothing is there twice
    finally:
        site.collector.kill()
        agent.kill()
        subprocess.run(["umount", "-l", state], check=True)
