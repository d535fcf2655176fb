# SPDX-License-Identifier: LGPL-2.1-or-later
"""A card that speaks the protocol of vpcd, with scripted answers and habits that can be chosen."""

import socket
import struct
import threading

import der

ATR = bytes.fromhex("3B9F96801FC78031A073BE21136743200718000001A5")
AID = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
CI_ID = bytes(range(20))


def eid(serial):
    """An EID with good check digits."""
    digits = f"89044000{serial:022}"
    return digits + f"{98 - int(digits) * 100 % 97:02}"


def profile(iccid, *more, state=0, name=b"Name", spn=b"Operator", aid=1):
    """E3 of a profile; more: TLVs behind the others."""
    return der.tlv("E3", iccid, der.tlv("4F", bytes.fromhex(f"A0000005591010FFFFFFFF89{aid:06X}0000")[:16]),
                   der.number(state, "9F70"), der.tlv("91", spn), der.tlv("92", name), *more)


def info2(*more, iot=True):
    """EUICCInfo2; more: TLVs at its end."""
    fields = [
        der.tlv("81", b"\2\3\1"), der.tlv("82", b"\2\5\0"), der.tlv("83", b"\1\2\3"),
        der.tlv("84", bytes.fromhex("8101008204000A000083022222")), der.tlv("85", bytes.fromhex("067F36C0")),
        der.tlv("88", bytes.fromhex("0490")), der.tlv("A9", der.tlv("04", CI_ID)),
        der.tlv("AA", der.tlv("04", CI_ID)), der.tlv("04", b"\1\0\0"), der.tlv("0C", b"XX-YY-0001")]
    if iot:
        fields += [der.tlv("90", b"\0"), der.tlv("B4", der.tlv("A0", der.tlv("04", b"\1\2\0")))]
    return der.tlv("BF22", *fields, *more)


def eim_entry(name, fqdn=b"peer.test", more=b""):
    key = bytes.fromhex("301306072A8648CE3D020106082A8648CE3D030107") + der.tlv("03", b"\0\4" + bytes(range(64)))
    return der.tlv("30", der.tlv("80", name), der.tlv("81", fqdn) if fqdn is not None else b"",
                   der.tlv("A5", der.tlv("A0", key)), der.tlv("87", bytes.fromhex("0780")), more)


