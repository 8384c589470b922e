"""Texts through a whole collector, onto every screen and into every notice: what others chose is only text (W2), what is sensitive stays in the
record (M2), what is secret is nowhere (C3)."""
import base64
import http.server
import json
import os
import pty
import re
import socket
import ssl
import subprocess
import threading

import pytest

import mailserver
from conftest import ENV, SOURCE, wait_for
from incidents import raw, whole
from sanitized import SANITIZED
from school import BEADLE, CALM, Site
from test_people import Person, member, own

CANARY = "canary-5e1f"          # of what is sensitive: paths, lines of logs, causes, names of accounts, what people wrote
HOOK_SECRET = "Bearer canary-of-the-webhook"
HOST = "lab\u202e\x1b]0;x\x07\x9b2J<img src=x onerror=window.hacked=1>"
NAMES = ["<img src=x onerror=window.hacked=1>", "javascript:window.hacked=1", "{{7*7}}${window.hacked=1}<%= 1 %>", "'\"--></title><script>window.hacked=1</script>",
         "\u202etxt.exe\u2066\u200f", "\x1b[2J\x1b]0;owned\x07\r\n\x9b31m", "\u2028\u2029\ufeff", "\\x1b[31m %s%n", "=1+1"]
BYTES = b"\xff\xfe\xc3\x28\xf0\x90\x80"
LONG = "w" * 4000
CHECKS = {"disk": 60, "antivirus": 60, "patch": 60, "service": 1}
# What may reach no terminal and no mail as it is: orders to terminals, what turns the direction of reading, ends of lines.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Hook(http.server.HTTPServer):
    """A webhook of somebody's own authority. What was posted is in .posts."""

    def __init__(self, folder):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        folder / "hook.key", "-out", folder / "hook.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posts.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "hook.pem", folder / "hook.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def secret_file(path, text):
    path.write_text(text + "\n")
    path.chmod(0o600)
    if os.geteuid() == 0:
        import pwd
        user = pwd.getpwnam("beadle-notify") if any(u.pw_name == "beadle-notify" for u in pwd.getpwall()) else None
        if user:
            os.chown(path, user.pw_uid, user.pw_gid)
    return path


@pytest.fixture(scope="module")
def exim(tmp_path_factory):
    reason = mailserver.can_run()
    if reason:
        pytest.skip(reason)
    server = mailserver.Exim(tmp_path_factory.mktemp("x"))
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory, exim):
    folder = tmp_path_factory.mktemp("t")
    hook = Hook(folder)
    s = Site(folder, edit_procedure=lambda p: p.replace("quiet: 15min", "quiet: 0s"),
             people="{chen: {name: 陳志明, mail: chen@school.example}, duty: {name: Duty, webhook: chat, language: en}}",
             roles="{computer_room_manager: duty, system_admin: duty, network_admin: duty, ciso: duty}", hosts='{"second": {owner: duty}, "*": {owner: chen}}',
             notify=f"""notify:
  retry-min: 2s
  mail: {{server: localhost, port: {exim.port}, security: starttls, user: {exim.user}, from: beadle@school.example, ca: {exim.ca},
         password-file: {secret_file(folder / "mail.password", exim.password)}}}
  webhooks: {{chat: {{url: "https://localhost:{hook.server_address[1]}/", ca: {folder}/hook.pem,
             header-file: {secret_file(folder / "hook.header", "Authorization: " + HOOK_SECRET)}}}}}
""")
    s.hook = hook
    try:
        yield s.start()
    finally:
        s.stop()
        hook.shutdown()


def disk(n, share):
    """Values of mounts whose names are what others chose."""
    return {("disk_space_used_ratio", f"mount={CANARY}{name}"): share for name in (NAMES + [LONG])[:n]}


@pytest.fixture(scope="module")
def people(site):
    return {"administrator": member(site, "administrator", "administrator"), "operator": member(site, "operator", "operator")}


