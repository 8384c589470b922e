"""The pages say what the programs do: manual pages render and name every key, option and command; examples are taken; links lead somewhere."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ENV, SOURCE
from school import AGENT, BEADLE, COLLECTOR
from passable import passable

MAN = SOURCE / "doc/man"
GUIDES = ["doc/operators-guide.md", "doc/operators-guide.zh-TW.md"]
PAGES = sorted(p for p in MAN.iterdir() if p.suffix[1:].isdigit())

# Where keys are read, and by which functions: conf.h's, and the rooms' own small ones over them.
READERS = r"\b(?:conf_(?:get|need|map|list|string|bool|int|double|duration|size|choice)|take_path|take_texts|read_text|read_address|" \
          r"channels_secret|host_person|count|size|duration)\(\s*[^,;\"]+,\s*(?:[^,;\"]+,\s*)?(?:\"([a-z][a-z_-]*)\"|([A-Z]+_[A-Z]+))"
KEYS = {
    "beadle-agent.yaml.5": ["agent/config/config_file.c"],
    "beadle-collector.yaml.5": ["collector/config.c", "collector/setup/settings_file.c", "collector/engine/site.c",
                                "collector/engine/assignment.c", "collector/procedure/people.c", "collector/notify/channels.c",
                                "collector/notify/channels_mail.c"],
    "beadle-watch.yaml.5": ["collector/watch/settings.c", "collector/notify/channels_mail.c"],
}


def plain(roff):
    """A page's source as text: fonts and escapes away."""
    text = re.sub(r"\\f.", "", roff)
    return text.replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "")


def keys_read(files):
    defines = {}
    for header in (SOURCE / "collector/procedure").glob("*.h"):
        defines |= dict(re.findall(r'#define (\w+)\s+"(\w+)"', header.read_text()))
    found = set()
    for file in files:
        for text, macro in re.findall(READERS, (SOURCE / file).read_text()):
            found.add(text or defines.get(macro, macro))
    return found - {macro for macro in found if macro.isupper()}


def keys_told(page):
    return set(re.findall(r"^\.TP\n\.B ([a-z][a-z_-]*)$", plain((MAN / page).read_text()), re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_manual_page_renders_without_a_warning(page):
    if not shutil.which("man"):
        pytest.skip("not proven: man is not installed")
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-Tutf8", "-l", page], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANPAGER": "cat"})
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(".\b", "", done.stdout)
    assert "NAME" in text and "SEE ALSO" in text


@pytest.mark.parametrize("page", KEYS)
def test_every_key_that_is_read_is_in_the_manual(page):
    read = keys_read(KEYS[page])
    assert len(read) > 15, "the test finds the keys no more"
    assert read - keys_told(page) == set(), "read by the program, and not in the page"


@pytest.mark.parametrize("page", KEYS)
def test_every_key_in_the_manual_is_read(page):
    assert keys_told(page) - keys_read(KEYS[page]) == set(), "in the page, and not read by the program"


def example(page):
    text = plain((MAN / page).read_text())
    return re.findall(r"^\.EX\n(.*?)^\.EE$", text, re.M | re.S)


