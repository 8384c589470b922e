"""integrity: a real tree that is really changed, from the first round to the approval of the changes."""
import hashlib
import os
import time
import shutil
import stat
import subprocess

import pytest


@pytest.fixture
def tree(tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "keep").write_text("keep")
    (tree / "change").write_text("before")
    (tree / "sub" / "gone").write_text("x")
    (tree / "program").write_text("#!/bin/true")
    os.chmod(tree / "program", 0o755)
    os.symlink("keep", tree / "link")
    return tree


def counts(round):
    return [round.value(f"integrity_{what}") for what in ("added", "removed", "modified")]


def test_from_baseline_to_approval(kept, tree, tmp_path):
    first = kept("integrity", paths=tree)
    assert counts(first) == [0, 0, 0]
    assert first.value("integrity_objects") == 7
    assert first.events_named("integrity_baseline")[0]["reason"] == "there was none"
    assert first.fact("integrity_changes") == "none"
    baseline = tmp_path / "state" / "integrity" / "baseline"
    assert first.fact("integrity_baseline") == hashlib.sha256(baseline.read_bytes()[:-32]).hexdigest()

    same = kept("integrity", paths=tree)
    assert counts(same) == [0, 0, 0] and same.value("integrity_hashed") == 0 and same.events == []

    (tree / "change").write_text("after!")
    (tree / "sub" / "gone").unlink()
    (tree / "sub" / "new").write_text("new")
    os.chmod(tree / "program", 0o4755)
    os.unlink(tree / "link")
    os.symlink("change", tree / "link")
    changed = kept("integrity", paths=tree)
    assert counts(changed) == [1, 1, 3]
    told = {os.path.basename(e["path"]): e for e in changed.events_named("integrity_change")}
    assert set(told) == {"change", "gone", "new", "program", "link"}
    assert told["change"]["sha256_before"] == hashlib.sha256(b"before").hexdigest()
    assert told["change"]["sha256_after"] == hashlib.sha256(b"after!").hexdigest()
    assert told["change"]["what"] == "content"
    assert told["program"]["what"] == "setuid"
    assert (told["program"]["mode_before"], told["program"]["mode_after"]) == ("0755", "4755")
    assert (told["link"]["link_before"], told["link"]["link_after"]) == ("keep", "change")
    assert told["gone"]["change"] == "removed" and "sha256_after" not in told["gone"]
    assert told["new"]["change"] == "added" and told["new"]["owner_after"] == f"{os.getuid()}:{os.getgid()}"

    again = kept("integrity", paths=tree)
    assert counts(again) == [1, 1, 3] and again.events == []     # it lasts, and is told once
    token = again.fact("integrity_changes")
    assert token == changed.fact("integrity_changes")

    accept = tmp_path / "state" / "integrity" / "accept"
    accept.write_text(token + "\n")
    (tree / "sneaked").write_text("in between")
    refused = kept("integrity", paths=tree)
    assert counts(refused) == [2, 1, 3] and not accept.exists()
    assert "nothing was accepted" in refused.output

    accept.write_text(refused.fact("integrity_changes"))
    accepted = kept("integrity", paths=tree)
    assert counts(accepted) == [0, 0, 0] and not accept.exists()
    assert accepted.events_named("integrity_baseline")[0]["reason"] == "accepted"
    assert counts(kept("integrity", paths=tree)) == [0, 0, 0]


def test_a_flood_of_changes_is_told_in_parts(kept, tree):
    kept("integrity", paths=tree)
    for i in range(25):
        (tree / f"new{i}").write_text("x")
    told, more = set(), []
    for _ in range(4):
        round = kept("integrity", paths=tree, events=10)
        assert counts(round) == [25, 0, 0]
        told |= {e["path"] for e in round.events_named("integrity_change")}
        more.append([e["count"] for e in round.events_named("integrity_more")])
    assert len(told) == 25
    assert more == [["15"], ["5"], [], []]


def test_a_change_that_comes_back_is_told_again(kept, tree):
    kept("integrity", paths=tree)
    for _ in range(2):
        os.chmod(tree / "keep", 0o600)
        assert len(kept("integrity", paths=tree).events_named("integrity_change")) == 1
        os.chmod(tree / "keep", 0o644)
        assert kept("integrity", paths=tree).events == []


