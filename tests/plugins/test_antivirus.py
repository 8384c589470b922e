"""antivirus against a real clamd, a small database of our own, and the EICAR file."""
import hashlib
import io
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

CLAMD = shutil.which("clamd", path="/usr/sbin:/usr/bin")
CLAMSCAN = shutil.which("clamscan")
real = pytest.mark.skipif(not CLAMD or not CLAMSCAN, reason="not proven: clamd is not installed (clamav-daemon)")

# In two halves, so that this file is none.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD" + "-ANTIVIRUS-TEST-FILE!$H+H*").encode()
HDB = b"44d88612fea8a8f36de82e1278abb02f:68:Test.EICAR:73\n"
DAY = 86400


def database(folder, version, built):
    """daily.cud: a header of 512 bytes, then a plain tar, unsigned: as sigtool --unsigned makes it."""
    date = time.strftime("%d %b %Y %H-%M +0000", time.gmtime(built))
    files = {"COPYING": b"test\n", "daily.hdb": HDB}
    info = f"ClamAV-VDB:{date}:{version}:1:90:X:X:test:{built}\n"
    info += "".join(f"{name}:{len(data)}:{hashlib.sha256(data).hexdigest()}\n" for name, data in files.items())
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in ({"COPYING": files["COPYING"], "daily.info": info.encode()} | files).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    header = f"ClamAV-VDB:{date}:{version}:1:90:{'0' * 32}:X:test:{built}".encode().ljust(512)
    (folder / "daily.cud.new").write_bytes(header + content.getvalue())
    (folder / "daily.cud.new").rename(folder / "daily.cud")


