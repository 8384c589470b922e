"""clock against a real chronyd on loopback, right and shifted, and against servers that lie."""
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

CHRONYD = shutil.which("chronyd", path="/usr/sbin:/usr/bin")
FAKETIME = shutil.which("faketime")
real = pytest.mark.skipif(not CHRONYD, reason="not proven: chronyd is not installed (chrony)")
shifted = pytest.mark.skipif(not FAKETIME, reason="not proven: faketime is not installed")
NTP = 2208988800


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def kernel_synchronised():
    """What the kernel says through another program."""
    if not shutil.which("adjtimex"):
        return None
    text = subprocess.run(["adjtimex", "--print"], capture_output=True, text=True).stdout
    return not int(re.search(r"status: (\d+)", text)[1]) & 0x40


class Chronyd:
    def __init__(self, folder, lines, shift=None):
        self.port, self.command_port = free_port(), free_port()
        folder.mkdir(mode=0o750)
        (folder / "conf").write_text(f"port {self.port}\ncmdport {self.command_port}\n"
                                     f"bindaddress 127.0.0.1\nallow 127.0.0.1\nbindcmdaddress 127.0.0.1\nbindcmdaddress /\npidfile {folder}/pid\n{lines}\n")
        user = pwd.getpwuid(os.geteuid()).pw_name
        argv = [CHRONYD, "-x", "-U", "-d", "-f", str(folder / "conf"), "-u", user]
        if shift:
            argv = [FAKETIME, "-f", shift, *argv]
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)

    def tracking(self):
        done = subprocess.run(["chronyc", "-c", "-n", "-h", "127.0.0.1", "-p", str(self.command_port), "tracking"],
                              capture_output=True, text=True)
        return done.stdout.strip().split(",") if done.returncode == 0 else None

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)     # faketime stays in between
        except ProcessLookupError:
            pass
        self.process.wait(10)


@pytest.fixture
def chronyd():
    running = []
    # chronyd wants folders that others cannot write to; below pytest's own they may be anything
    base = pathlib.Path(tempfile.mkdtemp(prefix="beadle-chrony-"))

    def start(lines="local stratum 3", shift=None, ready=lambda fields: fields[13] == "Normal"):
        end = time.monotonic() + 60
        daemon = None
        while time.monotonic() < end:
            if not daemon or "Could not open" in daemon.log.read_text():    # another took the port meanwhile: with new ones
                daemon = Chronyd(base / str(len(running)), lines, shift)
                running.append(daemon)
            if daemon.process.poll() is not None:
                pytest.skip(f"not proven: chronyd does not run here: {daemon.log.read_text()[-300:]}")
            fields = daemon.tracking()
            if fields and len(fields) == 14 and ready(fields):
                return daemon
            time.sleep(0.1)
        raise AssertionError(f"chronyd was not ready:\n{daemon.log.read_text()}")

    yield start
    for daemon in running:
        daemon.stop()
    shutil.rmtree(base)


@real
def test_a_right_server(kept, chronyd):
    server = chronyd()
    round = kept("clock", server=f"127.0.0.1:{server.port}", chrony=f"127.0.0.1:{server.command_port}", wait="5s")
    assert round.outcome == "ok", round.skips
    assert round.value("clock_offset_abs", source="127.0.0.1") < 0.05
    assert abs(round.value("clock_offset", source="127.0.0.1")) == round.value("clock_offset_abs", source="127.0.0.1")
    assert 0 <= round.value("clock_delay", source="127.0.0.1") < 0.5
    assert 0 <= round.value("clock_dispersion", source="127.0.0.1") < 1
    assert round.value("clock_stratum", source="127.0.0.1") == 3
    assert round.fact("clock_daemon") == "chrony"
    assert round.fact("clock_source") == "local clock"      # it follows nobody
    assert round.value("clock_source_ok") == 0
    kernel = kernel_synchronised()
    assert kernel is None or round.value("clock_synchronised") == kernel


@real
@shifted
@pytest.mark.parametrize("shift", ["+90s", "-3600s", "+40d"])
def test_a_shifted_clock(kept, chronyd, shift):
    seconds = int(shift[:-1]) * {"s": 1, "d": 86400}[shift[-1]]
    server = chronyd(shift=shift)
    round = kept("clock", server=f"127.0.0.1:{server.port}", wait="5s")
    offset = round.value("clock_offset", source="127.0.0.1")
    assert offset == pytest.approx(seconds, abs=0.1), (round.skips, server.log.read_text())


