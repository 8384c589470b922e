"""What the collector takes in: who may speak (I1, I2, I3), how much a stranger costs (N1), frames (N2), decoding (N3), and each
result exactly once (R2 by a raw client)."""
import contextlib
import socket
import sqlite3
import ssl
import struct
import threading
import time

import pytest

import certs
import flood
import oldtls
from conftest import wait_for
from intake import MIB, Intake, RawAgent, batch, blob, fixed, frame, hello, number, parse, record, series
from sanitized import SANITIZED    # then its memory is not the collector's own

FRAME_MAX = MIB


@pytest.fixture
def collector(tmp_path):
    c = Intake(tmp_path, "greeting: 3s, frame: 2s").start()
    yield c
    c.alive()
    c.stop()


# ---- identity ----

@pytest.mark.parametrize("name", sorted(certs.BAD))
def test_i01_bad_certificate(collector, tmp_path, name):
    uuid, good = collector.agent()
    certs.BAD[name](collector.ca, "agent", uuid, tmp_path / "bad")
    try:
        refused = RawAgent(collector.port, tmp_path / "bad")
        refused.send(hello(uuid))
        assert refused.receive() is None
    except (ssl.SSLError, ConnectionError):
        pass    # already the handshake failed
    collector.wait_log(r"warning: peer at 127\.0\.0\.1: .*(" + certs.why(name) + ")")
    assert collector.text().count("warning: peer at") == 1
    collector.connect().close()


def test_i01_the_list_of_bad_certificates_is_long_enough():
    assert len(certs.BAD) >= 40 and set(certs.WHY) <= set(certs.BAD)


def test_i01_no_certificate(collector):
    try:
        refused = RawAgent(collector.port)
        refused.send(b"x")
        assert refused.receive() is None
    except (ssl.SSLError, ConnectionError):
        pass
    collector.wait_log(r"peer at 127\.0\.0\.1: .*peer did not return a certificate")
    collector.connect().close()


def test_i02_old_tls_and_no_alpn(collector):
    uuid, identity = collector.agent()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        RawAgent(collector.port, identity, version=ssl.TLSVersion.TLSv1_2)
    for alpn in ((), ("h2",)):
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            RawAgent(collector.port, identity, alpn=alpn).greet(uuid)
    collector.wait_log("does not speak beadle/1|no application protocol")
    collector.connect().close()


@pytest.mark.parametrize("version", sorted(oldtls.VERSIONS))
def test_i02_what_only_speaks_an_older_protocol(collector, version):
    assert oldtls.is_refusal(oldtls.answer(collector.port, version))
    collector.wait_log("warning: peer at 127.0.0.1: handshake failed: (unsupported protocol|wrong version number|version too low)")
    collector.connect().close()


def test_i02_no_ticket_counts_and_early_data_is_not_read(collector, tmp_path):
    """A ticket of another server with the same certificate, and a good Hello sent along with it before the handshake is done."""
    uuid, identity = collector.agent()
    ticket = oldtls.session_from_elsewhere(collector.folder / "identity", tmp_path, "beadle/1")
    (tmp_path / "early").write_bytes(hello(uuid))
    mine = ("-cert", identity / "cert.pem", "-key", identity / "key.pem", "-alpn", "beadle/1")
    said = oldtls.client(collector.port, *mine, "-sess_in", ticket, "-early_data", tmp_path / "early")
    assert "Early data was accepted" not in said and "Reused" not in said, said
    assert "connected" not in collector.text()
    collector.wait_log("handshake failed|did not say who it is in time")
    said = oldtls.client(collector.port, *mine, "-sess_in", ticket, "-sess_out", tmp_path / "ours")
    assert "New, TLSv1.3" in said and "Reused" not in said, said
    assert not (tmp_path / "ours").exists(), "it gave a ticket"
    said = oldtls.client(collector.port, "-alpn", "beadle/1", "-sess_in", ticket)       # and none stands for a certificate
    collector.wait_log("peer did not return a certificate")
    collector.connect().close()