class Clam:
    """A clamd of the test's own, in the foreground."""

    def __init__(self, folder, tcp=False):
        self.folder, self.process = folder, None
        for name in ("db", "state", "files"):
            (folder / name).mkdir()
        self.socket, self.conf, self.log = folder / "clamd.ctl", folder / "clamd.conf", folder / "clamd.log"
        door = f"LocalSocket {self.socket}\n"
        if tcp:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                self.port = s.getsockname()[1]
            door = f"TCPSocket {self.port}\nTCPAddr 127.0.0.1\n"
        self.conf.write_text(f"# the test's own\n{door}DatabaseDirectory {folder}/db\nLogFile {self.log}\nLogTime yes\n"
                             f"Foreground yes\nSelfCheck 0\nMaxThreads 2\n")
        (folder / "freshclam.conf").write_text(f"DatabaseDirectory {folder}/db\nUpdateLogFile {folder}/freshclam.log\n")

    def start(self, ready):
        self.process = subprocess.Popen([CLAMD, "-c", self.conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not ready():
            assert self.process.poll() is None, f"clamd ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, "clamd did not start in 60 s"
            time.sleep(0.1)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    @property
    def options(self):
        return {"engine": "clamav", "clamd_conf": self.conf, "freshclam_conf": self.folder / "freshclam.conf",
                "grant": [f"read:{self.folder}"]}     # where this clamd.conf, and no plugin, says that things are


@pytest.fixture
def clam(tmp_path):
    c = Clam(tmp_path)
    yield c
    c.stop()


def test_no_engine_is_a_measurement(check, tmp_path):
    r = check("antivirus", programs="/nonexistent/clamd", socket=tmp_path / "none", mdatp="/nonexistent/mdatp")
    assert (r.outcome, r.status) == ("ok", 0)
    assert r.value("antivirus_installed", engine="clamav") == 0
    assert r.value("antivirus_running", engine="clamav") == 0
    assert r.value("antivirus_signature_age") is None


@real
def test_what_is_loaded_as_against_what_lies_on_disk(check, clam):
    now = int(time.time())
    database(clam.folder / "db", 27400, now - 3 * DAY)
    r = check("antivirus", **clam.options)
    assert r.value("antivirus_installed", engine="clamav") == 1
    assert r.value("antivirus_running", engine="clamav") == 0, "it was not started yet"

    clam.start(lambda: check("antivirus", **clam.options).value("antivirus_running") == 1)
    r = check("antivirus", **clam.options)
    assert r.value("antivirus_signature_age", engine="clamav") == pytest.approx(3 * DAY, abs=120)
    assert r.value("antivirus_database_age", engine="clamav", database="daily") == pytest.approx(3 * DAY, abs=120)
    assert r.value("antivirus_loaded_outdated", engine="clamav") == 0
    assert r.fact("signature_version", engine="clamav") == "27400"
    assert r.fact("engine_version", engine="clamav")[0].isdigit()

    # A newer one arrives, and nobody tells clamd.
    database(clam.folder / "db", 27403, now)
    r = check("antivirus", **clam.options)
    assert r.value("antivirus_loaded_outdated", engine="clamav") == 1
    assert r.value("antivirus_signature_age", engine="clamav") == pytest.approx(3 * DAY, abs=120)
    assert r.value("antivirus_database_age", engine="clamav", database="daily") < 120
    assert r.fact("database_version", engine="clamav", database="daily") == "27403"

    clam.process.send_signal(signal.SIGUSR2)  # reload
    deadline = time.monotonic() + 60
    while check("antivirus", **clam.options).value("antivirus_loaded_outdated") != 0:
        assert time.monotonic() < deadline, clam.log.read_text()
        time.sleep(0.2)


@real
def test_a_clamd_that_hangs_is_not_running(check, clam):
    database(clam.folder / "db", 1, int(time.time()))
    clam.start(lambda: check("antivirus", **clam.options).value("antivirus_running") == 1)
    clam.process.send_signal(signal.SIGSTOP)
    try:
        assert check("antivirus", **clam.options, timeout="1s").value("antivirus_running") == 0
    finally:
        clam.process.send_signal(signal.SIGCONT)


@real
def test_tcp_and_a_database_without_date(check, tmp_path):
    clam = Clam(tmp_path, tcp=True)
    (tmp_path / "db/own.hdb").write_bytes(HDB)
    try:
        clam.start(lambda: check("antivirus", **clam.options).value("antivirus_running") == 1)
        r = check("antivirus", **clam.options)
        assert r.value("antivirus_signature_age") is None
        assert any("daily" in what for what in r.skips)
    finally:
        clam.stop()


def scan(clam, *files):
    return subprocess.run([CLAMSCAN, "-d", clam.folder / "db", f"--log={clam.folder}/scan.log", "--quiet", *files]).returncode


@real
def test_each_detection_is_an_event_once(check, clam):
    database(clam.folder / "db", 1, int(time.time()))
    files = clam.folder / "files"
    infected, clean = files / "a: b\u5716\u66f8 eicar.com", files / "clean.txt"
    infected.write_bytes(EICAR)
    clean.write_text("clean")
    options = clam.options | {"scan_log": clam.folder / "scan.log", "state": clam.folder / "state"}

    r = check("antivirus", **options)
    assert r.value("antivirus_scan_age") is None and r.skips[f"{clam.folder}/scan.log"], "there was no scan yet"
    assert scan(clam, infected, clean) == 1
    r = check("antivirus", **options)
    assert r.value("antivirus_detections", engine="clamav") == 1
    assert 0 <= r.value("antivirus_scan_age", engine="clamav") < 60
    [event] = r.events
    assert event["event"] == "detection"
    assert event["file"] == str(infected)
    assert event["signature"].startswith("Test.EICAR")
    assert not check("antivirus", **options).events, "told twice"

    assert scan(clam, infected, infected, clean) == 1
    assert len(check("antivirus", **options).events) >= 1
    assert scan(clam, clean) == 0
    r = check("antivirus", **options)
    assert r.value("antivirus_detections", engine="clamav") == 0 and not r.events


@real
def test_what_the_daemon_found_is_told(check, clam):
    database(clam.folder / "db", 1, int(time.time()))
    infected = clam.folder / "files/eicar.com"
    infected.write_bytes(EICAR)
    options = clam.options | {"state": clam.folder / "state"}
    clam.start(lambda: check("antivirus", **options).value("antivirus_running") == 1)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(clam.socket))
        s.sendall(b"zSCAN " + os.fsencode(infected) + b"\0")
        assert b"FOUND" in s.recv(1000)
    [event] = check("antivirus", **options).events
    assert event["file"] == str(infected) and event["signature"].startswith("Test.EICAR")
    assert not check("antivirus", **options).events


def test_a_flood_of_detections_is_told_in_portions(check, clam):
    log = clam.folder / "scan.log"
    log.write_text("".join(f"/srv/{i}: Test.EICAR FOUND\n" for i in range(6000)) +
                   "\n----------- SCAN SUMMARY -----------\nInfected files: 6000\nTime: 1 sec (0 m 1 s)\n")
    told = []
    while events := check("antivirus", programs="/bin/sh", scan_log=log, state=clam.folder / "state", **clam.options).events:
        told += [e["file"] for e in events]
    assert told == [f"/srv/{i}" for i in range(6000)]


def test_freshclam_s_last_success(check, clam):
    log = clam.folder / "freshclam.log"
    dated = lambda ago: time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(time.time() - ago))
    log.write_text(f"{dated(7200)} -> ClamAV update process started at {dated(7200)}\n"
                   f"{dated(7199)} -> daily.cld database is up-to-date (version: 27400, sigs: 1, f-level: 90, builder: t)\n"
                   f"{dated(3600)} -> ClamAV update process started at {dated(3600)}\n"
                   f"ERROR: {dated(3599)} -> Can't download daily.cvd from database.clamav.net\n")
    r = check("antivirus", programs="/bin/sh", **clam.options)
    assert r.value("antivirus_update_age", engine="clamav") == pytest.approx(7200, abs=120)
    log.unlink()
    database(clam.folder / "db", 5, int(time.time()))
    (clam.folder / "db/daily.cud").rename(clam.folder / "db/daily.cld")
    os.utime(clam.folder / "db/daily.cld", (0, time.time() - 5000))
    r = check("antivirus", programs="/bin/sh", **clam.options)
    assert r.value("antivirus_update_age", engine="clamav") == pytest.approx(5000, abs=120)


