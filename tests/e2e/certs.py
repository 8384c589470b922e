"""Certificate factory: a school's CA with agents and collectors, and every kind of bad certificate (SECURITY I1).

    ca = Authority("school")
    ca.folder("agent", uuid, tmp / "identity")              # ca.pem, cert.pem, key.pem as a program of ours wants them
    for name, make in BAD.items(): make(ca, "agent", uuid, tmp / name)
"""
import datetime
import ipaddress
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

USAGE = {"agent": ExtendedKeyUsageOID.CLIENT_AUTH, "collector": ExtendedKeyUsageOID.SERVER_AUTH}
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.utcnow()


def key_usage(ca):
    return x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
                         key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                         decipher_only=False)


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    def __init__(self, school="school", common_name=None, parent=None, begin=None, end=None):
        self.school = school
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or f"Beadle CA of {school}")])
        signer = parent or self
        self.cert = (x509.CertificateBuilder()
                     .subject_name(self.name).issuer_name(signer.name).public_key(self.key.public_key())
                     .serial_number(x509.random_serial_number())
                     .not_valid_before(begin or now() - DAY).not_valid_after(end or now() + 3650 * DAY)
                     .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                     .add_extension(key_usage(True), critical=True)
                     .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
                     .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()),
                                    critical=False)
                     .sign(signer.key, hashes.SHA256()))

    def uri(self, kind, name):
        return f"beadle://{self.school}/{kind}/{name}"

    def issue(self, kind, name, *, begin=None, end=None, names=None, usage=None, key=None, digest=None, ca=False,
              stuffing=0, signer=None, no_usage=False):
        """One leaf: (certificate, key). Each argument but kind and name makes it wrong in one way."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        signer = signer or self
        names = [x509.UniformResourceIdentifier(self.uri(kind, name))] if names is None else names
        builder = (x509.CertificateBuilder()
                   .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Beadle {kind}")]))
                   .issuer_name(signer.name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(begin or now() - datetime.timedelta(hours=1))
                   .not_valid_after(end or now() + 397 * DAY)
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                   .add_extension(key_usage(ca), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if not no_usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage or [USAGE[kind]]), critical=True)
        if stuffing:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), os.urandom(stuffing)), critical=False)
        return builder.sign(signer.key, digest or hashes.SHA256()), key

    def write(self, folder, cert, key, chain=(), root=None):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.pem").write_bytes(pem((root or self).cert))
        (folder / "cert.pem").write_bytes(pem(cert) + b"".join(pem(c) for c in chain))
        (folder / "key.pem").touch(mode=0o600)
        (folder / "key.pem").write_bytes(key_pem(key))
        return folder

    def folder(self, kind, name, folder, **wrong):
        return self.write(folder, *self.issue(kind, name, **wrong))


def _names(*uris):
    return [x509.UniformResourceIdentifier(u) for u in uris]


def _other(kind):
    return "collector" if kind == "agent" else "agent"


def _self_signed(ca, kind, name, folder):
    key = ec.generate_private_key(ec.SECP256R1())
    me = Authority(ca.school, common_name=f"Beadle {kind}")
    me.key = key
    return ca.write(folder, *ca.issue(kind, name, key=key, signer=me))


def _other_ca(ca, kind, name, folder):
    return ca.write(folder, *Authority(ca.school).issue(kind, name))    # the same names, another key


def _deep_chain(ca, kind, name, folder):
    chain = [ca]
    for i in range(20):
        chain.append(Authority(ca.school, common_name=f"between {i}", parent=chain[-1]))
    cert, key = ca.issue(kind, name, signer=chain[-1])
    return ca.write(folder, cert, key, chain=[c.cert for c in reversed(chain[1:])])


def _leaf_as_ca(ca, kind, name, folder):
    """An honest leaf signs another one."""
    leaf, leaf_key = ca.issue(kind, name)
    signer = Authority.__new__(Authority)
    signer.key, signer.name, signer.cert, signer.school = leaf_key, leaf.subject, leaf, ca.school
    cert, key = ca.issue(kind, name, signer=signer)
    return ca.write(folder, cert, key, chain=[leaf])


def _simple(**wrong):
    return lambda ca, kind, name, folder: ca.folder(kind, name, folder, **{
        k: v(ca, kind, name) if callable(v) else v for k, v in wrong.items()})


BAD = {
    "expired": _simple(begin=lambda *_: now() - 10 * DAY, end=lambda *_: now() - DAY),
    "future": _simple(begin=lambda *_: now() + 2 * DAY),
    "self_signed": _self_signed,
    "other_ca": _other_ca,
    "deep_chain": _deep_chain,
    "leaf_as_ca": _leaf_as_ca,
    "ca_flag": _simple(ca=True),
    "other_usage": _simple(usage=lambda ca, kind, name: [USAGE[_other(kind)]]),
    "both_usages": _simple(usage=[ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
    "no_usage": _simple(no_usage=True),
    "other_kind": _simple(names=lambda ca, kind, name: _names(f"beadle://{ca.school}/{_other(kind)}/" + (
        "main" if kind == "agent" else "00000000-0000-4000-8000-000000000000"))),
    "no_name": _simple(names=[]),
    "two_names": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name), ca.uri(kind, name[:-1] + "0"))),
    "dns_name": _simple(names=lambda ca, kind, name: [x509.DNSName("agent.example")]),
    "uri_and_dns": _simple(names=lambda ca, kind, name: [*_names(ca.uri(kind, name)), x509.DNSName("agent.example")]),
    "address_name": _simple(names=lambda ca, kind, name: [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
    "wildcard": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, "*"))),
    "nul_in_name": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name) + "\0.example")),
    "upper_case": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name.upper() + "X"))),
    "other_scheme": _simple(names=lambda ca, kind, name: _names(f"https://{ca.school}/{kind}/{name}")),
    "empty_school": _simple(names=lambda ca, kind, name: _names(f"beadle:///{kind}/{name}")),
    "long_name": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name) + "a" * 2000)),
    "rsa_1024": _simple(key=lambda *_: rsa.generate_private_key(65537, 1024)),
    "rsa_2048": _simple(key=lambda *_: rsa.generate_private_key(65537, 2048)),
    "p384": _simple(key=lambda *_: ec.generate_private_key(ec.SECP384R1())),
    "sha1": _simple(digest=lambda *_: hashes.SHA1()),
    "sha384": _simple(digest=lambda *_: hashes.SHA384()),
    "stuffed": _simple(stuffing=12 * 1024),
    "stuffed_100k": _simple(stuffing=100 * 1024),
}
