"""CRC-32C without our code, and with it the digests of beadle.proto."""
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
