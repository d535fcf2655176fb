# SPDX-License-Identifier: LGPL-2.1-or-later
"""DER for the peers: written from the tag rules alone, shares nothing with the daemon or the lab."""


def tlv(tag, *parts, longer=0):
    """One TLV. tag: hex or int; parts: octets. longer: octets more in the length than are needed."""
    octets = bytes.fromhex(tag) if isinstance(tag, str) else tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    value = b"".join(parts)
    size = len(value)
    if size < 128 and not longer:
        return octets + bytes([size]) + value
    length = size.to_bytes(max(1, (size.bit_length() + 7) // 8) + max(0, longer - (size < 128)), "big")
    return octets + bytes([0x80 | len(length)]) + length + value


def number(value, tag="02", longer=0):
    """An INTEGER; longer: leading octets that are not needed."""
    octets = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
    return tlv(tag, (b"\xff" if value < 0 else b"\0") * longer + octets)


def split(octets, at=0):
    """The TLV at an offset: tag as int, value, offset behind it."""
    start = at
    first = octets[at]
    at += 1
    if first & 0x1F == 0x1F:
        while octets[at] & 0x80:
            at += 1
        at += 1
    tag = int.from_bytes(octets[start:at], "big")
    size = octets[at]
    at += 1
    if size == 0x80:
        raise ValueError("indefinite length")
    if size & 0x80:
        count = size & 0x7F
        size = int.from_bytes(octets[at:at + count], "big")
        at += count
    if at + size > len(octets):
        raise ValueError(f"tag {tag:X} is longer than what holds it")
    return tag, octets[at:at + size], at + size


class Node:
    """A TLV that was read: tag, value, octets (header included), children."""

    def __init__(self, octets):
        self.tag, self.value, end = split(octets)
        self.octets = octets[:end]
        self.rest = octets[end:]

    def children(self):
        found, at = [], 0
        while at < len(self.value):
            _, _, end = split(self.value, at)
            found.append(Node(self.value[at:end]))
            at = end
        return found

    def __getitem__(self, tag):
        """The child with that tag; KeyError without one."""
        for child in self.children():
            if child.tag == tag:
                return child
        raise KeyError(f"{tag:X} in {self.octets.hex()}")

    def get(self, tag):
        try:
            return self[tag]
        except KeyError:
            return None

    def tags(self):
        return [c.tag for c in self.children()]

    def int(self):
        return int.from_bytes(self.value, "big", signed=True)


def parse(octets):
    """Exactly one TLV."""
    node = Node(octets)
    if node.rest:
        raise ValueError(f"{len(node.rest)} octets behind the TLV")
    return node


def oid(text):
    """Content octets of an OBJECT IDENTIFIER."""
    arcs = [int(a) for a in text.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1], *arcs[2:]]:
        part = bytes([arc & 0x7F])
        while arc > 0x7F:
            arc >>= 7
            part = bytes([0x80 | arc & 0x7F]) + part
        out += part
    return out


def iccid(digits):
    """5A with the digits, swapped, padded with F to ten octets."""
    digits = digits.ljust(20, "F")
    return tlv("5A", bytes.fromhex("".join(digits[i + 1] + digits[i] for i in range(0, 20, 2))))


def iccid_text(octets):
    return "".join(f"{o & 15:X}{o >> 4:X}" for o in octets).rstrip("F")
