"""The life of an agent's identity at a whole collector: given out, replaced, revoked (I1, I4, I5)."""
import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time

import pytest

from conftest import wait_for
from raw import Raw, identity_uuid
from school import Site

USED = ("disk_space_used_ratio", "mount=/srv")


@pytest.fixture
def site(tmp_path):
    one = Site(tmp_path)
    one.start()
    yield one
    one.stop()


def identity(site, name, folder=None, *more):
    folder = site.folder / (folder or f"id-{name}")
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
