#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon with an eIM of other make and other habits."""

import os
import ssl

import peer
from peer import EUICC, case, expect, object_path

try:
    import der
    import trust
    from eim import EID, EIM_ID, EVERY_TAG, HOST, Eim, Reply, pin
except ImportError:  # main() says what is missing
    pass

BOOTSTRAP = "8988211000000000003"
EIM_PATH = f"{EUICC}/eim/{object_path('2.999.77.1')}"
LIST = bytes.fromhex("BF2D00")
ASN1 = [("content-type:", "application/x-gsma-rsp-asn1")]


class EimWorld(peer.PeerWorld):
    without = ("eim", "daemon")
    eim = EIM_PATH

    def set_up(self):
        self.peer = Eim(self)
        self.peer.serve()
        self.write("eim.d/peer.conf", "[Match]\nEidPrefix=8904\n[Eim]\nData=" + self.peer.initial().hex() + "\n")

    def calm(self):
        super().calm()
        p = self.peer
        p.queue.clear()
        p.results.clear()
        p.requests.clear()
        p.forwarded.clear()
        p.server.failures.clear()
        p.habit = lambda body: Reply(body, headers=ASN1, close="say")
        p.acknowledge = p.acknowledge_all


def poll(w, *packages, results=None):
    """One poll that ends well; what the eIM got."""
    p = w.peer
    before = len(p.results)
    for package in packages:
        p.give(package)
    outcome = w.poll()
    assert not p.server.failures, "".join(p.server.failures)
    expect((outcome.result, outcome.error), ("done", ""), f"the poll: {outcome}")
    got = p.results[before:]
    expect(len(got), len(packages) if results is None else results, "results")
    return got


def data_request(tags, *more):
    return der.tlv("BF52", der.tlv("5C", bytes.fromhex(tags)), *more)


def known(w):
    """The eIM learns the card, once."""
    if not w.peer.euicc:
        got, = poll(w, data_request("84A5A6"))
        data = got.node[0xA0]
        _, w.peer.euicc = w.peer.learn(data)
        w.peer.token = data[0x84].int()
    return w.peer


@case("every tag of IpaEuiccData is answered, in the order of the definition")
def every_tag(w):
    got, = poll(w, data_request(EVERY_TAG, der.tlv("83", b"T" * 16)))
    data = got.node[0xA0]
    tags = data.tags()
    order = [0xA0, 0x81, 0xA2, 0xBF20, 0xBF22, 0x83, 0x84, 0xA5, 0xA6, 0x87, 0xA8, 0xA9]
    expect(tags, [t for t in order if t in tags], "tags")
    expect(set(order) - set(tags) - {0x81}, set(), "what is missing (without defaultSmdpAddress)")
    expect(data[0x87].value, b"T" * 16, "eimTransactionId")
    assert data[0x84].int() > 0, "the token"
    expect(len(data[0xA9][0x80].value), 4, "octets of the TAC")
    assert data[0xA8].get(0x80), "ipaFeatures"
    w.peer.ci_ids = [n.value for n in data[0xBF20][0xAA].children()]


@case("certificates of the CI that a truncated id names")
def truncated_ci(w):
    got, = poll(w, data_request("BF20"))
    ids = [n.value for n in got.node[0xA0][0xBF20][0xAA].children()]
    assert len(ids) > 1, "the card has one CI only"
    found = set()
    for ci_id in ids:
        got, = poll(w, data_request("A5A6", der.tlv("04", ci_id[:4])))
        ci, _ = w.peer.learn(got.node[0xA0])
        found.add(ci)
    expect(len(found), len(ids), "CIs")
    got, = poll(w, data_request("A5A6", der.tlv("04", bytes(4)), der.tlv("83", b"t")))
    expect(got.node.value.hex(), "a106800174020105", "the answer to an unknown CI")


@case("a tag that is none of IpaEuiccData is incorrectTagList")
def unknown_tag(w):
    got, = poll(w, data_request("84BF2D"))
    expect(got.node.value.hex(), "a103020101", "the answer")


@case("a package with eimTransactionId, one without, and a gap in the counter")
def transactions(w):
    p = known(w)
    for transaction, gap in ((os.urandom(16), 1), (None, 5000), (b"x", 1)):
        got, = poll(w, p.package(LIST, transaction=transaction, gap=gap))
        element, = p.check(got, transaction)
        expect(element.tag, 0xBF2D, "the result")
        profiles = [der.iccid_text(e[0x5A].value) for e in element[0xA0].children()]
        assert BOOTSTRAP in profiles, profiles
    w.expect_clean()


