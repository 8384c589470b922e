"""The wire without our code: protobuf read from the .proto files themselves, frames, and raw TLS peers of either side.

    wire = Proto("beadle.proto"); wire.encode("Envelope", {"hello": {...}}) -> bytes; wire.decode("Envelope", data) -> dict
    with Listener(identity_folder) as l: peer = l.accept(); peer.hello(); peer.welcome(); ...
    peer = connect(("127.0.0.1", port), identity_folder); peer.send(hello={...}); peer.receive()
"""
import os
import pathlib
import re
import socket
import ssl
import struct
import time

PROTO = pathlib.Path(os.environ.get("BEADLE_SOURCE", pathlib.Path(__file__).parents[2])) / "proto"
VARINTS = {"uint32", "uint64", "int32", "int64", "bool", "enum"}
ENVELOPE = ("hello", "welcome", "refusal", "batch", "ack", "heartbeat", "assignment", "run_now")


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def read_varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


class Proto:
    """Messages as dicts; unset scalars are left out when encoded and are 0, "", b"" or [] when decoded."""

    def __init__(self, *files):
        self.messages, self.enums = {}, {}
        for file in files:
            text = re.sub(r"//[^\n]*", "", (PROTO / file).read_text())
            for name, body in re.findall(r"enum (\w+) \{([^}]*)\}", text):
                self.enums[name] = dict((n, int(v)) for n, v in re.findall(r"(\w+) = (\d+)", body))
            for match in re.finditer(r"message (\w+) \{", text):
                depth, end = 1, match.end()
                while depth:
                    depth += {"{": 1, "}": -1}.get(text[end], 0)
                    end += 1
                self.messages[match[1]] = [(f[1], f[2].split(".")[-1], f[0] == "repeated ", int(f[3])) for f in [
                    (r, n, t, k) for r, t, n, k in re.findall(r"(repeated )?([\w.]+) (\w+) = (\d+)", text[match.end():end])]]

    def scalar(self, kind):
        return "enum" if kind in self.enums else kind

    def encode_one(self, kind, value):
        """(wire type, bytes)"""
        kind = self.scalar(kind)
        if kind in VARINTS:
            return 0, varint(int(value))
        if kind in ("fixed64", "double"):
            return 1, struct.pack("<Q" if kind == "fixed64" else "<d", value)
        if kind == "fixed32":
            return 5, struct.pack("<I", value)
        data = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else self.encode(kind, value)
        return 2, varint(len(data)) + data

    def encode(self, message, fields):
        out = b""
        known = {f[0] for f in self.messages[message]}
        assert set(fields) <= known, f"{message} has no {set(fields) - known}"
        for name, kind, repeated, number in self.messages[message]:
            if name not in fields:
                continue
            if repeated and (self.scalar(kind) in VARINTS or kind in ("double", "fixed64")):
                packed = b"".join(self.encode_one(kind, v)[1] for v in fields[name])
                out += varint(number << 3 | 2) + varint(len(packed)) + packed
                continue
            for value in fields[name] if repeated else [fields[name]]:
                wire, data = self.encode_one(kind, value)
                out += varint(number << 3 | wire) + data
        return out

    def decode_scalar(self, kind, wire, data, at):
        if wire == 0:
            value, at = read_varint(data, at)
            return (value - (1 << 64) if kind.startswith("int") and value >> 63 else bool(value) if kind == "bool" else value), at
        size = 8 if wire == 1 else 4
        return struct.unpack_from("<d" if kind == "double" else "<Q" if size == 8 else "<I", data, at)[0], at + size

    def decode(self, message, data):
        fields = {number: (name, kind, repeated) for name, kind, repeated, number in self.messages[message]}
        out = {}
        for name, kind, repeated in fields.values():
            out[name] = [] if repeated else None if kind in self.messages else "" if kind == "string" else \
                b"" if kind == "bytes" else 0
        at = 0
        while at < len(data):
            tag, at = read_varint(data, at)
            name, kind, repeated = fields[tag >> 3]
            if tag & 7 != 2:
                value, at = self.decode_scalar(kind, tag & 7, data, at)
                values = [value]
            else:
                size, at = read_varint(data, at)
                part, at = data[at:at + size], at + size
                if kind in self.messages:
                    values = [self.decode(kind, part)]
                elif kind in ("string", "bytes"):
                    values = [part.decode() if kind == "string" else part]
                else:
                    values, k = [], 0
                    while k < len(part):
                        value, k = self.decode_scalar(kind, 1 if kind in ("double", "fixed64") else 0, part, k)
                        values.append(value)
            if repeated:
                out[name] += values
            else:
                out[name] = values[-1]
        return out