def test_i03_hello_of_another(collector):
    _, identity = collector.agent(1)
    other, _ = collector.agent(2)
    raw = RawAgent(collector.port, identity)
    raw.send(hello(other))
    assert "another agent than the certificate" in raw.refused()
    collector.wait_log("refused: Hello names another agent than the certificate")


@pytest.mark.parametrize("first, second, why", [
    (("127.0.0.1", "a"), ("127.0.0.2", "a"), "from 127.0.0.1 and from 127.0.0.2|from 127.0.0.2 and from 127.0.0.1"),
    (("127.0.0.1", "a"), ("127.0.0.1", "b"), "from 127.0.0.1 and from 127.0.0.1"),      # a clone behind the same address
])
def test_i03_a_pair_that_connects_by_turns_is_told(collector, first, second, why):
    kept = [collector.connect(address=address, boot=boot) for address, boot in (first, second, first)]
    collector.wait_log("two machines connect by turns, (" + why + ")")
    assert kept[0].refused() and kept[1].refused()


def test_i03_one_machine_that_moves_or_restarts_is_no_pair(collector):
    lives = (("127.0.0.1", "a"), ("127.0.0.1", "a"), ("127.0.0.2", "a"), ("127.0.0.2", "b"), ("127.0.0.3", "c"))
    kept = [collector.connect(address=address, boot=boot) for address, boot in lives]
    assert "newer connection" in kept[3].refused()
    assert "by turns" not in collector.text()


def test_i03_newest_connection_wins(collector):
    first, second = collector.connect(), collector.connect()
    assert "newer connection" in first.refused()
    second.send(batch(1, [record()], define=series()))
    assert second.held(1) == 1


# ---- strangers ----

def client_hello():
    """What a TLS client says first."""
    context, out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    return out.read()


def drip(strangers, data, stop):
    """One byte a second to each; who is put out is not missed."""
    for byte in data:
        for s in strangers:
            with contextlib.suppress(OSError):
                s.send(bytes([byte]), socket.MSG_DONTWAIT)
        if stop.wait(1):
            return


