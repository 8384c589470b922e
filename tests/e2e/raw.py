"""A raw agent with a real identity: connects by TLS, says Hello, sends values of the test's own making."""
import re
import socket
import ssl
import struct
import subprocess
import time

from protobuf import Fixed64, frame, pack, receive, unpack, varint

S = 10**9


def identity_uuid(folder):
    """Of its own certificate: OpenSSL prints the SAN."""
    text = subprocess.run(["openssl", "x509", "-in", folder / "cert.pem", "-noout", "-ext", "subjectAltName"],
                          capture_output=True, text=True, check=True).stdout
    return re.search(r"agent/([0-9a-f-]{36})", text)[1]


class Raw:
    """checks: {name: interval in s}; series are defined at their first use."""

    def __init__(self, port, identity, host, checks, epoch=1, first=1, claim=None, address="127.0.0.1", wall=None, facts=()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(identity / "ca.pem")
        context.load_cert_chain(identity / "cert.pem", identity / "key.pem")
        context.set_alpn_protocols(["beadle/1"])
        self.tls = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(address, 0)))
        self.epoch, self.checks, self.known = epoch, list(checks), {}
        hello = [(1, claim or identity_uuid(identity)), (2, pack((1, Fixed64(wall or time.time_ns())), (2, Fixed64(time.monotonic_ns())))),
                 (3, pack((1, Fixed64(epoch)), (2, 1), (3, first)))]
        hello += [(5, pack((1, i), (2, name), (3, name), (4, int(interval * S)), (5, 20 * S)))
                  for i, (name, interval) in enumerate(checks.items())]
        hello += [(6, pack((1, name), (3, value))) for name, value in (("hostname", host), *facts)]
        self.tls.sendall(frame(pack((1, pack(*hello)))))
        self.welcome = self.expect(2)
        held = [unpack(h) for h in self.welcome.get(2, [])]
        self.next = max([h.get(2, [0])[0] for h in held if h[1][0] == epoch] + [0]) + 1

    def expect(self, kind, timeout=20):
        while True:
            body = receive(self.tls, timeout)
            assert body is not None, "the collector closed"
            (got, (content,)), = unpack(body).items()
            if got == kind:
                return unpack(content)
            assert got != 3, unpack(content)        # Refusal

    def round(self, check, values, at=None, outcome=0, error=b"", events=(), skips=(), facts=(), wait=True, rest=(), whole=1):
        """values: {(metric, label, ...): number} with labels as "name=value"; facts: {(name, label, ...): text}; skips: names of sources;
        rest: more fields of the record; whole: 0 for no round of collect. Waits until it is durable."""
        define, ids, index = [], [], self.checks.index(check)
        for key in values:
            if (check, key) not in self.known:
                self.known[check, key] = len(self.known) + 1
                labels = [(4, pack((1, label.split("=", 1)[0]), (2, label.split("=", 1)[1]))) for label in key[1:]]
                define.append((3, pack((1, self.known[check, key]), (2, index), (3, key[0]), *labels)))
            ids.append(self.known[check, key])
        record = [(1, index), (2, Fixed64(at or time.time_ns())), (3, 1000000), (4, outcome),
                  (5, b"".join(map(varint, ids))), (6, struct.pack(f"<{len(ids)}d", *values.values())), (7, error)]
        record += [(8, pack((1, 13), (2, what))) for what in skips]
        record += [(9, pack((1, name), *[(2, pack((1, k), (2, v))) for k, v in (label.split("=", 1) for label in labels)], (3, value)))
                   for (name, *labels), value in dict(facts).items()]
        record += [(10, pack((1, name), (2, Fixed64(time.time_ns())),
                             *[(3, pack((1, k), (2, v))) for k, v in fields.items()])) for name, fields in events]
        batch = [(1, Fixed64(self.epoch)), (2, self.next), *define, (4, pack(*record, *rest, (13, whole)))]
        self.sent = frame(pack((4, pack(*batch))))
        self.tls.sendall(self.sent)
        self.next += 1
        while wait and self.expect(5)[2][0] < self.next - 1:
            pass

    def renew(self, identity, proof_of=None, key=None):
        """Asks for the next certificate as an agent does, with a key of openssl's making; (certificate, error)."""
        key = key or identity / "another.key"
        run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True).stdout     # noqa: E731
        if not key.exists():
            run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        csr = run("req", "-new", "-key", key, "-subj", "/CN=x", "-outform", "DER")
        (identity / "request").write_bytes(csr)
        proof = run("dgst", "-sha256", "-sign", proof_of or identity / "key.pem", identity / "request")
        self.tls.sendall(frame(pack((9, pack((1, csr), (2, proof))))))
        answer = self.expect(10)
        return answer.get(1, [b""])[0], answer.get(2, [b""])[0].decode()

    def close(self):
        self.tls.close()
