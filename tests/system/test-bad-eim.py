#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an eIM may do to a poll: the named error, nothing is lost, and the next poll brings it to its end."""

from base64 import b64decode

from world import BOOTSTRAP, EID, EIM, EIM_ID, BusError, case, expect, main

TRANSPORT = {
    "reset": "NetworkUnavailable",
    "500": "ServerRefused",
    "404": "ServerRefused",
    "half-body": "NetworkUnavailable",
    "garbage": "ServerMalformed",
    "truncated": "ServerMalformed",
    "oversize": "ServerMalformed",
}
SHORT = "[Network]\nTotalTimeout=1\n"


def fails(w, error, outcome):
    expect((outcome.result, outcome.error), ("failed", error), f"{outcome}")
    return outcome


def get_fails(w, error, *fault):
    item = w.queue("list")
    w.fault("eim", "GetEimPackage", *fault)
    fails(w, error, w.poll())
    expect(w.get(EIM, "Eim", "LastResult"), error, "LastResult")
    w.repair_package(item)


def provide_fails(w, error, *fault):
    item = w.queue("list")
    # More than one: a connection that was lost is tried again.
    w.fault("eim", "ProvideEimPackageResult", *fault, "--count", 5)
    fails(w, error, w.poll())
    expect(len(w.ctl("card", "show")["results"]), 1, "results that the card keeps")
    w.ctl("eim", "fault", "clear")
    w.repair_package(item)
    expect(w.item(item)["sent"], 1, "how often the package was given")


for kind, code in TRANSPORT.items():
    case(f"GetEimPackage: {kind} is {code}", code, kind)(get_fails)
    case(f"ProvideEimPackageResult: {kind} is {code}", code, kind)(provide_fails)
    case(f"ProvideEimPackageResult: {kind} after it was taken is {code}", code, kind, "--after")(provide_fails)


@case("GetEimPackage: silence is Timeout")
def get_hangs(w):
    with w.conf(SHORT):
        get_fails(w, "Timeout", "hang")


@case("ProvideEimPackageResult: silence is Timeout")
def provide_hangs(w):
    with w.conf(SHORT):
        provide_fails(w, "Timeout", "hang")


@case("a certificate that is not the pinned one is TlsUntrusted")
def wrong_certificate(w):
    get_fails(w, "TlsUntrusted", "wrong-cert")


@case("an eIM that does not know the EID is ServerRefused", 2)
@case("an error number that nobody knows is ServerRefused", 99)
def get_error(w, number):
    item = w.queue("list")
    w.fault("eim", "GetEimPackage", "error", number)
    outcome = fails(w, "ServerRefused", w.poll())
    expect(outcome.details["spec"], number, "spec")
    w.repair_package(item)


def refused_by_card(w, error, spec, fault, reason):
    """The card's own answer goes to the eIM; the same order signed well is then done."""
    item = w.queue("list")
    w.fault("eim", "GetEimPackage", fault)
    outcome = fails(w, error, w.poll())
    expect(outcome.details.get("spec"), spec, "spec")
    state = w.item(item)
    assert state["state"] == "failed" and reason in state["reason"], f"what the eIM learned: {state}"
    w.expect_clean()
    w.ctl("eim", "retry", EID, item)
    w.repair_package(item)


@case("a wrong signature is SignatureInvalid, and the eIM gets the card's A2")
def wrong_signature(w):
    refused_by_card(w, "SignatureInvalid", None, "bad-signature", "refused the signature")


@case("a package for another EID is CardRefused with 3, and the eIM gets the card's A1")
def wrong_eid(w):
    refused_by_card(w, "CardRefused", 3, "wrong-eid", "invalidEid")


@case("a counter that was used is ReplayRejected, and the eIM gets the card's A1")
def replayed(w):
    first = w.queue("list")
    w.repair_package(first)
    refused_by_card(w, "ReplayRejected", 4, "replay", "replayError")


@case("after a package that the card refuses the others are executed")
def others_follow(w):
    bad, good = w.queue("list"), w.queue("list")
    w.fault("eim", "GetEimPackage", "bad-signature")
    fails(w, "SignatureInvalid", w.poll())
    w.expect_item(bad, "failed")
    w.expect_item(good)
    w.expect_clean()


