"""What is installed is hardened: each program and module, read with binutils (SECURITY 5.6; issue "build hardening")."""
import os
import platform
import re
import subprocess

import pytest

from conftest import BUILD, SOURCE

ENDBR64 = b"\xf3\x0f\x1e\xfa"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("i")
    done = subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={root}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    files = [p for p in root.rglob("*") if p.is_file() and not p.is_symlink() and p.open("rb").read(4) == b"\x7fELF"]
    names = {p.name for p in files}
    assert {"beadle-agent", "beadle-core", "beadle-host", "beadle-collect", "beadle-authority", "beadle-signer", "beadle-web", "beadle", "disk.so"} <= names
    return files


def read(option, path):
    return subprocess.run(["readelf", "--wide", option, path], check=True, capture_output=True, text=True).stdout


def each(files, is_wrong):
    assert [p.name for p in files if is_wrong(p)] == []


def test_code_lies_where_nobody_knows(installed):
    each(installed, lambda p: "Type:                              DYN" not in read("-h", p))


def test_tables_of_addresses_are_closed_before_the_first_line_runs(installed):
    each(installed, lambda p: "GNU_RELRO" not in read("-l", p))
    each(installed, lambda p: not re.search(r"\((FLAGS|FLAGS_1|BIND_NOW)\).*(BIND_)?NOW|\(BIND_NOW\)", read("-d", p)))


def test_no_stack_is_code_and_no_code_is_written(installed):
    each(installed, lambda p: not re.search(r"GNU_STACK .* RW +0x", read("-l", p)))
    each(installed, lambda p: re.search(r"LOAD .* RWE ", read("-l", p)))
    each(installed, lambda p: "(TEXTREL)" in read("-d", p))


def test_libraries_come_from_the_system_alone(installed):
    each(installed, lambda p: re.search(r"\((RPATH|RUNPATH)\)", read("-d", p)))


LIBC = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
RUNTIMES = re.compile("lib([alut]b?san|gcc_s|stdc\\+\\+|resolv|rt|dl|pthread)")     # what sanitizers bring along


def test_launchers_link_nothing_that_parses(installed):
    """SECURITY 5.6: the C library, and what makes filters of system calls."""
    for p in installed:
        if p.name in ("beadle-agent", "beadle-collector"):
            needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", read("-d", p)))
            assert {n for n in needed - LIBC if not RUNTIMES.match(n)} <= {"libseccomp.so.2"}, p.name


@pytest.mark.parametrize("files, most", [
    ("agent/launcher/*.c", 600), ("collector/launcher/*.c", 600), ("collector/identity/*.c", 900), ("collector/audit/verify.c", 400)])
def test_what_is_trusted_is_small_enough_to_be_read(files, most):
    """What is blank, or a comment's, is no line."""
    code = re.compile(r"^(?!\s*($|/\*.*\*/$|/?\*))", re.M)
    assert 100 < sum(len(code.findall(p.read_text())) for p in SOURCE.glob(files)) < most


@pytest.mark.skipif("#define SANITIZED 1" in (BUILD / "config.h").read_text(),
                    reason="not proven: a build with sanitizers has their guards in place of these")
class TestCompiled:
    def test_a_stack_that_was_written_over_ends_the_process(self, installed):
        each(installed, lambda p: "__stack_chk_fail" not in read("--dyn-syms", p))

    def test_copies_are_checked_where_the_size_is_known(self, installed):
        each([p for p in installed if p.suffix != ".so"], lambda p: not re.search(r"__\w+_chk\b", read("--dyn-syms", p).replace("__stack_chk_fail", "")))

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="not proven: looked at on x86-64 alone")
    def test_jumps_land_where_they_may(self, installed):
        def marks(p):
            text = re.search(r"\.text +PROGBITS +\w+ (\w+) (\w+)", read("-S", p))
            at, size = int(text[1], 16), int(text[2], 16)
            return p.read_bytes()[at:at + size].count(ENDBR64)
        each(installed, lambda p: marks(p) < 8)         # the C library's own start files have four


def test_nothing_is_installed_that_others_may_write_or_that_takes_rights(installed):
    each(installed, lambda p: p.stat().st_mode & 0o6022)
    each(installed, lambda p: "security.capability" in os.listxattr(p))