@real
def test_a_client_that_follows_the_reference(kept, chronyd):
    server = chronyd()
    client = chronyd(f"server localhost port {server.port} iburst minpoll -4 maxpoll -4",
                     ready=lambda fields: fields[1] == "127.0.0.1")
    chrony = f"127.0.0.1:{client.command_port}"
    good = kept("clock", server=f"127.0.0.1:{server.port}", chrony=chrony)
    assert good.fact("clock_source") == "127.0.0.1"
    assert good.fact("clock_source_name") == "localhost"
    assert good.value("clock_source_ok") == 1
    assert 0 <= good.value("clock_sync_age") < 30
    by_name = kept("clock", references="localhost", chrony=chrony)
    assert by_name.value("clock_source_ok") == 1
    other = kept("clock", references="192.0.2.1,GPS", chrony=chrony)
    assert other.value("clock_source_ok") == 0
    assert kept("clock", chrony=chrony).value("clock_source_ok") is None     # nobody said what it should be


@real
def test_no_daemon_and_no_server(kept):
    nowhere = free_port()
    round = kept("clock", server=f"127.0.0.1:{nowhere}", chrony=f"127.0.0.1:{free_port()}", wait="200ms")
    assert round.outcome == "partial"
    assert "127.0.0.1" in round.skips
    assert round.value("clock_offset", source="127.0.0.1") is None
    assert round.value("clock_synchronised") in (0, 1)


class Liar(threading.Thread):
    """A server that answers each packet with what `answer` makes of it."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port, self.answer, self.asked = self.socket.getsockname()[1], answer, 0

    def run(self):
        try:
            while True:
                packet, peer = self.socket.recvfrom(1024)
                self.asked += 1
                for reply in self.answer(packet):
                    self.socket.sendto(reply, peer)
        except OSError:
            return

    def stop(self):
        self.socket.close()


def reply(packet, offset=0.0, flags=0x24, stratum=2, origin=None, reference=b"\x7f\0\0\1", hold=0.0):
    def stamp(t):
        t += NTP
        return struct.pack(">II", int(t) & 0xffffffff, int((t % 1) * 2**32))
    now = time.time() + offset
    return (struct.pack(">BBbbII4s", flags, stratum, 6, -20, 0, 0, reference) + stamp(now - 60) +
            (packet[40:48] if origin is None else origin) + stamp(now - hold) + stamp(now))


@pytest.fixture
def liar():
    liars = []

    def start(answer):
        liars.append(Liar(answer))
        liars[-1].start()
        return liars[-1]

    yield start
    for each in liars:
        each.stop()


def test_forged_replies_are_read_over(kept, liar):
    """Replies to another question, of another mode, cut short: none counts, and the good one after them does."""
    server = liar(lambda p: [reply(p, 1000, origin=b"\0" * 8), reply(p, 1000, flags=0x23), reply(p, 1000)[:40],
                             reply(p, 5)])
    round = kept("clock", server=f"127.0.0.1:{server.port}", wait="5s")
    assert round.value("clock_offset", source="127.0.0.1") == pytest.approx(5, abs=0.1)


def test_the_best_sample_is_the_one_with_the_shortest_way(kept, liar):
    times = iter(range(100))

    def answer(packet):
        if next(times) != 2:
            time.sleep(0.2)     # on the way there: it looks as if we were behind by half of that
        return [reply(packet)]

    server = liar(answer)
    round = kept("clock", server=f"127.0.0.1:{server.port}", samples=4)
    assert round.value("clock_offset_abs", source="127.0.0.1") < 0.05
    assert round.value("clock_jitter", source="127.0.0.1") > 0.03


@pytest.mark.parametrize("answer, why", [
    (lambda p: [reply(p, flags=0xe4)], "not synchronised"),
    (lambda p: [reply(p, stratum=16)], "not synchronised"),
    (lambda p: [reply(p, hold=30)], "times that cannot be"),
])
def test_useless_replies_are_told(kept, liar, answer, why):
    round = kept("clock", server=f"127.0.0.1:{liar(answer).port}", wait="200ms")
    assert round.value("clock_offset", source="127.0.0.1") is None
    assert any(why in skip for skip in round.skips), round.skips


def test_a_kiss_of_death_is_obeyed(kept, liar):
    server = liar(lambda p: [reply(p, stratum=0, reference=b"DENY", flags=0xe4)])
    first = kept("clock", server=f"127.0.0.1:{server.port}")
    assert any("DENY" in skip for skip in first.skips)
    assert server.asked == 1
    kept("clock", server=f"127.0.0.1:{server.port}")
    assert server.asked == 1


def test_a_kiss_of_death_is_not_the_next_servers(kept, liar):
    """The name was corrected: whoever stands there now did not refuse."""
    refuses = liar(lambda p: [reply(p, stratum=0, reference=b"DENY", flags=0xe4)])
    kept("clock", server=f"127.0.0.1:{refuses.port}")
    answers = liar(lambda p: [reply(p)])
    assert kept("clock", server=f"127.0.0.1:{answers.port}").value("clock_offset_abs", source="127.0.0.1") < 1


def test_wrong_options_are_told(kept):
    assert "option samples: 99: expected 1 to 16" in kept("clock", samples=99).output
