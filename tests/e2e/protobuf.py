"""Protobuf's wire format in a few lines, for raw peers: a message is a list of (field, value); what is read is a dict of lists."""
import struct


def varint(n):
    out = bytearray()
    while True:
        out.append(n & 0x7F | (0x80 if n > 0x7F else 0))
        n >>= 7
        if not n:
            return bytes(out)


class Fixed64(int):
    """A fixed64 field."""


def pack(*fields):
    """pack((1, 5), (2, b"text"), (3, Fixed64(9)), (4, 0.5)); a nested message is its bytes."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, Fixed64):
            out += varint(number << 3 | 1) + struct.pack("<Q", value)
        elif isinstance(value, float):
            out += varint(number << 3 | 1) + struct.pack("<d", value)
        elif isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + bytes(value)
    return bytes(out)


def read_varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return n, at
        shift += 7


def unpack(data):
    """{field: [values]}: whole numbers, or bytes; fixed64 as whole numbers."""
    found, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif key & 7 == 2:
            n, at = read_varint(data, at)
            value, at = data[at:at + n], at + n
        else:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        found.setdefault(key >> 3, []).append(value)
    return found


def frame(body):
    return struct.pack(">I", len(body)) + body


def receive(sock, timeout=10):
    """The body of the next frame; None at the end."""
    sock.settimeout(timeout)
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        want = 4 - len(data) if len(data) < 4 else 4 + struct.unpack(">I", data[:4])[0] - len(data)
        more = sock.recv(want)
        if not more:
            return None
        data += more
    return data[4:]
