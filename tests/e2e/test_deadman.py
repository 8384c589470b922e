"""The collector itself falls silent (R13): a watcher on another server mails by itself, and a heartbeat outside stays away."""
import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest

import certs
import mailserver
from conftest import BUILD, ENV, SOURCE, Program, wait_for
from incidents import doctor
from intake import Intake, RawAgent, blob
from protobuf import frame
from school import BEADLE, CALM, FAST, Site
from test_authority import by as by_authority, trusted
from test_own_disk import fill

PROBE, WORKING = 11, 12
TO = "chen@school.example"


class Watcher(Program):
    def __init__(self, folder, address, identity, mail, language="zh-TW", extra=""):
        self.config, self.state = folder / "watch.yaml", folder / "watch"
        self.config.write_text(f"collector: \"{address}\"\nstate: {self.state}\nlanguage: {language}\n"
                               + (f"identity: {identity}\n" if identity else "") +      # None: its own, in its state
                               f"every: 1s\nfor: 2s\nto: [{TO}]\nmail: {mail}\n{extra}")
        super().__init__([BEADLE, "watch-collector", "--config", self.config], folder / "watch.log")

    def saw_silence(self, n):
        wait_for("silence", lambda: len(re.findall("warning: .*: silent: ", self.text())) >= n)


def stop(program):
    if program.process:
        assert program.stop() == 0, program.text()


@pytest.fixture
def exim(tmp_path):
    reason = mailserver.can_run()
    if reason:
        pytest.skip(reason)
    server = mailserver.Exim(tmp_path / "exim").start()
    yield server
    server.stop()


@pytest.fixture
def programs():
    """Watchers and sites to be ended; one that a test has stopped in its tracks goes on first."""
    made = []
    yield lambda one: made.append(one) or one
    for one in made:
        one.stop()


def by(folder, exim):
    password = folder / "watch.password"
    password.write_text(exim.password)
    password.chmod(0o600)
    return (f"{{server: localhost, port: {exim.port}, security: starttls, user: beadle, password-file: {password}, "
            f"from: beadle@school.example, ca: {exim.ca}}}")


def mails(exim, n, seconds=30):
    """Exactly n are in the box, the last has just come."""
    found = wait_for(f"{n} mails", lambda: len(box := exim.mails()) >= n and box, seconds)
    assert len(found) == n, [m["Subject"] for m in found]
    return found


def collect_of(site):
    return next(pid for pid, name in site.collector.children().items() if name == "beadle-collect")


def test_r13_a_collector_that_is_stopped_or_hangs_is_mailed_by_another_server_once(tmp_path, exim, programs):
    site = programs(Site(tmp_path)).start()
    agent = site.agent("web1", CALM).start()
    watcher = programs(Watcher(tmp_path, f"127.0.0.1:{site.port}", agent.folder / "identity", by(tmp_path, exim))).start()
    wait_for("the agent", lambda: site.ask("hosts", "web1")["connected"])
    # It looks with the agent's own identity, and the agent goes on as if nobody did.
    wait_for("looks", lambda: (watcher.state / "mail").exists() and time.sleep(2.5) is None)
    assert len(re.findall("connected$", site.collector.text(), re.M)) == 1 and not site.ask("incidents")["incidents"]
    assert exim.mails() == [] and "silent" not in watcher.text()

    site.collector.stop(60)
    mail, = mails(exim, 1)
    assert mail["To"] == TO and mail["Subject"] == f"[巡堂] 收集器 127.0.0.1:{site.port}：沒有回應"
    assert "原因：Connection refused" in mail.get_content() and "沒有人看顧" in mail.get_content()
    # It is not told again, whoever ends the watcher and however.
    watcher.kill()
    watcher.start().saw_silence(2)
    stop(watcher)
    watcher.start().saw_silence(3)
    time.sleep(3)
    assert len(mails(exim, 1)) == 1
    site.start()
    assert "恢復運作" in mails(exim, 2)[1]["Subject"]

    # The process lives, its socket takes connections, and nobody looks at them.
    pid = collect_of(site)
    os.kill(pid, signal.SIGSTOP)
    try:
        third = mails(exim, 3)[2]
        assert "沒有回應" in third["Subject"] and "does not answer in time" in third.get_content()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "恢復運作" in mails(exim, 4)[3]["Subject"]
    assert len({m["Message-ID"] for m in exim.mails()}) == 4
    assert not [i for i in site.ask("incidents", "--all")["incidents"] if i["about_en"] != "Agent is gone"]
    stop(watcher)