@real
def test_what_clamonacc_finds_is_told(check, clam):
    clamonacc = shutil.which("clamonacc", path="/usr/sbin:/usr/bin")
    if os.geteuid() != 0 or not clamonacc:
        pytest.skip("not proven: clamonacc needs root")
    database(clam.folder / "db", 1, int(time.time()))
    watched, log = clam.folder / "watched", clam.folder / "clamonacc.log"
    watched.mkdir()
    with clam.conf.open("a") as f:
        f.write(f"User root\nOnAccessIncludePath {watched}\nOnAccessExcludeUname clamav\nOnAccessPrevention no\n")
    options = clam.options | {"state": clam.folder / "state"}
    clam.start(lambda: check("antivirus", **options).value("antivirus_running") == 1)
    assert check("antivirus", **options).value("antivirus_realtime") == 0
    with subprocess.Popen([clamonacc, "--foreground", "--fdpass", "-c", clam.conf, f"--log={log}"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while not log.exists() or "watching" not in log.read_text():
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.skip("not proven: clamonacc cannot run here (fanotify)")
                time.sleep(0.1)
            assert check("antivirus", **options).value("antivirus_realtime") == 1
            (watched / "eicar.com").write_bytes(EICAR)
            events = []
            while not events:
                assert time.monotonic() < deadline, clam.log.read_text()
                (watched / "eicar.com").read_bytes()
                events = check("antivirus", **options).events
            assert events[0]["file"] == str(watched / "eicar.com") and events[0]["signature"].startswith("Test.EICAR")
        finally:
            process.terminate()
            process.wait(30)


def test_on_access_scanning_is_seen(check, clam):
    """By the process's name: this is a real one, though not of that program."""
    program = clam.folder / "clamonacc"
    shutil.copy(shutil.which("sleep"), program)
    assert check("antivirus", programs="/bin/sh", **clam.options).value("antivirus_realtime") == 0
    with subprocess.Popen([program, "60"]) as process:
        deadline = time.monotonic() + 10
        while Path(f"/proc/{process.pid}/comm").read_text() != "clamonacc\n":
            assert time.monotonic() < deadline
        assert check("antivirus", programs="/bin/sh", **clam.options).value("antivirus_realtime") == 1
        process.kill()


def test_a_broken_database_is_told_and_the_rest_goes_on(check, clam):
    (clam.folder / "db/daily.cvd").write_bytes(b"\0" * 600)
    (clam.folder / "db/main.cvd").write_bytes(b"ClamAV-VDB:13 Nov 2025 08-30 +0000:62:5:90:X:X:b:1763022600".ljust(512))
    r = check("antivirus", programs="/bin/sh", **clam.options)
    assert "daily" in r.skips and r.outcome == "partial"
    assert r.value("antivirus_database_age", database="main") > 0


HEALTH = """{"appVersion":"101.24042.0002","automaticDefinitionUpdateEnabled":{"source":"local","value":true},
"definitionsStatus":{"$type":"upToDate"},"definitionsUpdated":"%d","definitionsUpdatedMinutesAgo":%d,
"definitionsVersion":"1.411.12.0","engineVersion":"1.1.24040.1000","healthy":true,"healthIssues":[],"licensed":true,
"realTimeProtectionAvailable":true,"realTimeProtectionEnabled":{"source":"managed","value":%s}}"""


def test_defender_through_a_stand_in(check, tmp_path):
    program = tmp_path / "mdatp"

    def stand_in(text, status=0):
        program.write_text(f"#!/bin/sh\n[ \"$*\" = 'health --output json' ] || exit 9\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        program.chmod(0o755)
        return check("antivirus", engine="defender", mdatp=program, grant=["program:/bin/cat"])

    r = stand_in(HEALTH % ((time.time() - 5400) * 1000, 90, "true"))
    assert r.value("antivirus_installed", engine="defender") == r.value("antivirus_running", engine="defender") == 1
    assert r.value("antivirus_realtime", engine="defender") == 1
    assert r.value("antivirus_signature_age", engine="defender") == 5400
    assert r.fact("engine_version", engine="defender") == "1.1.24040.1000"
    assert stand_in(HEALTH % (0, 0, "false")).value("antivirus_realtime", engine="defender") == 0
    r = stand_in("Could not connect to the daemon", 1)
    assert r.value("antivirus_installed", engine="defender") == 1 and r.value("antivirus_running", engine="defender") == 0
    r = stand_in("no JSON at all")
    assert r.skips and r.value("antivirus_running") is None
    pytest.skip("not proven: Microsoft Defender itself; its documented output through a stand-in program was read as expected")


def test_a_wrong_engine_is_refused(check):
    said = check("antivirus", engine="norton", fails=True)
    assert "expected auto, clamav or defender" in (said if isinstance(said, str) else said.document["error"] + said.output)