def test_n01_strangers_do_not_keep_agents_out(collector):
    """5,000 from 16 addresses that say nothing, drip, stop in the middle of a ClientHello or never read the answer to it. Agents from an
    address that was never heard of get in all the while."""
    n = 5000
    if not flood.many_files(n + 1000):
        pytest.skip("not proven: 6,000 open files are not allowed here")
    hello, stop = client_hello(), threading.Event()
    before, strangers, took = collector.memory(), [], []

    def let_in(agent):
        uuid, identity = collector.agent(agent)
        begin = time.monotonic()
        raw = RawAgent(collector.port, identity)
        raw.greet(uuid)
        took.append(time.monotonic() - begin)
        return raw
    collector.agent(1)      # made before it matters
    for i in range(n):
        s = flood.connect(collector.port, i)
        assert s, "it does not even take the connection"
        with contextlib.suppress(OSError):
            s.sendall((b"", hello[:1], hello[:len(hello) // 2], hello)[i // 16 % 4])
        strangers.append(s)
        if i % 1000 == 999:
            raw = let_in(1)
            raw.close()
    dripping = threading.Thread(target=drip, args=([s for i, s in enumerate(strangers) if i // 16 % 4 == 1], hello[1:], stop))
    dripping.start()
    try:
        raw = let_in(1)
        print(f"an agent is let in after {max(took):.2f} s at most; {(collector.memory() - before) >> 20} MiB more")
        assert max(took) < 5
        assert SANITIZED or collector.memory() - before < 256 * 64 * 1024
        # All are put out in the end, though they hold on.
        wait_for("the strangers to be put out", lambda: all(flood.is_closed(s) for s in strangers), timeout=20)
        raw.send(batch(1, [record()], define=series()))
        assert raw.held(1) == 1
    finally:
        stop.set()
        dripping.join()
        for s in strangers:
            s.close()


def test_n01_a_greeting_of_more_than_64_kib_is_cut(collector):
    """A ClientHello of 127 KiB, which OpenSSL itself would wait for."""
    begin = b"\x01" + struct.pack(">I", 127 * 1024)[1:]
    with socket.create_connection(("127.0.0.1", collector.port), timeout=10) as s:
        with pytest.raises(ConnectionError):
            for i in range(7):
                s.sendall(b"\x16\x03\x01\x40\x00" + (begin if i == 0 else b"").ljust(16384, b"\0"))
                time.sleep(0.1)
            time.sleep(1)
            s.sendall(b"\x16")
            assert s.recv(1)
    collector.wait_log("sent more than 64 KiB before it was known")
    collector.connect().close()


def test_n01_a_known_peer_that_says_nothing(collector):
    _, identity = collector.agent()
    raw = RawAgent(collector.port, identity)
    begin = time.monotonic()
    assert raw.receive() is None
    assert 2 < time.monotonic() - begin < 10
    collector.wait_log("did not say who it is in time")


# ---- frames ----

@pytest.mark.parametrize("length", [0, FRAME_MAX + 1, 2**31, 2**32 - 1])
def test_n02_length_alone_refuses(collector, length):
    raw = collector.connect()
    raw.send(struct.pack(">I", length))
    assert "empty or too long" in raw.refused()


def test_n02_first_frame_is_bounded_more_tightly(collector):
    uuid, identity = collector.agent()
    raw = RawAgent(collector.port, identity)
    raw.send(struct.pack(">I", 256 * 1024 + 1))
    assert "empty or too long" in raw.refused()


def test_n02_a_frame_of_one_byte_and_of_the_limit(collector):
    raw = collector.connect()
    raw.send(frame(b"\x08"))
    assert "malformed" in raw.refused()
    raw = collector.connect()
    filling = record(extra=blob(100, bytes(FRAME_MAX - 200)))
    body = batch(1, [filling], define=series())
    body = batch(1, [record(extra=blob(100, bytes(FRAME_MAX - 200 + FRAME_MAX + 4 - len(body))))], define=series())
    assert len(body) == FRAME_MAX + 4
    raw.send(body)
    assert raw.held(1) == 1


def test_n02_pieces(collector):
    raw = collector.connect()
    for byte in batch(1, [record()], define=series()):
        raw.send(bytes([byte]))
    assert raw.held(1) == 1
    raw.send(batch(2, [record()]) + batch(3, [record()]))
    assert raw.held(3) == 3


def test_n02_truncated_at_every_byte(collector):
    whole = batch(1, [record()], define=series())
    for n in range(len(whole)):
        raw = collector.connect()
        raw.send(whole[:n])
        raw.close()
    collector.alive()


def test_n02_a_begun_frame_must_end(collector):
    raw = collector.connect()
    raw.send(struct.pack(">I", 1000) + b"abc")
    begin = time.monotonic()
    assert "not ended in time" in raw.refused()
    assert time.monotonic() - begin < 10


BOMBS = {
    "unknown fields": lambda: b"\x78\x01" * (MIB // 2 - 1000),
    "empty records": lambda: blob(4, fixed(1, 1) + number(2, 1) + b"\x22\x00" * (MIB // 2 - 1000)),
    "empty series": lambda: blob(4, fixed(1, 1) + number(2, 1) + b"\x1a\x00" * (MIB // 2 - 1000)),
    "unpacked values": lambda: blob(4, fixed(1, 1) + number(2, 1) + blob(4, b"\x28\x01" * (MIB // 2 - 1000))),
    "empty facts": lambda: blob(4, fixed(1, 1) + number(2, 1) + blob(4, b"\x4a\x00" * (MIB // 2 - 1000))),
    "nested unknown": lambda: blob(4, blob(4, blob(10, b"\x78\x01" * (MIB // 2 - 1000)))),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_n03_bomb(collector, name):
    other = collector.connect(2)
    other.send(batch(1, [record()], define=series()))
    other.held(1)
    before, raw = collector.memory(), collector.connect(1)
    raw.send(frame(BOMBS[name]()))
    assert raw.refused()
    assert SANITIZED or collector.memory() - before < 12 * MIB
    other.send(batch(2, [record()]))
    assert other.held(2) == 2


@pytest.mark.parametrize("wrong, why", [
    (batch(1, [record(check=9)]), "check that Hello did not name"),
    (batch(1, [record()]), "series that was not defined"),
    (batch(0, [record()], define=series()), "sequence that cannot be"),
    (batch(2**63, [record()], define=series()), "sequence that cannot be"),
    (batch(1, [number(1, 1) + fixed(2, 1) + blob(5, b"\x01")], define=series()), "as many series as values"),
    (batch(1, [record(extra=number(4, 77))], define=series()), "unknown outcome"),
    (batch(1, [record(extra=blob(11, bytes(4097)))], define=series()), "too long"),
    (batch(1, [record([1.0] * 5000)] * 3, define=series(range(1, 5001))), "more than 10,000 values"),
    (batch(1, [record()], define=series(check=3)), "check that Hello did not name"),
    (batch(1, [record()], define=blob(3, number(1, 1) + number(2, 1) + blob(3, "no good"))), "not what it may be"),
    (frame(blob(2, b"")), "an agent does not send"),
    (hello("x"), "an agent does not send"),
])
def test_n03_what_a_batch_may_hold(collector, wrong, why):
    raw = collector.connect()
    raw.send(wrong)
    assert why in raw.refused()


# ---- exactly once ----

def rows(collector):
    """(host, epoch, sequence) of all rows, once the collector has ended."""
    found = []
    for path in sorted(collector.store.glob("raw-*.db")):
        with sqlite3.connect(path) as db:
            found += db.execute("SELECT host, epoch, sequence FROM result JOIN spool ON spool.id = spool").fetchall()
    return found


def test_r02_duplicate_reordered_replayed(collector):
    raw = collector.connect(epochs=(1, 2))
    raw.send(batch(1, [record()] * 5, define=series()))
    raw.held(5)
    for again in (batch(1, [record()] * 5), batch(4, [record()] * 4), batch(2, [record()]), batch(9, [record()])):
        raw.send(again)
    raw.held(9)
    raw.send(batch(8, [record()]))                  # late: the gap is the agent's to explain
    raw.send(batch(1, [record()] * 2, epoch=2))
    raw.held(2, epoch=2)
    raw.close()
    collector.stop()
    collector.start()
    raw = RawAgent(collector.port, collector.agent()[1])
    welcome = raw.greet(collector.agent()[0], epochs=(1, 2, 3))
    held = [parse(h) for h in welcome[2]]
    assert [(h.get(1, [0])[0], h.get(2, [0])[0]) for h in held] == [(1, 9), (2, 2), (3, 0)]
    raw.send(batch(7, [record()] * 3, define=series()))
    raw.held(9)
    raw.close()
    collector.stop()
    found = rows(collector)
    collector.start()
    assert sorted((e, s) for _, e, s in found) == [(1, s) for s in (1, 2, 3, 4, 5, 6, 7, 9)] + [(2, 1), (2, 2)]


def test_window_holds_back_and_nothing_is_dropped(collector):
    raw = collector.connect()
    raw.send(batch(1, [record()], define=series()))
    for i in range(2, 400):
        raw.send(batch(i, [record()]))
    assert raw.held(399) == 399


def test_wrong_configuration_changes_nothing(tmp_path):
    collector = Intake(tmp_path, "greeting: 1000s, streams: 4")
    with pytest.raises(AssertionError, match="greeting"):
        collector.start()
    assert "collector.yaml:3: limits" in collector.text() or "greeting" in collector.text()
