"""One certificate authority takes another's place at a whole site (I5): agents follow it, and what is over is refused."""
import json
import shutil
import subprocess

import pytest

import certs
from conftest import BUILD, ENV, wait_for
from school import BEADLE, FAST, Site, each_once
from test_enrolment import enrol
from test_identity import USED, connected, identity, raw, restart, served


@pytest.fixture
def site(tmp_path):
    one = Site(tmp_path)
    one.start()
    yield one
    one.stop()


def show(site):
    return site.ask("authority", "show")


def try_to(site, *what):
    """(exit status, the document or None, what it said instead)"""
    done = subprocess.run([BEADLE, "--socket", site.socket, "--json", "authority", *what], env=ENV, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else None, done.stderr


def by(folder):
    """Which authority made the certificate there, as beadle has it."""
    key = certs.read(folder)[0].extensions.get_extension_for_class(certs.x509.AuthorityKeyIdentifier).value
    return key.key_identifier.hex()


def trusted(folder):
    return (folder / "ca.pem").read_text().count("BEGIN CERTIFICATE")


def told(site):
    """[(who, what, after)] in the journal, which holds."""
    site.beadle("audit", "verify")
    lines = [line.split("\t") for line in site.beadle("audit", "export").splitlines() if "\tauthority." in line]
    return [(line[3], line[4], json.loads(line[7])["after"]) for line in lines]


def test_i05_another_authority_takes_the_formers_place_and_no_measurement_is_lost(site):
    agents = {name: site.agent(name, FAST) for name in ("web1", "away")}
    folders = {name: a.folder / "identity" for name, a in agents.items()}
    for agent in agents.values():
        agent.start()
    wait_for("both are connected", lambda: all(connected(site, n) for n in agents))
    agents["away"].stop()
    late, cut = identity(site, "late"), identity(site, "cut")
    early = json.loads(site.beadle("--json", "token", "new", "--host", "new", "--at", f"127.0.0.1:{site.door}"))["token"]
    former = show(site)["authority"]
    shutil.copytree(folders["web1"], site.folder / "old")

    site.beadle("authority", "roll")
    now = show(site)["authority"]
    assert now != former == show(site)["former"] and show(site)["both_count"]
    assert "the last roll-over is not finished" in try_to(site, "roll")[2]
    wait_for("who is there has followed", lambda: sorted(show(site)["left"]) == ["away", "cut", "late"])
    wait_for("its files are in place", lambda: not (folders["web1"] / "next").exists())
    assert (by(folders["web1"]), trusted(folders["web1"])) == (now, 2) and certs.read(folders["web1"])[1] == 2
    assert by(site.state / "identity") == now
    assert not served(site, site.folder / "old"), "a newer one of the same agent was used"
    assert served(site, late, "late"), "who trusts the former one alone is let in, and lets the collector in"
    assert "still held by away, " in try_to(site, "finish")[2]
    assert enrol(site, early, site.folder / "new", "new")[0] == 0, "the token is of before"
    assert (by(site.folder / "new"), trusted(site.folder / "new")) == (now, 2) and served(site, site.folder / "new", "new")

    agents["away"].start()
    wait_for("it has followed", lambda: sorted(show(site)["left"]) == ["cut", "late"])
    wait_for("its files are in place", lambda: connected(site, "away") and by(folders["away"]) == now)
    site.beadle("identity", "revoke", "late")
    agent = raw(site, cut, "cut")
    agent.round("disk", {USED: 0.5})
    assert show(site)["left"] == ["cut"]
    site.beadle("authority", "finish", "--force")
    with pytest.raises(AssertionError, match="the school's former authority, which is over"):
        agent.expect(5, timeout=1)          # a refusal
    assert not served(site, cut, "cut")
    wait_for("the former is trusted no more", lambda: [trusted(f) for f in folders.values()] == [1, 1])
    assert (show(site)["former_over"], show(site)["both_count"], trusted(site.state / "identity")) == (True, False, 1)
    assert "no roll-over of the authority is under way" in try_to(site, "finish")[2]

    restart(site)
    assert not served(site, cut, "cut") and served(site, site.folder / "new", "new")
    wait_for("they are back", lambda: all(connected(site, n) for n in agents))
    (_, rolled, first), (_, finished, second) = told(site)
    assert (rolled, finished) == ("authority.rolled", "authority.finished")
    assert first["former"] == former and second["former_over"] and (second["forced"], second["left"]) == (True, ["cut"])
    site.stop()
    each_once(r for r in site.records() if r[4] == 0)


# Once before each change of one of these names, whoever makes it dies.
KILL = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int rename(const char *a, const char *b)
{
	static const char *const names[] = {"/signer/ca.key", "/signer/ca.pem", "/signer/former-over", "/identity/cross.pem", "/identity/ca.pem"};
	char mark[4200];
	int fd;

	for (int i = 0; i < 5; i++) {
		const char *at = strstr(b, names[i]);

		if (!at || at[strlen(names[i])])
			continue;
		snprintf(mark, sizeof(mark), "%s.killed", b);
		if ((fd = open(mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)) >= 0)
			__builtin_trap();
	}
	return syscall(SYS_renameat, AT_FDCWD, a, AT_FDCWD, b);
}
"""


def dying(folder):
    """A tree of programs (BEADLE_LIBEXEC) in which collector and signer die so."""
    (folder / "kill.c").write_text(KILL)
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", folder / "kill.so", folder / "kill.c"], check=True)
    tree = folder / "tree"
    for program in ("beadle-collect", "identity/beadle-signer"):
        path = tree / "collector" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\nLD_PRELOAD={folder}/kill.so exec {BUILD}/collector/{program} "$@"\n')
        path.chmod(0o755)
    for part in BUILD.iterdir():
        if part.name != "collector":
            (tree / part.name).symlink_to(part)
    for part in (BUILD / "collector").iterdir():
        if not (tree / "collector" / part.name).exists():
            (tree / "collector" / part.name).symlink_to(part)
    return tree


def test_i05_a_collector_killed_in_a_roll_over_goes_on_with_it_when_asked_again(site, tmp_path):
    agent = site.agent("web1", FAST).start()
    folder = agent.folder / "identity"
    wait_for("it is connected", lambda: connected(site, "web1"))
    site.collector.env["BEADLE_LIBEXEC"] = str(dying(tmp_path))
    restart(site)
    former = show(site)["authority"]

    def insist(act, is_done):
        def done():
            known = try_to(site, "show")[1]
            return known if known and is_done(known) else try_to(site, act) and None
        return wait_for(act, done, 60, 0.3)
    known = insist("roll", lambda d: d.get("former") == former)
    wait_for("the agent has followed", lambda: (try_to(site, "show")[1] or {"left": 1})["left"] == [], 60)
    wait_for("its files are in place", lambda: by(folder) == by(site.state / "identity") == known["authority"])
    insist("finish", lambda d: d.get("former_over"))
    wait_for("the former is trusted no more", lambda: trusted(folder) == trusted(site.state / "identity") == 1, 60)
    assert sorted(p.name for p in site.state.glob("*/*.killed")) == ["ca.key.killed", "ca.pem.killed", "ca.pem.killed", "cross.pem.killed",
                                                                     "former-over.killed"]
    assert [e[1] for e in told(site)] == ["authority.rolled", "authority.finished"]
    wait_for("it is connected", lambda: connected(site, "web1"))
    site.stop()
    each_once(r for r in site.records() if r[4] == 0)
