#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon with cards of other make and other habits."""

import peer
from peer import ROOT, case, expect

import der
from card import AID, Card, eid, eim_entry, info2, profile

SERIAL = [0]


class CardWorld(peer.PeerWorld):
    without = ("card", "eim", "smdp", "daemon")
    card = None

    def set_up(self):
        pass

    def wait_ready(self):
        self.until(lambda: self.exists(ROOT), "the daemon")

    def exists(self, path):
        try:
            return path == ROOT and bool(self.call(ROOT, "Manager", "GetHistory", "(su)", "", 1) or True) or \
                path in self.objects()
        except peer.world.BusError:
            return False

    def calm(self):
        self.wait_ready()
        if self.card:
            self.card.pull()
            self.eventually(lambda: not self.ctl("modem", "show")["card"]["present"], "the card is away")
            self.card = None

    def put(self, **options):
        """Puts a card with a number of its own into the modem; its object path when it is ready."""
        SERIAL[0] += 1
        self.card = Card(eid(SERIAL[0]), **options)
        self.card.connect(self.path("modem", "card"))
        path = f"{ROOT}/euicc/{self.card.eid}"
        self.until(lambda: self.exists(path) and self.get(path, "Euicc", "State") == "ready", "the eUICC is ready")
        return path

    def profiles(self, path):
        """By ICCID: properties of its profiles."""
        found = [interfaces["org.sgp32.Profile"] for name, interfaces in self.objects().items()
                 if name.startswith(path + "/profile/")]
        return {p["Iccid"]: p for p in found}

    def down(self):
        if self.card:
            self.card.pull()
        super().down()


def iccid(text):
    return der.tlv("5A", bytes.fromhex(text))


def two_profiles():
    return {0xBF2D: der.tlv("BF2D", der.tlv("A0", *(
        profile(der.iccid(f"89490200001234567{n:03}"), state=n == 1, name=b"N" * 60, aid=n) for n in (1, 2, 3, 4))))}


@case("answers by GET RESPONSE", "61")
@case("answers without 61xx", "direct")
@case("answers in steps of 16 octets", "steps")
@case("6Cxx for each answer", "6C")
def styles(w, style):
    path = w.put(style=style, answers=two_profiles())
    expect(w.get(path, "Euicc", "Kind"), "iot", "Kind")
    expect(w.get(path, "Euicc", "SvnVersion"), "2.5.0", "SvnVersion")
    expect(w.get(path, "Euicc", "FreeMemory"), 0xA0000, "FreeMemory")
    expect(len(w.profiles(path)), 4, "profiles")
    expect(w.profiles(path)["89490200001234567001"]["State"], "enabled", "State")


@case("SELECT without a template E1", {"fci": der.tlv("6F", der.tlv("84", AID), der.tlv("A5"))})
@case("SELECT without an answer", {"fci": b""})
@case("SELECT with an answer that is no FCI", {"fci": bytes.fromhex("9F650100")})
@case("SELECT with E0 and E1 inside of A5", {"fci": der.tlv("6F", der.tlv("84", AID), der.tlv(
    "A5", bytes.fromhex("E00A820302050003040780"[:24].ljust(24, "0")), bytes.fromhex("E104800206C0")))})
@case("SELECT with unknown tags and an unknown bit in E1", {"fci": der.tlv("6F", der.tlv("84", AID), der.tlv(
    "A5", der.tlv("9F6E", b"x")), der.tlv("E1", bytes.fromhex("800300FFFF"), der.tlv("9F50", b"y")))})
@case("TERMINAL CAPABILITY that the card does not know", {"terminal": 0x6D00})
@case("TERMINAL CAPABILITY that the card refuses", {"terminal": 0x6985})
def openings(w, options):
    path = w.put(**options)
    expect(w.get(path, "Euicc", "Kind"), "iot", "Kind")


@case("empty lists: no profile, no eIM, nothing that waits")
def empty(w):
    path = w.put()
    expect(w.profiles(path), {}, "profiles")
    expect(w.get(path, "Euicc", "EnabledProfile"), "/", "EnabledProfile")
    expect(w.get(path, "Euicc", "PendingNotifications"), 0, "PendingNotifications")


@case("unknown tags in EUICCInfo1, EUICCInfo2, profiles, addresses and eIM entries")
def unknown_tags(w):
    later = der.tlv("9F7E", b"later") + der.tlv("BF7D", der.tlv("80", b"x")) + der.tlv("DF8101", b"y")
    plain = Card(eid(0))
    grown = {tag: der.tlv(tag, der.parse(plain.answers[tag]).value, later) for tag in (0xBF20, 0xBF3C)}
    path = w.put(answers={
        **grown, 0xBF22: info2(der.tlv("95", b"\1\2"), later),
        0xBF2D: der.tlv("BF2D", der.tlv("A0", profile(der.iccid("89490200001234567001"), later))),
        0xBF55: der.tlv("BF55", der.tlv("A0", eim_entry(b"peer", more=der.tlv("AA", b"\x80\1x") + later)))})
    expect(w.get(path, "Euicc", "Kind"), "iot", "Kind")
    expect(list(w.profiles(path)), ["89490200001234567001"], "profiles")
    expect(w.get(f"{path}/eim/peer", "Eim", "Fqdn"), "peer.test", "Fqdn")