def test_r13_what_keeps_a_watcher_from_seeing_the_schools_collector_is_told_as_what_it_is(tmp_path, exim, programs):
    """It is another school's; ours lets this server in no more; our own identity is gone. Three servers at once."""
    intake = programs(Intake(tmp_path)).start()
    uuid = "00000000-0000-4000-8000-000000000001"
    identities = {"stranger": certs.Authority("other").folder("agent", uuid, tmp_path / "other"),
                  "refused": certs.BAD["expired"](intake.ca, "agent", uuid, tmp_path / "expired"),
                  "blind": intake.ca.folder("agent", uuid, tmp_path / "gone")}
    (identities["blind"] / "key.pem").unlink()
    watchers = []
    for name, identity in identities.items():
        (tmp_path / name).mkdir()
        watchers.append(programs(Watcher(tmp_path / name, f"localhost:{intake.port}", identity, by(tmp_path / name, exim), "en")).start())
    told = {m["Subject"]: m.get_content() for m in mails(exim, 3)}
    head = f"[Beadle] collector localhost:{intake.port}: "
    assert "Reason: certificate refused" in told[head + "who answers is not the school's collector"]
    assert "ends the connection without an answer" in told[head + "does not let this server in"]
    assert f"{tmp_path}/gone/key.pem" in told[head + "cannot be looked at"]
    for one in watchers:
        stop(one)


def test_r13_an_identity_that_comes_later_is_taken_by_the_next_start(tmp_path, programs):
    """The unit starts it again; the walls of the last one are around what was there then."""
    intake = programs(Intake(tmp_path)).start()
    watcher = programs(Watcher(tmp_path, f"localhost:{intake.port}", tmp_path / "later", "{server: localhost, from: a@b}")).start()
    watcher.wait_log("blind: cannot load")
    intake.ca.folder("agent", "00000000-0000-4000-8000-000000000001", tmp_path / "later")
    assert wait_for("its end", lambda: watcher.process.poll() is not None and watcher.process) and watcher.process.returncode == 0
    watcher.start()
    time.sleep(1.5)
    assert watcher.process.poll() is None and watcher.text().count("blind: ") == 1
    stop(watcher)


