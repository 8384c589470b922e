"""What sanitizers found in any process of a test fails that test, also where its stderr goes to nobody (a host's, a child's)."""
import atexit
import os
import pathlib
import re
import shutil
import tempfile

import pytest

SANITIZED = re.search(rb"__[at]san_init", (pathlib.Path(os.environ["BEADLE_BUILD"]) / "agent/core/beadle-core").read_bytes()) is not None
OPTIONS = ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")     # ours pass them on to their children


def _folder():
    """A folder that every user can write a report to; its path is in all options before anything is started."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="beadle-reports."))
    folder.chmod(0o1777)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in OPTIONS:
        more = ":verify_asan_link_order=0" if name == "ASAN_OPTIONS" else ""    # a test preloads a shim
        if name == "TSAN_OPTIONS":      # read by every user, who may not be let into the source tree
            more = f":suppressions={shutil.copy(pathlib.Path(__file__).with_name('tsan.supp'), folder)}"
        os.environ[name] = f"{os.environ.get(name, '')}:log_path={folder}/report{more}".lstrip(":")
    return folder


REPORTS = _folder()


@pytest.fixture
def crashes():
    """For a test whose plugin is to crash: what a sanitizer says of that is no finding."""


FOUND = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error: ", "WARNING: ThreadSanitizer")


def _in_logs(folder):
    """UBSan knows of no log_path where ASan is there, too: it writes to stderr, which is a log of the test."""
    for log in [*folder.rglob("*.log"), *folder.rglob("log")]:
        if log.is_file() and not log.is_symlink():
            text = log.read_text(errors="replace")
            at = [text.find(words) for words in FOUND if words in text]
            if at:
                yield str(log), text[max(min(at) - 200, 0):]


def _take():
    """The reports since it was asked last. What a leak checker only remarks (a thread that died under its hands) is none."""
    said = [(f.name, f.read_text(errors="replace")) for f in sorted(REPORTS.glob("report*"))]
    found = [(name, text) for name, text in said if any(words in text for words in FOUND)]
    for f in REPORTS.glob("report*"):
        f.unlink()
    return found


def _fail(found):
    if found:
        pytest.fail("\n".join(f"{name}:\n{text[:6000]}" for name, text in found[:5]), pytrace=False)


@pytest.fixture(autouse=True, scope="session")
def last_reports():
    """Of what lived as long as a module: found by the test after it, or here."""
    yield
    _fail(_take())


@pytest.fixture(autouse=True)
def no_reports(request):
    folder = request.getfixturevalue("tmp_path")
    yield
    found = _take() + list(_in_logs(folder))
    if "crashes" not in request.fixturenames:
        _fail(found)
