"""The collector proper without its neighbours, and a raw agent: TLS and frames of the test's own making, right or wrong."""
import contextlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import uuid as uuids

import certs
from conftest import BUILD, ENV, SOURCE, Program, wait_for
from protobuf import Fixed64, frame, pack, unpack  # noqa: F401

OPEN, HELLO, WELCOME, REFUSAL, BATCH, ACK, HEARTBEAT = 0, 1, 2, 3, 4, 5, 6
MIB = 1024 * 1024


# ---- protobuf, by hand: a raw client must be able to say what no library would ----

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return pack((field, n))


def fixed(field, n):
    return pack((field, Fixed64(n & 2**64 - 1)))


def blob(field, data):
    return pack((field, data))


parse = unpack


def hello(agent, epochs=(1,), checks=("disk",), boot=""):
    body = blob(1, agent) + blob(6, blob(1, "boot_id") + blob(3, boot))
    for epoch in epochs:
        body += blob(3, fixed(1, epoch) + number(2, 1) + number(3, 1))
    for i, name in enumerate(checks):
        body += blob(5, number(1, i + 1) + blob(2, name) + blob(3, "disk") + number(4, 60 * 10**9))
    return frame(blob(HELLO, body))


def record(values=(1.0,), check=1, at=1800000000 * 10**9, extra=b""):
    return (number(1, check) + fixed(2, at) + number(3, 1000) + blob(5, b"".join(varint(i + 1) for i in range(len(values)))) +
            blob(6, struct.pack(f"<{len(values)}d", *values)) + extra + number(13, 1))


def series(ids=(1,), check=1):
    return b"".join(blob(3, number(1, i) + number(2, check) + blob(3, "disk_space") + blob(4, blob(1, "n") + blob(2, str(i))))
                    for i in ids)


def batch(first, records, epoch=1, define=b""):
    return frame(blob(BATCH, fixed(1, epoch) + number(2, first) + define + b"".join(blob(4, r) for r in records)))


