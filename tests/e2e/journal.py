"""A second verifier of the journal, written from doc/journal-format.md alone: SHA-256 and Ed25519 of other makers, and no code of Beadle's.

    python3 journal.py [--key checkpoint.pem] [--witness FILE]... EXPORT|main.db
"""
import argparse
import contextlib
import hashlib
import re
import sqlite3
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ZEROS = bytes(32)
TABLES = {"account": "account", "identity": "given_name", "incident": "incident"}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def is_decimal(text):
    return re.fullmatch(r"0|-?[1-9][0-9]{0,18}", text) is not None


def is_hex(text, n):
    return re.fullmatch(r"[0-9a-f]{%d}" % (2 * n), text) is not None


def entry_bytes(chain, number, previous, time, actor, action, digest):
    actor, action = actor.encode(), action.encode()
    assert 1 <= len(actor) <= 255 and 1 <= len(action) <= 511
    assert not any(b < 32 or b == 127 for b in actor + action)
    return (b"\x01" + (chain if number > 1 else ZEROS) + struct.pack(">Q", number) + previous + struct.pack(">q", time) +
            struct.pack(">H", len(actor)) + actor + struct.pack(">H", len(action)) + action + digest)


def checkpoint_text(chain, number, hash_, time):
    return f"beadle checkpoint 1\nchain {chain.hex()}\nnumber {number}\nhash {hash_.hex()}\ntime {time}\n".encode()


