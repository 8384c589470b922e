"""Servers enrol themselves with a token, at a whole collector (I6): who listens, who stands in between, who comes twice, who dies on the way."""
import concurrent.futures
import contextlib
import glob
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import certs
from conftest import ENV, wait_for
from protobuf import frame, pack, receive, unpack
from raw import Raw, identity_uuid
from sanitized import SANITIZED
from school import BEADLE, CALM, Site
from test_identity import KILL, USED

PROTOCOL = "beadle-enrol/1"
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
PATIENCE = 4            # of the collector with a stranger, s


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    one = Site(tmp_path_factory.mktemp("enrol"), notify=f"limits: {{greeting: {PATIENCE}s}}")
    one.start()
    yield one
    one.stop()


@pytest.fixture(autouse=True)
def nothing_left(site):
    yield
    for left in site.ask("token", "list")["tokens"]:
        if left["state"] != "over":
            site.beadle("token", "revoke", left["id"])


def token(site, host, *more):
    return site.ask("token", "new", "--host", host, *more)


def command(site, text, folder, host, *more):
    return [BEADLE, "enroll", *([text] if text else []), "--host", host, "--identity", folder, "--agent-config", site.folder / "none", *more]


def enrol(site, text, folder, host, *more, env=(), typed=None):
    """(exit code, what it says)"""
    done = subprocess.run(command(site, text, folder, host, *more), env={**ENV, **dict(env)}, input=typed, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def place(site, name):
    folder = site.folder / "servers" / name
    folder.parent.mkdir(exist_ok=True)
    os.chmod(folder.parent, 0o711 if os.geteuid() else 0o755)
    return folder


def served(site, folder, name):
    try:
        agent = Raw(site.port, folder, name, {"disk": 60})
        agent.round("disk", {USED: 0.5})
        agent.close()
        return True
    except (AssertionError, OSError):
        return False


def is_open(site):
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", site.door), 5):
        return True
    return False


def given(site, name):
    return [i for i in site.ask("identity", "list")["identities"] if i["host"] == name]


def state(site, made):
    return next(t["state"] for t in site.ask("token", "list")["tokens"] if t["id"] == made["id"])


def whole(folder):
    return certs.fits(folder) and not (folder / "next").exists() and (folder / "ca.pem").exists()


# ---- as it should be ----

def test_i06_a_server_enrols_itself_and_the_door_is_open_just_as_long(site):
    folder = place(site, "web1")
    assert not is_open(site)
    made = token(site, "web1")
    assert is_open(site)
    code, said = enrol(site, made["token"], folder, "web1.school.example")
    assert code == 0 and f'set "collector: localhost:{site.port}"' in said, said
    assert whole(folder) and folder.stat().st_mode & 0o777 == 0o700 and (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    if os.geteuid() == 0:
        assert {p.owner() for p in (folder, *folder.iterdir())} == {"beadle"}
    assert (folder / "ca.pem").read_bytes() == (site.state / "identity/ca.pem").read_bytes()
    assert [i["uuid"] for i in given(site, "web1")] == [identity_uuid(folder)]
    assert state(site, made) == "used" and is_open(site), "until it has come: it might have to ask again"
    assert served(site, folder, "web1")
    wait_for("the door is shut", lambda: not is_open(site))
    assert state(site, made) == "over"
    assert [h["name"] for h in site.ask("hosts")["hosts"] if h["uuid"] == identity_uuid(folder)] == ["web1"]


def test_i06_an_agent_runs_with_what_its_own_file_names(site):
    """beadle enroll reads agent.yaml: where the identity goes, and whether its collector is the one that answered."""
    agent = site.agent("whole", CALM)
    site.beadle("identity", "revoke", "whole")
    shutil.rmtree(agent.folder / "identity")
    made = token(site, "whole", "--at", f"127.0.0.1:1,127.0.0.1:{site.door}")
    done = subprocess.run([BEADLE, "enroll", made["token"], "--host", "whole", "--agent-config", agent.folder / "agent.yaml"], env=ENV,
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "whole is enrolled; next: systemctl enable --now beadle-agent\n"), done.stderr
    agent.start()
    uuid = identity_uuid(agent.folder / "identity")
    wait_for("it is connected", lambda: [h for h in site.ask("hosts")["hosts"] if h["uuid"] == uuid and h["connected"]])
    wait_for("its token is over", lambda: state(site, made) == "over")
    agent.stop()


@pytest.mark.skipif(not FAKETIME, reason="not proven: libfaketime is not installed")
@pytest.mark.skipif(SANITIZED, reason="not proven: a sanitizer must be loaded first, and so must libfaketime")
@pytest.mark.parametrize("step", ["-10y", "+75y"])
def test_i06_a_server_whose_clock_is_wrong_is_told_and_enrols(site, step):
    fake = {"LD_PRELOAD": FAKETIME[0], "FAKETIME": step, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    folder = place(site, f"clock{step}")
    code, said = enrol(site, token(site, "clock", *(["--replace"] if given(site, "clock") else []))["token"], folder, "clock", env=fake)
    assert code == 0 and re.search(r"this server's clock is \d+ h (behind|ahead of) the collector's: set it", said), said
    assert whole(folder)


def test_i06_the_token_is_in_no_list_of_processes_no_log_and_no_file(site):
    made = token(site, "secret1", "--approve")
    running = subprocess.Popen(command(site, made["token"], place(site, "secret1"), "secret1"), env=ENV, stderr=subprocess.PIPE, text=True)
    assert "waiting for a person's approval" in running.stderr.readline()
    assert made["token"].encode() not in pathlib.Path(f"/proc/{running.pid}/cmdline").read_bytes()
    running.kill()
    running.wait()
    code, said = enrol(site, None, place(site, "secret2"), "secret2", typed=token(site, "secret2")["token"] + "\n")
    assert code == 0, said
    secret = made["token"][len("beadle1_"):][20:40]
    for path in (site.collector.log, *(site.state / "signer").iterdir(), *(site.state / "store").iterdir()):
        assert secret.encode() not in path.read_bytes(), path


# ---- mistakes: one line each ----

def test_i06_each_mistake_has_its_line(site):
    folder, made = place(site, "slip"), token(site, "slip")
    text = made["token"]
    other = "A" if text[60] != "A" else "B"
    for wrong, line in ((text[:60] + other + text[61:], "mistyped or cut off"), (text[:-3], "mistyped or cut off"),
                        ("hello", "that is no token"), (text.replace("beadle1_", "beadle2_"), "mistyped")):
        code, said = enrol(site, wrong, folder, "slip")
        assert code == 1 and line in said and not folder.exists(), said
    code, said = enrol(site, text, folder, "slap")
    assert code == 1 and "the token is for slip, and this server calls itself slap" in said, said
    code, said = enrol(site, text, folder, "slip.a.example")
    assert code == 0, said
    code, said = enrol(site, text, folder, "slip")
    assert code == 1 and "has an identity already" in said, said
    code, said = enrol(site, text, place(site, "slip2"), "slip")
    assert code == 1 and "used already, with another key" in said and not (place(site, "slip2") / "cert.pem").exists(), said
    site.beadle("token", "revoke", made["id"])
    code, said = enrol(site, text, place(site, "slip3"), "slip")
    assert code == 1 and f"localhost:{site.door}: nobody takes enrolments there now" in said, said
    token(site, "open")
    code, said = enrol(site, text, place(site, "slip3"), "slip")
    assert code == 1 and "the token is used: its server has come" in said, said
    code, said = enrol(site, token(site, "far", "--at", "no-such-name.invalid")["token"], place(site, "far"), "far")
    assert code == 1 and "no-such-name.invalid:%d: this name is not known here" % site.door in said, said
    site.beadle("token", "new", "--host", "slip", status=1)
    site.beadle("token", "new", "--host", "slop", "--replace", status=5)
    site.beadle("token", "revoke", "0011223344556677", status=1)


# ---- a person compares ----

def test_i06_nothing_is_given_before_the_right_fingerprint_is_approved(site):
    folder, made = place(site, "careful"), token(site, "careful", "--approve")
    running = subprocess.Popen(command(site, made["token"], folder, "careful"), env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = running.stderr.readline()
    shown = re.search(r"this server's key is (\S+);", line)[1]
    assert f"beadle token approve {made['id']} {shown}" in line
    assert state(site, made) == "waiting" and not given(site, "careful")
    thief, said = enrol(site, made["token"], place(site, "thief"), "careful")
    assert thief == 1 and "used already, with another key" in said
    wrong = shown.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    site.beadle("token", "approve", made["id"], wrong, status=1)
    assert state(site, made) == "waiting"
    site.beadle("token", "approve", made["id"], shown)
    assert running.wait(20) == 0 and whole(folder) and served(site, folder, "careful")


# ---- a server that was installed anew ----

def test_i06_a_server_installed_anew_keeps_its_history_when_that_is_said_on_both_sides(site):
    folder = place(site, "anew")
    assert enrol(site, token(site, "anew")["token"], folder, "anew")[0] == 0 and served(site, folder, "anew")
    old = shutil.copytree(folder, place(site, "anew-old"))
    site.beadle("token", "new", "--host", "anew", status=1)
    made = token(site, "anew", "--replace")
    code, said = enrol(site, made["token"], folder, "anew")
    assert code == 1 and "--again" in said and certs.read(folder)[1] == 1, said
    code, said = enrol(site, made["token"], folder, "anew", "--again")
    assert code == 0 and whole(folder) and identity_uuid(folder) == identity_uuid(old), said
    assert certs.read(folder)[1] == 2 and served(site, old, "anew"), "the new one is not used yet"
    assert served(site, folder, "anew") and not served(site, old, "anew")
    assert len([h for h in site.ask("hosts")["hosts"] if h["name"] == "anew"]) == 1


# ---- who stands in between ----

class Impostor:
    """Takes one connection at the door's place and keeps what it is told."""

    def __init__(self, folder):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.context.set_alpn_protocols([PROTOCOL])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.told, self.reply = None, None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        plain, _ = self.listener.accept()
        plain.settimeout(10)
        with contextlib.suppress(OSError), self.context.wrap_socket(plain, server_side=True) as tls:
            self.told = receive(tls)
            if self.reply and self.told:
                tls.sendall(frame(self.reply(self.told)))
                tls.recv(1)

    def end(self):
        self.thread.join(15)
        self.listener.close()
        return self.told


def ours(site):
    """The school's own authority, as one who stole its key has it."""
    real = certs.Authority("twvs")
    real.key = serialization.load_pem_private_key((site.state / "signer/ca.key").read_bytes(), None)
    real.cert = x509.load_pem_x509_certificate((site.state / "signer/ca.pem").read_bytes())
    real.name = real.cert.subject
    return real


def add_root(folder, root):
    with open(folder / "cert.pem", "ab") as f:
        f.write(root)
    return folder


def test_i06_whoever_has_another_authority_is_told_nothing(site, tmp_path):
    real, other, real_root = ours(site), certs.Authority("twvs"), (site.state / "identity/ca.pem").read_bytes()
    kinds = {
        "another": add_root(other.folder("collector", "collector", tmp_path / "another"), certs.pem(other.cert)),
        "another, with our root beside it": add_root(other.folder("collector", "collector", tmp_path / "beside"), real_root),
        "an agent's": add_root(real.folder("agent", "00000000-0000-4000-8000-000000000000", tmp_path / "agent"), real_root),
        "over": add_root(real.folder("collector", "collector", tmp_path / "over", begin=certs.now() - 9 * certs.DAY,
                                     end=certs.now() - certs.DAY), real_root),
        "no root": real.folder("collector", "collector", tmp_path / "rootless"),
    }
    for name, folder in kinds.items():
        man = Impostor(folder)
        code, said = enrol(site, token(site, "mitm", "--at", f"127.0.0.1:{man.port}")["token"], place(site, "mitm"), "mitm")
        assert code == 1 and "nothing was sent" in said and man.end() is None, (name, said, man.told)
    assert not (place(site, "mitm") / "cert.pem").exists() and not given(site, "mitm")


def at_the_door(site, address="127.0.0.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(site.state / "identity/ca.pem")
    context.set_alpn_protocols([PROTOCOL])
    return context.wrap_socket(socket.create_connection(("127.0.0.1", site.door), timeout=10, source_address=(address, 0)))


def relay(site, body, address="127.0.0.1"):
    with at_the_door(site, address) as tls:
        tls.sendall(frame(body))
        return receive(tls)


def test_i06_what_was_said_on_one_connection_is_worth_nothing_on_another(site, tmp_path):
    """Even to one who has the authority's own key: it passes the request on, and gets nothing for it; five times, and the token is over."""
    man = Impostor(add_root(ours(site).folder("collector", "collector", tmp_path / "man"), (site.state / "identity/ca.pem").read_bytes()))
    man.reply = lambda told: relay(site, told)
    made = token(site, "relay", "--at", f"127.0.0.1:{man.port}")
    code, said = enrol(site, made["token"], place(site, "relay"), "relay")
    request = man.end()
    assert code == 1 and "a wrong proof, number 1 of 5" in said and request, said
    assert not given(site, "relay")
    token(site, "open")
    for n in range(2, 7):
        answer = unpack(relay(site, request))
        assert 1 not in answer and 2 not in answer, "no outcome but refused, no certificate"
        assert (f"number {n} of 5" if n < 6 else "wrong proofs too often").encode() in answer[3][0]
    assert state(site, made) == "over" and "a wrong proof, number 5 of 5" in site.collector.text()
    guess = pack((1, os.urandom(8)), (2, "relay"), (3, unpack(request)[3][0]), (4, os.urandom(32)))
    assert b"no such token is known here" in unpack(relay(site, guess))[3][0]
    before, begin = site.collector.text().count("no such token is known here"), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(6) as guessers:
        guesses = [unpack(g) for g in guessers.map(lambda n: relay(site, guess, f"127.0.0.{20 + n % 12}"), range(120))]
    assert not [g for g in guesses if 2 in g or g.get(1) == [1]]
    lines = site.collector.text().count("no such token is known here") - before
    assert lines <= 2 * 20 * (time.monotonic() - begin + 1), "twenty a second, two lines each"


def test_i06_a_recording_played_again_enrols_nobody(site):
    token(site, "open")
    listener = socket.create_server(("127.0.0.1", 0))
    tape = []

    def record():
        client, _ = listener.accept()
        with client, socket.create_connection(("127.0.0.1", site.door)) as door:
            def back():
                with contextlib.suppress(OSError):
                    while (data := door.recv(65536)):
                        client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
            thread = threading.Thread(target=back)
            thread.start()
            with contextlib.suppress(OSError):
                while (data := client.recv(65536)):
                    tape.append(data)
                    door.sendall(data)
            thread.join(10)
    recorder = threading.Thread(target=record)
    recorder.start()
    made = token(site, "tape", "--at", f"127.0.0.1:{listener.getsockname()[1]}")
    code, said = enrol(site, made["token"], place(site, "tape"), "tape")
    recorder.join(15)
    assert code == 0 and len(b"".join(tape)) > 500, said
    assert made["token"].encode() not in b"".join(tape)
    with socket.create_connection(("127.0.0.1", site.door), timeout=10) as again:
        with contextlib.suppress(OSError):
            for data in tape:
                again.sendall(data)
            while again.recv(65536):
                pass
    assert [i["generation"] for i in given(site, "tape")] == [1], "no second certificate"


# ---- at once, and cut off ----

def test_i06_two_at_once_enrol_once(site):
    for n in range(3):
        made = token(site, f"race{n}")
        both = [subprocess.Popen(command(site, made["token"], place(site, f"race{n}-{i}"), f"race{n}"), env=ENV, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for i in range(2)]
        said = [p.communicate(timeout=30)[0] for p in both]
        assert sorted(p.returncode for p in both) == [0, 1], said
        assert "used already, with another key" in said[0] + said[1]
        assert [i["generation"] for i in given(site, f"race{n}")] == [1]


def test_i06_killed_at_each_step_on_the_server_it_goes_on_with_the_same_token(site, tmp_path):
    (tmp_path / "kill.c").write_text(KILL)
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", tmp_path / "kill.so", tmp_path / "kill.c"], check=True)
    killed, at = True, 0
    while killed and at < 40:
        at += 1
        name = f"dies{at}"
        folder = place(site, name) / "identity"
        made = token(site, name)
        code, said = enrol(site, made["token"], folder, name, env={"LD_PRELOAD": str(tmp_path / "kill.so"), "KILL_AT": str(at)})
        killed = code == -signal.SIGKILL
        assert killed or code == 0, said
        if killed:
            code, said = enrol(site, made["token"], folder, name)
            assert code == 0 or "has an identity already" in said, (at, said)
        assert whole(folder) and len(given(site, name)) == 1, at
    assert at > 8 and not killed, at
    assert served(site, folder, name)


def test_i06_a_collector_that_dies_meanwhile_costs_no_token(site):
    parts = {"beadle-signer": 2, "beadle-collect": 1}
    n = 0
    for program, times in parts.items():
        for _ in range(times):
            n += 1
            name = f"cut{n}"
            made = token(site, name)
            running = subprocess.Popen(command(site, made["token"], place(site, name), name), env=ENV, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
            time.sleep(random.uniform(0, 0.06))
            before = len(site.collector.text())
            kill_child(site, program)
            running.communicate(timeout=30)
            wait_for("it is back", lambda b=before: "serving agents" in site.collector.text()[b:] if program == "beadle-collect" else
                     child(site, program), 60)
            wait_for("the token is known", lambda m=made: subprocess.run([BEADLE, "--socket", site.socket, "token", "list"], env=ENV,
                                                                         capture_output=True, text=True).stdout.count(m["id"]), 30)
            folder = place(site, name)
            if running.returncode:
                wait_for("it enrols in the end", lambda m=made, f=folder, h=name: enrol(site, m["token"], f, h)[0] == 0, 30)
            assert whole(folder) and served(site, folder, name)
            assert len(given(site, name)) == 1


def child(site, program):
    """Its process, below the site's launcher."""
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, rest = re.match(r"\d+ \((.*)\) (.*)", path.read_text(), re.S).groups()
            if name == program[:15] and rest.split()[1] == str(site.collector.process.pid):
                return int(path.parts[2])
    return None


def kill_child(site, program):
    os.kill(wait_for(program, lambda: child(site, program)), signal.SIGKILL)


# ---- time, restarts, strangers ----

def edit_tokens(site, edit):
    book = site.state / "signer/tokens"
    owner = book.stat()
    lines = [line.split(" ", 13) for line in book.read_text().splitlines()]
    book.write_text("".join(" ".join(edit(fields)) + "\n" for fields in lines))
    os.chown(book, owner.st_uid, owner.st_gid)


def test_i06_a_token_outlasts_a_restart_and_not_its_time(site):
    kept, late, ahead = token(site, "kept"), token(site, "late"), token(site, "ahead")
    hour = 3600 * 10**9

    def another_start(fields):
        """As if the machine had been started again: late's day is over; ahead was made by a clock that is behind by now."""
        shift = {late["id"]: -25 * hour, ahead["id"]: 2 * hour}.get(fields[0], 0)
        return [*fields[:5], str(int(fields[5]) + shift), str(int(fields[6]) + shift), "another-start", *fields[8:]]
    site.collector.stop(60)
    edit_tokens(site, another_start)
    site.start()
    wait_for("the door is open", lambda: is_open(site))
    for made in (late, ahead):
        code, said = enrol(site, made["token"], place(site, made["host"]), made["host"])
        assert code == 1 and "the token is expired" in said, said
    code, said = enrol(site, kept["token"], place(site, "kept"), "kept")
    assert code == 0, said
    assert served(site, place(site, "kept"), "kept")
    wait_for("the door is shut", lambda: not is_open(site))


def still_there(one):
    one.setblocking(False)
    try:
        return bool(one.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_i06_strangers_keep_nobody_out_and_are_put_out(site):
    made = token(site, "crowd")
    crowd = []
    for n in range(150):
        with contextlib.suppress(OSError):
            one = socket.create_connection(("127.0.0.1", site.door), timeout=5, source_address=(f"127.0.0.{10 + n % 16}", 0))
            if n % 3:
                one.sendall(struct.pack(">BHH", 22, 0x0301, 512) if n % 3 == 1 else b"GET / HTTP/1.0\r\n\r\n")
            crowd.append(one)
    begin = time.monotonic()
    code, said = enrol(site, made["token"], place(site, "crowd"), "crowd")
    assert code == 0 and time.monotonic() - begin < 5, said
    assert len([one for one in crowd if still_there(one)]) <= 64
    wait_for("none of them is left", lambda: not [one for one in crowd if still_there(one)], PATIENCE + 10)
    assert time.monotonic() - begin < PATIENCE + 5
    with at_the_door(site) as tls:
        tls.sendall(struct.pack(">I", 9000))
        assert receive(tls) is None, "more than a request may be"
    with at_the_door(site) as tls:
        tls.sendall(frame(pack((1, b"short"), (2, "x"), (3, b"x"), (4, b"x"))))
        assert receive(tls) is None
