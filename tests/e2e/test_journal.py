"""The journal (SECURITY A1 to A5): what a tamperer does to it is found, with its place, by two verifiers that share nothing; and nothing else is."""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import random
import re
import secrets
import signal
import sqlite3
import struct
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import journal
from conftest import BUILD, ENV, wait_for
from incidents import raw
from school import BEADLE, CALM, Site
from test_people import member

VERIFY = BUILD / "collector/audit/beadle-audit-verify"
KILLS = int(os.environ.get("BEADLE_KILLS", 5))
JOURNALS = int(os.environ.get("BEADLE_JOURNALS", 120))
EVERY = 4                               # entries a checkpoint, on sites of ours
LIMITS = f"limits: {{checkpoint_entries: {EVERY}}}"


# ---- a journal of our own making ----

def bytes_of(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Forge:
    """Makes journals as doc/journal-format.md has them: {number: line fields}, checkpoints, rows; good, until somebody changes them."""

    def __init__(self, n, every=5, key=None):
        self.key = key or Ed25519PrivateKey.generate()
        self.entries, self.checkpoints, self.rows = [], [], {}
        self.chain, self.last = journal.ZEROS, journal.ZEROS
        self.add("system", "journal.begin", '{"key":"%s"}' % bytes_of(self.key.public_key()).hex())
        self.chain = hashlib.sha256(self.last + bytes_of(self.key.public_key())).digest()
        self.grow(n - 1, every)

    def grow(self, n, every=5):
        for _ in range(n):
            i = len(self.entries) + 1
            if i % 3 == 0:
                name = f"person{i % 4}"
                row = hashlib.sha256(secrets.token_bytes(8)).hexdigest()
                self.add("林老師", f"account.roles {name}", '{"row":"%s","from":"local","before":null}' % row)
                self.rows["account", name] = row
            elif i % 3 == 1:
                self.add("system", f"incident.opened {i // 9}", '{"row":"*","detail":"壞了"}')
                self.rows["incident", str(i // 9)] = hashlib.sha256(secrets.token_bytes(8)).hexdigest()
                self.rows["step", str(self.entries[-1][0])] = str(i // 9)
            else:
                self.add("nobody", "login.failed", '{"from":"192.0.2.%d","name":"x"}' % (i % 250))
            if len(self.entries) % every == 0:
                self.sign()
        return self

    def add(self, actor, action, payload, number=None, previous=None, time_=None):
        number = number or (self.entries[-1][0] + 1 if self.entries else 1)
        salt = secrets.token_bytes(16)
        time_ = time_ or 1800000000 * 10**9 + number * 10**9
        digest = hashlib.sha256(salt + payload.encode()).digest()
        self.last = hashlib.sha256(journal.entry_bytes(self.chain, number, previous or self.last, time_, actor, action, digest)).digest()
        self.entries.append([number, time_, actor, action, self.last.hex(), salt.hex(), payload])

    def sign(self, key=None):
        number = self.entries[-1][0]
        text = journal.checkpoint_text(self.chain, number, self.last, 7)
        self.checkpoints.append([number, self.last.hex(), 7, (key or self.key).sign(text).hex()])

    def rehash(self, since):
        """All from there on as somebody would who has the database and no key."""
        self.last = bytes.fromhex(self.entries[since - 1][4]) if since else journal.ZEROS
        for e in self.entries[since:]:
            if not e[5]:
                continue
            digest = hashlib.sha256(bytes.fromhex(e[5]) + e[6].encode()).digest()
            self.last = hashlib.sha256(journal.entry_bytes(self.chain, e[0], self.last, e[1], e[2], e[3], digest)).digest()
            e[4] = self.last.hex()

    def resign(self):
        """And with the key as well."""
        by_number = {e[0]: e[4] for e in self.entries}
        self.checkpoints = [c for c in self.checkpoints if c[0] in by_number]
        for c in self.checkpoints:
            c[1] = by_number[c[0]]
            c[3] = self.key.sign(journal.checkpoint_text(self.chain, c[0], bytes.fromhex(c[1]), c[2])).hex()

    def lines(self):
        waiting = list(self.checkpoints)
        yield "beadle journal 1"
        for e in self.entries:
            while waiting and waiting[0][0] < e[0]:
                yield self.checkpoint(waiting.pop(0))
            yield "\t".join(["entry" if e[5] else "erased", *map(str, e[:5]), *([e[5], e[6]] if e[5] else [e[6]])])
        yield from map(self.checkpoint, waiting)
        for (table, key), digest in self.rows.items():
            yield f"row\t{table}\t{key}\t{digest}"

    def checkpoint(self, c):
        return f"checkpoint\t{self.chain.hex()}\t{c[0]}\t{c[1]}\t{c[2]}\t{c[3]}"

    def write(self, path):
        path.write_text("\n".join(self.lines()) + "\n")
        return path

    def witness(self, path):
        path.write_text("".join(self.checkpoint(c) + "\n" for c in self.checkpoints))
        return path


def both(export, *witnesses, key=None):
    """Exit status and places of what is found, on which two verifiers agree."""
    options = [o for w in witnesses for o in ("--witness", w)] + (["--key", key] if key else [])
    done = subprocess.run([VERIFY, *options, export], env=ENV, capture_output=True, text=True)
    status, findings, _ = journal.verify(export, witnesses, journal.read_key(key) if key else None)
    told = [line.rsplit(": ", 1)[0] for line in done.stdout.splitlines()[:-3]]
    assert done.returncode == status, (status, findings, done.stdout, done.stderr)
    for place, what in findings:
        assert any(line.startswith(f"{place}: ") for line in done.stdout.splitlines()), (place, what, done.stdout)
    assert len(findings) == int(done.stdout.splitlines()[-3].split()[-2]), (findings, done.stdout)
    return status, [place for place, _ in findings], told


# ---- what a tamperer does: each returns the number of the entry that he touched ----

def in_field(f, at, r):
    e = f.entries[at]
    k = r.choice([1, 2, 3, 6])
    e[k] = e[k] + 1 if k == 1 else e[k].replace("system", "root") if "system" in e[k] else e[k][:-1] + ("x" if e[k][-1] != "x" else "y")


def in_hash(f, at, r):
    f.entries[at][4] = hashlib.sha256(b"x").hexdigest()


def in_salt(f, at, r):
    f.entries[at][5] = secrets.token_hex(16)


def removed(f, at, r):
    del f.entries[at]


def doubled(f, at, r):
    f.entries.insert(at, list(f.entries[at]))


def inserted(f, at, r):
    f.entries.insert(at, [f.entries[at][0], 1, "root", "account.added evil", secrets.token_hex(32), secrets.token_hex(16), "{}"])
    for e in f.entries[at + 1:]:
        e[0] += 1


def swapped(f, at, r):
    f.entries[at - 1], f.entries[at] = f.entries[at], f.entries[at - 1]


def emptied(f, at, r):
    digest = hashlib.sha256(bytes.fromhex(f.entries[at][5]) + f.entries[at][6].encode()).hexdigest()
    f.entries[at][5:] = ["", digest]


NAIVE = [in_field, in_hash, in_salt, removed, doubled, inserted, swapped, emptied]


@pytest.mark.parametrize("how", NAIVE, ids=lambda how: how.__name__)
def test_a01_each_entry_alone(tmp_path, how):
    """With the database alone: each entry that a checkpoint covers, one after another."""
    for at in range(1, 10):
        f = Forge(14)
        how(f, at, random.Random(at))
        status, places, _ = both(f.write(tmp_path / "x"))
        assert status == 1, (how, at)
        assert {f"entry {n}" for n in (at, at + 1, at + 2)} & set(places) or f"checkpoint {(at // 5 + 1) * 5}" in places, (how, at, places)


def test_a01_written_anew_without_the_key(tmp_path):
    """All behind it is hashed again: the next checkpoint does not fit; and without that one nobody vouches for what is behind."""
    for at in range(1, 300, 59):
        f = Forge(300, every=10)
        f.entries[at][6] = f.entries[at][6].replace("local", "elsewhere").replace("壞了", "好了").replace("192", "198")
        f.rehash(at)
        status, places, _ = both(f.write(tmp_path / "x"))
        assert status == 1 and f"checkpoint {(at // 10 + 1) * 10}" in places, (at, places)
        f.checkpoints = f.checkpoints[:at // 10]
        status, places, told = both(f.write(tmp_path / "x"))
        assert (status, places) == (3, []) if 300 - at // 10 * 10 > 100 else status == 0, (at, places)
        assert status == 0 or told[-1] == f"entries {at // 10 * 10 + 1} to 300"


@pytest.mark.parametrize("keep", ["the checkpoints", "no checkpoints"])
def test_a01_the_end_cut_off(tmp_path, keep):
    whole = Forge(60)
    witness = whole.witness(tmp_path / "witness")
    whole.rows.clear()
    for n in range(1, 60, 7):
        f = Forge(60, key=whole.key)
        f.entries, f.chain, f.rows = whole.entries[:n], whole.chain, {}
        f.checkpoints = whole.checkpoints if keep == "the checkpoints" else whole.checkpoints[:n // 5]
        status, places, _ = both(f.write(tmp_path / "x"), witness)
        assert status == 1 and str(witness) in places, (n, places)
        if keep == "the checkpoints":
            assert f"checkpoint {whole.checkpoints[-1][0]}" in places or any(p.startswith("checkpoint") for p in places), (n, places)


def test_a01_with_all_keys(tmp_path):
    """Root with database and keys writes all of it anew: an agent's witness file, and an auditor's older export, know better."""
    for at in range(1, 50, 9):
        f = Forge(50)
        witness = f.witness(tmp_path / "witness")
        export = f.write(tmp_path / "export")
        f.entries[at][6] = f.entries[at][6].replace("local", "elsewhere").replace("壞了", "好了").replace("192", "198")
        f.rehash(at)
        f.resign()
        new = f.write(tmp_path / "x")
        assert both(new)[0] == 0                            # by itself it is as good as any
        for other in (witness, export):
            status, places, _ = both(new, other)
            assert status == 1 and set(places) == {str(other)} and len(places) == 10 - at // 5, (at, places)


def test_a01_an_older_copy_a_fork_another_journal(tmp_path):
    f = Forge(40)
    old = Forge(2, key=f.key)
    old.entries, old.checkpoints, old.chain, old.last = [list(e) for e in f.entries[:20]], [list(c) for c in f.checkpoints[:4]], f.chain, \
        bytes.fromhex(f.entries[19][4])
    old.rows = {}
    witness = f.witness(tmp_path / "witness")
    status, places, _ = both(old.write(tmp_path / "old"), witness)
    assert status == 1 and places.count(str(witness)) == 4, places
    old.grow(30)
    status, places, _ = both(old.write(tmp_path / "fork"), witness)
    assert status == 1 and str(witness) in places
    other = Forge(40, key=f.key)
    status, places, _ = both(other.write(tmp_path / "other"), witness)
    assert status == 1 and places.count(str(witness)) == 8
    key = tmp_path / "key.pem"
    key.write_bytes(Ed25519PrivateKey.generate().public_key().public_bytes(serialization.Encoding.PEM,
                                                                           serialization.PublicFormat.SubjectPublicKeyInfo))
    assert both(f.write(tmp_path / "x"), key=key)[:2] == (1, ["entry 1"])


def test_a01_lies_of_a_witness_prove_nothing(tmp_path):
    f = Forge(20)
    liar = tmp_path / "liar"
    c = [999, "ab" * 32, 7, "cd" * 64]
    liar.write_text(f.checkpoint(c) + "\n" + f.checkpoint([10, *c[1:]]) + "\nwhat is this\n")
    assert both(f.write(tmp_path / "x"), liar)[:2] == (0, [])


@pytest.mark.parametrize("what", ["changed", "removed", "added", "step moved", "step removed", "step added"])
def test_a03_lists(tmp_path, what):
    f = Forge(30)
    assert both(f.write(tmp_path / "x"))[:2] == (0, [])
    step = next(key for key in f.rows if key[0] == "step")
    if what == "changed":
        f.rows["account", "person0"] = "00" * 32
    elif what == "removed":
        del f.rows["account", "person0"]
    elif what == "added":
        f.rows["account", "evil"] = "00" * 32
    elif what == "step moved":
        f.rows[step] = "12345"
    elif what == "step removed":
        del f.rows[step]
    else:
        f.rows["step", "2"] = "1"
    wanted = {"changed": "row account person0", "removed": "row account person0", "added": "row account evil", "step added": "row step 2"}
    assert both(f.write(tmp_path / "x"))[:2] == (1, [wanted.get(what, f"row step {step[1]}")])


def test_a02_what_was_declared_is_no_finding(tmp_path):
    f = Forge(20)
    new = Ed25519PrivateKey.generate()
    text = (f"beadle key 1\nchain {f.chain.hex()}\nnumber 21\nold {bytes_of(f.key.public_key()).hex()}\n"
            f"new {bytes_of(new.public_key()).hex()}\n").encode()
    f.add("lin", f"journal.key {bytes_of(new.public_key()).hex()}", '{"old":"%s","new":"%s"}' % (f.key.sign(text).hex(), new.sign(text).hex()))
    old, f.key = f.key, new
    f.grow(9)
    for e in f.entries[1:12]:           # rule: what log-ins and incidents say is let go of
        if e[3].startswith("login"):
            e[5:] = ["", hashlib.sha256(bytes.fromhex(e[5]) + e[6].encode()).hexdigest()]
    f.add("system", "journal.erased 12", "{}")
    f.sign()
    full = f.witness(tmp_path / "witness")
    # A backup of entry 31 is put back, after 36 was signed: it goes on at 37.
    lost = bytes(range(32))
    text = journal.checkpoint_text(f.chain, 36, lost, 9)
    f.checkpoints.append([36, lost.hex(), 9, f.key.sign(text).hex()])
    full.write_text(full.read_text() + f.checkpoint(f.checkpoints[-1]) + "\n")
    f.add("system", "journal.restored", "{}", number=37, previous=lost)
    f.grow(8)
    assert both(f.write(tmp_path / "x"), full)[:2] == (0, [])
    f.entries = [e for e in f.entries if e[0] != 37]    # the same, undeclared
    status, places, _ = both(f.write(tmp_path / "x"), full)
    assert status == 1 and {"checkpoint 36", "entry 38"} <= set(places), places
    f.sign(old)                                         # a key that was put out of use signs no more
    assert f"checkpoint {f.entries[-1][0]}" in both(f.write(tmp_path / "x"))[1]


def test_a05_two_verifiers_agree(tmp_path):
    """Journals by chance, good and bad: the program and the page's own verifier say the same of each."""
    r = random.Random(5)
    found = [0, 0, 0, 0]
    for _ in range(JOURNALS):
        f = Forge(r.randint(1, 30), every=r.choice([1, 3, 7, 200]))
        for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
            if len(f.entries) > 2:
                r.choice(NAIVE)(f, r.randrange(1, len(f.entries)), r)
        if r.random() < 0.2:
            with contextlib.suppress(ValueError, struct.error, AssertionError):
                f.rehash(r.randrange(0, len(f.entries)))
        if r.random() < 0.2 and f.checkpoints:
            f.checkpoints.pop(r.randrange(len(f.checkpoints)))
        if r.random() < 0.2 and f.rows:
            f.rows.pop(r.choice(list(f.rows)))
        path = f.write(tmp_path / "x")
        if r.random() < 0.1:
            data = bytearray(path.read_bytes())
            data[r.randrange(20, len(data))] ^= 1 << r.randrange(7)
            path.write_bytes(data)
        found[both(path)[0]] += 1
    assert found[0] > JOURNALS / 10 and found[1] > JOURNALS / 3, found


# ---- the collector's own ----

@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path, notify=LIMITS)
    yield made
    made.stop()


def main_db(site):
    return site.state / "store/main.db"


def witness_of(agent):
    return agent.folder / "state/core/witness"


def last_entry(site):
    with contextlib.closing(sqlite3.connect(f"file:{main_db(site)}?mode=ro", uri=True)) as db:
        return db.execute("SELECT max(number) FROM journal").fetchone()[0]


def witnessed(agent):
    return max((c[1] for c, _ in journal.read_witness(witness_of(agent))), default=0) if witness_of(agent).exists() else 0


def clean(site, *agents):
    """By the command, with what agents witnessed; what it printed."""
    options = [o for a in agents for o in ("--witness", witness_of(a))]
    return site.beadle("audit", "verify", "--key", site.state / "identity/checkpoint.pem", *options)


def actions(site):
    return [line.split("\t")[4] for line in site.beadle("audit", "export").splitlines() if line.startswith("entry\t")]


def payload(site, action):
    return next(line.split("\t")[7] for line in site.beadle("audit", "export").splitlines() if f"\t{action}\t" in line)


def read_through(site, tmp_path, *agents):
    """Both verifiers on the store's own file, when nothing runs."""
    export = tmp_path / "export"
    export.write_text("\n".join(journal.export_lines(main_db(site))) + "\n")
    return both(export, *map(witness_of, agents), key=site.state / "identity/checkpoint.pem")


def put_back(site, content):
    for file in main_db(site).parent.glob("main.db-*"):
        file.unlink()
    main_db(site).write_bytes(content)      # in its place: it stays its user's


def test_a01_a03_root_at_the_store(site, tmp_path):
    """A real journal, an agent's witness, and root with the database: each row that he touches is named."""
    site.start()
    agent = site.agent("web1", CALM).start()
    for name in ("lin", "wang", "chen"):
        site.beadle("person", "add", name, "--roles", "operator")
    site.beadle("person", "disable", "wang")
    wait_for("all are kept", lambda: "account.disabled wang" in actions(site))
    told = actions(site)
    for wanted in ("journal.begin", "account.added admin", "collector.started", "configuration.taken", "account.added lin", "account.disabled wang"):
        assert wanted in told, (wanted, told)
    assert any(a.startswith("identity.issued ") for a in told)
    assert '"from":"local","before":{"roles":["operator"]' in payload(site, "account.disabled wang")
    wait_for("the agent has witnessed", lambda: witnessed(agent) >= last_entry(site) - EVERY)
    assert "0 findings" in clean(site, agent)
    site.stop()
    assert read_through(site, tmp_path, agent)[:2] == (0, [])
    good = main_db(site).read_bytes()
    assert not [p for p in main_db(site).parent.glob("main.db-wal") if p.stat().st_size]
    number = told.index("account.added lin") + 1
    for sql, place in ((f"UPDATE journal SET actor = 'wang' WHERE number = {number}", f"entry {number}"),
                       (f"UPDATE journal SET at = at + 1 WHERE number = {number}", f"entry {number}"),
                       (f"DELETE FROM journal WHERE number = {number}", f"entry {number + 1}"),
                       ("DELETE FROM journal WHERE number > 4", str(witness_of(agent))),
                       ("UPDATE account SET json = json || ' ' WHERE name = 'lin'", "row account lin"),
                       ("INSERT INTO account VALUES ('evil', '{}')", "row account evil"),
                       ("DELETE FROM account WHERE name = 'chen'", "row account chen"),
                       ("UPDATE given_name SET name = 'web2'", "row given_name"),
                       ("DELETE FROM checkpoint WHERE number > 2; UPDATE journal SET payload = '{}' WHERE number = 2", None)):
        put_back(site, good)
        with contextlib.closing(sqlite3.connect(main_db(site))) as db:
            db.executescript(sql)
        status, places, _ = read_through(site, tmp_path, agent)
        assert status == 1 and (place is None or any(p.startswith(place) for p in places)), (sql, places)
    put_back(site, good)


def test_a01_the_collector_itself_notices(site):
    """The signer knows what it signed, and agents give back what they witnessed: a store that was written anew is an incident."""
    site.start()
    agent = site.agent("web1", CALM).start()
    site.beadle("person", "add", "lin", "--roles", "operator")
    wait_for("it has witnessed", lambda: witnessed(agent) >= 4)
    site.stop()
    older = next(c for c, _ in journal.read_witness(witness_of(agent)) if c[1] >= 2)
    key = serialization.load_pem_private_key((site.state / "signer/checkpoint.key").read_bytes(), None)
    forged = journal.checkpoint_text(older[0], 999, bytes(32), 7)
    with open(witness_of(agent), "a") as f:         # as when store and signer were both put back, and 999 entries had been there
        f.write(f"checkpoint\t{older[0].hex()}\t999\t{bytes(32).hex()}\t7\t{key.sign(forged).hex()}\n")
    site.start()
    agent.start()
    wait_for("an incident", lambda: "witnessed entry 999, the journal ends at" in site.collector.text())
    kinds = [f["rule"] for i in site.ask("incidents")["incidents"] for f in site.ask("incident", i["id"])["findings"]]
    assert "collector_journal_broken" in kinds
    wait_for("the agent says so", lambda: "journal went back: entry 999 was witnessed" in agent.program.text())


def die(site, pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a04_killed_at_any_moment(site, tmp_path):
    """Power is cut, or one process killed, while people work: the journal is clean, and agents have witnessed all but the last few entries."""
    r = random.Random(4)
    site.start()
    agent = site.agent("web1", CALM).start()
    n = 0
    for turn in range(KILLS):
        wait_for("it is connected", lambda: site.ask("hosts", "web1")["connected"])
        wait_for("it is caught up", lambda: witnessed(agent) >= max(last_entry(site) - EVERY, 1))
        end, least = time.monotonic() + r.uniform(0.05, 0.6), n + 3 * EVERY
        while time.monotonic() < end or n < least:
            site.beadle("person", "add", f"p{n}", "--roles", "viewer")
            n += 1
        if turn % 3 == 2:
            pid = next((p for p, name in site.collector.children().items() if name == r.choice(["beadle-signer", "beadle-collect"])), None)
            if pid:
                die(site, pid)
                wait_for("it answers again", lambda: subprocess.run([BEADLE, "--socket", site.socket, "status"], env=ENV,
                                                                    capture_output=True).returncode in (0, 1))
        else:
            site.collector.kill()
            # What came while the signer signed is one change: with limits as small as these it may be as much again.
            assert last_entry(site) - witnessed(agent) <= 2 * EVERY, (turn, last_entry(site), witnessed(agent))
            assert read_through(site, tmp_path, agent)[1] == []
            site.start()
        assert "0 findings" in clean(site, agent)


def keys_of(site):
    """Those that followed the first, as the journal has them."""
    return [action.split()[1] for action in actions(site) if action.startswith("journal.key ")]


def test_a02_the_key_is_changed(site, tmp_path):
    """While people work, twice, and over restarts: nothing is found, by either program, with the first key and what agents witnessed of all three.
    A store of before it, put back without the signer, is told as what it is."""
    site.start()
    agent = site.agent("web1", CALM).start()
    wait_for("it is connected", lambda: site.ask("hosts", "web1")["connected"])
    site.collector.stop(60)
    before = main_db(site).read_bytes()
    site.start()
    signer = next(pid for pid, name in site.collector.children().items() if name == "beadle-signer")
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        os.kill(signer, signal.SIGSTOP)             # it is slow: who comes meanwhile must not take the number
        changed = pool.submit(site.ask, "audit", "change-key")
        time.sleep(0.3)
        people = [pool.submit(site.beadle, "person", "add", f"p{n}", "--roles", "viewer") for n in range(20)]
        time.sleep(0.3)
        os.kill(signer, signal.SIGCONT)
        told = changed.result()
        for added in people:
            added.result()
    assert keys_of(site) == [told["key"]] and actions(site)[told["entry"] - 1] == f"journal.key {told['key']}"
    assert sorted(a for a in actions(site) if a.startswith("account.added p")) == sorted(f"account.added p{n}" for n in range(20))
    assert payload(site, f"journal.key {told['key']}").endswith(',"from":"local"}')
    wait_for("it signs", lambda: int((site.state / "signer/checkpoint").read_text().split("\t")[2]) >= told["entry"])
    key = serialization.load_pem_private_key((site.state / "signer/checkpoint.key").read_bytes(), None).public_key()
    assert bytes_of(key).hex() == told["key"] and not (site.state / "signer/checkpoint.next").exists()
    wait_for("the agent has witnessed", lambda: witnessed(agent) >= told["entry"])
    assert "0 findings" in clean(site, agent)
    site.stop()
    site.start()
    agent.start()
    again = site.ask("audit", "change-key")
    assert keys_of(site) == [told["key"], again["key"]]
    wait_for("the agent has witnessed", lambda: witnessed(agent) >= again["entry"])
    assert ", 0 of them without a good signature; 0 findings" in clean(site, agent)
    assert "collector_journal_broken" not in str(site.ask("incidents"))
    site.stop()
    assert read_through(site, tmp_path, agent)[:2] == (0, [])
    put_back(site, before)
    site.start()
    wait_for("it is told", lambda: "it is of before the signer's key was changed: put the signer and the store back from one backup" in site.collector.text())


def test_a02_killed_while_the_key_is_changed(site, tmp_path):
    """The signer, the collector or all of it, at any moment of it: the journal is clean, and the key can be changed again."""
    r = random.Random(9)
    site.start()
    agent = site.agent("web1", CALM).start()
    for turn in range(KILLS + 1):
        wait_for("it is connected", lambda: site.ask("hosts", "web1")["connected"])
        asking = subprocess.Popen([BEADLE, "--socket", site.socket, "audit", "change-key"], env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(r.uniform(0, 0.06))
        name = ["beadle-signer", "beadle-collect", None][turn % 3]
        if name:
            die(site, next(pid for pid, is_ in site.collector.children().items() if is_ == name))
        else:
            site.collector.kill()
            assert read_through(site, tmp_path, agent)[1] == []
            site.start()
        asking.wait(30)
        wait_for("it answers again", lambda: subprocess.run([BEADLE, "--socket", site.socket, "status"], env=ENV, capture_output=True).returncode in (0, 1))
        wait_for("it can be changed", lambda: subprocess.run([BEADLE, "--socket", site.socket, "audit", "change-key"], env=ENV, capture_output=True).returncode == 0)
        assert "0 findings" in clean(site, agent)
    assert len(keys_of(site)) == len(set(keys_of(site))) > KILLS
    wait_for("it is connected", lambda: site.ask("hosts", "web1")["connected"])
    wait_for("the agent has witnessed", lambda: witnessed(agent) >= last_entry(site) - EVERY)
    assert ", 0 of them without a good signature; 0 findings" in clean(site, agent)
    assert "collector_journal_broken" not in str(site.ask("incidents"))


def test_a02_a_backup_is_put_back(site):
    """What was lost is declared, by the signer's memory; nobody is accused, not even where the new entries stand on old numbers."""
    site.start()
    agent = site.agent("web1", CALM).start()
    site.beadle("person", "add", "lin", "--roles", "viewer")
    site.collector.stop(60)
    good = main_db(site).read_bytes()
    site.start()
    for name in "abcdefgh":
        site.beadle("person", "add", name, "--roles", "viewer")
    wait_for("it has witnessed", lambda: witnessed(agent) >= last_entry(site) - EVERY)
    site.collector.stop(60)
    was = last_entry(site)
    put_back(site, good)
    site.start()
    wait_for("declared", lambda: "journal.restored" in actions(site))
    for name in "ijklm":
        site.beadle("person", "add", name, "--roles", "viewer")
    wait_for("it has witnessed what came after", lambda: witnessed(agent) > was)
    told = clean(site, agent)
    assert "lost when a backup was put back" in told and "0 findings" in told
    assert "collector_journal_broken" not in str(site.ask("incidents"))


def late_signer(site):
    """The signer begins only when the file is there that this returns; all else is as built."""
    libexec, go = site.folder / "libexec", site.folder / "go"
    (libexec / "collector/identity").mkdir(parents=True)
    for folder in (BUILD, BUILD / "collector"):
        for entry in folder.iterdir():
            place = libexec / entry.relative_to(BUILD)
            if not place.exists():
                place.symlink_to(entry)
    signer = libexec / "collector/identity/beadle-signer"
    signer.write_text(f"""#!/bin/sh
while [ ! -e {go} ]; do sleep 0.1; done
exec {BUILD}/collector/identity/beadle-signer "$@"
""")
    signer.chmod(0o755)
    site.collector.env["BEADLE_LIBEXEC"] = str(libexec)
    return go


ALARM = r"notice (\d+\.\w+-admin-1-new-mail): given up"


def test_a02_a_backup_is_put_back_and_the_signer_comes_late(site):
    """However long it takes, no entry gets the number of one that was lost before the signer has said how far they went; alarms do not wait for that,
    what was found is found again when the collector ends meanwhile (R1), and who was revoked stays out (I4)."""
    site.start()
    agent = site.agent("web1", CALM).start()
    for name in ("web2", "web3"):
        raw(site, name).close()
    site.beadle("person", "add", "lin", "--roles", "viewer")
    site.collector.stop(60)
    good, kept = main_db(site).read_bytes(), last_entry(site)
    site.start()
    for name in "abcdefgh":
        site.beadle("person", "add", name, "--roles", "viewer")
    site.beadle("identity", "revoke", "web3")
    wait_for("it has witnessed", lambda: witnessed(agent) > kept + EVERY)
    site.collector.stop(60)
    was = last_entry(site)
    put_back(site, good)
    go = late_signer(site)
    site.start()
    with pytest.raises((OSError, AssertionError)):
        raw(site, "web3")
    one = raw(site, "web2")
    one.round("disk", {("disk_space_used_ratio", "mount=/srv"): 0.97})
    one.close()
    wait_for("the alarm goes out", lambda: re.search(ALARM, site.collector.text()))
    site.collector.stop(60)
    assert last_entry(site) == kept, "nothing has a number yet"
    site.start()
    wait_for("it is back before the signer", lambda: site.ask("hosts", "web1")["connected"])
    go.touch()
    wait_for("declared", lambda: "journal.restored" in actions(site))
    wait_for("what an agent gave back meanwhile is heard", lambda: "restore.witnessed web1" in actions(site))
    assert [i["host_name"] for i in site.ask("incidents")["incidents"]] == ["web2"], "found again, from what was stored"
    assert len(set(re.findall(ALARM, site.collector.text()))) == 1, "and under the same name: nobody is told twice"
    for name in "ijklm":
        site.beadle("person", "add", name, "--roles", "viewer")
    wait_for("it has witnessed what came after", lambda: witnessed(agent) > was)
    told = clean(site, agent)
    assert "lost when a backup was put back" in told and "0 findings" in told
    assert "collector_journal_broken" not in str(site.ask("incidents"))


def test_a02_damage_and_retention_are_told(site):
    """A damaged day's file is set aside, and that is an entry; the journal stays clean."""
    site.start()
    agent = site.agent("web1", {"disk": ("disk", "200ms", 'mounts: "/dev/shm"')}).start()
    day = wait_for("results", lambda: next(iter(site.state.glob("store/raw-*.db")), None))
    time.sleep(1)
    agent.stop()
    site.collector.stop(60)
    data = bytearray(day.read_bytes())
    data[4096 + 4000] ^= 1
    day.write_bytes(data)
    site.start()
    wait_for("told", lambda: "store.damaged" in actions(site))
    assert "collector.ended" in actions(site)
    assert "0 findings" in clean(site, agent)


def test_acc_04_who_what_when_from_where(site):
    """What persons do at the dashboard: each act is an entry with its person and address, in order, and so is what they are refused."""
    site.start()
    agent = raw(site)
    agent.round("disk", {("disk_space_used_ratio", "mount=/srv"): 0.97})
    lin = member(site, "lin", "operator")
    for n in range(7):
        lin.log_in("lin", f"wrong {n}", source="127.0.0.7")
    one = wait_for("an incident", lambda: site.ask("incidents")["incidents"])[0]["id"]
    assert lin.ask("incident/ack", {"id": one, "note": "mine"})[0] == 200
    assert lin.ask("incident/handle", {"id": one, "note": "cleaned"})[0] == 200
    agent.round("disk", {("disk_space_used_ratio", "mount=/srv"): 0.1})
    wait_for("recovered", lambda: site.ask("incident", one)["severity"] == "ok")
    assert lin.ask("incident/close", {"id": one, "note": "done"})[0] == 200
    assert lin.ask("logout", {})[0] == 200
    wait_for("all are kept", lambda: "login.ended" in actions(site))
    told = [line.split("\t")[3:] for line in site.beadle("audit", "export").splitlines() if line.startswith("entry\t")]
    acts = [(actor, action, json.loads(text).get("from")) for actor, action, _, _, text in told]
    assert acts.count(("nobody", "login.failed", "127.0.0.7")) == 5 and acts.count(("nobody", "login.locked", "127.0.0.7")) == 1
    wanted = [("root", "account.added lin", "local"), ("lin", "login.good", "127.0.0.1"), ("lin", "account.password lin", "127.0.0.1"),
              ("lin", "login.good", "127.0.0.1"), ("lin", f"incident.acknowledged {one}", "127.0.0.1"),
              ("lin", f"incident.handled {one}", "127.0.0.1"), ("system", f"incident.recovered {one}", None),
              ("lin", f"incident.closed {one}", "127.0.0.1"), ("lin", "login.ended", "127.0.0.1")]
    left = iter(acts)
    assert all(w in left for w in wanted), (wanted, acts)
    assert ("system", f"incident.opened {one}", None) in acts
    assert not any(word in text for *_, text in told for word in ("$y$", "calm sentence")), "no password, and no hash of one"
    assert "0 findings" in clean(site)