def habits():
    """Of the replies: name, what makes them."""
    return {
        "chunked replies in chunks of one octet": lambda b: Reply(b, headers=ASN1, chunks=[1]),
        "chunked replies in uneven chunks, then closed": lambda b: Reply(b, headers=ASN1, chunks=[3, 2, 50],
                                                                        close="say"),
        "connections that are closed without a word": lambda b: Reply(b, headers=ASN1, close="silent"),
        "replies that end with the connection": lambda b: Reply(b, headers=ASN1, close="say", length=False),
        "a content type with parameters": lambda b: Reply(
            b, headers=[("Content-Type:  ", 'Application/X-GSMA-RSP-ASN1 ; charset="binary";v=1')]),
        "no content type": lambda b: Reply(b, close="silent"),
        "many other headers": lambda b: Reply(b, headers=[
            *ASN1, ("set-cookie: ", "a=b; Secure"), ("x-admin-protocol:", "gsma/rsp/v3.0.0"), ("server:", ""),
            *((f"x-{i}: ", "v" * 100) for i in range(30))]),
        "an interim response first": lambda b: Reply(
            b, status="100 Continue\r\n\r\nHTTP/1.1 200 Fine by me", headers=ASN1),
    }


for NAME in ("chunked replies in chunks of one octet", "chunked replies in uneven chunks, then closed",
             "connections that are closed without a word", "replies that end with the connection",
             "a content type with parameters", "no content type", "many other headers",
             "an interim response first"):
    @case(f"HTTP: {NAME}", NAME)
    def http_habit(w, name):
        p = known(w)
        p.habit = habits()[name]
        got, = poll(w, p.package(LIST))
        p.check(got)
        w.expect_clean()


@case("a kept connection is used again, and its loss between two requests goes unseen")
def kept_connection(w):
    p = known(w)
    p.habit = lambda body: Reply(body, headers=ASN1)
    before = p.server.connections
    got = poll(w, *(p.package(LIST) for _ in range(1)), data_request("81"), results=2)
    p.check(got[0])
    expect(p.server.connections - before, 1, "connections")
    count = [0]

    def every_second(body):
        count[0] += 1
        return Reply(body, headers=ASN1, close="" if count[0] % 2 else "silent")
    p.habit = every_second
    got = poll(w, p.package(LIST), data_request("81"), results=2)
    p.check(got[0])
    w.expect_clean()


@case("an empty answer to a result keeps it, and acknowledgements remove it, unknown numbers or not")
def late_acknowledgement(w):
    p = known(w)
    answers = [bytes.fromhex("BF50023000")]

    def acknowledge(result):
        if answers:
            return answers.pop()
        return der.tlv("BF50", der.tlv("BF53", der.number(8000000, "80"),
                                       *(der.number(n, "80") for n in result.numbers()),
                                       der.number(0, "80"), longer=1), longer=2)
    p.acknowledge = acknowledge
    got = poll(w, p.package(LIST), results=1)
    p.check(got[0])
    expect(len(w.ctl("card", "show")["results"]), 1, "results that the card keeps")
    again, = poll(w, results=1)
    expect(again.node.octets, got[0].node.octets, "the same result")
    w.expect_clean()


@case("an empty list of acknowledgements is taken, and the result stays")
def empty_acknowledgement(w):
    p = known(w)
    p.acknowledge = lambda _result: bytes.fromhex("BF5003BF5300")
    poll(w, p.package(LIST), results=1)
    expect(len(w.ctl("card", "show")["results"]), 1, "results that the card keeps")
    p.acknowledge = p.acknowledge_all
    poll(w, results=1)
    w.expect_clean()


@case("long lengths, integers with zeros before them and tags of later versions are taken")
def lenient(w):
    p = known(w)
    p.acknowledge = lambda result: der.tlv(
        "BF50", der.tlv("BF53", *(der.number(n, "80", longer=3) for n in result.numbers()), longer=3))
    p.give(b"")
    p.queue[-1] = der.tlv("BF4F", p.package(der.tlv("BF2D", der.tlv("5D", bytes.fromhex("BF64")))), longer=3)
    got, = poll(w, results=1)
    element, = p.check(got)
    expect(element.tag, 0xBF2D, "the result")
    later = der.tlv("BF52", der.tlv("5C", bytes.fromhex("84"), longer=2), der.tlv("83", b"tr"),
                    der.tlv("9F7E", b"later"), der.tlv("BF7D", der.tlv("80", b"later")), longer=2)
    got, = poll(w, later)
    expect(got.node[0xA0][0x87].value, b"tr", "eimTransactionId")
    w.expect_clean()


