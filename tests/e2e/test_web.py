"""beadle-web at its socket: heads, headers, files, the proof that our own page asked, deadlines. The test holds the collector's end of its
pipe, so that what reaches the collector is seen too."""
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

import flood
import oldtls
from conftest import BUILD, ENV, wait_for
from protobuf import pack, unpack
from sanitized import SANITIZED

WEB = BUILD / "collector/web/beadle-web"
AUTHORITY = BUILD / "collector/authority/beadle-authority"
LONG = 30 if SANITIZED else 5       # seconds that a page may take while others are in its way


class Web:
    """beadle-web, with its own certificates. Questions that reach the collector are in .asked; .answers says what comes back."""

    def __init__(self, folder, *options):
        self.folder, self.asked, self.answers = folder, [], {}
        subprocess.run([AUTHORITY, "--state", folder, "--school", "twvs", "--name", "c", "--host", "localhost", "--host", "127.0.0.1"],
                       check=True, stdout=subprocess.DEVNULL)
        listener = socket.create_server(("127.0.0.1", 0), backlog=4096)     # as the launcher does
        self.port = listener.getsockname()[1]
        self.pipe, theirs = socket.socketpair()
        self.log = open(folder / "web.log", "wb")
        self.process = subprocess.Popen(
            [WEB, "--identity", folder / "web", "--web-fd", str(listener.fileno()), "--collector-fd", str(theirs.fileno()),
             *options],
            pass_fds=[listener.fileno(), theirs.fileno()], env=ENV, stderr=self.log)
        listener.close()
        theirs.close()
        threading.Thread(target=self.serve, daemon=True).start()

    def send(self, message):
        self.pipe.sendall(struct.pack(">I", len(message)) + message)

    def serve(self):
        stream = self.pipe.makefile("rb")
        while True:
            head = stream.read(4)
            if len(head) < 4:
                return
            query = {k: v[0] for k, v in unpack(unpack(stream.read(struct.unpack(">I", head)[0]))[1][0]).items()}
            name, session = query[2].decode(), query.get(3, b"").decode()
            if name != "web.certificate":       # its own matter, which no browser made it ask
                self.asked.append((name, session, json.loads(query.get(4, b"{}"))))
            status, body = self.answers.get(name, (200, {}))
            if status:
                self.send(pack((2, pack((1, query[1]), (2, status), (3, json.dumps(body))))))

    def push(self, number, topic, body):
        self.send(pack((3, pack((1, number), (2, topic), (3, json.dumps(body))))))

    def connect(self):
        context = ssl.create_default_context(cafile=self.folder / "web/root.pem")
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 30), server_hostname="localhost")

    def raw(self, data):
        """Sends bytes as they are; everything that comes back until the end."""
        with self.connect() as s:
            s.sendall(data)
            return read_all(s)

    def ask(self, method, path, body=None, **headers):
        lines = {"Host": f"localhost:{self.port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if method == "POST":
            lines.setdefault("Content-Length", str(len(data)))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v is not None) + "\r\n"
        return parse(self.raw(head.encode() + data))

    def post(self, path, body, **headers):
        return self.ask("POST", path, body, **{"X_Beadle": "1", "Content_Type": "application/json", **headers})

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0, (self.folder / "web.log").read_text()
        self.pipe.close()
        self.log.close()


def read_all(s):
    out = b""
    try:
        while chunk := s.recv(65536):
            out += chunk
    except (ConnectionError, ssl.SSLError):
        pass
    return out