def is_signed(key, text, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
        return True
    except (InvalidSignature, ValueError):
        return False


def parse_checkpoint(line):
    fields = line.split("\t")
    if (len(fields) == 6 and fields[0] == "checkpoint" and is_hex(fields[1], 32) and is_decimal(fields[2]) and int(fields[2]) >= 1 and
            is_hex(fields[3], 32) and is_decimal(fields[4]) and is_hex(fields[5], 64)):
        return bytes.fromhex(fields[1]), int(fields[2]), bytes.fromhex(fields[3]), int(fields[4]), bytes.fromhex(fields[5])
    return None


class Verifier:
    def __init__(self, key=None):
        self.expected = key
        self.findings, self.notes = [], []
        self.chain, self.last, self.number = ZEROS, ZEROS, 0
        self.hashes, self.keys, self.gaps = {}, [], []
        self.told, self.seen, self.steps = {}, set(), {}
        self.missing, self.erased_until = [], 0
        self.vouched, self.ahead = 0, None

    def find(self, place, what):
        self.findings.append((place, what))

    # ---- 1: the chain ----

    def entry(self, number, time, actor, action, hash_, salt=None, payload=None, digest=None):
        word, _, about = action.partition(" ")
        previous = self.last
        if self.ahead:
            if word == "journal.restored" and number == self.ahead[1] + 1:
                previous = self.ahead[2]
            else:
                self.find(f"checkpoint {self.ahead[1]}", "its entry is not there")
            self.ahead = None
        if number != self.number + 1:
            if word == "journal.restored" and number > self.number:
                self.gaps.append((self.number + 1, number - 1))
                self.notes.append(f"entries {self.number + 1} to {number - 1} were lost when a backup was put back")
            else:
                self.find(f"entry {number}", f"it follows {self.number}")
        if payload is not None:
            hashed = sha256(salt, payload.encode())
            if digest is not None and digest != hashed:
                self.find(f"entry {number}", "its payload is not what was hashed")
            digest = hashed
        try:
            good = sha256(entry_bytes(self.chain, number, previous, time, actor, action, digest)) == hash_
        except (AssertionError, struct.error):
            good = False
        if not good:
            self.find(f"entry {number}", "it is not what was hashed")
        if self.number == 0:
            self.begin(number, action, payload, hash_)
        elif action == "journal.begin":
            self.find(f"entry {number}", "a journal begins once")
        if number > self.number:
            self.number, self.hashes[number] = number, hash_
        self.last = hash_
        if payload is None:
            self.missing.append((number, word))
        if word == "journal.key":
            self.change_key(number, about, payload)
        if word == "journal.erased" and about.isdigit():
            self.erased_until = min(int(about), number)
        before = word.split(".")[0] + "."
        if before == "incident.":
            self.steps[str(number)] = about
        table = TABLES.get(before[:-1])
        said = re.match(r'\{"row":(null|"\*"|"[0-9a-f]{64}")', payload or "")
        if table and said:
            self.told[table, about] = said[1]

    def begin(self, number, action, payload, hash_):
        found = re.match(r'\{"key":"([0-9a-f]{64})"', payload or "")
        if action != "journal.begin" or not found:
            self.find(f"entry {number}", "a journal begins with journal.begin")
            return
        key = bytes.fromhex(found[1])
        if self.expected and key != self.expected:
            self.find("entry 1", "another key was expected")
        self.keys.append((1, key))
        self.chain = sha256(hash_, key)

    def change_key(self, number, about, payload):
        found = re.match(r'\{"old":"([0-9a-f]{128})","new":"([0-9a-f]{128})"', payload or "")
        if found and self.keys and is_hex(about, 32):
            old, new = self.keys[-1][1], bytes.fromhex(about)
            text = f"beadle key 1\nchain {self.chain.hex()}\nnumber {number}\nold {old.hex()}\nnew {about}\n".encode()
            if is_signed(old, text, bytes.fromhex(found[1])) and is_signed(new, text, bytes.fromhex(found[2])):
                self.keys.append((number, new))
                return
        self.find(f"entry {number}", "the change of keys is not signed by both")

    # ---- 2 and 3: checkpoints ----

    def good(self, c):
        key = [key for since, key in self.keys if since <= c[1]][-1:]
        return c[0] == self.chain and key and is_signed(key[0], checkpoint_text(*c[:4]), c[4])

    def checkpoint(self, c):
        if not self.good(c):
            self.find(f"checkpoint {c[1]}", "it is not signed by this journal's key")
        elif c[1] > self.number:
            self.ahead = c
        elif self.hashes.get(c[1]) != c[2]:
            self.find(f"checkpoint {c[1]}", "its entry is another than was signed")
        else:
            self.vouched = max(self.vouched, c[1])

    def witness(self, c, whose):
        if c[0] != self.chain:
            self.find(whose, f"it knows another journal, at {c[1]}")
        elif not self.good(c) or any(first <= c[1] <= last for first, last in self.gaps):
            return
        elif c[1] > self.number:
            self.find(whose, f"it knows entry {c[1]}: the end was cut off")
        elif self.hashes.get(c[1]) != c[2]:
            self.find(whose, f"it knows another entry {c[1]}")
        else:
            self.vouched = max(self.vouched, c[1])

    # ---- 4: lists ----

    def row(self, table, key, digest):
        place = f"row {table} {key}"
        if table == "step":
            if self.steps.get(key) != digest:
                self.find(place, "it is no step of that incident")
        elif self.told.get((table, key), "null") == "null":
            self.find(place, "no entry tells of it")
        elif self.told[table, key] not in ('"*"', f'"{digest}"'):
            self.find(place, "it is another than its entry tells of")
        self.seen.add((table, key))

    def end(self, witnesses=()):
        if not self.number:
            self.find("entry 1", "there is no journal")
        if self.ahead:
            self.find(f"checkpoint {self.ahead[1]}", "its entry is not there: the end was cut off")
        for c, whose in witnesses:
            self.witness(c, whose)
        for (table, key), said in self.told.items():
            if said != "null" and (table, key) not in self.seen:
                self.find(f"row {table} {key}", "it is missing")
        for entry in self.steps:
            if ("step", entry) not in self.seen:
                self.find(f"row step {entry}", "it is missing")
        for number, word in self.missing:
            if number > self.erased_until or not word.startswith(("login", "incident.")):
                self.find(f"entry {number}", "its payload is missing")
        return 1 if self.findings else 3 if self.number - self.vouched > 100 else 0


def read_export(v, path):
    with open(path, encoding="utf-8", errors="replace", newline="\n") as f:
        for n, line in enumerate(f, 1):
            line = line.removesuffix("\n")
            fields = line.split("\t")
            checkpoint = parse_checkpoint(line)
            if n == 1 and line == "beadle journal 1":
                continue
            if checkpoint:
                v.checkpoint(checkpoint)
            elif fields[0] == "row" and len(fields) == 4:
                v.row(*fields[1:])
            elif (fields[0] in ("entry", "erased") and len(fields) == {"entry": 8, "erased": 7}[fields[0]] and is_decimal(fields[1]) and
                  int(fields[1]) >= 1 and is_decimal(fields[2]) and is_hex(fields[5], 32) and is_hex(fields[6], 16 if fields[0] == "entry" else 32)):
                hidden = bytes.fromhex(fields[6])
                rest = {"salt": hidden, "payload": fields[7]} if fields[0] == "entry" else {"digest": hidden}
                v.entry(int(fields[1]), int(fields[2]), fields[3], fields[4], bytes.fromhex(fields[5]), **rest)
            else:
                v.find(f"line {n}", "it is none of an export")


def export_lines(path):
    """The lines of an export, from a store's main.db."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.text_factory = lambda data: data.decode(errors="replace")
        entries = db.execute("SELECT number, at, actor, action, digest, hash, salt, payload FROM journal ORDER BY number").fetchall()
        checkpoints = db.execute("SELECT number, hash, at, signature FROM checkpoint ORDER BY number").fetchall()
        rows = [("account", name, json.encode()) for name, json in db.execute("SELECT name, json FROM account")]
        rows += [("given_name", uuid, f"{name}\n{json}".encode()) for uuid, name, json in db.execute("SELECT uuid, name, json FROM given_name")]
        rows += [("incident", id_, "\n".join(map(str, columns)).encode())
                 for id_, *columns in db.execute("SELECT id, host, kind, open, at, json FROM incident")]
        steps = db.execute("SELECT entry, incident FROM step").fetchall()
    key = re.match(r'\{"key":"([0-9a-f]{64})"', entries[0][7] or "") if entries else None
    chain = sha256(entries[0][5], bytes.fromhex(key[1])) if key else ZEROS
    yield "beadle journal 1"
    for e in entries:
        while checkpoints and checkpoints[0][0] < e[0]:
            yield checkpoint_line(chain, checkpoints.pop(0))
        head = f"{e[0]}\t{e[1]}\t{e[2]}\t{e[3]}\t{e[5].hex()}"
        yield f"entry\t{head}\t{e[6].hex()}\t{e[7]}" if e[6] is not None else f"erased\t{head}\t{e[4].hex()}"
    for c in checkpoints:
        yield checkpoint_line(chain, c)
    for table, name, content in rows:
        yield f"row\t{table}\t{name}\t{sha256(content).hex()}"
    for entry, incident in steps:
        yield f"row\tstep\t{entry}\t{incident}"


def checkpoint_line(chain, c):
    return f"checkpoint\t{chain.hex()}\t{c[0]}\t{c[1].hex()}\t{c[2]}\t{c[3].hex()}"


def read_witness(path):
    with open(path, errors="replace", newline="\n") as f:
        return [(c, str(path)) for c in (parse_checkpoint("\t".join(re.split("[ \t\r\n]+", line.strip(" \t\r\n")))) for line in f) if c]


def verify(export, witnesses=(), key=None):
    """(exit status, findings, notes) of an export."""
    v = Verifier(key)
    read_export(v, export)
    status = v.end([c for path in witnesses for c in read_witness(path)])
    return status, v.findings, v.notes


def read_key(path):
    with open(path, "rb") as f:
        return serialization.load_pem_public_key(f.read()).public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--key")
    arguments.add_argument("--witness", action="append", default=[])
    arguments.add_argument("export")
    given = arguments.parse_args()
    status, findings, notes = verify(given.export, given.witness, read_key(given.key) if given.key else None)
    for place, what in findings:
        print(f"{place}: {what}")
    for note in notes:
        print(note)
    sys.exit(status)


if __name__ == "__main__":
    main()
