"""The life of an agent's identity at a whole collector: given out, replaced, revoked (I1, I4, I5)."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest
from cryptography import x509

import agent as core
import certs
from conftest import ENV, wait_for
from crc32c import seal
from raw import Raw, identity_uuid
from school import BEADLE, CALM, Site

USED = ("disk_space_used_ratio", "mount=/srv")


@pytest.fixture
def site(tmp_path):
    one = Site(tmp_path)
    one.start()
    yield one
    one.stop()


def identity(site, name, folder=None, *more):
    folder = site.folder / (folder or f"id-{name}")
    folder.parent.mkdir(exist_ok=True)
    site.beadle("identity", "new", "--host", name, "--out", folder, *more)
    return folder


def raw(site, folder, name="web1"):
    return Raw(site.port, folder, name, {"disk": 60})


def served(site, folder, name="web1"):
    try:
        agent = raw(site, folder, name)
        agent.round("disk", {USED: 0.5})
        agent.close()
        return True
    except (AssertionError, OSError):
        return False


def given(site, name):
    return [i for i in site.ask("identity", "list")["identities"] if i["host"] == name]


def restart(site, **between):
    site.collector.stop(60)
    for act in between.values():
        act()
    site.start()


# ---- revocation ----

def test_i04_revoked_under_load_ends_within_a_second_and_nothing_is_acknowledged_after_it(site):
    agent, acks, ended = raw(site, identity(site, "web1")), [], []

    def read():
        with contextlib.suppress(AssertionError, OSError):
            while True:
                agent.expect(5, timeout=5)
                acks.append(time.monotonic())
        ended.append(time.monotonic())

    reader = threading.Thread(target=read)
    agent.round("disk", {USED: 0.5})
    reader.start()
    with contextlib.suppress(OSError):
        for n in range(100):
            agent.round("disk", {USED: 0.5}, wait=False)
            if n == 50:
                wait_for("acknowledgements", lambda: acks)
                site.beadle("identity", "revoke", "web1")
                revoked = time.monotonic()
            time.sleep(0.002)
    reader.join(10)
    assert ended and ended[0] - revoked < 1, "its connection has ended"
    assert not [a for a in acks if a > revoked], "acknowledged after it was revoked"
    assert not served(site, site.folder / "id-web1")
    assert "this identity was revoked" in site.collector.text()


def test_i04_an_idle_connection_ends_too_and_others_do_not(site):
    agent, other = raw(site, identity(site, "web1")), raw(site, identity(site, "web2"), "web2")
    site.beadle("identity", "revoke", "web1")
    begin = time.monotonic()
    with pytest.raises((AssertionError, OSError)):
        agent.expect(5, timeout=5)
    assert time.monotonic() - begin < 1
    other.round("disk", {USED: 0.5})
    assert served(site, site.folder / "id-web2", "web2")


def test_i04_also_after_a_restart_and_after_an_older_database_came_back(site):
    folder = identity(site, "web1")
    raw(site, folder).close()
    restart(site, copy=lambda: shutil.copytree(site.state / "store", site.folder / "older"))
    site.beadle("identity", "revoke", given(site, "web1")[0]["uuid"])
    restart(site)
    assert not served(site, folder)

    def older():
        store = site.state / "store"
        owner = store.stat()
        shutil.rmtree(store)
        shutil.copytree(site.folder / "older", store)
        (site.state / "identity/revoked").unlink()      # and the collector's own copy of the list is not needed for it
        for path in (store, *store.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
    restart(site, older=older)
    assert not served(site, folder), "the signer's own list outlasts the store"
    assert given(site, "web1")[0]["revoked_at"] > 0
    assert "its identity was revoked" in site.collector.text() or "this identity was revoked" in site.collector.text()


def test_i04_a_revoked_host_stays_on_record_and_is_not_missed(site):
    agent = raw(site, identity(site, "web1"))
    agent.round("disk", {USED: 0.95})
    incident = wait_for("an incident", lambda: site.ask("incidents")["incidents"])[0]
    site.beadle("identity", "revoke", "web1")
    wait_for("it has recovered", lambda: site.ask("incident", incident["id"])["state"] == "recovered")
    host = site.ask("hosts", "web1")
    assert (host["revoked"], host["connected"], host["state"]) == (True, False, "ok")
    assert site.ask("status")["hosts"] == {"total": 0, "connected": 0, "gone": 0}
    assert "revoked" in site.beadle("hosts")
    restart(site)
    assert site.ask("hosts", "web1")["revoked"] and site.ask("incident", incident["id"])["host_name"] == "web1"
    assert [s for s in site.ask("incident", incident["id"])["steps"]]


def test_i04_the_name_is_free_again_for_another_identity(site):
    old = identity(site, "web1")
    site.beadle("identity", "new", "--host", "web1", "--out", site.folder / "x", status=1)
    site.beadle("identity", "revoke", "web1")
    site.beadle("identity", "new", "--host", "web1", "--out", site.folder / "x", "--replace", status=5)
    new = identity(site, "web1", "second")
    assert identity_uuid(old) != identity_uuid(new)
    assert served(site, new) and not served(site, old)
    site.beadle("identity", "revoke", "nobody", status=5)


def test_i04_what_was_revoked_is_not_renewed(site):
    folder = identity(site, "web1")
    agent = raw(site, folder)
    assert agent.renew(folder)[0], "so the request itself is right"
    site.beadle("identity", "revoke", "web1")
    with pytest.raises((AssertionError, OSError)):
        agent.renew(folder)
    assert not served(site, folder)


# ---- a server that was installed anew ----

def test_i05_the_old_certificate_counts_until_the_new_one_is_used(site):
    old = identity(site, "web1")
    assert served(site, old)
    new = identity(site, "web1", "new", "--replace")
    assert identity_uuid(old) == identity_uuid(new)
    assert served(site, old), "not used yet"
    connected = raw(site, old)
    assert served(site, new)
    with pytest.raises((AssertionError, OSError)):
        connected.round("disk", {USED: 0.5})
    assert not served(site, old)
    restart(site)
    assert not served(site, old) and served(site, new), "also after a restart"
    assert "a newer one of the same agent is in use" in site.collector.text()
    assert len(site.ask("hosts")["hosts"]) == 1, "its history goes on"


# ---- renewal ----


def aged_agent(site, name, days=40):
    agent = site.agent(name, CALM)
    certs.aged(agent.folder / "identity", site.state / "signer", days)
    shutil.copytree(agent.folder / "identity", agent.folder / "old")
    return agent


def whole(site):
    """Every sequence of each epoch of each host is stored once, and none is left out."""
    for epoch in {(r[0], r[1]) for r in site.records()}:
        got = sorted(r[2] for r in site.records() if (r[0], r[1]) == epoch)
        assert got == list(range(got[0], got[0] + len(got))), epoch


def connected(site, name):
    return next((h["connected"] for h in site.ask("hosts")["hosts"] if h["name"] == name), False)


def test_i05_an_agent_renews_itself_with_a_new_key(site):
    agent = aged_agent(site, "web1").start()
    folder = agent.folder / "identity"
    wait_for("the new certificate", lambda: "the certificate was renewed" in agent.program.text())
    assert certs.read(folder)[1] == 2 and certs.fits(folder) and not (folder / "next").exists()
    assert (folder / "key.pem").read_bytes() != (agent.folder / "old/key.pem").read_bytes()
    assert (folder / "key.pem").stat().st_mode & 0o77 == 0
    wait_for("it is connected", lambda: connected(site, "web1"))
    assert [i["generation"] for i in given(site, "web1")] == [2]
    assert not served(site, agent.folder / "old"), "the old key"
    assert "a newer one of the same agent is in use" in site.collector.text()
    before = len(agent.program.text())
    agent.stop()
    agent.start()
    wait_for("it comes back", lambda: ": connected" in agent.program.text()[before:])
    time.sleep(2)
    assert "certificate" not in agent.program.text()[before:], "it is not due again"
    site.stop()
    whole(site)


def test_i05_a_young_certificate_is_left_alone(site):
    agent = aged_agent(site, "web1", 29).start()
    wait_for("it is connected", lambda: connected(site, "web1"))
    time.sleep(2)
    assert certs.read(agent.folder / "identity")[1] == 1 and not (agent.folder / "identity/next").exists()


KILL = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static void step(const char *path)
{
	static int n;

	if (strstr(path, "/identity/") && ++n == atoi(getenv("KILL_AT")))
		raise(SIGKILL);
}
int rename(const char *a, const char *b) { step(b); return syscall(SYS_renameat, AT_FDCWD, a, AT_FDCWD, b); }
int mkdir(const char *a, mode_t m) { step(a); return syscall(SYS_mkdirat, AT_FDCWD, a, m); }
int rmdir(const char *a) { step(a); return syscall(SYS_unlinkat, AT_FDCWD, a, AT_REMOVEDIR); }
"""