class Card:
    """answers: by the ES10 tag, octets or an int (a status word); style: how an answer is given
    ("61", "direct", "steps", "6C"); fci: octets of the answer to SELECT of the ISD-R, or None."""

    def __init__(self, number, style="61", fci=None, p2=None, terminal=0x9000, answers=None):
        self.eid = number
        self.style, self.p2, self.terminal = style, p2, terminal
        self.fci = fci if fci is not None else der.tlv("6F", der.tlv("84", AID), der.tlv("A5"),
                                                       bytes.fromhex("E104800206C0"))
        self.answers = {
            0xBF3E: der.tlv("BF3E", der.tlv("5A", bytes.fromhex(number))),
            0xBF20: der.tlv("BF20", der.tlv("82", b"\2\5\0"), der.tlv("A9", der.tlv("04", CI_ID)),
                            der.tlv("AA", der.tlv("04", CI_ID))),
            0xBF22: info2(),
            0xBF3C: der.tlv("BF3C", der.tlv("81", b"smds.peer.test")),
            0xBF2D: der.tlv("BF2D", der.tlv("A0")),
            0xBF43: der.tlv("BF43", der.tlv("A0")),
            0xBF55: der.tlv("BF55", der.tlv("A0")),
            0xBF28: der.tlv("BF28", der.tlv("A0")),
            0xBF2B: lambda request: der.tlv("BF2B", der.tlv("A2" if b"\x82\0" in request else "A0")),
            0xBF5F: der.tlv("BF5F", der.number(1, "81")),
            **(answers or {}),
        }
        self.commands = []  # ES10 commands, whole
        self.apdus = []
        self.channels, self.selected, self.waiting, self.chain = set(), {}, {}, {}
        self.socket = None

    def connect(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        threading.Thread(target=self.run, args=(self.socket,), daemon=True).start()

    def pull(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def run(self, s):
        try:
            with s.makefile("rb") as f:
                while len(head := f.read(2)) == 2:
                    payload = f.read(struct.unpack(">H", head)[0])
                    if len(payload) > 1:
                        answer = self.apdu(payload)
                    elif payload == b"\4":
                        answer = ATR
                    else:
                        self.channels, self.selected, self.waiting, self.chain = set(), {}, {}, {}
                        continue
                    s.sendall(struct.pack(">H", len(answer)) + answer)
        except (OSError, ValueError):
            pass

    def apdu(self, a):
        self.apdus.append(a)
        cla, ins, p1, p2 = a[:4]
        channel = (cla & 15) + 4 if cla & 0x40 else cla & 3
        data = a[5:5 + a[4]] if len(a) > 5 else b""
        le = a[4] if len(a) == 5 else a[5 + a[4]] if len(a) > 5 + a[4] else None
        if ins != 0xC0 and self.style != "6C":
            self.waiting.pop(channel, None)
        if ins == 0x70:
            if p1 == 0x80:
                self.channels.discard(p2)
                return b"\x90\0"
            number = next(n for n in (1, 2, 3) if n not in self.channels)
            self.channels.add(number)
            return bytes([number, 0x90, 0])
        if channel and channel not in self.channels:
            return b"\x68\x81"
        if ins == 0xAA:
            return struct.pack(">H", self.terminal)
        if ins == 0xA4:
            return self.select(channel, p1, p2, data)
        if ins == 0xB0 and self.selected.get(channel) == b"\x2f\xe2":
            return bytes.fromhex("988812010000400310F0") + b"\x90\0"
        if ins == 0xC0:
            return self.get_response(channel, le or 256)
        if ins == 0xE2 and self.selected.get(channel) == AID:
            return self.store_data(channel, p1, p2, data, le)
        return b"\x6d\0"

    def select(self, channel, p1, p2, data):
        if p1 == 4:
            if data != AID:
                return b"\x6a\x82"
            if self.p2 is not None and p2 != self.p2:
                return b"\x6a\x86"
            self.selected[channel] = AID
            if self.style == "6C" and channel in self.waiting:  # the same again, with the right length
                return self.waiting.pop(channel) + b"\x90\0"
            return self.give(channel, self.fci) if self.fci else b"\x90\0"
        if data in (b"\x3f\0", b"\x2f\xe2"):
            self.selected[channel] = data
            return b"\x90\0"
        return b"\x6a\x82"

    def store_data(self, channel, p1, p2, data, le):
        blocks = self.chain.setdefault(channel, [])
        if self.style == "6C" and p1 & 0x80 and channel in self.waiting:
            answer = self.waiting.pop(channel)  # the same again, with the right length
            assert le == len(answer) & 255, f"Le {le} for {len(answer)} octets"
            return answer + b"\x90\0"
        if p2 != len(blocks) & 255 or p1 & 0x7F != 0x11:
            return b"\x6a\x86"
        blocks.append(data)
        if not p1 & 0x80:
            return b"\x90\0"
        command = b"".join(self.chain.pop(channel))
        self.commands.append(command)
        node = der.parse(command)
        answer = self.answers.get(node.tag, 0x6A88)
        if callable(answer):
            answer = answer(command)
        if isinstance(answer, int):
            return struct.pack(">H", answer)
        return self.give(channel, answer)

    def give(self, channel, answer):
        if self.style == "direct" and len(answer) <= 256:
            return answer + b"\x90\0"
        if self.style == "direct":
            self.waiting[channel] = answer[256:]
            return answer[:256] + bytes([0x61, min(255, len(answer) - 256)])
        if self.style == "6C" and len(answer) <= 255:
            self.waiting[channel] = answer
            return bytes([0x6C, len(answer)])
        self.waiting[channel] = answer
        return bytes([0x61, self.step(answer)])

    def step(self, rest):
        if self.style == "steps":
            return min(16, len(rest))
        return len(rest) if len(rest) < 256 else 0

    def get_response(self, channel, le):
        rest = self.waiting.get(channel)
        if rest is None:
            return b"\x69\x85"
        if le > len(rest):
            return bytes([0x6C, len(rest)])
        size = min(le, 16 if self.style == "steps" else 256)
        part, rest = rest[:size], rest[size:]
        if rest:
            self.waiting[channel] = rest
            return part + bytes([0x61, self.step(rest)])
        del self.waiting[channel]
        return part + b"\x90\0"