WIRE = Proto("beadle.proto")


def frame(body):
    return struct.pack(">I", len(body)) + body


def clocks():
    return {"wall": time.time_ns(), "boot": time.clock_gettime_ns(time.CLOCK_BOOTTIME)}


def context(folder, server):
    folder = pathlib.Path(folder)
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_REQUIRED
    c.minimum_version = ssl.TLSVersion.TLSv1_3
    c.load_verify_locations(folder / "ca.pem")
    c.set_ciphers("DEFAULT:@SECLEVEL=0")        # a bad peer may show any certificate
    c.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    c.set_alpn_protocols(["beadle/1"])
    if server:
        c.num_tickets = 0
    return c


class Peer:
    """One connection; what comes is Envelopes as dicts with the one member that is set."""

    def __init__(self, tls):
        self.tls, self.buffer = tls, b""

    def send(self, **envelope):
        self.tls.sendall(frame(WIRE.encode("Envelope", envelope)))

    def receive(self, timeout=30):
        """(name, message), or (None, None) when the other end has closed."""
        self.tls.settimeout(timeout)
        while True:
            if len(self.buffer) >= 4:
                size = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + size:
                    body, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
                    message = WIRE.decode("Envelope", body)
                    return next((k, v) for k, v in message.items() if v is not None)
            try:
                data = self.tls.recv(65536)
            except (ssl.SSLError, ConnectionError) as e:
                if isinstance(e, TimeoutError) or "timed out" in str(e):
                    raise
                return None, None
            if not data:
                return None, None
            self.buffer += data

    def close(self):
        self.tls.close()


class Collector(Peer):
    """Answers an agent as a collector that stores nothing but in `held` and `records`, which outlive the connection."""

    def __init__(self, tls, store):
        super().__init__(tls)
        self.store = store
        self.series = {}

    def greet(self, **welcome):
        name, self.hello = self.receive()
        assert name == "hello", name
        held = [{"epoch": s["epoch"], "through": self.store.held.get(s["epoch"], 0)} for s in self.hello["spools"]]
        if callable(welcome.get("held")):       # from Hello's spools, by epoch
            welcome["held"] = welcome["held"]({s["epoch"]: s for s in self.hello["spools"]})
        self.checks = {c["id"]: c["name"] for c in self.hello["checks"]}
        self.send(welcome={"clocks": clocks(), "held": held, "window_batches": 8, "window_bytes": 4 << 20, **welcome})
        return self.hello

    def take(self, timeout=30, ack=True):
        """The next batch's records, each with `epoch`, `sequence`, `name` of its check and `named` values; stored once."""
        while True:
            name, batch = self.receive(timeout)
            if name is None:
                return None
            if name == "batch":
                break
        for s in batch["series"]:
            assert s["id"] not in self.series, "defined twice"
            self.series[s["id"]] = s
        for i, r in enumerate(batch["records"]):
            r["epoch"], r["sequence"], r["name"] = batch["epoch"], batch["first"] + i, self.checks[r["check"]]
            r["named"] = [(self.series[n]["metric"], {x["name"]: x["value"] for x in self.series[n]["labels"]}, v)
                          for n, v in zip(r["series"], r["values"], strict=True)]
            if r["sequence"] > self.store.held.get(r["epoch"], 0):
                self.store.records.append(r)
                self.store.held[r["epoch"]] = r["sequence"]
        if ack and batch["records"]:
            self.send(ack={"epoch": batch["epoch"], "through": self.store.held[batch["epoch"]]})
        return batch["records"]


class Store:
    def __init__(self):
        self.held, self.records = {}, []


class Listener:
    """A raw collector on a free port."""

    def __init__(self, folder, store=None, port=0):
        self.context, self.store = context(folder, True), store or Store()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def accept(self, timeout=30):
        self.socket.settimeout(timeout)
        plain, _ = self.socket.accept()
        plain.settimeout(timeout)
        return Collector(self.context.wrap_socket(plain, server_side=True), self.store)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connect(address, folder, timeout=10):
    """A raw agent."""
    plain = socket.create_connection(address, timeout)
    return Peer(context(folder, False).wrap_socket(plain))