def test_i05_an_agent_killed_at_each_step_of_its_renewal_loses_nothing(site, tmp_path):
    """Before each change of a name in its identity's folder the core dies; it is started again, and has renewed in the end."""
    (tmp_path / "kill.c").write_text(KILL)
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", tmp_path / "kill.so", tmp_path / "kill.c"], check=True)
    disk = core.inventory("disk", core.module("disk"))
    killed = True
    at = 0
    while killed and at < 30:
        at += 1
        name, place = f"web{at}", tmp_path / f"core{at}"
        folder = certs.aged(identity(site, name, place / "identity"), site.state / "signer", 40)
        shutil.copytree(folder, place / "old")
        agent = core.Agent(place, folder, [f"127.0.0.1:{site.port}"], [("disk", core.module("disk"))],
                           [core.check("disk", "disk", 0, disk, interval=0.2, options=[{"name": "mounts", "value": b"/"}])])
        agent.env = {"LD_PRELOAD": str(tmp_path / "kill.so"), "KILL_AT": str(at)}
        agent.start()
        wait_for("killed, or renewed", lambda a=agent: a.core.poll() is not None or "was renewed" in a.text())
        killed = agent.core.poll() is not None
        agent.kill()
        agent.env = {}
        agent.start()
        wait_for(f"renewed after a kill at step {at}", lambda: certs.read(folder)[1] > 1 and not (folder / "next").exists())
        wait_for("it is connected", lambda: connected(site, name))
        assert certs.fits(folder)
        wait_for("the old key is refused", lambda p=place: not served(site, p / "old", name))
        agent.stop()
    assert at > 8 and not killed, "so many steps"
    site.stop()
    whole(site)


