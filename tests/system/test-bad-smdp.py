#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an SM-DP+ may do to a download: the named error, nothing is lost, and the next download works."""

from world import EUICC, BusError, GLib, case, expect, main

FUNCTIONS = ("initiateAuthentication", "authenticateClient", "getBoundProfilePackage")
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


def ends(outcome, error, **details):
    expect((outcome.result, outcome.error), ("failed", error), f"{outcome}")
    for key, value in details.items():
        expect(outcome.details.get(key), value, key)


def fails(w, error, details, function, *fault):
    code, iccid = w.profile()
    w.fault("smdp", function, *fault)
    ends(w.download(code), error, **details)
    assert not w.installed(iccid)
    w.ctl("smdp", "fault", "clear")
    w.repair_download(code, iccid)
    w.expect_clean()


for function in FUNCTIONS:
    for kind, error in TRANSPORT.items():
        details = {"http": int(kind)} if kind.isdigit() else {}
        case(f"{function}: {kind} is {error}", error, details, function, kind, "--count", 5)(fails)
    case(f"{function}: a status is ServerRefused with subject and reason", "ServerRefused",
         {"subject": "8.9", "reason": "5.1"}, function, "status", "8.9/5.1")(fails)
case("a certificate that nobody trusts is TlsUntrusted", "TlsUntrusted", {}, "any", "wrong-cert")(fails)
case("a server that calls itself otherwise is SignatureInvalid", "SignatureInvalid", {},
     "initiateAuthentication", "wrong-address")(fails)
case("another transaction in the signed answer is ServerMalformed", "ServerMalformed", {},
     "initiateAuthentication", "wrong-transaction")(fails)
case("a wrong serverSignature1 is SignatureInvalid", "SignatureInvalid", {}, "initiateAuthentication",
     "bad-signature")(fails)


@case("the server's silence is Timeout", FUNCTIONS[0])
@case("the server's silence to the card's answer is Timeout", FUNCTIONS[1])
@case("a profile package that does not come is Timeout", FUNCTIONS[2])
def hangs(w, function):
    code, iccid = w.profile()
    with w.conf(SHORT):
        w.fault("smdp", function, "hang")
        ends(w.download(code), "Timeout")
    w.repair_download(code, iccid)
    w.expect_clean()


def gone(w, error, *fault, details=None):
    """The order is used up: another one works."""
    code, iccid = w.profile()
    w.fault("smdp", *fault)
    ends(w.download(code), error, **(details or {}))
    assert not w.installed(iccid)
    code, iccid = w.profile()
    w.repair_download(code, iccid)
    w.expect_clean()


case("a wrong smdpSignature2 is SignatureInvalid", "SignatureInvalid", "authenticateClient",
     "bad-signature")(gone)
case("other metadata in the package than were shown are ServerRefused", "ServerRefused",
     "getBoundProfilePackage", "metadata-mismatch")(gone)
case("a package with a wrong signature is InstallFailed", "InstallFailed", "getBoundProfilePackage",
     "bad-signature")(gone)
case("a package with a wrong MAC is InstallFailed", "InstallFailed", "getBoundProfilePackage",
     "bad-mac")(gone)


@case("a matching id that the server does not know is ServerRefused with 8.2.6/3.8")
def unknown_matching_id(w):
    w.secrets.add("UNBEKANNT-77")
    ends(w.download("LPA:1$smdp.lab.test$UNBEKANNT-77"), "ServerRefused", subject="8.2.6", reason="3.8")


@case("a server that does not exist is NetworkUnavailable")
def unknown_server(w):
    w.secrets.add("UNBEKANNT-78")
    ends(w.download("LPA:1$nowhere.lab.test$UNBEKANNT-78"), "NetworkUnavailable")


@case("a certificate without the activation code's OID is SignatureInvalid")
def wrong_oid(w):
    code, iccid = w.profile()
    ends(w.download(code + "$2.999.99"), "SignatureInvalid")
    w.repair_download(code, iccid)


@case("a profile for another EID is ServerRefused with 8.1.1/3.8")
def other_eid(w):
    code, _ = w.profile("--eid", "89049032123451234512345678901332")
    ends(w.download(code), "ServerRefused", subject="8.1.1", reason="3.8")


@case("an order that expired is ServerRefused with 8.8.5/4.1")
def expired(w):
    code, _ = w.profile("--expired")
    ends(w.download(code), "ServerRefused", subject="8.8.5", reason="4.1")


@case("a missing confirmation code is ConfirmationCodeRequired, and the order waits for it")
def code_missing(w):
    code, iccid = w.profile("--cc", "CODE-4711")
    ends(w.download(code), "ConfirmationCodeRequired")
    w.repair_download(code, iccid, confirmation="CODE-4711")


@case("a wrong confirmation code is ConfirmationCodeWrong, and the right one works then")
def code_wrong(w):
    code, iccid = w.profile("--cc", "CODE-4712")
    ends(w.download(code, confirmation="CODE-0815"), "ConfirmationCodeWrong", subject="8.2.7", reason="3.8")
    w.repair_download(code, iccid, confirmation="CODE-4712")