def parse(data):
    """(status, headers, body); W3: no answer, whatever it is to, comes without what tells the browser to distrust us."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = [(k.lower(), v) for k, _, v in (line.partition(": ") for line in lines[1:])]
    headers = dict(fields)
    assert len(headers) == len(fields), ("twice", fields)
    assert_distrust(lines[0], headers)
    return int(lines[0].split()[1]), headers, body


def assert_distrust(line, headers):
    policy = dict(part.strip().split(" ", 1) for part in headers.get("content-security-policy", f"none {line}").split(";"))
    assert policy.pop("require-trusted-types-for", line) == "'script'" and policy.pop("trusted-types") == "'none'"
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert set(policy.values()) <= {"'none'", "'self'"}, (line, policy)
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"].startswith("max-age=") and headers["x-frame-options"] == "DENY"
    kept = line.split()[1] in ("200", "304") and "json" not in headers.get("content-type", "") and "stream" not in headers.get("content-type", "")
    assert headers["cache-control"] == ("no-cache" if kept else "no-store"), (line, headers)
    assert headers["connection"].lower() == "close"


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    w = Web(tmp_path_factory.mktemp("web"))
    yield w
    w.stop()


SESSION = {"Cookie": "__Host-beadle=abcdefghijkl"}

WRONG = {
    "two lengths": (b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    "chunked": (b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
    "folded": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "NUL": (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
    "%00": (b"GET /index.html?a=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "encoded path": (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "backslash": (b"GET /..\\..\\etc\\passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "absolute": (b"GET https://localhost/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "double-encoded path": (b"GET /%252e%252e/%252e%252e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "encoded name": (b"GET /app%2ejs HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "encoded slash": (b"GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "%00 in the path": (b"GET /app.js%00.html HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "NUL in the path": (b"GET /app.js\0.html HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "authority": (b"GET //etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "absolute path": (b"GET /etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    "drive": (b"GET /C:/windows/win.ini HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    "dot": (b"GET /./app.js HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    "slash behind": (b"GET /app.js/ HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    "lengths that differ": (b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "length and chunked": (b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
    "folded at once": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "bare CR": (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
    "one bare LF": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    "old version": (b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505),
    "expects": (b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", 417),
    "without a length": (b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\n\r\n", 411),
    "too long a target": (b"GET /" + b"a" * 2050 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "dots": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two requests": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "too large a head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000, 431),
    "too large a body": (b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413),
    "another method": (b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "not HTTP": (b"\x16\x03\x01hello\r\n\r\n", 400),
}


@pytest.mark.parametrize("name", WRONG)
def test_w06_wrong_requests_are_refused_and_closed(web, name):
    data, status = WRONG[name]
    before = len(web.asked)
    got, _, body = parse(web.raw(data))         # raw reads until it is closed
    assert got == status and b"root:" not in body
    assert len(web.asked) == before


def test_w06_a_link_among_the_pages_leads_nowhere(tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<p>x")
    (tmp_path / "secret.js").write_text("secret")
    (pages / "link.js").symlink_to("../secret.js")
    (pages / "folder.js").mkdir()
    web = Web(tmp_path, "--pages", pages)
    try:
        assert web.ask("GET", "/")[0] == 200
        (pages / "later.js").symlink_to("../secret.js")         # nor what comes once it runs
        (pages / "later.css").write_text("secret")
        for path in ("/link.js", "/folder.js", "/later.js", "/later.css", "/../secret.js"):
            status, _, body = web.ask("GET", path)
            assert status == 404 and b"secret" not in body, path
    finally:
        web.stop()


@pytest.mark.parametrize("path", ["/", "/app.js", "/style.css", "/icon.svg", "/nothing", "/api/v1/hosts", "/api/v1/nothing", "/api/v1/stream"])
def test_w03_every_answer_tells_the_browser_to_distrust_us(web, path):
    """parse() looks at the headers, in every test of this file."""
    status, headers, _ = web.ask("GET", path)
    assert status == {"/nothing": 404, "/api/v1/nothing": 404}.get(path, 401 if "api" in path else 200)
    assert web.ask("HEAD", path)[0] == (405 if path in ("/api/v1/hosts", "/api/v1/stream") else status)
    if status == 200:
        assert web.ask("GET", path, If_None_Match=headers["etag"])[0] == 304


def test_w03_what_the_server_behind_would_answer_by_itself(web):
    """Heads that fit our bounds, and would not fit libmicrohttpd's."""
    many = "; ".join(f"c{i}=x" for i in range(900))
    assert web.ask("GET", "/?" + "&".join("a" * 1 for _ in range(900)))[0] == 400
    assert web.ask("GET", "/api/v1/whoami?" + "&" * 1900, **SESSION)[0] == 400
    assert web.ask("GET", "/api/v1/whoami", Cookie=f"{many}; {SESSION['Cookie']}; {'y' * 200}=1")[0] == 200
    assert web.asked[-1] == ("whoami", "abcdefghijkl", {})
    assert web.ask("GET", "/api/v1/whoami", Cookie=many)[0] == 401
    assert web.ask("GET", "/api/v1/hosts?" + "&".join(f"a{i}={i}" for i in range(16)), **SESSION)[0] == 200
    for status in (400, 404, 409, 429, 503):
        web.answers["status"] = (status, {"error": {"code": "x", "message": "x"}})
        assert web.ask("GET", "/api/v1/status", **SESSION)[0] == status


def test_files_are_served_once_and_then_known(web):
    status, headers, body = web.ask("GET", "/")
    assert status == 200 and headers["content-type"].startswith("text/html") and int(headers["content-length"]) == len(body)
    assert b"<script" in body and b"style=" not in body
    status, _, body = web.ask("GET", "/", If_None_Match=headers["etag"])
    assert (status, body) == (304, b"")
    status, _, body = web.ask("HEAD", "/")
    assert (status, body) == (200, b"")