@case("a result without acknowledgement stays on the card until there is one")
def no_acknowledgement(w):
    item = w.queue("list")
    w.fault("eim", "ProvideEimPackageResult", "no-ack")
    outcome = w.poll()
    expect(outcome.result, "done", f"{outcome}")
    expect(len(w.ctl("card", "show")["results"]), 1, "results on the card")
    w.repair_package(item)


def raw_package(w, octets, error, told):
    """What is no package; the ones behind it are not lost. told: the eIM learns why, and gives the next one."""
    w.queue("raw", octets)
    good = w.queue("list")
    fails(w, error, w.poll())
    if told:
        w.expect_item(good)
        return
    w.ctl("eim", "drop", EID)
    w.repair_package(w.queue("list"))


NESTED = "".join(f"3082{(1000 - i) * 4:04X}" for i in range(1000))
case("an answer that is no DER is ServerMalformed", "BF518205", "ServerMalformed", False)(raw_package)
case("a package whose inside breaks off is ServerMalformed", "BF5103300581", "ServerMalformed", True)(raw_package)
case("a package without content is ServerMalformed", "BF5100", "ServerMalformed", True)(raw_package)
case("a package nested a thousand deep is ServerMalformed", "BF51820FA0" + NESTED, "ServerMalformed",
     True)(raw_package)
case("a trigger without content is ServerMalformed", "BF5402A000", "ServerMalformed", True)(raw_package)
case("a data request that breaks off is ServerMalformed", "BF52025C05", "ServerMalformed", False)(raw_package)
case("a package of an unknown kind is NotSupported", "BF5903800101", "NotSupported", True)(raw_package)
case("the same package twice is ServerRefused", "BF52035C0181", "ServerRefused", False)(raw_package)


@case("a package of an eIM that the card does not know is SignatureInvalid")
def unknown_eim(w):
    item = w.queue("list")
    w.repair_package(item)
    octets = b64decode(w.item(item)["octets"])
    assert octets.count(EIM_ID.encode()) == 1
    w.queue("raw", octets.replace(EIM_ID.encode(), b"eim.lab.tesT").hex())
    fails(w, "SignatureInvalid", w.poll())
    w.ctl("eim", "drop", EID)
    w.repair_package(w.queue("list"))


@case("polling an eIM that the card does not have is an error on the bus")
def no_such_eim(w):
    try:
        w.call(EIM + "x", "Eim", "Poll", "(a{sv})", {})
    except BusError as e:
        assert e.name.endswith("UnknownObject"), e
    else:
        raise AssertionError("it was polled")


@case("a switch whose result does not arrive is reported by the next poll")
def switch_result_lost(w):
    code, iccid = w.profile()
    w.repair_download(code, iccid)
    item = w.queue("enable", iccid)
    w.fault("eim", "ProvideEimPackageResult", "500")
    fails(w, "ServerRefused", w.poll())
    expect(w.enabled(), [iccid], "enabled on the card")
    w.repair_package(item)
    w.repair_package(w.queue("enable", BOOTSTRAP))
    expect(w.enabled(), [BOOTSTRAP], "enabled on the card")


def trigger_fails(w, error, details, stands, function, *fault):
    """A download that the eIM ordered: what passes is tried again, else the eIM is told."""
    code, iccid = w.profile()
    item = w.queue("download", code)
    w.fault("smdp", function, *fault)
    outcome = fails(w, error, w.poll())
    for key, value in details.items():
        expect(outcome.details.get(key), value, key)
    if not stands:
        w.expect_item(item, "failed")
        w.ctl("eim", "retry", EID, item)
    w.repair_package(item)
    assert w.installed(iccid), "the profile is not on the card"


case("an ordered download whose server breaks off is tried again", "NetworkUnavailable", {}, True,
     "getBoundProfilePackage", "half-body")(trigger_fails)
case("an ordered download whose server has trouble is tried again", "ServerRefused", {"http": 500}, True,
     "authenticateClient", "500")(trigger_fails)
case("an ordered download that the server refuses is reported to the eIM", "ServerRefused",
     {"subject": "8.1", "reason": "6.1"}, False, "authenticateClient", "status", "8.1/6.1")(trigger_fails)


if __name__ == "__main__":
    main()
