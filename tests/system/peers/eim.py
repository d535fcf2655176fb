# SPDX-License-Identifier: LGPL-2.1-or-later
"""An eIM with its own codec, its own signatures and habits of its own."""

import os

import der
import trust
from cryptography import x509
from serve import Reply, Server, listen

EID = "89049032123451234512345678901235"
EIM_ID = "2.999.77.1"
HOST = "eim.lab.test"
EID_DO = der.tlv("5A", bytes.fromhex(EID))
NOTHING = der.tlv("BF4F", der.number(1))
EVERY_TAG = "A081A2BF20BF228384A5A6A8A9"


def pin(tag, octets, arm):
    """A5 or A6 with a SubjectPublicKeyInfo (arm A0) or a certificate (arm A1), without its 30."""
    return der.tlv(tag, der.tlv(arm, der.parse(octets).value))


class Result:
    """What one BF50 brought: its EimPackageResult."""

    def __init__(self, body):
        message = der.parse(body)
        assert message.tag == 0xBF50, body.hex()
        children = message.children()
        assert children[0].octets == EID_DO, "BF50 without the EID"
        assert len(children) == 2, f"BF50 with {len(children)} parts"
        self.node = children[1]
        self.notifications = []
        if self.node.tag == 0x30:  # ePRAndNotifications
            parts = self.node.children()
            assert [p.tag for p in parts] == [0xBF51, 0xA0], self.node.octets.hex()
            self.notifications = parts[1].children()
            self.node = parts[0]

    def numbers(self):
        """Sequence numbers of the result and of the notifications."""
        found = []
        if self.node.tag == 0xBF51 and self.node.get(0xA0):
            found.append(self.signed()[0x83].int())
        for n in self.notifications:
            if n.tag == 0xBF37:
                n = n[0xBF27]
            found.append(n[0xBF2F][0x80].int())
        return found

    def signed(self):
        return self.node[0xA0].children()[0]


class Eim:
    def __init__(self, world):
        self.world = world
        self.folder = world.path("peer-eim")
        os.makedirs(self.folder)
        self.sign_key = trust.new_key()
        self.sign_certificate = trust.certificate(self.sign_key, EIM_ID)
        self.ca_key = trust.new_key()
        self.ca = trust.certificate(self.ca_key, "Peer CA", ca=True)
        self.tls_key = trust.new_key()
        self.tls = trust.certificate(self.tls_key, EIM_ID, (HOST,), self.ca, self.ca_key)
        self.counter, self.token = 100, None
        self.euicc = None  # public key of the card, when it is known
        self.requests, self.results, self.forwarded, self.queue = [], [], [], []
        self.acknowledge = self.acknowledge_all
        self.habit = lambda body: Reply(body, headers=[("content-type:", "application/x-gsma-rsp-asn1")])
        self.server = None

    def initial(self):
        """EimConfigurationData for AddInitialEim."""
        return der.tlv(
            "30", der.tlv("80", EIM_ID.encode()), der.tlv("81", HOST.encode()), der.number(1, "82"),
            der.number(self.counter, "83"), der.number(-1, "84"),
            pin("A5", self.sign_certificate.public_bytes(trust.DER), "A1"),
            pin("A6", self.ca.public_bytes(trust.DER), "A1"), der.tlv("87", bytes.fromhex("0780")))

    def context(self, key=None, certificates=None, **options):
        return trust.server_context(self.folder, key or self.tls_key, certificates or [self.tls], **options)

    def serve(self):
        self.server = Server(listen(self.world, "10.64.1.10"), self.context(), self.handle)

    # ---- packages ----

    def token_do(self):
        return der.number(self.token, "84") if self.token else bytes.fromhex("840100")

    def package(self, *orders, eco=False, transaction=None, gap=1, longer=0):
        """A signed BF51."""
        self.counter += gap
        signed = der.tlv(
            "30", der.tlv("80", EIM_ID.encode()), EID_DO, der.number(self.counter, "81"),
            der.tlv("82", transaction) if transaction else b"",
            der.tlv("A1" if eco else "A0", *orders, longer=longer), longer=longer)
        return der.tlv("BF51", signed, trust.sign(self.sign_key, signed + self.token_do()), longer=longer)

    def check(self, result, transaction=None):
        """A result signed by the card for the last package: its elements."""
        assert result.node.tag == 0xBF51, result.node.octets.hex()
        parts = result.node[0xA0].children()
        assert [p.tag for p in parts] == [0x30, 0x5F37], result.node.octets.hex()
        trust.verify(self.euicc, parts[1].value, parts[0].octets + self.token_do())
        data = parts[0]
        assert data[0x80].value == EIM_ID.encode() and data[0x81].int() == self.counter
        assert (data.get(0x82).value if data.get(0x82) else None) == transaction, "eimTransactionId"
        return data.children()[-1].children()

    def learn(self, data):
        """From IpaEuiccData: the card's key by its chain, the association token."""
        eum = x509.load_der_x509_certificate(der.tlv("30", data[0xA5].value))
        card = x509.load_der_x509_certificate(der.tlv("30", data[0xA6].value))
        eum.public_key().verify(card.signature, card.tbs_certificate_bytes,
                                trust.ec.ECDSA(card.signature_hash_algorithm))
        ci = None
        for name in ("nist", "brainpool"):
            root = trust.load_certificate(self.world.path("pki", name, "ci.pem"))
            if root.subject == eum.issuer:
                try:
                    root.public_key().verify(eum.signature, eum.tbs_certificate_bytes,
                                             trust.ec.ECDSA(eum.signature_hash_algorithm))
                    ci = name
                except trust.InvalidSignature:
                    pass
        assert ci, "no CI signed the EUM's certificate"
        serial = card.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)[0].value
        assert serial == EID, serial
        return ci, card.public_key()

    # ---- ESipa ----

    def handle(self, request):
        h = request.headers
        assert (request.method, request.path) == ("POST", "/gsma/rsp2/asn1"), request.path
        assert h["content-type"] == "application/x-gsma-rsp-asn1", h
        assert h["user-agent"].split(";")[0] == "gsma-rsp-ipad", h
        assert h["x-admin-protocol"].startswith("gsma/rsp/v2."), h
        assert h["host"] == HOST, h
        self.requests.append(request.body)
        tag = der.parse(request.body).tag
        if tag == 0xBF4F:
            assert der.parse(request.body)[0x5A].octets == EID_DO
            return self.habit(self.queue.pop(0) if self.queue else NOTHING)
        if tag == 0xBF50:
            result = Result(request.body)
            self.results.append(result)
            return self.habit(self.acknowledge(result))
        assert tag == 0xBF3D, request.body.hex()
        self.forwarded.append(der.parse(request.body).children()[0])
        return Reply(status="204 No Content", length=False)

    @staticmethod
    def acknowledge_all(result):
        return der.tlv("BF50", der.tlv("BF53", *(der.number(n, "80") for n in result.numbers())))

    def give(self, package):
        """What GetEimPackage gives next."""
        self.queue.append(der.tlv("BF4F", package))