def own_identity(site, folder, name):
    """As the operators' guide has it: a token, and `beadle enroll --watcher` on the watcher's machine. Returns STATE/identity."""
    made = site.ask("token", "new", "--host", name, "--at", f"127.0.0.1:{site.door}")
    config = folder / "enroll.yaml"
    config.write_text(f"collector: 127.0.0.1:{site.port}\nstate: {folder}/watch\n")
    done = subprocess.run([BEADLE, "enroll", made["token"], "--host", name, "--watch-config", config], env=ENV, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0 and "systemctl enable --now beadle-watch" in done.stdout, done.stdout + done.stderr
    return folder / "watch/identity"


def host(site, name):
    return next(h for h in site.ask("hosts")["hosts"] if h["name"] == name)


def trouble(watcher):
    return re.findall("^.*warning: .*: (?:silent|stranger|refused|trouble|blind): .*$", watcher.text(), re.M)


def test_r13_a_watcher_with_an_identity_of_its_own_follows_another_authority_and_goes_on_seeing(tmp_path, exim, programs):
    """I5: a whole roll-over while it looks. No mail, no look in vain, and then it still sees the collector end."""
    site = programs(Site(tmp_path)).start()
    folder = own_identity(site, tmp_path, "watcher-web1")
    if os.geteuid() == 0:
        assert folder.owner() == "beadle-watch" and {p.owner() for p in folder.iterdir()} == {"beadle-watch"}
    watcher = programs(Watcher(tmp_path, f"127.0.0.1:{site.port}", None, by(tmp_path, exim))).start()
    wait_for("its token is over", lambda: all(t["state"] == "over" for t in site.ask("token", "list")["tokens"]))
    assert host(site, "watcher-web1")["watches"] and not host(site, "watcher-web1")["connected"]
    former = site.ask("authority", "show")["authority"]
    shutil.copytree(folder, tmp_path / "old")

    site.beadle("authority", "roll")
    now = site.ask("authority", "show")["authority"]
    wait_for("it has followed", lambda: site.ask("authority", "show")["left"] == [])
    wait_for("its files are in place", lambda: by_authority(folder) == now and not (folder / "next").exists())
    assert trusted(folder) == 2 and certs.read(folder)[1] == 2 and now != former
    assert RawAgent(site.port, tmp_path / "old").refused(), "a newer one of the same watcher was used"
    site.beadle("authority", "finish")
    wait_for("the former is trusted no more", lambda: trusted(folder) == 1)
    time.sleep(3)       # it has looked since
    site.collector.stop(60)
    site.start()
    wait_for("it is seen again", lambda: host(site, "watcher-web1")["watches"])
    assert [line for line in trouble(watcher) if "silent: " not in line] == [] and exim.mails() == [], watcher.text()
    assert not site.ask("incidents")["incidents"]

    site.collector.stop(60)
    assert "沒有回應" in mails(exim, 1)[0]["Subject"]
    stop(watcher)


def test_r13_a_watchers_own_certificate_is_renewed_in_time_without_a_look_in_vain(tmp_path, programs):
    """One that is 40 days old. Nobody else's is touched: that of an agent, which renews itself."""
    site = programs(Site(tmp_path)).start()
    folder = certs.aged(own_identity(site, tmp_path, "watcher-web1"), site.state / "signer", 40)
    agent = site.agent("web1", CALM)
    others = certs.aged(agent.folder / "identity", site.state / "signer", 40)
    before, key = [(others / name).read_bytes() for name in ("cert.pem", "key.pem")], (folder / "key.pem").read_bytes()
    (tmp_path / "two").mkdir()
    mail = "{server: localhost, from: a@b.example}"
    watcher = programs(Watcher(tmp_path, f"127.0.0.1:{site.port}", None, mail)).start()
    second = programs(Watcher(tmp_path / "two", f"127.0.0.1:{site.port}", others, mail)).start()
    watcher.wait_log("the certificate was renewed, with a new key")
    assert certs.read(folder)[1] == 2 and certs.fits(folder) and not (folder / "next").exists()
    assert (folder / "key.pem").read_bytes() != key and (folder / "key.pem").stat().st_mode & 0o77 == 0
    time.sleep(2)       # the second has looked
    assert trouble(watcher) == trouble(second) == [] and [(others / name).read_bytes() for name in ("cert.pem", "key.pem")] == before
    watcher.kill()
    watcher.start()
    time.sleep(3)
    assert trouble(watcher) == [] and watcher.text().count("renewed") == 1, "it is not due again"
    assert not [h for h in site.ask("hosts")["hosts"] if h["name"] == "web1" and not h["never_connected"]]
    stop(watcher)
    stop(second)


def test_r14_a_watcher_that_looks_no_more_is_missed_and_an_agents_shadow_hides_nothing(tmp_path, programs):
    """With an agent's identity nothing is noted: that the agent has never come is found all the same."""
    site = programs(Site(tmp_path, edit_procedure=lambda text: text.replace("awaited: 1h ", "awaited: 5s "))).start()
    own_identity(site, tmp_path, "watcher-web1")
    agent = site.agent("web1", CALM)
    (tmp_path / "two").mkdir()
    mail = "{server: localhost, from: a@b.example}"
    watcher = programs(Watcher(tmp_path, f"127.0.0.1:{site.port}", None, mail)).start()
    programs(Watcher(tmp_path / "two", f"127.0.0.1:{site.port}", agent.folder / "identity", mail)).start()

    def found():
        return sorted((i["host_name"], i["state"]) for i in site.ask("incidents", "--all")["incidents"])
    wait_for("the agent is missed", lambda: ("web1", "open") in found())
    time.sleep(8)
    assert found() == [("web1", "open")], "the watcher looks"
    stop(watcher)
    wait_for("the watcher is missed", lambda: ("watcher-web1", "open") in found())
    assert "its watcher has not looked at the collector for" in json.dumps(
        [site.ask("incident", i["id"]) for i in site.ask("incidents")["incidents"]])
    watcher.start()
    wait_for("it is back", lambda: ("watcher-web1", "recovered") in found())


def test_r13_a_probe_is_answered_by_the_store_and_speaks_for_no_host(tmp_path):
    """The agent that is connected with the same certificate goes on; a frame behind the question is not read."""
    intake = Intake(tmp_path)
    intake.start()
    try:
        agent = intake.connect(1)
        for _ in range(3):
            probe = RawAgent(intake.port, intake.agent(1)[1])
            probe.send(frame(blob(PROBE, b"")) * 2)
            kind, answer = probe.receive()
            assert kind == WORKING and not answer.get(1, [b""])[0]
            assert probe.receive() is None
        never = RawAgent(intake.port, intake.agent(2)[1])
        never.send(frame(blob(PROBE, b"")))
        assert never.receive()[0] == WORKING, "one that has never come as an agent"
        late = intake.connect(3)
        late.send(frame(blob(PROBE, b"")))
        assert "does not send" in late.refused()
        agent.send(frame(blob(PROBE, b"")))
        assert "does not send" in agent.refused()
        assert "machines" not in intake.text() and len(re.findall("connected$", intake.text(), re.M)) == 2
    finally:
        intake.stop()


def test_r13_a_probe_is_not_answered_while_the_store_takes_nothing(tmp_path, programs):
    """Everything else runs: somebody holds the lock for writing, and lets go of it."""
    intake = programs(Intake(tmp_path)).start()
    with contextlib.closing(sqlite3.connect(intake.store / "main.db", isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        probe = RawAgent(intake.port, intake.agent(1)[1])
        probe.tls.settimeout(2)
        probe.send(frame(blob(PROBE, b"")))
        with pytest.raises(TimeoutError):
            probe.receive()
        other.execute("ROLLBACK")
    probe.tls.settimeout(20)
    assert probe.receive()[0] == WORKING


# ---- the heartbeat ----

class Alarm(http.server.ThreadingHTTPServer):
    """Outside: alarms when no beat comes. Here: takes note of them."""
    answer = 200

    def __init__(self, folder):
        self.beats, self.ca = [], folder / "alarm.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        folder / "alarm.key", "-out", self.ca, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        alarm = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                alarm.beats.append((self.command, self.path, self.headers["Authorization"]))
                self.send_response(alarm.answer)
                self.send_header("Content-Length", "0")
                self.end_headers()
            do_POST = do_GET

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, folder / "alarm.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://localhost:{self.server_address[1]}/ping/5e1f"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def comes(self, n=1):
        before = len(self.beats)
        wait_for(f"{n} beats", lambda: len(self.beats) >= before + n)

    def silent(self, seconds):
        """No beat for so long, but the one that was on its way."""
        time.sleep(0.5)
        before = len(self.beats)
        time.sleep(seconds)
        return len(self.beats) == before


@pytest.fixture
def alarm(tmp_path):
    one = Alarm(tmp_path)
    yield one
    one.shutdown()


def test_r13_the_heartbeat_is_there_while_the_collector_works_and_no_longer(tmp_path, alarm, programs):
    header = tmp_path / "header"
    header.write_text("Authorization: Bearer canary\n")
    header.chmod(0o600)
    subprocess.run(["chown", "beadle-notify", header], capture_output=True)
    site = programs(Site(tmp_path, notify=f"notify: {{heartbeat: {{url: \"{alarm.url}\", every: 1s, ca: {alarm.ca}, "
                                          f"header-file: {header}}}}}")).start()
    alarm.comes(2)
    assert set(alarm.beats) == {("GET", "/ping/5e1f", "Bearer canary")}

    # The notifier lives on, and what it should vouch for does not.
    pid = collect_of(site)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert alarm.silent(3)
    finally:
        os.kill(pid, signal.SIGCONT)
    alarm.comes()

    # It is not taken: that is told once in the log, and by the doctor, until it is.
    alarm.answer = 503
    site.collector.wait_log("heartbeat: nobody outside hears it: the other side answered 503")
    assert "heartbeat: nobody outside hears it: the other side answered 503" in doctor(site)
    alarm.comes()
    alarm.answer = 204
    site.collector.wait_log("(?s)answered 503.*heartbeat: it is heard again")
    assert "heartbeat: was taken outside" in doctor(site)
    log = site.collector.text()
    assert log.count("heartbeat: nobody outside hears it: the other side answered 503") == 1
    assert log.count("nobody outside hears it: the collector has not answered") == 1 and log.count("heartbeat: it is heard again") == 2
    assert "canary" not in log and "5e1f" not in log
    site.collector.stop(60)
    assert alarm.silent(2)


def test_r13_the_heartbeat_stays_away_when_nothing_can_be_stored(tmp_path, alarm, programs):
    """Everything runs, and the disk is full. The watcher is told why."""
    if os.geteuid() != 0:
        pytest.skip("not proven: a small file system needs root")
    (tmp_path / "c").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=755", "tmpfs", tmp_path / "c"], check=True)
    try:
        site = programs(Site(tmp_path, notify=f"notify: {{heartbeat: {{url: \"{alarm.url}\", method: post, every: 1s, ca: {alarm.ca}}}}}\n"
                                              "limits: {reserve: 4MiB}")).start()
        agent = site.agent("web1", FAST).start()
        alarm.comes()
        assert set(alarm.beats) == {("POST", "/ping/5e1f", None)}
        wait_for("no room", lambda: fill(site.state) or "heartbeat: nobody outside hears it: the collector's disk is full" in site.collector.text(),
                 every=1)
        assert alarm.silent(3)
        probe = RawAgent(site.port, agent.folder / "identity")
        probe.send(frame(blob(PROBE, b"")))
        kind, answer = probe.receive()
        assert kind == WORKING and b"disk is full" in answer[1][0]
        (site.state / "filler").unlink()
        alarm.comes()
        site.stop()
    finally:
        subprocess.run(["umount", "-l", tmp_path / "c"], check=True)


def test_r13_the_heartbeat_goes_to_nobody_else_and_by_mail_as_well(tmp_path, alarm, exim, programs):
    """A server with another certificate hears nothing. By mail it is for an address whose owner alarms."""
    site = programs(Site(tmp_path, notify=f"notify: {{heartbeat: {{url: \"{alarm.url}\", every: 1s}}}}")).start()
    site.collector.wait_log("heartbeat: nobody outside hears it: .*(?i:certificate)")
    assert alarm.beats == []
    site.collector.stop(60)
    mail = by(tmp_path, exim)
    subprocess.run(["chown", "beadle-notify", tmp_path / "watch.password"], capture_output=True)
    text = site.config.read_text()
    site.config.write_text(re.sub("notify: .*", f"notify: {{mail: {mail}, heartbeat: {{mail: alarm@monitor.example, every: 1s}}}}", text))
    site.start()
    first, *_ = wait_for("two beats", lambda: len(box := exim.mails()) >= 2 and box)
    assert first["To"] == "alarm@monitor.example" and first["Subject"] == "[測試學校] 收集器運作中"
    assert len({m["Message-ID"] for m in exim.mails()}) == len(exim.mails())


@pytest.mark.parametrize("wrong, told", [
    ("{every: 5min}", "expected either url or mail"),
    ('{url: "https://a/", mail: a@b}', "expected either url or mail"),
    ('{url: "http://a/"}', 'url: "http://a/": expected https://'),
    ('{url: "https://a/", every: 500ms}', "every"),
    ('{url: "https://a/", method: put}', "method"),
    ("{mail: a@b}", "it needs a mail server"),
    ('{url: "https://a/", header-file: /nonexistent}', "header-file: /nonexistent cannot be read"),
])
def test_mistakes_of_the_heartbeat_are_told_with_their_line(tmp_path, wrong, told):
    config = tmp_path / "collector.yaml"
    config.write_text(f"school: a\nnotify:\n  heartbeat: {wrong}\n")
    done = subprocess.run([BUILD / "collector/notify/beadle-notifier", "--check-config", "--config", config], env=ENV,
                          capture_output=True, text=True)
    assert done.returncode and f"{config}:3: " in done.stderr and told in done.stderr, done.stderr


def test_the_sample_of_the_watcher_is_taken_and_its_mistakes_are_told(tmp_path):
    def check(file):
        return subprocess.run([BEADLE, "watch-collector", "--check-config", "--config", file], env=ENV, capture_output=True, text=True)
    sample = SOURCE / "conf.d/watch.yaml"
    done = check(sample)
    assert (done.returncode, done.stderr) == (0, "")
    uncommented = tmp_path / "watch.yaml"
    uncommented.write_text(re.sub(r"^#(identity|state|every|for|again)", r"\1", sample.read_text(), flags=re.M))
    assert check(uncommented).returncode == 0
    uncommented.write_text(sample.read_text().replace("collector.school.example:7411", "collector.school.example"))
    done = check(uncommented)
    assert done.returncode == 1 and f"{uncommented}:4: collector: \"collector.school.example\": expected HOST:PORT" in done.stderr