@pytest.fixture(scope="module")
def told(site, exim, people):
    """An agent that says hostile things in every place where it can say any; people write such notes; every notice has gone out."""
    agents = agent, second = raw(site, HOST, CHECKS), raw(site, "second", CHECKS)

    def every(state, of):
        found = [i for i in site.ask("incidents")["incidents"] if i["kind"] == "INC-A"]
        return len(found) == 2 and all(i[of] == state for i in found) and [i["id"] for i in found]

    def sent(n):
        """So often everybody concerned was told."""
        notices = [whole(site, number)["notices"] for number in numbers]
        return all(len(each) >= n and all(one["state"] == "sent" for one in each) for each in notices)
    for a in agents:
        a.round("disk", disk(2, 0.82))
    numbers = wait_for("two incidents", lambda: every("warning", "severity"))
    wait_for("both are told", lambda: sent(1))
    for a in agents:
        a.round("disk", disk(2, 0.97))                          # worse, and then more
    wait_for("both are critical, and told so", lambda: every("critical", "severity") and sent(2))
    for a in agents:
        a.round("disk", disk(99, 0.97), facts={("os", f"path={CANARY}{NAMES[0]}"): CANARY + NAMES[3]})
    skips = [CANARY + name for name in NAMES] + [CANARY.encode() + BYTES]
    agent.round("patch", {("patch_security_pending", f"repository={CANARY}{NAMES[3]}"): 3}, outcome=1, skips=skips)
    fields = {f"path{i}": CANARY + name for i, name in enumerate([*NAMES, LONG])}
    agent.round("antivirus", {}, events=[("detection", {**fields, "file": f"/home/{CANARY}", "signature": f"{CANARY}.Eicar"})])

    def failing():
        for a in agents:
            a.round("service", {}, outcome=2, error=CANARY.encode() + NAMES[5].encode() + BYTES, rest=[(11, f"{CANARY} a line of a log\n" * 9)])
        return all(any(f["rule"] == "check_failed" for f in whole(site, n)["findings"]) for n in numbers)
    wait_for("the check counts as failing", failing)
    for number in numbers:
        site.beadle("ack", number, "--note", f"{CANARY} {NAMES[0]} {NAMES[5]}")
        for name in [*NAMES, LONG[:1900]]:
            assert people["operator"].ask("incident/handle", {"id": number, "note": f"{CANARY} {name}"})[0] == 200
    for a in agents:
        a.round("disk", disk(99, 0.5))

    def recovered():
        for a in agents:
            a.round("service", {})
        return every("recovered", "state")
    wait_for("both have recovered", recovered)
    for number in numbers:
        site.beadle("close", number, "--note", f"{CANARY} {NAMES[1]}")
    wait_for("their end is told", lambda: sent(3))
    wait_for("the malware is told", lambda: any("INC-B" in body for _, body in site.hook.posts))
    wait_for("the mails lie in the box", lambda: len(exim.mails()) >= 4)
    yield {"mails": exim.mails(), "posts": list(site.hook.posts), "numbers": numbers}
    for a in agents:
        a.close()


# ---- M2 ----

def test_m02_notices_say_nothing_sensitive(site, told):
    """Of no reason that there is for one, through no channel."""
    assert {"new", "worse", "recovered"} <= {json.loads(body)["reason"] for _, body in told["posts"]}
    for mail in told["mails"]:
        everything = str(mail) + mail["Subject"] + mail.get_content()
        assert CANARY not in everything and "%s/#/incident/" % "https://localhost:8443" in everything
        assert not any(word in everything for word in ("Eicar", "a line of a log", "window", LONG[:40])) or "img src" in everything
    for _, body in told["posts"]:
        document = json.loads(body)
        assert CANARY not in body and document["link"].startswith("https://localhost:8443/#/incident/")
        assert set(document) == {"version", "id", "reason", "incident", "kind", "host", "state", "title", "clause", "school", "role", "time",
                                 "link", "text", "more_events"}
    assert CANARY in json.dumps(whole(site, told["numbers"][0]))        # the record has it


# ---- W2 ----