@case("acknowledgements with tags of later versions among them remove the result")
def later_acknowledgements(w):
    p = known(w)
    p.acknowledge = lambda result: der.tlv(
        "BF50", der.tlv("BF53", *(der.number(n, "80") for n in result.numbers()), der.tlv("9F70", b"x")))
    poll(w, p.package(LIST), results=1)
    w.expect_clean()


def installed_by(w, got):
    """The ProfileInstallationResult inside a trigger's result, its signature checked; the ICCID."""
    expect(got.node.tag, 0xBF54, "the answer to a trigger")
    expect(got.node[0x82].value, b"\x01\x02", "eimTransactionId")
    pir = got.node[0xBF37]
    trust.verify(w.peer.euicc, pir[0x5F37].value, pir[0xBF27].octets)
    assert pir[0xBF27][0xA2].get(0xA0), pir.octets.hex()
    return der.iccid_text(pir[0xBF27][0xBF2F][0x5A].value)


def trigger(data):
    return der.tlv("BF54", der.tlv("A0", data), der.tlv("82", b"\x01\x02"))


@case("an activation code without LPA:, then disable, enable and delete, two orders in one package")
def switch(w):
    p = known(w)
    code, iccid = w.profile()
    got, = poll(w, trigger(der.tlv("80", code.removeprefix("LPA:").encode())))
    expect(installed_by(w, got), iccid, "ICCID")
    a, b = BOOTSTRAP, iccid
    for _ in range(2):
        package = p.package(der.tlv("A4", der.iccid(a)), der.tlv("A3", der.iccid(b)))
        got, = poll(w, package)
        expect([(e.tag, e.int()) for e in p.check(got)], [(0x84, 0), (0x83, 0)], "results")
        expect(w.enabled(), [b], "enabled")
        w.wait_link("up")
        a, b = b, a
    got, = poll(w, p.package(der.tlv("A5", der.iccid(iccid)), LIST))
    expect([e.tag for e in p.check(got)][0], 0x85, "results")
    assert not w.installed(iccid)
    w.expect_clean()


@case("a package that enables with rollbackFlag is reported over the new profile")
def rollback_flag(w):
    p = known(w)
    code, iccid = w.profile()
    poll(w, trigger(der.tlv("80", code.encode())))
    got, = poll(w, p.package(der.tlv("A3", der.iccid(iccid), b"\x05\x00"), longer=1, transaction=b"r" * 16))
    expect([(e.tag, e.int()) for e in p.check(got, b"r" * 16)], [(0x83, 0)], "results")
    expect(w.enabled(), [iccid], "enabled")
    got, = poll(w, p.package(der.tlv("A3", der.iccid(BOOTSTRAP)), der.tlv("A5", der.iccid(iccid))))
    expect([(e.tag, e.int()) for e in p.check(got)], [(0x83, 0), (0x85, 0)], "results")
    w.expect_clean()


@case("the default SM-DP+ is set by the eIM, then used by a trigger")
def default_server(w):
    p = known(w)
    got, = poll(w, p.package(der.tlv("BF65", der.tlv("80", b"smdp.lab.test"))))
    element, = p.check(got)
    expect(element.octets.hex(), "bf6503800100", "setDefaultDpAddress")
    iccid = w.ctl("smdp", "add", "--eid", EID, "--name", "Default", "--size", "2000")["iccid"]
    got, = poll(w, trigger(bytes.fromhex("8100")))
    expect(installed_by(w, got), iccid, "ICCID")
    got, = poll(w, data_request("81"))
    expect(got.node[0xA0][0x81].value, b"smdp.lab.test", "defaultSmdpAddress")
    got, = poll(w, p.package(der.tlv("A5", der.iccid(iccid))))
    p.check(got)
    w.expect_clean()


@case("another eIM is added, listed and deleted again; what it may do is seen on the bus")
def other_eim(w):
    p = known(w)
    key = trust.new_key()
    entry = (der.tlv("80", b"second"), der.tlv("83", b"\0"), der.number(-1, "84"), pin("A5", trust.spki(key), "A0"))
    got, = poll(w, p.package(der.tlv("A8", *entry), bytes.fromhex("AB00"), eco=True))
    added, listed = p.check(got)
    expect(added.tag, 0xA8, "addEim")
    assert added[0x84].int() > p.token, "the token of the second"
    expect([e[0x80].value for e in listed[0xA0].children()], [EIM_ID.encode(), b"second"], "listEim")
    expect(listed[0xA0].children()[0].get(0x82).value, b"\x01", "eimIdType")
    w.until(lambda: w.exists(f"{EUICC}/eim/second"), "the second eIM on the bus")
    got, = poll(w, p.package(der.tlv("A9", der.tlv("80", b"second")), eco=True))
    expect([(e.tag, e.int()) for e in p.check(got)], [(0x89, 0)], "deleteEim")
    w.until(lambda: not w.exists(f"{EUICC}/eim/second"), "the second eIM is gone")
    w.expect_clean()


