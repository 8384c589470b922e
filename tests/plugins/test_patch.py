"""patch against a real apt and a real dnf, each with a root of its own and a small local repository."""
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
from passable import passable

def needs(*programs):
    missing = [p for p in programs if not shutil.which(p, path="/usr/bin:/usr/sbin")]
    return pytest.mark.skipif(bool(missing), reason=f"not proven: {', '.join(missing)} is missing")


with_apt = needs("apt-get", "dpkg-deb", "apt-ftparchive")
with_dnf = needs("dnf", "rpm", "rpmbuild", "createrepo_c", "modifyrepo_c")
DAY = 86400


def run(*command, **more):
    """As the plugin's host runs programs: Debian's rpm keeps its database in $HOME."""
    more.setdefault("env", {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/"})
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def as_plugin(folder):
    """The plugin has a user of its own in production: so it has here, where we may choose. The folder is opened to it."""
    if os.geteuid() != 0:
        return {}
    passable(folder)
    folder.chmod(0o755)
    return {"user": 70001}


class Apt:
    """An empty system, and two repositories: "main" and "security"."""

    def __init__(self, folder):
        self.folder, self.root, self.state = folder, folder / "root", folder / "state"
        self.state.mkdir()
        for name in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "var/lib/apt/lists/partial",
                     "var/cache/apt/archives/partial", "var/lib/dpkg", "var/log", "run", "boot"):
            (self.root / name).mkdir(parents=True)
        (self.root / "var/lib/dpkg/status").write_text("")
        (self.root / "etc/apt/sources.list").write_text(
            "".join(f"deb [trusted=yes] file:{folder}/{name} ./\n" for name in ("main", "security")))
        (self.root / "etc/os-release").write_text('ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Test 12"\n')
        for name in ("main", "security"):
            (folder / name).mkdir()
            self.publish(name)

    def publish(self, name, **packages):
        """Puts NAME=VERSION packages into a repository, in place of what was there."""
        repository, work = self.folder / name, self.folder / "work"
        for old in repository.iterdir():
            old.unlink()
        for package, version in packages.items():
            shutil.rmtree(work, ignore_errors=True)
            (work / "DEBIAN").mkdir(parents=True)
            (work / "DEBIAN/control").write_text(f"Package: {package}\nVersion: {version}\nArchitecture: all\n"
                                                 "Maintainer: T <t@example.invalid>\nDescription: t\n")
            run("dpkg-deb", "--build", "-Znone", work, repository / f"{package}.deb")
        (repository / "Packages").write_text(run("apt-ftparchive", "packages", ".", cwd=repository))
        label = "Debian-Security" if name == "security" else "Debian"
        release = run("apt-ftparchive", "-o", f"APT::FTPArchive::Release::Label={label}", "-o", "APT::FTPArchive::Release::Suite="
                      f"stable{'-security' if name == 'security' else ''}", "release", ".", cwd=repository)
        (repository / "Release").write_text(release)

    def install(self, **packages):
        (self.root / "var/lib/dpkg/status").write_text("".join(
            f"Package: {p}\nStatus: install ok installed\nVersion: {v}\nArchitecture: all\nMaintainer: T <t@example.invalid>\n"
            "Description: t\n\n" for p, v in packages.items()))

    def update(self):
        # As root, apt reads local files as the user _apt, which cannot reach a folder of the test.
        run("apt-get", "-o", f"Dir={self.root}", "-o", f"Dir::State::status={self.root}/var/lib/dpkg/status",
            "-o", "APT::Sandbox::User=root", "update")

    def counted(self, tmp):
        """An apt-get that counts its calls, in front of the real one."""
        program = tmp / "apt-get"
        (tmp / "calls").write_text("")
        (tmp / "calls").chmod(0o666)
        program.write_text(f'#!/bin/sh\necho >>{tmp}/calls\nexec /usr/bin/apt-get "$@"\n')
        program.chmod(0o755)
        return program, lambda: len((tmp / "calls").read_text())

    @property
    def options(self):
        # The repositories lie beside the root, and what counts apt-get's calls is a script.
        return {"manager": "apt", "root": self.root, "state": self.state,
                "grant": [f"write:{self.folder}", "program:/usr/bin"]} | as_plugin(self.folder)


@pytest.fixture
def apt(tmp_path):
    return Apt(tmp_path)


@with_apt
def test_pending_and_security_updates(check, apt, tmp_path):
    apt.install(alpha="1.0", beta="1.0", gamma="1.0")
    apt.publish("main", alpha="1.0", beta="1.1", gamma="1.0")
    apt.publish("security", gamma="1.0+deb1")
    apt.update()
    program, calls = apt.counted(tmp_path)
    r = check("patch", apt_get=program, **apt.options)
    assert r.value("patch_pending") == 2 and r.value("patch_security_pending") == 1, r.document
    assert r.value("patch_oldest_security_age") < 60
    assert r.value("patch_lists_age") < 60
    assert r.value("patch_reboot_pending") == 0
    assert r.value("patch_deleted_libraries") is None, "the machine's processes are not this root's"
    assert r.fact("os_release") == "Test 12"

    # Nothing changed: apt-get is not asked again.
    assert calls() == 1
    assert check("patch", apt_get=program, **apt.options).value("patch_pending") == 2
    assert calls() == 1
    # The packages changed: it is.
    apt.install(alpha="1.0", beta="1.1", gamma="1.0+deb1")
    r = check("patch", apt_get=program, **apt.options)
    assert calls() == 2
    assert (r.value("patch_pending"), r.value("patch_security_pending"), r.value("patch_oldest_security_age")) == (0, 0, 0)


def age_state(state, seconds):
    """As if everything had been seen so much earlier."""
    [file] = [f for f in state.rglob("pending") if f.is_file()]
    lines = file.read_text().splitlines()
    for i, line in enumerate(lines):
        words = line.split()
        if words[0] == "security":
            lines[i] = f"security {int(words[1]) - seconds} {words[2]}"
    file.write_text("\n".join(lines) + "\n")


@with_apt
def test_the_oldest_security_update_keeps_its_date(check, apt):
    apt.install(gamma="1.0", delta="1.0")
    apt.publish("security", gamma="1.0+deb1")
    apt.update()
    check("patch", **apt.options)
    age_state(apt.state, 20 * DAY)
    # A newer one takes its place, and another joins it.
    apt.publish("security", gamma="1.0+deb2", delta="1.0+deb1")
    apt.update()
    r = check("patch", **apt.options)
    assert r.value("patch_security_pending") == 2
    assert r.value("patch_oldest_security_age") == pytest.approx(20 * DAY, abs=120)
    apt.install(gamma="1.0+deb2", delta="1.0")
    r = check("patch", **apt.options)
    assert r.value("patch_security_pending") == 1 and r.value("patch_oldest_security_age") < 300


@with_apt
def test_old_lists_show(check, apt):
    apt.install(alpha="1.0")
    apt.update()
    partial = apt.root / "var/lib/apt/lists/partial"
    os.utime(partial, (0, time.time() - 9 * DAY))
    r = check("patch", **apt.options)
    assert r.value("patch_pending") == 0
    assert r.value("patch_lists_age") == pytest.approx(9 * DAY, abs=120)
    # An update that reaches nobody is none.
    (apt.root / "etc/apt/sources.list").write_text("deb [trusted=yes] http://127.0.0.1:9/x ./\n")
    subprocess.run(["apt-get", "-o", f"Dir={apt.root}", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=0", "update"],
                   capture_output=True, timeout=120)
    assert check("patch", **apt.options).value("patch_lists_age") == pytest.approx(9 * DAY, abs=120)
    # One that succeeds is.
    (apt.root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{apt.folder}/main ./\n")
    apt.update()
    assert check("patch", **apt.options).value("patch_lists_age") < 60


@with_apt
def test_restart_support_and_last_update(check, apt):
    (apt.root / "run/reboot-required").write_text("*** System restart required ***\n")
    (apt.root / "var/log/dpkg.log").write_text(
        time.strftime("%Y-%m-%d %H:%M:%S upgrade alpha 1 2\n", time.localtime(time.time() - 4 * DAY)))
    tables = apt.folder / "tables"
    tables.mkdir()
    ends = time.gmtime(time.time() + 100 * DAY)
    (tables / "debian.csv").write_text("version,codename,series,created,release,eol,eol-lts,eol-elts\n"
                                       f"12,B,bookworm,2021-08-14,2023-06-10,2024-01-01,{time.strftime('%Y-%m-%d', ends)},2033-01-01\n")
    r = check("patch", distro_info=tables, **apt.options)
    assert r.value("patch_reboot_pending") == 1
    assert r.value("patch_last_update_age") == pytest.approx(4 * DAY, abs=120)
    assert 100 * DAY - 60 <= r.value("patch_support_left") <= 101 * DAY
    assert r.fact("support_until") == time.strftime("%Y-%m-%d", ends)
    assert any("distro-info-data" in what for what in check("patch", distro_info="/nonexistent", **apt.options).skips)
    assert check("patch", distro_info=tables, support="standard", **apt.options).value("patch_support_left") < 0
    (apt.root / "boot" / f"vmlinuz-{os.uname().release}").write_text("")
    (apt.root / "run/reboot-required").unlink()
    assert check("patch", **apt.options).value("patch_reboot_pending") == 0


@with_apt
def test_an_apt_that_fails_is_told(check, apt):
    apt.install(alpha="1.0")
    (apt.root / "etc/apt/sources.list").write_text("this is no source\n")
    r = check("patch", **apt.options)
    assert "pending updates" in r.skips and r.value("patch_pending") is None and r.outcome == "partial"
    assert "ended with status 100" in r.output + str(r.document)
    assert r.value("patch_lists_age") is not None


@with_apt
def test_a_state_that_is_broken_begins_anew(check, apt):
    apt.install(gamma="1.0")
    apt.publish("security", gamma="1.0+deb1")
    apt.update()
    check("patch", **apt.options)
    [file] = [f for f in apt.state.rglob("pending") if f.is_file()]
    file.write_bytes(os.urandom(400))
    r = check("patch", **apt.options)
    assert r.value("patch_security_pending") == 1 and r.value("patch_oldest_security_age") < 60


@pytest.mark.parametrize("what", ["program", "library"])
def test_programs_that_run_deleted_files(check, tmp_path, what):
    if os.geteuid() != 0:
        pytest.skip("not proven: only root sees other users' processes")
    r = check("patch", manager="dnf", dnf="/nonexistent", grant=["procscan"])
    before = r.value("patch_deleted_libraries")
    assert before is not None, r.document
    sleep, library = shutil.which("sleep"), re.search(r" (/\S+/libm\.so\S*)", pathlib.Path("/proc/self/maps").read_text())[1]
    replaced = pathlib.Path(shutil.copy(sleep if what == "program" else library, tmp_path))
    with subprocess.Popen([replaced if what == "program" else sleep, "60"],
                          env=os.environ | ({"LD_PRELOAD": str(replaced)} if what == "library" else {})) as process:
        maps = pathlib.Path(f"/proc/{process.pid}/maps")
        while str(replaced) not in maps.read_text():
            time.sleep(0.01)
        replaced.unlink()
        after = check("patch", manager="dnf", dnf="/nonexistent", grant=["procscan"]).value("patch_deleted_libraries")
        process.kill()
    assert after > before
    r = check("patch", manager="dnf", dnf="/nonexistent")
    assert r.value("patch_deleted_libraries") is None and any("procscan" in what for what in r.skips)


SPEC = """Name: %s
Version: %s
Release: 1
Summary: t
License: t
BuildArch: noarch
%%description
t
%%files
"""


def rpm(folder, name, version):
    spec = folder / f"{name}.spec"
    spec.write_text(SPEC % (name, version))
    run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}/build", "--define", f"_rpmdir {folder}/rpms", spec)
    return folder / f"rpms/noarch/{name}-{version}-1.noarch.rpm"


ADVISORY = """<?xml version="1.0" encoding="UTF-8"?><updates>
<update from="t@example.invalid" status="final" type="security" version="1"><id>TEST-2026:1</id><title>alpha</title>
<issued date="2026-11-01 00:00:00"/><severity>Important</severity><pkglist><collection short="t"><name>t</name>
<package name="alpha" version="2.0" release="1" epoch="0" arch="noarch" src="alpha-2.0-1.src.rpm">
<filename>alpha-2.0-1.noarch.rpm</filename></package></collection></pkglist></update></updates>"""


@with_dnf
def test_dnf(check, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("not proven: only root fills the system's cache of dnf, which the plugin reads")
    root, repository, state = tmp_path / "root", tmp_path / "repository", tmp_path / "state"
    for folder in (root / "etc/yum.repos.d", root / "etc/dnf", root / "var/lib", root / "var/tmp", root / ".rpmdb", repository,
                   state):
        folder.mkdir(parents=True)
    (root / "etc/yum.repos.d/test.repo").write_text(f"[test]\nname=test\nbaseurl=file://{repository}\nenabled=1\ngpgcheck=0\n")
    (root / "etc/dnf/dnf.conf").write_text("[main]\nplugins=0\n")
    (root / "etc/os-release").write_text('ID=fedora\nVERSION_ID=1\nPRETTY_NAME="Test 1"\nSUPPORT_END=2099-01-01\n')
    (root / "var/tmp").chmod(0o1777)
    (root / "var/lib/rpm").symlink_to("../../.rpmdb")
    old = [rpm(tmp_path, name, "1.0") for name in ("alpha", "beta")]
    for name in ("alpha", "beta", "gamma"):
        shutil.copy(rpm(tmp_path, name, "2.0"), repository)
    run("createrepo_c", "--quiet", repository)
    (tmp_path / "updateinfo.xml").write_text(ADVISORY)
    run("modifyrepo_c", tmp_path / "updateinfo.xml", repository / "repodata")
    run("rpm", "--root", root, "--nodeps", "-i", *old)
    run("dnf", "-q", f"--installroot={root}", "--releasever=1", "makecache")

    # This system's rpm asks a shell where its database is; its users' folders are beside the root.
    options = {"manager": "dnf", "root": root, "state": state, "grant": [f"read:{tmp_path}", f"write:{root}", "program:/bin/sh", "program:/bin/bash"]} | as_plugin(tmp_path)
    r = check("patch", **options)
    assert r.outcome == "ok", r.document
    assert r.value("patch_pending") == 2 and r.value("patch_security_pending") == 1
    assert r.value("patch_lists_age") < 600 and r.value("patch_last_update_age") < 600
    assert r.value("patch_support_left") > 0 and r.fact("support_until") == "2099-01-01"
    age_state(state, 40 * DAY)
    assert check("patch", **options).value("patch_oldest_security_age") == pytest.approx(40 * DAY, abs=300)
    run("dnf", "-q", "-y", f"--installroot={root}", "--releasever=1", "--setopt=tsflags=nocontexts", "upgrade")
    r = check("patch", **options)
    assert r.value("patch_pending") == r.value("patch_security_pending") == r.value("patch_oldest_security_age") == 0


def test_a_wrong_option_is_refused(check):
    said = check("patch", support="forever", fails=True)
    assert "expected standard, lts or extended" in (said if isinstance(said, str) else str(said.document))