def test_w01_changes_need_the_proof_that_our_own_page_asked(web):
    body, before = {"id": 1}, len(web.asked)
    act = "/api/v1/incident/close"
    assert web.ask("GET", act, **SESSION)[0] == 405
    assert web.ask("POST", act, body, Content_Type="application/json", **SESSION)[0] == 403
    assert web.ask("POST", act, body, X_Beadle="1", Content_Type="text/plain", **SESSION)[0] == 403
    assert web.ask("POST", act, b"id=1", X_Beadle="1", Content_Type="application/x-www-form-urlencoded", **SESSION)[0] == 403
    assert web.post(act, body, Origin="https://evil.example", **SESSION)[0] == 403
    assert web.post(act, body, Sec_Fetch_Site="cross-site", **SESSION)[0] == 403
    assert web.post(act, body)[0] == 401
    assert web.post(act, body, Cookie="__Host-beadle=a b")[0] == 401
    assert web.post(act, b"[1]", **SESSION)[0] == 400
    assert web.post(act, b"{", **SESSION)[0] == 400
    assert web.ask("POST", "/api/v1/hosts", {}, **SESSION)[0] == 405
    assert len(web.asked) == before
    assert web.post(act, body, Origin=f"https://localhost:{web.port}", Sec_Fetch_Site="same-origin", **SESSION)[0] == 200
    assert web.asked[-1] == ("incident.close", "abcdefghijkl", {"id": 1})


def test_log_in_puts_the_session_into_a_cookie_that_no_script_reads(web):
    web.answers["login"] = (200, {"session": "S" * 43, "name": "admin", "roles": [], "must_change": True})
    status, headers, body = web.post("/api/v1/login", {"name": "admin", "password": "x"}, **SESSION)
    assert status == 200 and b"SSS" not in body and json.loads(body)["must_change"] is True
    cookie = headers["set-cookie"]
    assert cookie.startswith("__Host-beadle=" + "S" * 43 + ";")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"))
    assert web.asked[-1] == ("login", "", {"name": "admin", "password": "x"})
    status, headers, _ = web.post("/api/v1/logout", {}, **SESSION)
    assert status == 200 and "Max-Age=0" in headers["set-cookie"]


def test_questions_and_their_refusals_pass_through(web):
    web.answers["hosts"] = (200, {"hosts": [{"name": "<img src=x onerror=alert(1)>"}], "more": False})
    status, headers, body = web.ask("GET", "/api/v1/hosts?limit=10&after=a%20b", **SESSION)
    assert status == 200 and json.loads(body) == web.answers["hosts"][1]
    assert headers["content-type"] == "application/json" and headers["cache-control"] == "no-store"
    assert web.asked[-1] == ("hosts", "abcdefghijkl", {"limit": 10, "after": "a b"})
    web.answers["host"] = (404, {"error": {"code": "not_found", "message": "no host 9"}})
    assert web.ask("GET", "/api/v1/host?host=9", **SESSION)[0] == 404


def test_the_live_stream_comes_back_where_it_was(web):
    def look(last=None):
        s = web.connect()
        extra = f"Last-Event-ID: {last}\r\n" if last else ""
        s.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-beadle=abcdefghijkl\r\n{extra}\r\n".encode())
        return s

    def until(s, mark):
        out = b""
        while mark not in out:
            out += s.recv(4096)
        return out
    web.answers["stream"] = (200, {})
    with look() as s:
        text = until(s, b"now_at")
        assert b"text/event-stream" in text
        known = text.split(b"id: ")[1].split(b"\n")[0].decode()
        web.push(1, "host", {"id": 7})
        assert b'event: host\ndata: {"id": 7}\n\n' in until(s, b"}\n\n")
    web.push(2, "incident", {"id": 8})
    with look(known) as s:
        text = until(s, b'{"id": 8}')
        assert b'{"id": 7}' in text and b"reset" not in text
    with look("ffffffff.1") as s:
        assert b"event: reset" in until(s, b"now_at")
    web.answers["stream"] = (401, {"error": {"code": "log_in", "message": "log in"}})
    assert web.ask("GET", "/api/v1/stream", **SESSION)[0] == 401