@case("unknown tags between the known ones of EUICCInfo2 and of a profile")
def unknown_tags_between(w):
    fields = der.parse(info2()).children()
    mixed = b"".join(f.octets + der.tlv("9F7E", b"?") for f in fields)
    entry = der.parse(profile(der.iccid("89490200001234567001"))).children()
    path = w.put(answers={0xBF22: der.tlv("BF22", mixed), 0xBF2D: der.tlv("BF2D", der.tlv("A0", der.tlv(
        "E3", b"".join(f.octets + der.tlv("9F7E", b"?") for f in entry))))})
    expect(w.get(path, "Euicc", "Kind"), "iot", "Kind")
    expect(w.get(path, "Euicc", "FreeMemory"), 0xA0000, "FreeMemory")
    expect(list(w.profiles(path)), ["89490200001234567001"], "profiles")


@case("ICCIDs of 18, 19 and 20 digits")
def iccids(w):
    path = w.put(answers={0xBF2D: der.tlv("BF2D", der.tlv("A0", *(
        profile(iccid(text), aid=n) for n, text in enumerate(
            ("984902000021436587FF", "984902000021436587F9", "98490200002143658799"), 1))))})
    expect(sorted(w.profiles(path)), ["899420000012345678", "8994200000123456789", "89942000001234567899"], "ICCIDs")


@case("names beyond ASCII, empty, very long and not in UTF-8: the list is read all the same")
def names(w):
    given = ["Müller €🛰".encode(), b"", b"\xff\xfe\xc3(", "日本".encode()[:-1], b"a\0b", b"x" * 64]
    path = w.put(answers={0xBF2D: der.tlv("BF2D", der.tlv("A0", *(
        profile(der.iccid(f"8949020000123456700{n}"), name=name, spn=name[:32], aid=n)
        for n, name in enumerate(given))))})
    found = w.profiles(path)
    expect(len(found), len(given), "profiles")
    expect(found["89490200001234567000"]["Name"], "Müller €🛰", "Name")
    expect(found["89490200001234567000"]["ServiceProvider"], "Müller €🛰", "ServiceProvider")
    expect(found["89490200001234567001"]["Name"], "", "Name")
    expect(found["89490200001234567002"]["Name"], "\ufffd\ufffd\ufffd(", "Name")
    expect(found["89490200001234567003"]["Name"][0], "日", "Name")
    expect(found["89490200001234567005"]["Name"], "x" * 64, "Name")


@case("a profile with everything, and one with its ICCID alone")
def profile_fields(w):
    full = (der.tlv("93", b"\1"), der.tlv("94", b"\x89PNG\r\n\x1a\n" + bytes(900)), der.tlv("95", b"\2"),
            der.tlv("B6", der.tlv("30", bytes.fromhex("80020470"), der.tlv("81", b"smdp.peer.test"))),
            der.tlv("B7", der.tlv("80", bytes.fromhex("22F810")), der.tlv("81", b"\1\2"), der.tlv("82", b"")),
            der.tlv("99", bytes.fromhex("0520")), der.tlv("9F7B", b"\xff"), der.tlv("9F26", b"\xff"),
            der.tlv("9F67", b"\1"))
    path = w.put(answers={0xBF2D: der.tlv("BF2D", der.tlv(
        "A0", profile(der.iccid("89490200001234567001"), *full),
        der.tlv("E3", der.iccid("89490200001234567002"))))})
    found = w.profiles(path)
    expect(len(found), 2, "profiles")
    one = found["89490200001234567001"]
    expect((one["Class"], one["State"], one["Fallback"], one["FallbackAllowed"], one["Emergency"]),
           ("operational", "disabled", True, True, True), "fields")
    expect([o.lower() for o in one["Owner"]], ["22f810", "0102", ""], "Owner")
    expect(found["89490200001234567002"]["State"], "disabled", "State")


@case("an eIM entry without eimFqdn, and one with a key of another curve")
def entry_without_fqdn(w):
    path = w.put(answers={0xBF55: der.tlv("BF55", der.tlv("A0", eim_entry(b"silent", None), eim_entry(b"peer")))})
    expect(w.get(f"{path}/eim/silent", "Eim", "Fqdn"), "", "Fqdn")
    expect(w.get(f"{path}/eim/peer", "Eim", "Fqdn"), "peer.test", "Fqdn")


@case("notifications of events that nobody knows, and of several at once")
def notifications(w):
    listed = [der.tlv("BF2F", der.number(n, "80"), der.tlv("81", bytes.fromhex(bits)), der.tlv("0C", b"nowhere.test"))
              for n, bits in ((1, "0408"), (200, "00FF"), (70000, "0780"), (8388608, "0000FF80"))]
    pending = [der.tlv("30", entry, der.tlv("5F37", bytes(64)), der.tlv("30"), der.tlv("30")) for entry in listed]
    path = w.put(answers={
        0xBF28: der.tlv("BF28", der.tlv("A0", *listed)),
        0xBF2B: lambda request: der.tlv("BF2B", der.tlv("A2") if b"\x82\0" in request else
                                        der.tlv("A0", *pending))})
    expect(w.get(path, "Euicc", "PendingNotifications"), 4, "PendingNotifications")


@case("a consumer card: no eIM functions, no eIM", 0x6A88)
@case("a consumer card that answers unknown functions with 6A80", 0x6A80)
@case("a consumer card that answers unknown functions with 6D00", 0x6D00)
def consumer(w, word):
    path = w.put(fci=der.tlv("6F", der.tlv("84", AID), der.tlv("A5"), bytes.fromhex("E0058203020500")), answers={
        0xBF22: info2(iot=False), 0xBF55: word, 0xBF5F: word,
        **two_profiles()})
    expect(w.get(path, "Euicc", "Kind"), "consumer", "Kind")
    expect(len(w.profiles(path)), 4, "profiles")


if __name__ == "__main__":
    peer.main(CardWorld)
