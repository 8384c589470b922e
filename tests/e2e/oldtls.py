"""What nobody of ours may accept: older protocols, tickets of another server, early data (I2)."""
import os
import socket
import struct
import subprocess
import time

VERSIONS = {"SSLv3": 0x0300, "TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303}


def answer(port, version):
    """What a ClientHello of that version, by hand, is answered with: no library here would still say SSLv3."""
    ciphers = struct.pack(">8H", 0xc02b, 0xc02f, 0xc009, 0xc013, 0x009c, 0x002f, 0x0035, 0x000a)
    extensions = (struct.pack(">HHH", 10, 4, 2) + b"\0\x17" + struct.pack(">HHH", 11, 2, 0x0100) +
                  struct.pack(">HHH", 13, 8, 6) + b"\x04\x03\x04\x01\x02\x01")
    body = (struct.pack(">H", VERSIONS[version]) + os.urandom(32) + b"\0" + struct.pack(">H", len(ciphers)) + ciphers + b"\1\0" +
            (b"" if version == "SSLv3" else struct.pack(">H", len(extensions)) + extensions))
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        s.sendall(b"\x16" + struct.pack(">HH", min(VERSIONS[version], 0x0301), len(message)) + message)
        out = b""
        try:
            while more := s.recv(4096):
                out += more
        except ConnectionError:
            pass
    return out


def is_refusal(out):
    """Nothing, or one fatal alert."""
    return out == b"" or (out[0] == 0x15 and len(out) == 7 and out[5] == 2)


def client(port, *arguments, data=b""):
    """openssl's own client: what it says of the handshake, and what it was sent. It stays until the other end closes."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof", *map(str, arguments)], input=data,
                          capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")


def session_from_elsewhere(identity, folder, alpn):
    """A session with a ticket that allows early data, from a server that has the same certificate and gives such things."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", identity / "cert.pem", "-key", identity / "key.pem",
                               "-alpn", alpn, "-early_data", "-max_early_data", "16384", "-quiet"], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    session = folder / "session.pem"
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", alpn, "-sess_out", session], input=b"",
                           timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if session.exists() and session.stat().st_size:
                return session
            time.sleep(0.2)         # it does not listen yet
        raise AssertionError("no session was given")
    finally:
        server.kill()
        server.wait()
