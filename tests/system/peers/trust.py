# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys, certificates and signatures for the peers (python3-cryptography)."""

import datetime
import ssl

import der
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

DER = serialization.Encoding.DER
PEM = serialization.Encoding.PEM


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def load_key(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def load_certificate(path):
    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())


def spki(key):
    """SubjectPublicKeyInfo in DER."""
    return key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_pem(key):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def certificate(key, name, hosts=(), issuer=None, issuer_key=None, ca=False):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(issuer.subject if issuer else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(days=1))
               .not_valid_after(now + datetime.timedelta(days=30))
               .add_extension(x509.BasicConstraints(ca, None), True))
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(h) for h in hosts]), False)
    return builder.sign(issuer_key or key, hashes.SHA256())


def sign(key, octets):
    """5F37 with r || s."""
    r, s = utils.decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return der.tlv("5F37", r.to_bytes(32, "big"), s.to_bytes(32, "big"))


def verify(public_key, signature, octets):
    """signature: 64 octets. Raises InvalidSignature."""
    assert len(signature) == 64, f"a signature of {len(signature)} octets"
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    public_key.verify(utils.encode_dss_signature(r, s), octets, ec.ECDSA(hashes.SHA256()))


def server_context(folder, key, certificates, version=None, ciphers=None):
    """certificates: leaf first."""
    chain = f"{folder}/chain-{certificates[0].serial_number:x}.pem"
    with open(chain, "wb") as f:
        f.write(key_pem(key))
        for c in certificates:
            f.write(c.public_bytes(PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    if version:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    return context