@case("a replayed counter gets the card's signed error, and the eIM can check it")
def replay(w):
    p = known(w)
    p.give(p.package(LIST, transaction=b"again", gap=0))
    outcome = w.poll()
    assert not p.server.failures, "".join(p.server.failures)
    expect(outcome.error, "ReplayRejected", f"{outcome}")
    parts = p.results[-1].node[0xA1].children()
    trust.verify(p.euicc, parts[1].value, parts[0].octets + p.token_do())
    expect(parts[0][0x02].int(), 4, "the error")
    expect(parts[0][0x82].value, b"again", "eimTransactionId")


def update_trust(w, octets, arm, context):
    """updateEim of trustedPublicKeyDataTls, by the eIM itself, which has the other certificate from then on."""
    p = w.peer

    def acknowledge(result):
        p.server.context = context
        return p.acknowledge_all(result)
    p.acknowledge = acknowledge
    got, = poll(w, p.package(der.tlv("AA", der.tlv("80", EIM_ID.encode()), pin("A6", octets, arm)), eco=True))
    expect([(e.tag, e.int()) for e in p.check(got)], [(0x8A, 0)], "updateEim")


def refuses(w, context):
    p = w.peer
    was, p.server.context = p.server.context, context
    before = len(p.requests)
    outcome = w.poll()
    expect((outcome.result, outcome.error), ("failed", "TlsUntrusted"), f"{outcome}")
    expect(len(p.requests), before, "requests that came through")
    p.server.context = was


@case("TLS: a CA of its own, with the name of the host; then the pinned certificate; then the pinned key")
def tls_trust(w):
    p = known(w)
    der_of = lambda c: c.public_bytes(trust.DER)  # noqa: E731
    poll(w)
    expect(p.server.tls[-1][2], HOST, "SNI")
    # The CA signs for another host; and another CA signs for this one.
    refuses(w, p.context(p.tls_key, [trust.certificate(p.tls_key, HOST, ("other.lab.test",), p.ca, p.ca_key)]))
    key = trust.new_key()
    refuses(w, p.context(key, [trust.certificate(key, HOST, (HOST,))]))
    # A leaf is pinned: expired or not its name, it is that one.
    leaf = trust.certificate(key, "leaf", (HOST,))
    was = p.server.context
    update_trust(w, der_of(leaf), "A1", p.context(key, [leaf]))
    refuses(w, was)
    poll(w)
    # A key is pinned: no chain and no name are looked at.
    key = trust.new_key()
    update_trust(w, trust.spki(key), "A0", p.context(key, [trust.certificate(key, "nobody")]))
    refuses(w, was)
    poll(w)
    update_trust(w, der_of(p.ca), "A1", was)
    poll(w)


@case("TLS 1.2 with one suite, then TLS 1.3")
def tls_versions(w):
    p = known(w)
    was = p.server.context
    for version, suite, expected in (
            (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2"),
            (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2"),
            (ssl.TLSVersion.TLSv1_3, None, "TLSv1.3")):
        p.server.context = p.context(version=version, ciphers=suite)
        got, = poll(w, p.package(LIST))
        p.check(got)
        expect(p.server.tls[-1][0], expected, "version")
        if suite:
            expect(p.server.tls[-1][1], suite, "suite")
    p.server.context = was


@case("an eIM that deletes itself gets its last result, signed with its old token")
def delete_self(w):
    p = known(w)
    w.eim = None
    p.give(p.package(der.tlv("A9", der.tlv("80", EIM_ID.encode())), eco=True))
    outcome = w.poll()
    expect((outcome.result, outcome.error), ("done", ""), f"the poll: {outcome}")
    assert not p.server.failures, "".join(p.server.failures)
    assert p.results, "no result came"
    expect([(e.tag, e.int()) for e in p.check(p.results[0])], [(0x89, 2)], "deleteEim")
    w.until(lambda: not w.exists(EIM_PATH), "the eIM is gone from the bus")
    expect(w.ctl("card", "show")["results"], [], "results on the card")


if __name__ == "__main__":
    peer.main(EimWorld)