def only_text(text):
    found = RAW.search(text)
    assert not found, (found, text[max(0, found.start() - 60):found.end() + 20])


def test_w02_mail_and_webhooks_have_only_text(told):
    for mail in told["mails"]:
        only_text(mail["Subject"])
        only_text(mail.get_content().replace("\r\n", "\n"))
    assert any("lab\\xe2\\x80\\xae" in mail["Subject"] for mail in told["mails"])         # the host's name, what it would do made visible
    for _, body in told["posts"]:
        for text in json.loads(body).values():
            only_text(str(text))


def commands(site):
    incidents = [i["id"] for i in site.ask("incidents", "--all")["incidents"]]
    return [["status"], ["hosts"], ["hosts", HOST], ["hosts", "no such\u202e\x1b[2J"], ["incidents"], ["incidents", "--all"], ["incidents", "--host", HOST],
            *[["incident", str(i)] for i in incidents], ["close", str(incidents[0]), "--note", NAMES[5]], ["identity", "list"], ["identity", "revoke", HOST + "x"],
            ["identity", "new", "--host", HOST, "--out", str(site.folder / "again")], ["token", "new", "--host", HOST], ["token", "list"],
            ["person", "list"], ["doctor", "--collector-config", str(site.config)]]


def on_terminal(site, arguments):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BEADLE, "--socket", site.socket, *arguments], env={**ENV, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while more := os.read(ours, 65536):
            text += more
    except OSError:
        pass                    # so the end of a terminal reads
    process.wait()
    os.close(ours)
    return text.decode().replace("\r\n", "\n")          # the terminal's own


@pytest.mark.parametrize("form", ["pipe", "terminal", "json"])
def test_w02_terminals_get_only_text(site, told, form):
    for arguments in commands(site):
        if form == "pipe":
            done = subprocess.run([BEADLE, "--socket", site.socket, *arguments], env=ENV, capture_output=True)
            only_text(done.stdout.decode())
            only_text(done.stderr.decode())
        else:
            text = on_terminal(site, ["--json"] * (form == "json") + arguments)
            assert text
            only_text(re.sub("\x1b\\[(0|2|31|32|33)m", "", text))


def test_w02_a_browser_sees_only_text(site, told, people, tmp_path):
    """Every page of the real site, wide and narrow, in both languages."""
    import test_dashboard as dashboard
    if not dashboard.CHROMIUM or not dashboard.DRIVER:
        pytest.skip("not proven: chromium and chromium-driver are missing")
    browser = dashboard.Browser(site, tmp_path / "profile", "en-GB")
    incidents = [told["numbers"][0], next(i["id"] for i in site.ask("incidents", "--all")["incidents"] if i["kind"] == "INC-B")]
    number = next(h["id"] for h in site.ask("hosts")["hosts"] if "lab" in h["name"])
    try:
        browser.open()
        browser.driver.add_cookie({"name": "__Host-beadle", "value": people["administrator"].cookie, "secure": True, "path": "/"})
        for width, language in (1280, "en"), (400, "zh"):
            browser.driver.set_window_size(width, 900)
            browser.open("/?" + language)
            browser.see("a.host")
            if width == 400:
                browser.see("#language").click()
            for path, css, text in [("/", "a.host", "lab"), (f"/host/{number}", ".check .labels", CANARY), ("/incidents", "a.incident", "lab"),
                                    *[(f"/incident/{i}", ".steps", None) for i in incidents]]:
                browser.driver.execute_script("location.hash = arguments[0]", "#" + path)
                browser.see(css, text)
                for button in browser.driver.find_elements("css selector", ".row-button, .more")[:3]:
                    button.click()
                wide = browser.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
                assert wide[0] <= wide[1] + 1, (path, wide, widest(browser))
                assert browser.driver.execute_script("return window.hacked") is None
                assert browser.driver.execute_script("return document.querySelectorAll('img').length") == 1     # our own
        assert browser.complaints() == []
    finally:
        browser.driver.quit()


def widest(browser):
    """Who sticks out, for the one who reads the failure."""
    return browser.driver.execute_script("""return [...document.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))""")


# ---- C3 ----

def key_lines(path):
    """Of a private key: what would be in any copy of it, as text or as bytes."""
    text = path.read_text()
    body = "".join(line for line in text.splitlines() if not line.startswith("-"))
    lines = [line for line in text.splitlines() if not line.startswith("-")]
    der = base64.b64decode(body)
    at = der.find(b"\x04\x20")          # the private number itself, of P-256 and of Ed25519
    return [line.encode() for line in lines[:-1] if len(line) > 40] + [der[at + 2:at + 34]]


def processes(*programs):
    return [(program.process.pid, os.path.basename(program.argv[0])) for program in programs] + \
           [found for program in programs for found in program.children().items()]


@pytest.fixture(scope="module")
def secrets(site, told, people):
    """Every kind of secret that there is so far, made and used. {what: [what would be a leak of it]}"""
    found = {"first password": [site.password()], "mail password": [mailserver.Exim.password], "webhook header": [HOOK_SECRET]}
    visitor = Person(site)
    one_time = site.ask("person", "add", "planted", "--roles", "operator")["password"]
    old, new, wrong = "a canary that was planted once", "a canary that was planted anew", "a canary that never was right"
    assert visitor.log_in("planted", wrong)[0] == 401
    assert visitor.log_in("planted", one_time)[0] == 200
    found["ended cookie"] = [visitor.cookie]
    assert visitor.ask("password", {"old": one_time, "new": old})[0] == 200 and visitor.log_in("planted", old)[0] == 200
    found["another cookie"] = [visitor.cookie]
    assert visitor.ask("password", {"old": wrong, "new": new})[0] != 200
    assert visitor.ask("password", {"old": old, "new": new})[0] == 200 and visitor.log_in("planted", new)[0] == 200
    from test_factor import Telephone
    factor = visitor.ask("factor/new", {})[1]["secret"]
    assert visitor.ask("factor/confirm", {"code": Telephone(factor).code()})[0] == 200
    found["second factor"] = [factor, base64.b32decode(factor), base64.b32decode(factor).hex()]
    found |= {"passwords": [one_time, old, new, wrong, *map(own, people)], "cookies": [visitor.cookie, *[p.cookie for p in people.values()]]}
    made = site.ask("token", "new", "--host", "planted")
    folder = site.folder / "planted"
    done = subprocess.run([BEADLE, "enroll", "--host", "planted", "--identity", folder, "--agent-config", site.folder / "none"],
                          env=ENV, input=made["token"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found["what enroll says"] = [made["token"]] if made["token"] in done.stdout + done.stderr else []
    found["tokens"] = [made["token"], site.ask("token", "new", "--host", "later")["token"]]
    agent = site.agent("real", CALM).start()
    agent.program.wait_log("connected")
    assert not found.pop("what enroll says")
    keys = [p for p in site.folder.rglob("*") if p.is_file() and b"PRIVATE KEY-----" in p.read_bytes()]
    assert len([k for k in keys if site.state in k.parents]) >= 5          # two roots, checkpoints, collector, dashboard
    found |= {f"key {k}": key_lines(k) for k in keys}
    return {what: [s.encode() if isinstance(s, str) else s for s in each] for what, each in found.items()}, keys


def leaks(secrets, where, data, but=()):
    return [(what, str(where)) for what, each in secrets[0].items() if what not in but for secret in each if secret in data]


def test_c03_secrets_are_in_no_log_argument_or_environment(site, secrets):
    found = [leak for log in site.folder.rglob("*.log") for leak in leaks(secrets, log, log.read_bytes())]
    running = processes(site.collector, *[a.program for a in site.agents])
    assert len(running) >= 9
    for pid, name in running:
        for part in "cmdline", "environ":
            found += leaks(secrets, f"{name} {part}", open(f"/proc/{pid}/{part}", "rb").read())
    assert not found


def test_c03_secrets_are_in_no_file_but_their_own(site, secrets):
    """The store and its journal, queues, spools, books: passwords and tokens are nowhere, and a key is where it is used; a second factor's secret,
    which must be known to be asked for, is in the store alone."""
    site.beadle("audit", "export", "--out", site.folder / "journal.export")
    own_files = {site.folder / "mail.password": "mail password", site.folder / "hook.header": "webhook header", **{k: f"key {k}" for k in secrets[1]}}
    files = [p for p in site.folder.rglob("*") if p.is_file()]
    assert len([p for p in files if ".db" in p.name]) >= 2
    own_files |= {p: "second factor" for p in files if p.name.startswith("main.db")}
    assert any(secrets[0]["second factor"][0] in p.read_bytes() for p in files if p.name.startswith("main.db"))
    assert not [leak for p in files for leak in leaks(secrets, p, p.read_bytes(), own_files.get(p, ()))]
    for key in secrets[1]:
        assert key.stat().st_mode & 0o077 == 0, key


def test_c03_secrets_are_in_no_answer(site, secrets, people):
    """Every document that there is, and what refuses: to whom shows a good token in the wrong place, too."""
    cookie = people["administrator"].cookie
    context = ssl.create_default_context(cafile=site.state / "web/root.pem")
    routes = re.findall(r'"/api/v1/([^"]+)", "[^"]+", ROUTE_READ', (SOURCE / "collector/web/routes.c").read_text())
    queries = [f"{route}?host=real&id=1&series=1&from_at=0&to_at=1" for route in routes] + ["nothing", f"host?host={cookie}", cookie]
    requests = [f"GET /api/v1/{q} HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-beadle={cookie}\r\n\r\n" for q in queries]
    requests += [f"GET /{cookie} HTTP/1.1\r\nHost: localhost\r\n\r\n", f"{cookie} / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 f"GET / HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n\r\n", f"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\0\r\n\r\n",
                 f"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nX-Beadle: 1\r\nContent-Type: application/json\r\nContent-Length: {len(cookie) + 2}"
                 f"\r\n\r\n{{{cookie}}}"]
    for request in requests:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", site.web_port), 30), server_hostname="localhost") as s:
            s.sendall(request.encode())
            answer = b""
            while more := s.recv(65536):
                answer += more
        assert answer.startswith(b"HTTP/1.1 ") and not leaks(secrets, request, answer), request
    assert not leaks(secrets, "what commands say", b"".join(subprocess.run(
        [BEADLE, "--json", "--socket", site.socket, *c], env=ENV, capture_output=True).stdout for c in commands(site) if "new" not in c))


@pytest.mark.skipif(os.geteuid() != 0, reason="not proven: without root nobody can look as another would")
def test_c03_no_process_leaves_a_core_or_can_be_looked_into(site, secrets):
    """As the kernel has it: no process of ours may write a core file; and who is the same user, without the right to trace, sees nothing."""
    look = ["setpriv", "--bounding-set=-sys_ptrace,-perfmon", "--inh-caps=-all"]
    sleeper = subprocess.Popen([*look, "sleep", "60"])
    try:
        wait_for("it sleeps", lambda: open(f"/proc/{sleeper.pid}/comm").read() == "sleep\n")     # before, it holds more than who looks
        assert subprocess.run([*look, "readlink", f"/proc/{sleeper.pid}/exe"], capture_output=True).returncode == 0
        for pid, name in processes(site.collector, *[a.program for a in site.agents]):
            limits = open(f"/proc/{pid}/limits").read()
            assert re.search(r"Max core file size +0 +0 ", limits), (name, limits)
            if SANITIZED or name in ("beadle-host", "plugin"):
                continue        # the leak checker looks as a debugger does; hosts hold nothing of ours
            uid = os.stat(f"/proc/{pid}").st_uid
            user = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"] if uid else []
            done = subprocess.run([*look, *user, "readlink", f"/proc/{pid}/exe"], capture_output=True)
            assert done.returncode != 0 and done.stdout == b"", name
    finally:
        sleeper.kill()
        sleeper.wait()