def test_a_damaged_baseline_is_no_baseline(kept, tree, tmp_path):
    kept("integrity", paths=tree)
    baseline = tmp_path / "state" / "integrity" / "baseline"
    data = bytearray(baseline.read_bytes())
    data[40] ^= 1
    baseline.write_bytes(data)
    round = kept("integrity", paths=tree)
    assert round.outcome not in ("ok", "partial")
    assert "damaged" in round.output
    assert baseline.read_bytes() == bytes(data)


def test_capabilities(kept, tree):
    setcap = shutil.which("setcap") or "/sbin/setcap"
    if os.geteuid() != 0 or not os.path.exists(setcap):
        pytest.skip("not proven: setting capabilities needs root and setcap")
    kept("integrity", paths=tree)
    if subprocess.run([setcap, "cap_net_raw+ep", str(tree / "program")]).returncode != 0:
        pytest.skip("not proven: no capabilities on this file system")
    told = kept("integrity", paths=tree).events_named("integrity_change")
    assert [e["what"] for e in told] == ["capabilities"]
    assert told[0]["capabilities_after"].startswith("01000002")


def test_stays_on_its_file_system(kept, tree, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("not proven: mounting needs root")
    kept("integrity", paths=tree)
    if subprocess.run(["mount", "-t", "tmpfs", "none", str(tree / "sub")]).returncode != 0:
        pytest.skip("not proven: no tmpfs here")
    try:
        (tree / "sub" / "elsewhere").write_text("x")
        assert counts(kept("integrity", paths=tree))[:2] == [0, 1]     # what was below is out of sight
        assert counts(kept("integrity", paths=tree, cross_file_systems="yes"))[:2] == [1, 1]
    finally:
        subprocess.run(["umount", str(tree / "sub")], check=True)


def test_wrong_options_are_told(kept, tree):
    round = kept("integrity", paths=tree, rehash="sometimes")
    assert "expected changed or always" in round.output


def test_special_files_are_recorded_and_not_opened(kept, tree):
    """Opening a pipe would wait for a writer for ever; opening a device may do anything."""
    os.mkfifo(tree / "pipe")
    if os.geteuid() == 0:
        os.mknod(tree / "tape", 0o600 | stat.S_IFCHR, os.makedev(9, 0))
    assert kept("integrity", paths=tree).outcome == "ok"
    os.unlink(tree / "pipe")
    (tree / "pipe").write_text("a file now")
    told = kept("integrity", paths=tree).events_named("integrity_change")
    assert [e["what"] for e in told] == ["type"]
    assert (told[0]["type_before"], told[0]["type_after"]) == ("pipe", "file")


def test_the_age_of_the_last_complete_scan_is_told_between_scans(kept, tree, tmp_path):
    """5.4.3: a scan that fails, or is cut short, day after day shows as an age that goes on growing."""
    hours, scans, state = 3600 * 10**9, tmp_path / "state/integrity/scans", tmp_path / "state/integrity"
    again = lambda: kept("integrity", paths=tree, every="24h")

    def last(complete, attempt):
        scans.write_text(f"{time.time_ns() - complete * hours} {time.time_ns() - attempt * hours}\n")

    first = again()
    assert first.value("integrity_objects") == 7 and first.value("integrity_scan_age") < 60
    second = again()
    assert second.value("integrity_objects") is None and second.value("integrity_scan_age") < 120 and second.outcome == "ok"
    last(50, 1)     # two were ended by their timeout, the second an hour ago
    late = again()
    assert 49 * 3600 < late.value("integrity_scan_age") < 51 * 3600
    assert late.outcome == "partial" and "no complete scan since the last one was due" in late.skips
    last(50, 7)
    assert again().value("integrity_scan_age") < 60, "it was tried again"

    last(25, 25)
    baseline = (state / "baseline").read_bytes()
    (state / "baseline").write_bytes(b"damaged")
    assert again().outcome == "failed"
    (state / "baseline").write_bytes(baseline)
    assert again().value("integrity_scan_age") > 24 * 3600, "a failed scan is no complete one"
    (state / "accept").write_text("none")
    assert again().value("integrity_objects") == 7, "a person waits"