@case("too many wrong confirmation codes are ServerRefused")
def code_wrong_too_often(w):
    code, _ = w.profile("--cc", "CODE-4713", "--cc-tries", "2")
    ends(w.download(code, confirmation="CODE-0816"), "ConfirmationCodeWrong")
    ends(w.download(code, confirmation="CODE-0817"), "ServerRefused", subject="8.2.7", reason="6.4")


def asked(w, job, kind):
    w.until(lambda: w.get(job, "Job", "State") == "waiting-user", f"the job asks {kind}")
    expect(w.get(job, "Job", "Question").get("kind"), kind, "the question")


def answer(w, job, **values):
    for value in values.values():
        if isinstance(value, str):
            w.secrets.add(value)
    w.call(job, "Job", "Answer", "(a{sv})",
           {k.replace("_", "-"): GLib.Variant("b" if isinstance(v, bool) else "s", v)
            for k, v in values.items()})


@case("a person who says no: Rejected, and the server is told")
def rejected(w):
    code, iccid = w.profile()
    job = w.start_download(code, accept="ask")
    asked(w, job, "install")
    answer(w, job, accept=False)
    ends(w.wait(job), "Rejected")
    assert not w.installed(iccid)
    expect(w.ctl("smdp", "show", iccid)["state"], "error", "the order")


@case("a wrong confirmation code in an answer is ConfirmationCodeWrong")
def code_answered(w):
    code, iccid = w.profile("--cc", "CODE-4714")
    for confirmation, error in (("CODE-0818", "ConfirmationCodeWrong"), ("CODE-4714", "")):
        job = w.start_download(code, accept="ask")
        asked(w, job, "install")
        answer(w, job, accept=True)
        asked(w, job, "confirmation-code")
        answer(w, job, accept=True, confirmation_code=confirmation)
        expect(w.wait(job).error, error, "the download")
    assert w.installed(iccid)


@case("an answer when nothing is asked is an error, and the job goes on")
def not_asked(w):
    code, iccid = w.profile()
    w.ctl("card", "delay", 20)
    job = w.start_download(code)
    try:
        answer(w, job, accept=True)
    except BusError as e:
        expect(e.name, "InvalidArgument", "the error")
    else:
        raise AssertionError("it was taken")
    expect(w.wait(job).result, "done", "the job")
    assert w.installed(iccid)


@case("policy rules that the card does not allow are ProfilePolicyRule")
def rules_not_allowed(w):
    code, iccid = w.profile("--ppr", "ppr1", "--owner", "26201")
    ends(w.download(code), "ProfilePolicyRule")
    assert not w.installed(iccid)


@case("a card without room is NoMemory")
def no_room(w):
    code, iccid = w.profile("--size", "700000")
    w.repair_download(code, iccid)
    code, iccid = w.profile("--size", "700000")
    ends(w.download(code), "NoMemory")
    assert not w.installed(iccid)
    w.expect_clean()


@case("a server that sees that there is no room is NoMemory with 8.1/4.8")
def no_room_says_server(w):
    code, _ = w.profile("--size", "1200000", "--check-memory")
    ends(w.download(code), "NoMemory", subject="8.1", reason="4.8")


def notification_fails(w, error, *fault):
    """The profile is there all the same; the notification stays on the card, and goes later."""
    code, iccid = w.profile()
    w.fault("smdp", "handleNotification", *fault, "--count", 5)
    outcome = w.download(code)
    expect((outcome.result, outcome.error), ("done", ""), f"{outcome}")
    assert w.installed(iccid)
    expect(len(w.ctl("card", "show")["notifications"]), 1, "notifications on the card")
    expect(w.get(EUICC, "Euicc", "PendingNotifications"), 1, "PendingNotifications")
    w.ctl("smdp", "fault", "clear")
    expect(w.notify().result, "done", "the next delivery")
    w.expect_clean()
    expect([n["event"] for n in w.ctl("smdp", "show", iccid)["notifications"]][-1:], ["install"],
           "what the server knows")


for kind, error in TRANSPORT.items():
    if kind not in ("garbage", "truncated", "half-body"):  # its answer has no body
        case(f"handleNotification: {kind}, and it is delivered later", error, kind)(notification_fails)
case("handleNotification: a status, and it is delivered later", "ServerRefused", "status",
     "8.1/6.1")(notification_fails)


@case("handleNotification: silence, and it is delivered later")
def notification_hangs(w):
    with w.conf(SHORT):
        notification_fails(w, "Timeout", "hang")


def cancel_fails(w, *fault):
    """The failure of the courtesy does not hide why the download ended."""
    code, iccid = w.profile("--cc", "CODE-4715")
    w.fault("smdp", "cancelSession", *fault, "--count", 5)
    ends(w.download(code), "ConfirmationCodeRequired")
    w.ctl("smdp", "fault", "clear")
    w.repair_download(code, iccid, confirmation="CODE-4715")


for kind in (*TRANSPORT, "hang"):
    case(f"cancelSession: {kind} does not hide why the download ended", kind)(cancel_fails)
case("cancelSession: a status does not hide why the download ended", "status", "8.10.1/3.9")(cancel_fails)


if __name__ == "__main__":
    main(nvm=1300000)