def test_the_agents_example_is_taken(tmp_path):
    agent, checks = example("beadle-agent.yaml.5")
    (tmp_path / "agent.d").mkdir()
    (tmp_path / "agent.yaml").write_text(agent)
    (tmp_path / "agent.d/disk.yaml").write_text(checks)
    done = subprocess.run([AGENT, "--check-config", "--config", tmp_path / "agent.yaml"], env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for key in keys_told("beadle-agent.yaml.5") - {"plugins"}:
        assert re.search(rf"\b{key}:", agent + checks), f"{key} is not in the example"


@pytest.fixture
def open_path(tmp_path):
    """As root the notifier's user reads the file as well."""
    passable(tmp_path)
    return tmp_path


def test_the_watchers_example_is_taken(tmp_path):
    text, = example("beadle-watch.yaml.5")
    (tmp_path / "watch.yaml").write_text(text)
    done = subprocess.run([BEADLE, "watch-collector", "--check-config", "--config", tmp_path / "watch.yaml"], env=ENV, capture_output=True,
                          text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_collectors_example_is_taken(open_path):
    text, = example("beadle-collector.yaml.5")
    shutil.copytree(SOURCE / "conf.d/procedure", open_path / "procedure")
    (open_path / "collector.yaml").write_text(text)
    done = subprocess.run([COLLECTOR, "--check-config", "--config", open_path / "collector.yaml"], env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for key in keys_told("beadle-collector.yaml.5") - {"password-file", "header-file"}:
        assert re.search(rf"\b{key}:", text), f"{key} is not in the example"


def test_installed_examples_are_taken(open_path):
    shutil.copytree(SOURCE / "conf.d", open_path / "etc")
    (open_path / "etc/agent.d").mkdir()
    for sample in SOURCE.glob("plugins/*/*.yaml"):
        shutil.copy(sample, open_path / "etc/agent.d")
    for program, file in ((AGENT, "agent.yaml"), (COLLECTOR, "collector.yaml")):
        done = subprocess.run([program, "--check-config", "--config", open_path / "etc" / file], env=ENV, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_manual_has_every_command_and_option():
    page = plain((MAN / "beadle.1").read_text())
    commands = re.findall(r'^\t\{"(\w+)", ', (SOURCE / "cli/main.c").read_text(), re.M)
    options = set()
    for file in (SOURCE / "cli").glob("*.c"):
        options |= set(re.findall(r'\{"([a-z-]+)", (?:required|no)_argument', file.read_text()))
    assert len(commands) >= 11 and len(options) >= 15, "the test finds them no more"
    for command in commands:
        assert re.search(rf"^\.B[RI]* \"?{command}\b", page, re.M), f"beadle {command} is not in the page"
    for option in options:
        assert f"--{option}" in page, f"--{option} is not in the page"


@pytest.mark.parametrize("program", [AGENT, COLLECTOR], ids=["agent", "collector"])
def test_the_daemons_options_are_in_their_manual(program):
    page = plain((MAN / f"{program.name}.8").read_text())
    usage = subprocess.run([program, "--help"], env=ENV, capture_output=True, text=True)
    assert usage.returncode == 0
    for option in set(re.findall(r"--[a-z-]+", usage.stdout)):
        assert option in page, f"{option} is not in the page"


def test_links_lead_somewhere():
    for page in [*SOURCE.glob("*.md"), *SOURCE.glob("doc/*.md")]:
        for target in re.findall(r"(?<!!)\[[^]]*\]\(([^)#]+)\)", page.read_text()):
            assert re.match(r"https?:", target) or (page.parent / target).exists(), f"{page.name}: {target}"


def test_both_guides_say_the_same():
    english, chinese = ((SOURCE / guide).read_text() for guide in GUIDES)
    assert len(re.findall(r"^#+ ", english, re.M)) == len(re.findall(r"^#+ ", chinese, re.M))

    def commands(text):
        return [line.split("#")[0].strip() for line in re.findall(r"^    (.*)", text, re.M)]
    assert commands(english) == commands(chinese)


def test_the_architecture_names_every_room_and_program():
    page = (SOURCE / "doc/architecture.md").read_text()
    rooms = [p.parent for p in [*SOURCE.glob("agent/*/local.mk"), *SOURCE.glob("collector/*/local.mk")]]
    for room in rooms:
        assert re.search(rf"`{room.parent.name}/{room.name}/`", page), f"{room.parent.name}/{room.name}/ is not in the page"
    programs = set(re.findall(r"^(?:pkglibexec|sbin|bin)_PROGRAMS \+= (?:\S*/)?(\S+)$",
                              "\n".join(p.read_text() for p in SOURCE.glob("*/**/local.mk")), re.M))
    assert len(programs) >= 10, "the test finds them no more"
    for program in programs:
        assert f"`{program}`" in page, f"{program} is not in the page"


def promises(guide):
    return re.findall(r"^\| ([A-Z]\d+) \|", (SOURCE / guide).read_text(), re.M)


def test_every_promise_of_the_guides_has_its_test():
    english, chinese = map(promises, GUIDES)
    assert english == chinese and len(english) > 20
    tests = "\n".join(p.read_text(errors="replace") for p in [*SOURCE.glob("tests/**/test_*.py"), *SOURCE.glob("tests/**/*.c")])
    for number in english:
        letter, digits = number[0].lower(), number[1:]
        assert re.search(rf"test_{letter}0?{digits}_|\b{number}\b", tests), f"{number} is promised and not tested"


def test_the_files_that_the_architecture_names_are_there():
    page = (SOURCE / "doc/architecture.md").read_text()
    rows = re.findall(r"^\| `((?:agent|collector)/\w+/)` \| (.*) \|$", page, re.M)
    assert len(rows) >= 13
    for folder, told in rows:
        for name in re.findall(r"`([a-z_.*]+)`", told):
            assert list((SOURCE / folder).glob(name if "." in name else f"{name}.[ch]")) or name in ("metrics.yaml", "state"), folder + name
