"""What takes privilege only to open, opened by the launcher from its list and handed to a plugin's host that has none (SECURITY 5.6, P6)."""
import errno
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from conftest import BUILD, ENV, lives, wait_for
from school import BEADLE, Site
from test_walls import status

BAD = BUILD / "tests/plugins/bad"
SERVICES = ("fanotify", "icmp", "icmp6")
SYS_ADMIN = 1 << 21

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="not proven: what takes privilege to open (needs root)")


@pytest.fixture(scope="module", autouse=True)
def modules():
    subprocess.run(["make", "-s", "-C", BUILD, "tests/plugins/bad/holder.so"], check=True)


class Server:
    """A site with one agent, whose check `holder` watches a folder."""

    def __init__(self, tmp_path):
        self.watched = tmp_path / "watched"
        self.watched.mkdir()
        self.watched.chmod(0o755)
        self.site = Site(tmp_path).start()
        self.agent = self.site.agent("web1", {}, extra=f"plugins: [{BAD}]")

    def configure(self, grant, **options):
        options = {"folders": f"[{self.watched}]", **options}
        self.agent.configure({"holder": ("holder", "500ms", ", ".join(f"{k}: {v}" for k, v in options.items()), f"grant: [{', '.join(grant)}]")},
                             extra=f"plugins: [{BAD}]")
        if self.agent.program.process:
            self.agent.program.process.send_signal(signal.SIGHUP)
        else:
            self.agent.start()

    def values(self, metric):
        if not self.site.ask("hosts")["hosts"]:
            return {}
        return {labels.removeprefix("service="): value for labels, (value, _) in self.site.values("web1", f"holder_{metric}").items()}

    def got(self, **expected):
        wait_for(f"errno of each: {expected}", lambda: expected.items() <= self.values("errno").items())

    def host(self, other_than=None):
        def found():
            pids = [p for p in self.agent.program.children() if p != other_than and lives(p)
                    and pathlib.Path(f"/proc/{p}/comm").read_text() == "holder\n"]
            return pids[0] if pids else None
        return wait_for("a host", found)

    def fds(self, pid):
        links = [os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        raw = {line.split()[9]: table for table in ("raw", "raw6") for line in open(f"/proc/{pid}/net/{table}") if "inode" not in line}
        return sorted([link for link in links if "fanotify" in link] + [raw[i[1]] for link in links if (i := re.fullmatch(r"socket:\[(\d+)\]", link))
                                                                        and i[1] in raw])

    def marks(self, pid):
        """The kernel's list of what a fanotify descriptor is about: kinds of marks, with the inode or file system."""
        for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            if "fanotify" in os.readlink(link):
                text = pathlib.Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
                return [(m[1], int(m[2], 16)) for m in re.finditer(r"^fanotify (ino|sdev|mnt_id):([0-9a-f]+)", text, re.M)]
        return None

    def process(self, name):
        return next(p for p, program in self.agent.program.children().items() if program == name)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.site.collector.kill()
    server.agent.kill()


def test_p06_a_host_without_any_right_uses_what_was_opened_for_it(server):
    server.configure(SERVICES)
    server.got(fanotify=0, icmp=0, icmp6=0, crystal_ball=errno.EPERM)
    wait_for("answers", lambda: server.values("answers") == {"icmp": 1, "icmp6": 1})
    assert server.values("others") == {"icmp": 0, "icmp6": 0}   # the requests themselves came by here, too
    (server.watched / "new").write_text("")
    (server.watched / "below").mkdir()
    wait_for("what was made", lambda: server.values("created") == {"": 2})
    pid, told = server.host(), status(server.host())
    assert {told[f"Cap{k}"] for k in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}, told
    assert told["Seccomp"] == "2" and told["NoNewPrivs"] == "1" and int(told["Uid"].split()[0]) >= 70000, told
    assert server.fds(pid) == ["anon_inode:[fanotify]", "raw", "raw6"]
    assert server.marks(pid) == [("ino", server.watched.stat().st_ino)]
    assert not any("fanotify" in os.readlink(link) for other in server.agent.program.children() if other != pid
                   for link in pathlib.Path(f"/proc/{other}/fd").iterdir())
    doctor = subprocess.run([BEADLE, "doctor", "--json", "--collector-config", server.site.config, "--agent-config",
                             server.agent.folder / "agent.yaml"], env=ENV, capture_output=True, text=True)
    shown = [f["what"] for f in json.loads(doctor.stdout)["findings"] if f["what"].startswith(f"plugin holder ({pid})")]
    assert len(shown) == 1 and shown[0].endswith(", no capability, no new privileges, system calls filtered, holds fanotify, raw ICMP, raw ICMPv6")
    server.site.stop()


def test_p06_a_new_host_gets_new_ones(server):
    """Nothing of what the last one was told, or left to be read; and this again and again, each opener's end seen."""
    server.configure(SERVICES)
    server.got(fanotify=0, icmp=0, icmp6=0)
    (server.watched / "first").write_text("")
    wait_for("the first", lambda: server.values("created") == {"": 1})
    pid = server.host()
    os.kill(pid, signal.SIGSTOP)
    (server.watched / "unheard").write_text("")
    os.kill(pid, signal.SIGKILL)
    other = server.host(other_than=pid)
    wait_for("a new count", lambda: server.values("created") == {"": 0})
    (server.watched / "second").write_text("")
    (server.watched / "third").write_text("")
    wait_for("the others", lambda: server.values("created") == {"": 2} and server.values("answers") == {"icmp": 1, "icmp6": 1})
    assert server.fds(other) == ["anon_inode:[fanotify]", "raw", "raw6"]
    server.site.stop()
    assert "cannot be opened" not in server.agent.program.text()


def test_p06_what_is_not_granted_is_not_opened(server):
    server.configure([])
    server.got(fanotify=errno.EPERM, icmp=errno.EPERM, icmp6=errno.EPERM)
    assert server.fds(server.host()) == []
    server.configure(["icmp"])
    server.got(fanotify=errno.EPERM, icmp=0, icmp6=errno.EPERM)
    assert server.fds(server.host()) == ["raw"]
    server.configure([])
    server.got(icmp=errno.EPERM)
    assert server.fds(server.host()) == []
    # The folder's mode is the plugin's own affair: what it may not list it may not watch.
    server.watched.chmod(0o700)
    server.configure(["fanotify"])
    server.got(fanotify=errno.EACCES)
    server.agent.program.wait_log(f"plugin holder: fanotify: {server.watched}: Permission denied\n.*plugin holder: fanotify cannot be opened: Permission denied")
    server.site.stop()


@pytest.mark.parametrize("grant, words", [
    ("crystal_ball", "holder: crystal_ball is no service of the launcher (procscan, fanotify, fanotify_filesystem, icmp, icmp6)"),
    ("procscan", "grant: procscan: the plugin does not ask for it"),
    ("fanotfy", 'grant: fanotfy: the plugin does not ask for it; did you mean "fanotify"?')])
def test_c01_a_name_that_is_none_of_the_list(server, grant, words):
    server.configure([grant])
    assert server.agent.program.process.wait(30) == 1
    lines = server.agent.program.text().splitlines()
    assert len(lines) == 2 and lines[0].endswith(words) and "checks.yaml:" in lines[0] and "not started" in lines[1], lines


def test_p06_file_systems_are_watched_by_who_was_granted_them(server):
    """It takes CAP_SYS_ADMIN, which the launcher keeps for that alone, and hands on to nobody."""
    server.configure(["fanotify_filesystem"], watched="fanotify_filesystem")
    server.got(fanotify_filesystem=0)
    pid, agent = server.host(), server.agent.program.process.pid
    assert [kind for kind, _ in server.marks(pid)] == ["sdev"]
    before = server.values("created")[""]
    (server.watched / "new").mkdir()
    (server.watched / "new/below").write_text("")
    wait_for("what was made", lambda: server.values("created")[""] >= before + 2)
    holds = {p: int(status(p)["CapPrm"], 16) | int(status(p)["CapBnd"], 16) for p in (agent, *server.agent.program.children())}
    assert [p for p, mask in holds.items() if mask & SYS_ADMIN] == [agent], holds
    server.configure(["fanotify"])
    server.got(fanotify=0)
    assert not int(status(agent)["CapPrm"], 16) & SYS_ADMIN
    server.configure(["fanotify_filesystem"], watched="fanotify_filesystem")
    server.agent.program.wait_log("watching file systems takes a right that was given up at the start: restart the agent")
    server.got(fanotify_filesystem=errno.EPERM)
    server.site.stop()
