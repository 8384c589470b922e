"""A backup of a collector that runs (C4, C3), and what becomes of it on an empty machine: R4 and A2 hold, and a damaged one is refused."""
import base64
import hashlib
import io
import json
import os
import pathlib
import re
import shlex
import shutil
import sqlite3
import ssl
import subprocess
import tarfile
import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conftest import ENV, wait_for
from incidents import raw
from passable import passable
from school import BEADLE, CALM, FAST, Site, each_once
from test_journal import LIMITS, actions, witnessed

PASSPHRASE = "eight trees stand before the gate"


def passphrase_file(folder):
    file = folder / "passphrase"
    file.write_text(PASSPHRASE + "\n")
    file.chmod(0o600)
    return file


def run(*arguments, status=0):
    done = subprocess.run([BEADLE, *map(str, arguments)], env=ENV, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def backup(site, target):
    """Made by the command; returns what it printed and the file."""
    told = site.beadle("backup", target, "--passphrase-file", passphrase_file(site.folder))
    return told, pathlib.Path(told.split(":")[0])


def refused(arguments, why, *traces):
    """One clear line, and nothing is left behind."""
    done = run(*arguments, status=1)
    told = [line for line in done.stderr.splitlines() if "not in the backup, keep a copy" not in line]
    assert len(told) == 1 and re.search(why, told[0]) and not done.stdout, (why, done.stderr, done.stdout)
    for trace in traces:
        assert not trace.exists(), (why, trace)


def opened(file):
    """{name: content} of what is in it, by doc/backup-format.md and with other makers' code."""
    with tarfile.open(file) as tar:
        found = {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}
    salt = bytes.fromhex(json.loads(found.pop("backup.json"))["salt"])
    found.pop("manifest")
    key = AESGCM(hashlib.scrypt(PASSPHRASE.encode(), salt=salt, n=2**17, r=8, p=1, maxmem=2**28, dklen=32))
    return {name: key.decrypt(data[:12], data[12:], name.encode()) for name, data in found.items()}


def results(site):
    return site.ask("status")["intake"]["results"]


def folders(site):
    return {p.name: (p.owner(), p.group(), p.stat().st_mode) for p in [site.state, *site.state.iterdir()]}


class Load:
    """Raw agents that send until they are stopped, each time once it is acknowledged, but not more than CREDIT_FLOOR, so that they are never read more
    slowly. They keep no tail. acknowledged: {name: sequence}"""

    def __init__(self, site, names):
        self.acknowledged, self.ended = {}, threading.Event()
        self.agents = {name: raw(site, name) for name in names}
        self.threads = [threading.Thread(target=self.send, args=(name,)) for name in names]
        for thread in self.threads:
            thread.start()

    def send(self, name):
        agent = self.agents[name]
        while not self.ended.wait(0.07):
            agent.round("disk", {("disk_space_used_ratio", "mount=/srv"): 0.1})
            self.acknowledged[name] = agent.next - 1

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        for agent in self.agents.values():
            agent.close()


def copies(file, folder):
    """The store's files in it, as another program's SQLite reads them: {host's name: sequences of its raw epoch}."""
    with tarfile.open(file) as tar:
        tar.extractall(folder)
    checked = subprocess.run(["sha256sum", "--check", "--strict", "manifest"], cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    for name, content in opened(file).items():
        (folder / name).write_bytes(content)
    with sqlite3.connect(folder / "store/main.db") as db:
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        names, tasks = dict(db.execute("select id, name from host")), {t for t, in db.execute("select id from task")}
    found = {}
    for day in sorted(folder.glob("store/raw-*.db")):
        with sqlite3.connect(day) as db:
            assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
            for host, epoch, sequence, task in db.execute("select host, epoch, sequence, task from result join spool on spool.id = spool"):
                assert task in tasks, "the main file knows every name that a day uses"
                if epoch == RAW:
                    found.setdefault(names[host], []).append(sequence)
    return found


RAW = 1         # the epoch of raw agents; that of real ones is random


def of_agents(records):
    return {r for r in records if r[1] != RAW}


def test_c04_a_backup_under_load_is_restored_by_its_own_instructions(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site", notify=LIMITS).start()
    try:
        agents = [site.agent(name, FAST).start() for name in ("web1", "web2")]
        wait_for("results", lambda: results(site) > 50)
        load = Load(site, ["raw1", "raw2"])
        wait_for("load", lambda: len(load.acknowledged) == 2)
        first = dict(load.acknowledged)
        told, file = backup(site, tmp_path / "elsewhere")
        then = dict(load.acknowledged)
        wait_for("intake goes on", lambda: all(load.acknowledged[name] > then[name] + 20 for name in then))
        load.stop()
        assert all(then[name] > first[name] for name in then), "intake went on meanwhile"
        assert file.stat().st_mode & 0o777 == 0o600 and os.listdir(file.parent) == [file.name]
        assert f"SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}\n" in told
        assert not list(site.state.glob("store/copy.db*"))
        assert "backup.begun" in str(actions(site)) and "backup.made" in str(actions(site))
        held = copies(file, tmp_path / "copies")
        for name in first:
            assert held[name] == list(range(1, len(held[name]) + 1)) and len(held[name]) >= first[name]
        for name in ("lin", "chen", "ho", "yu", "hsu"):                 # are lost, and that is declared
            site.beadle("person", "add", name, "--roles", "viewer")
        so_far = results(site)
        wait_for("more results", lambda: results(site) > so_far + 100)
        wait_for("they have witnessed", lambda: all(witnessed(a) > int(re.search(r"entry (\d+)", told)[1]) + 2 for a in agents))
        site.collector.stop(60)

        ledger = of_agents(site.records())
        before = folders(site)
        shutil.rmtree(site.state)
        site.config.rename(tmp_path / "lost.yaml")
        said = run(*shlex.split(re.search(r"^  beadle (restore .*)$", told, re.M)[1]))
        assert "agents send again" in said.stdout
        assert {**folders(site), "collector.sock": None, "lock": None} == {**before, "collector.sock": None, "lock": None}
        assert site.config.read_bytes() == (tmp_path / "lost.yaml").read_bytes()
        site.start()
        wait_for("what was there before", lambda: ledger <= of_agents(site.records()), timeout=60, every=0.5)
        site.beadle("person", "add", "wang", "--roles", "viewer")
        wait_for("what was lost is told", lambda: "restore.witnessed web" in str(actions(site)))
        wait_for("they have witnessed what came after", lambda: all(witnessed(a) > 10**12 for a in agents))
        assert "lin" not in str(site.ask("person", "list"))
        assert not (site.state / "store/restored").exists()
        witnesses = [w for a in agents for w in ("--witness", a.folder / "state/core/witness")]
        verified = site.beadle("audit", "verify", *witnesses)
        assert "lost when a backup was put back" in verified and "0 findings" in verified
        assert "collector_journal_broken" not in str(site.ask("incidents"))
        site.stop()
        records = of_agents(site.records())
        missing = sorted(ledger - records)
        assert not missing, ("acknowledged once, and not there again", len(missing), missing[:10])
        each_once(records)
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()


def test_c04_the_store_alone_is_put_back(tmp_path):
    """The signer's folder stays: it knows which keys were revoked since (I4), and how far the journal had come (A2)."""
    site = Site(tmp_path, notify=LIMITS).start()
    try:
        agent = site.agent("web1", CALM).start()
        raw(site, "web2").close()
        file = backup(site, tmp_path)[1]
        site.beadle("identity", "revoke", "web2")
        for name in ("lin", "chen", "ho", "yu", "hsu"):
            site.beadle("person", "add", name, "--roles", "viewer")
        wait_for("it has witnessed", lambda: witnessed(agent) >= 12)
        site.collector.stop(60)
        said = run("restore", file, "--state", site.state, "--replace", "--passphrase-file", tmp_path / "passphrase").stdout
        assert len(list(site.state.glob("store.before-*"))) == 1 and "kept as" in said
        site.start()
        wait_for("declared", lambda: "journal.restored" in actions(site))
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            raw(site, "web2")
        for name in ("wang", "wu", "tsai", "kuo", "su"):
            site.beadle("person", "add", name, "--roles", "viewer")
        entry = next(line for line in site.beadle("audit", "export").splitlines() if "\tjournal.restored\t" in line)
        assert hashlib.sha256(file.read_bytes()).hexdigest() in entry and int(entry.split("\t")[1]) < 100
        verified = site.beadle("audit", "verify", "--witness", agent.folder / "state/core/witness")
        assert "lost when a backup was put back" in verified and "0 findings" in verified
        assert "collector_journal_broken" not in str(site.ask("incidents"))
    finally:
        site.stop()


def test_r04_what_nobody_holds_any_more_is_a_gap(tmp_path):
    """An agent that keeps no tail: what it had sent between the backup and its restart is lost, and said to be, once, to the number."""
    site = Site(tmp_path).start()
    try:
        agent = site.agent("web1", FAST, spool="spool: {kept: 0, sync: 100ms}").start()
        wait_for("results", lambda: results(site) > 20)
        file = backup(site, tmp_path)[1]
        so_far = results(site)
        wait_for("more results", lambda: results(site) > so_far + 20)
        agent.stop()
        agent.start()                           # its next life has another epoch; of this one it keeps nothing
        so_far = results(site)
        wait_for("more results", lambda: results(site) > so_far + 20)
        assert site.ask("hosts", "web1")["gaps"] == []
        site.collector.stop(60)
        ledger = set(site.records())
        shutil.rmtree(site.state)
        run("restore", file, "--state", site.state, "--passphrase-file", tmp_path / "passphrase")
        site.start()
        gap, = wait_for("the gap", lambda: site.ask("hosts", "web1")["gaps"])
        assert "lost when a backup was restored" in site.beadle("hosts", "web1")
        site.stop()
        site.start()
        agent.start()
        wait_for("it is back", lambda: site.ask("hosts", "web1")["connected"])
        assert site.ask("hosts", "web1")["gaps"] == [gap], "it is told once, and stays"
        so_far = results(site)
        wait_for("more results", lambda: results(site) > so_far + 20)
        assert [a for a in actions(site) if a.startswith("host.gap")] == ["host.gap web1"]
        site.stop()
        lost = sorted(r[2] for r in ledger - set(site.records()) if r[1] % 2**64 == int(gap["epoch"], 16))
        assert lost == list(range(gap["from"], gap["to"] + 1)) and len(lost) == gap["records"] >= 20
        assert not {r for r in ledger - set(site.records()) if r[1] % 2**64 != int(gap["epoch"], 16)}, "and nothing else"
    finally:
        site.collector.kill()
        for agent in site.agents:
            agent.kill()


NOTIFY = """notify:
  mail: {server: 127.0.0.1, port: 1, user: beadle, from: beadle@school.example, password-file: FOLDER/secrets/mail}
  webhooks: {chat: {url: "https://127.0.0.1:1/", header-file: OUTSIDE}}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A collector with a day of results, mail, and a token that is open."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "secrets").mkdir()
    outside = tmp_path_factory.mktemp("outside") / "header"
    passable(outside.parent)
    for file, text in ((folder / "secrets/mail", "a password for mail\n"), (outside, "X-Key: of the webhook\n")):
        file.write_text(text)
        file.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(file, "beadle-notify")
    site = Site(folder, notify=NOTIFY.replace("FOLDER", str(folder)).replace("OUTSIDE", str(outside)) + "\n" + LIMITS).start()
    site.token = site.beadle("token", "new", "--host", "web9").split()[0]
    agent = raw(site)
    for _ in range(50):
        agent.round("disk", {("disk_space_used_ratio", "mount=/srv"): 0.1})
    agent.close()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def made(site, tmp_path_factory):
    return backup(site, tmp_path_factory.mktemp("made") / "a backup.tar")[1]


def members(file):
    with tarfile.open(file) as tar:
        return [(m, tar.extractfile(m).read() if m.isfile() else b"") for m in tar.getmembers()]


def test_c04_a_damaged_backup_is_refused(made, tmp_path):
    """One bit anywhere: in what each part says of itself, in what is in it, in what is behind it; or the end is missing."""
    good, bad, state = made.read_bytes(), tmp_path / "bad.tar", tmp_path / "state"
    arguments = ("restore", bad, "--state", state, "--passphrase-file", passphrase_file(tmp_path))
    places = [len(good) - 1, len(good) - 600]
    for member, data in members(made):
        if member.name not in ("backup.json", "signer/ca.key", "store", "store/main.db", "manifest"):
            continue
        places += [member.offset + 5, member.offset + 130, member.offset + 300]
        places += [member.offset_data + len(data) // 2, member.offset_data + len(data)] if data and len(data) % 512 else []
        places += [member.offset_data] if data else []
    assert len(places) > 20
    for place in places:
        damaged = bytearray(good)
        damaged[place] ^= 1
        bad.write_bytes(damaged)
        refused(arguments, "damaged|no backup", state, tmp_path / "state.restoring")
    for end in [0, 100, 512, len(good) // 2, len(good) - 512, len(good) - 1]:
        bad.write_bytes(good[:end])
        refused(arguments, "damaged|no backup", state, tmp_path / "state.restoring")
    bad.write_bytes(good + bytes(512))
    refused(arguments, "damaged", state, tmp_path / "state.restoring")


def test_c04_a_part_that_was_exchanged_is_refused(made, tmp_path):
    """Whole by itself, and not what the manifest says; and names that lead elsewhere."""
    bad, state = tmp_path / "bad.tar", tmp_path / "state"
    arguments = ("restore", bad, "--state", state, "--passphrase-file", passphrase_file(tmp_path))
    for name, turned, why in (("store/main.db", "store/main.db", "store/main.db is damaged"), ("store/main.db", "store/../../x", "damaged"),
                              ("store/main.db", "/etc/x", "damaged"), ("store/main.db", "etc/x", "damaged"), ("signer/ca.key", "store/x", "damaged"),
                              ("identity/key.pem", "identity/key.pm", "damaged")):
        with tarfile.open(bad, "w", format=tarfile.USTAR_FORMAT) as tar:
            for member, data in members(made):
                if member.name == name:
                    member.name, data = turned, data[:-1] + bytes([data[-1] ^ 1])
                tar.addfile(member, io.BytesIO(data))
        refused(arguments, why, state, tmp_path / "state.restoring", tmp_path / "x")


def test_c04_a_manifest_made_anew_does_not_help(made, tmp_path):
    """Whoever has no passphrase cannot put one key in the place of another."""
    parts = {m.name: [m, data] for m, data in members(made)}
    a, b = parts["signer/ca.key"], parts["web/key.pem"]
    a[1], b[1] = b[1], a[1]
    parts["manifest"][1] = b"".join(f"{hashlib.sha256(d).hexdigest()}  {n}\n".encode() for n, (m, d) in parts.items()
                                    if m.isfile() and n != "manifest")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member, data in parts.values():
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        end = tar.offset
    bad = tmp_path / "bad.tar"
    bad.write_bytes(out.getvalue()[:end + 1024])
    refused(("restore", bad, "--state", tmp_path / "state", "--passphrase-file", passphrase_file(tmp_path)), "not its passphrase|damaged at",
            tmp_path / "state", tmp_path / "state.restoring")


def test_c04_restore_spares_what_is_there(site, made, tmp_path):
    key = passphrase_file(tmp_path)
    refused(("restore", made, "--state", site.state, "--passphrase-file", key), "something in it")
    refused(("restore", made, "--state", site.state, "--replace"), "a collector is at work")
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase\n")
    wrong.chmod(0o600)
    refused(("restore", made, "--state", tmp_path / "state", "--passphrase-file", wrong), "not its passphrase", tmp_path / "state")
    key.chmod(0o644)
    refused(("restore", made, "--state", tmp_path / "state", "--passphrase-file", key), "read by others", tmp_path / "state")
    refused(("restore", made, "--state", tmp_path / "state"), "--passphrase-file", tmp_path / "state")
    key.chmod(0o600)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/collector.yaml").write_text("mine\n")
    done = run("restore", made, "--state", tmp_path / "state", "--config", tmp_path / "etc", "--passphrase-file", key)
    assert "stays as it is" in done.stderr and (tmp_path / "etc/collector.yaml").read_text() == "mine\n"
    mail = tmp_path / "etc/secrets/mail"
    assert mail.read_text() == "a password for mail\n" and mail.stat().st_mode & 0o777 == 0o600
    assert os.geteuid() or mail.owner() == "beadle-notify"


def test_c04_a_backup_that_fails_leaves_nothing(site, tmp_path):
    """A damaged day: it is not copied as if it were whole."""
    key, today = passphrase_file(tmp_path), next(site.state.glob("store/raw-*.db"))
    data = bytearray(today.read_bytes())
    data[-100] ^= 1
    old = today.with_name("raw-20200101.db")
    old.write_bytes(data)
    shutil.copystat(today, old)
    if os.geteuid() == 0:
        shutil.chown(old, "beadle-collector")
    try:
        refused(("--socket", site.socket, "backup", tmp_path / "x.tar", "--passphrase-file", key), "raw-20200101.db: it is damaged")
        assert sorted(os.listdir(tmp_path)) == ["passphrase"] and not list(site.state.glob("store/copy.db*"))
        assert actions(site)[-1].startswith("backup.failed")
    finally:
        for file in site.state.glob("store/raw-20200101.db*"):
            file.unlink()
    key.write_text("too short\n")
    refused(("--socket", site.socket, "backup", tmp_path / "x.tar", "--passphrase-file", key), "too short", tmp_path / "x.tar")


def test_c04_what_cannot_be_sealed_is_refused_in_one_line(site, tmp_path):
    """More than AES-GCM seals under one nonce: told at once, not after hours; also of a file that is no day of the store."""
    key = passphrase_file(tmp_path)
    for place in ("store/raw-20200101.db", "identity/large"):
        with open(site.state / place, "w") as file:
            file.truncate((64 << 30) - 31)
        try:
            refused(("--socket", site.socket, "backup", tmp_path / "x.tar", "--passphrase-file", key), f"{place} has more than 64 GiB")
            assert sorted(os.listdir(tmp_path)) == ["passphrase"] and not list(site.state.glob("store/copy.db*"))
        finally:
            (site.state / place).unlink()


def test_c03_no_secret_is_in_a_backup_in_clear(site, made, tmp_path):
    data, canaries = made.read_bytes(), {"token": site.token.encode(), "mail": b"a password for mail", "passphrase": PASSPHRASE.encode()}
    token = base64.urlsafe_b64decode(site.token.split("_", 1)[1] + "==")
    canaries |= {f"token {i}": token[i:i + 12] for i in range(0, len(token) - 12, 4)}
    pems = [f for f in site.state.glob("*/*") if f.is_file() and b"PRIVATE KEY" in f.read_bytes()]
    assert len(pems) >= 4, pems                             # authority's, checkpoints', collector's, dashboard's
    for pem in pems:
        lines = pem.read_text().splitlines()[1:-1]
        canaries |= {f"{pem.name} {i}": line.encode() for i, line in enumerate(lines) if len(line) > 20}
        der = base64.b64decode("".join(lines))
        canaries |= {f"{pem.name} at {i}": der[i:i + 16] for i in range(30, len(der) - 16, 4)}
    inside = opened(made)                                   # they are there all the same
    (tmp_path / "main.db").write_bytes(inside["store/main.db"])
    with sqlite3.connect(tmp_path / "main.db") as db:
        for (text,) in db.execute("select json from account union select uuid from host"):
            canaries |= {f"account or host {i}": text[i:i + 24].encode() for i in range(0, len(text) - 24, 24)}
    found = [name for name, canary in canaries.items() if canary in data]
    assert not found and b"PRIVATE KEY" not in data and b"SQLite format" not in data, found
    for pem in pems:
        assert inside[f"{pem.parent.name}/{pem.name}"] == pem.read_bytes()
    assert inside["config/secrets/mail"] == b"a password for mail\n" and inside["config/collector.yaml"] == site.config.read_bytes()
    assert not [content for content in inside.values() if b"X-Key" in content], "what is elsewhere is told, and not taken"