def test_i05_a_collector_that_answers_wrong_costs_nothing(site):
    """An answer that is no certificate of ours, and a next certificate that no collector takes: the present one goes on."""
    agent = aged_agent(site, "web1", 3)
    next_ = agent.folder / "identity/next"
    other = identity(site, "web2")
    shutil.copytree(other, next_)               # complete, and another's
    site.beadle("identity", "revoke", "web2")
    if os.geteuid() == 0:
        for path in (next_, *next_.iterdir()):
            shutil.chown(path, "beadle", "beadle")      # the core's, who would have written it
    agent.start()
    wait_for("the present one is tried again", lambda: "it is dropped" in agent.program.text(), 60)
    wait_for("it is connected", lambda: connected(site, "web1"))
    assert not next_.exists() and certs.fits(agent.folder / "identity")


def test_i05_a_request_that_is_not_right_gets_nothing(site):
    folder, other = identity(site, "web1"), identity(site, "web2")
    agent = raw(site, folder)
    certificate, error = agent.renew(folder, proof_of=other / "key.pem")
    assert not certificate and "not signed by the key that it would replace" in error
    for _ in range(9):
        certificate, error = agent.renew(folder)
        assert certificate and not error
    certificate, error = agent.renew(folder)
    assert not certificate and error == "not so often"
    assert raw(site, other, "web2").renew(other)[0], "others have their own number"


def test_i05_the_collectors_certificates_renew_themselves_while_it_serves(site):
    restart(site, ca=lambda: certs.aged(site.state / "identity", site.state / "signer", 40),
            web=lambda: certs.aged(site.state / "web", site.state / "signer", 40, "web-root"))
    old = [certs.read(site.state / f)[0].serial_number for f in ("identity", "web")]
    folder = identity(site, "web1")
    agent = raw(site, folder)
    wait_for("both are renewed", lambda: len(re.findall("certificate was renewed, with a new key", site.collector.text())) == 2, 60)
    agent.round("disk", {USED: 0.5})            # over the connection that was open meanwhile
    assert served(site, folder)
    for name, port, was in (("identity", site.port, old[0]), ("web", site.web_port, old[1])):
        assert certs.fits(site.state / name) and not (site.state / name / "next").exists()
        shown = shown_at(port, folder, site.state / name / ("ca.pem" if name == "identity" else "root.pem"))
        assert shown == certs.read(site.state / name)[0].serial_number != was
    restart(site)
    assert served(site, folder) and "the certificate was renewed" not in site.collector.text()[-2000:]


def shown_at(port, folder, root):
    """The serial number of the certificate that is shown there, which the root has made."""
    context = ssl.create_default_context(cafile=root)
    context.check_hostname = False
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.set_alpn_protocols(["beadle/1", "http/1.1"])
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as tls:
        return x509.load_der_x509_certificate(tls.getpeercert(True)).serial_number


def test_i05_a_certificate_near_its_end_is_an_incident_until_it_is_renewed(site):
    folder = identity(site, "web1")
    raw(site, folder).close()

    def near(days):
        with contextlib.closing(sqlite3.connect(site.state / "store/main.db")) as db:
            (text,), = db.execute("select json from given_name")
            given = {**json.loads(text), "not_after": time.time_ns() + days * 86400 * 10**9}
            db.execute("update given_name set json = ?", (json.dumps(given),))
            db.commit()
        seal(site.state / "store/main.db")
    restart(site, near=lambda: near(20))
    found = wait_for("an incident", lambda: site.ask("incidents")["incidents"])
    assert [(i["host_name"], i["kind"], i["severity"]) for i in found] == [("web1", "INC-A", "warning")]
    finding, = site.ask("incident", found[0]["id"])["findings"]
    assert finding["rule"] == "agent_certificate_ending" and "19 days" in finding["what"]
    assert any("web1: its certificate ends within 30 days" in f["what"] for f in doctor(site))
    restart(site, near=lambda: near(6))
    wait_for("it is worse", lambda: site.ask("incident", found[0]["id"])["severity"] == "critical")
    assert raw(site, folder).renew(folder)[0]
    restart(site)
    wait_for("it has recovered", lambda: site.ask("incident", found[0]["id"])["state"] == "recovered")


def doctor(site):
    done = subprocess.run([BEADLE, "--json", "doctor", "--collector-config", site.config, "--agent-config", "/none"], env=ENV,
                          capture_output=True, text=True)
    return json.loads(done.stdout)["findings"]