class RawAgent:
    """One TLS connection with an identity folder's certificate."""

    def __init__(self, port, identity=None, address="127.0.0.1", alpn=("beadle/1",), version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("DEFAULT:@SECLEVEL=0")      # a bad peer may load any certificate
        if version:
            context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if identity:
            context.load_cert_chain(identity / "cert.pem", identity / "key.pem")
        plain = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(address, 0))
        self.tls = context.wrap_socket(plain)
        self.rest = b""

    def send(self, data):
        self.tls.sendall(data)

    def receive(self):
        """(kind, fields) of the next frame; None when the collector closed."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while len(self.rest) < 4 or len(self.rest) < 4 + struct.unpack(">I", self.rest[:4])[0]:
                more = self.tls.recv(65536)
                if not more:
                    return None
                self.rest += more
            n = struct.unpack(">I", self.rest[:4])[0]
            body, self.rest = self.rest[4:4 + n], self.rest[4 + n:]
            (kind, (content,)), = parse(body).items()
            return kind, parse(content)
        return None

    def expect(self, kind):
        while True:
            got = self.receive()
            assert got, f"closed; {kind} was expected"
            if got[0] == kind:
                return got[1]
            assert got[0] == HEARTBEAT, got

    def greet(self, agent, **more):
        self.send(hello(agent, **more))
        return self.expect(WELCOME)

    def refused(self):
        """The reason that the collector gives, or "" when it just closes. Anything else fails."""
        got = self.receive()
        assert got is None or got[0] == REFUSAL, got
        assert self.receive() is None if got else True
        return got[1][1][0].decode() if got else ""

    def held(self, through, epoch=1):
        """Waits for the acknowledgement of `through`."""
        while True:
            ack = self.expect(ACK)
            if ack[1][0] == epoch and ack[2][0] >= through:
                return ack[2][0]

    def close(self):
        self.tls.close()


class Intake(Program):
    """beadle-collect alone, on a free port of loopback; `limits` as in collector.yaml."""

    def __init__(self, folder, limits="", store=None, env=None):
        self.folder, self.port = folder, 0
        self.ca = certs.Authority("school")
        self.ca.folder("collector", "main", folder / "identity")
        self.config = folder / "collector.yaml"
        self.config.write_text(f"school: school\nstate: {folder}\nprocedure: {SOURCE}/conf.d/procedure/TWVS-ISMS-B-007.yaml\n" +
                               (f"limits: {{{limits}}}\n" if limits else ""))
        self.store = store or folder / "store"
        super().__init__([], folder / "log", env)

    def start(self):
        self.argv = [BUILD / "collector/beadle-collect", "--config", self.config, "--listen", f"127.0.0.1:{self.port}"]
        self.argv = [str(a) for a in self.argv]
        self.log.write_text("")
        super().start()
        self.port = int(self.wait_log(r"listening for agents on 127.0.0.1:(\d+)").group(1))
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(30)
        assert how == signal.SIGKILL or status == 0, self.text()[-3000:]

    def alive(self):
        assert self.process.poll() is None, self.text()[-3000:]

    def agent(self, n=1, **wrong):
        """(uuid, identity folder) of the n-th agent; `wrong` as Authority.issue has it, for the first time."""
        uuid = str(uuids.UUID(int=n, version=4))
        folder = self.folder / f"agent-{n}"
        if not folder.exists():
            self.ca.folder("agent", uuid, folder, **wrong)
        return uuid, folder

    def connect(self, n=1, address="127.0.0.1", **more):
        uuid, identity = self.agent(n)
        raw = RawAgent(self.port, identity, address)
        raw.greet(uuid, **more)
        return raw

    def memory(self):
        """Resident, in bytes."""
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024


class Load:
    """The load generator with the collector's own CA, and its ledger."""

    def __init__(self, collector, folder, results=10, values=10, agents=16, seconds=600, window=4):
        self.collector, self.folder, self.values = collector, folder, values
        self.ledger = folder / "ledger"
        self.argv = [BUILD / "tests/bench/load", "--school", folder, "--to", f"127.0.0.1:{collector.port}", "--agents", agents,
                     "--results", results, "--values", values, "--window", window, "--seconds", seconds, "--ledger", self.ledger,
                     "--retry"]
        self.process = None

    def start(self):
        self.out = open(self.folder / "load.log", "w+")
        self.process = subprocess.Popen([str(a) for a in self.argv], stdout=self.out, stderr=self.out)
        return self

    def going(self):
        assert self.process.poll() is None, self.said()

    def said(self):
        self.out.flush()
        return (self.folder / "load.log").read_text()

    def stop(self):
        """Ends it; what was acknowledged is written down."""
        self.process.terminate()
        assert self.process.wait(60) == 0, self.said()

    def verify(self, store):
        """Every acknowledged result is in the store once and as it was sent; returns what the ledger says, or raises."""
        done = subprocess.run([str(BUILD / "tests/bench/ledger"), str(store), str(self.ledger), str(self.values)],
                              capture_output=True, text=True, env=ENV, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Crowd(Load):
    """Agents that have an address each, and come back as beadle-core does."""

    def __init__(self, collector, folder, agents, *options):
        super().__init__(collector, folder, agents=agents, window=1)
        self.argv += ["--spread", *options]

    def all_connected(self, times, within):
        """Waits until all are connected for the n-th time; the seconds since they began, or since one lost the collector."""
        def found():
            self.going()
            return re.findall(r"all \d+ connected after ([\d.]+) s", self.said())[times - 1:]
        return float(wait_for(f"all agents, {times}", found, within)[0])


def loaded(folder, limits="", store=None, env=None, **load):
    """A collector, not yet started, and a load generator for it, which signs its own agents."""
    collector = Intake(folder, limits, store, env)
    subprocess.run([str(BUILD / "tests/bench/load"), "--school", str(folder)], check=True)
    return collector, lambda: Load(collector, folder, **load).start()
