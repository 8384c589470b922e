"""CRC-32C without our code, and with it the digests of beadle.proto and the seals of database pages (collector/store/pages.h)."""
import struct

TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ 0x82F63B78 if i & 1 else i >> 1
    TABLE.append(i)


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def of_record(epoch, record):
    return crc32c(struct.pack("<Q", epoch) + record)


def of_batch(digests):
    return crc32c(struct.pack(f"<{len(digests)}I", *digests))


def seal(file):
    """Of a database file that another program's SQLite wrote to: as the collector would have left it."""
    data = bytearray(file.read_bytes())
    for at in range(0, len(data), 4096):
        data[at + 4092:at + 4096] = struct.pack("<I", crc32c(struct.pack("<Q", at) + data[at:at + 4092]))
    file.write_bytes(data)
