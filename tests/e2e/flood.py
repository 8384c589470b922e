"""Many sockets of one process, from addresses of loopback that are not its own (N1, N7). As a program, flood.py PORT: connects as fast
as it can until it is ended."""
import collections
import contextlib
import resource
import socket
import ssl
import subprocess
import sys


def many_files(n):
    """So many descriptors may be open from here on; False when that is not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), max(hard, n)))
    except (OSError, ValueError):
        return hard >= n
    return True


def connect(port, i, addresses=16, timeout=10):
    """The i-th of many: from one of 16 addresses, 127.0.1.1 and so on. None when nobody takes it."""
    s = socket.socket()
    s.settimeout(timeout)
    try:
        s.bind((f"127.0.1.{1 + i % addresses}", 0))
        s.connect(("127.0.0.1", port))
    except OSError:
        s.close()
        return None
    return s


def is_closed(s):
    s.setblocking(False)
    try:
        while s.recv(4096):
            pass
        return True
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


@contextlib.contextmanager
def going_on(port):
    """A process that connects and connects."""
    process = subprocess.Popen([sys.executable, __file__, str(port)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main():
    port, held, i = int(sys.argv[1]), collections.deque(maxlen=500), 0
    while True:
        s = socket.socket()
        s.setblocking(False)
        with contextlib.suppress(OSError):
            s.bind((f"127.0.1.{1 + i % 16}", 0))
            s.connect_ex(("127.0.0.1", port))
        held.append(s)
        i += 1


if __name__ == "__main__":
    main()