def test_n07_slow_clients_cost_one_slot_each(web):
    """Idle connections and half heads fill the address's share; a browser still gets in, and the drippers are gone after the deadline."""
    idle = [socket.create_connection(("127.0.0.1", web.port), 30) for _ in range(100)]
    slow = [web.connect() for _ in range(10)]
    for s in slow:
        s.sendall(b"GET / HT")
    for _ in range(3):
        assert web.ask("GET", "/")[0] == 200
    assert len(os.listdir(f"/proc/{web.process.pid}/fd")) < 100
    start = time.monotonic()
    while time.monotonic() - start < 11:      # one byte a second does not buy more time
        try:
            slow[-1].sendall(b"T" if time.monotonic() - start < 8 else b"")
        except OSError:
            break
        time.sleep(1)
    assert parse(read_all(slow[-1]))[0] == 408
    for s in idle + slow:
        s.close()
    wait_for("their slots are free", lambda: len(os.listdir(f"/proc/{web.process.pid}/fd")) < 20)


def browse(web, times=3):
    """What a person's browser does, from an address of its own; how long the slowest took."""
    slowest = 0
    for path in ("/", "/app.js", "/style.css") * times:
        begin = time.monotonic()
        assert web.ask("GET", path)[0] == 200
        slowest = max(slowest, time.monotonic() - begin)
    return slowest


def test_n07_ten_thousand_idle_ones_while_a_browser_works(web):
    """Connections that say nothing, some after a handshake, some in the middle of a head or a body, from 16 addresses."""
    if not flood.many_files(11000):
        pytest.skip("not proven: 11,000 open files are not allowed here")
    context = ssl.create_default_context(cafile=web.folder / "web/root.pem")
    held, slowest = [], 0
    try:
        for i in range(10000):
            s = flood.connect(web.port, i)
            assert s, "it does not even take the connection"
            if i % 50 == 0:
                try:
                    s = context.wrap_socket(s, server_hostname="localhost")
                    s.sendall((b"", b"GET / HT", b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")[i // 50 % 3])
                except OSError:
                    pass                # it had to make room before it was done
            held.append(s)
            if i % 1000 == 999:
                slowest = max(slowest, browse(web, 1))
        with flood.going_on(web.port):
            time.sleep(1)
            slowest = max(slowest, browse(web))
        web.answers["login"] = (200, {"session": "S" * 43, "name": "admin", "roles": []})
        assert web.post("/api/v1/login", {"name": "admin", "password": "x"})[0] == 200
        print(f"the slowest page took {slowest:.2f} s")
        assert len(os.listdir(f"/proc/{web.process.pid}/fd")) < 300
        assert slowest < LONG
    finally:
        for s in held:
            s.close()


def test_n07_slow_answers_do_not_take_all_slots(web):
    """Whole requests, whose answers are long in coming, from eight addresses: the ninth is served, theirs wait their turn."""
    web.answers["login"] = (0, {})
    context = ssl.create_default_context(cafile=web.folder / "web/root.pem")
    request = (b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nX-Beadle: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
               b"\r\n{}")
    held = []
    try:
        for i in range(256):
            held.append(context.wrap_socket(flood.connect(web.port, i, 8), server_hostname="localhost"))
            held[-1].sendall(request)
        wait_for("all slots are taken", lambda: sum(not flood.is_closed(s) for s in held) >= 250 and
                 len(os.listdir(f"/proc/{web.process.pid}/fd")) > 500)
        assert browse(web) < LONG
    finally:
        for s in held:
            s.close()
        web.answers.clear()


@pytest.mark.parametrize("version", sorted(oldtls.VERSIONS))
def test_i02_nothing_below_tls_1_3(web, version):
    assert oldtls.is_refusal(oldtls.answer(web.port, version))


def test_i02_no_ticket_counts_and_early_data_is_not_read(web, tmp_path):
    ticket, before = oldtls.session_from_elsewhere(web.folder / "web", tmp_path, "http/1.1"), len(web.asked)
    (tmp_path / "early").write_bytes(b"GET /api/v1/hosts HTTP/1.1\r\nHost: localhost\r\n\r\n")
    said = oldtls.client(web.port, "-alpn", "http/1.1", "-sess_in", ticket, "-early_data", tmp_path / "early")
    assert "Early data was accepted" not in said and "Reused" not in said and "HTTP/1.1 200" not in said, said
    assert len(web.asked) == before
    said = oldtls.client(web.port, "-alpn", "http/1.1", "-sess_in", ticket, "-sess_out", tmp_path / "ours",
                         data=b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert "New, TLSv1.3" in said and "HTTP/1.1 200" in said and not (tmp_path / "ours").exists(), said


def test_it_ends_with_the_collector(tmp_path):
    w = Web(tmp_path)
    assert w.ask("GET", "/")[0] == 200
    w.pipe.shutdown(socket.SHUT_RDWR)
    assert w.process.wait(10) == 0
