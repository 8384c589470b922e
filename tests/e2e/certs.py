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
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

USAGE = {"agent": ExtendedKeyUsageOID.CLIENT_AUTH, "collector": ExtendedKeyUsageOID.SERVER_AUTH}
DAY = datetime.timedelta(days=1)
CHECKPOINTS = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(serialization.Encoding.PEM,
                                                                             serialization.PublicFormat.SubjectPublicKeyInfo)


def now():
    return datetime.datetime.utcnow()


def key_usage(ca, encryption=False):
    return x509.KeyUsage(digital_signature=not ca and not encryption, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
                         key_encipherment=encryption, data_encipherment=False, key_agreement=False, encipher_only=False,
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
                     .not_valid_before(begin or now() - 400 * DAY).not_valid_after(end or now() + 3650 * DAY)
                     .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                     .add_extension(key_usage(True), critical=True)
                     .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
                     .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()),
                                    critical=False)
                     .sign(signer.key, hashes.SHA256()))

    def uri(self, kind, name):
        return f"beadle://{self.school}/{kind}/{name}"

    def issue(self, kind, name, *, begin=None, end=None, names=None, usage=None, key=None, digest=None, ca=False,
              stuffing=0, critical=False, signer=None, no_usage=False, use_of_key=key_usage):
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
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False))
        if use_of_key:
            builder = builder.add_extension(use_of_key(ca), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if not no_usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage or [USAGE[kind]]), critical=True)
        if stuffing:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), os.urandom(stuffing)), critical=critical)
        return builder.sign(signer.key, digest or hashes.SHA256()), key

    def write(self, folder, cert, key, chain=(), root=None):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.pem").write_bytes(pem((root or self).cert))
        (folder / "cert.pem").write_bytes(pem(cert) + b"".join(pem(c) for c in chain))
        (folder / "key.pem").touch(mode=0o600)
        (folder / "key.pem").write_bytes(key_pem(key))
        (folder / "checkpoint.pem").write_bytes(CHECKPOINTS)        # a collector's journal begins with it
        return folder

    def folder(self, kind, name, folder, **wrong):
        return self.write(folder, *self.issue(kind, name, **wrong))


def aged(folder, signer, days, root="ca"):
    """An identity folder's certificate as it will be in so many days, made anew with the root's key in signer (STATE/signer)."""
    key = serialization.load_pem_private_key((signer / f"{root}.key").read_bytes(), None)
    old = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number, old.not_valid_before - days * DAY,
                                      old.not_valid_after - days * DAY)
    for e in old.extensions:
        builder = builder.add_extension(e.value, e.critical)
    (folder / "cert.pem").write_bytes(pem(builder.sign(key, hashes.SHA256())))
    return folder


def read(folder):
    """(certificate, which of its name's it is) of an identity folder."""
    cert = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    return cert, cert.serial_number >> 96 & 0xFFFFFF


def fits(folder):
    """Key and certificate belong together."""
    key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
    return key.public_key().public_numbers() == read(folder)[0].public_key().public_numbers()


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


def _altered(ca, kind, name, folder):
    """One bit of the name in a certificate that was good."""
    cert, key = ca.issue(kind, name)
    der = bytearray(cert.public_bytes(serialization.Encoding.DER))
    der[der.index(ca.uri(kind, name).encode()) + len(ca.uri(kind, name)) - 1] ^= 1
    return ca.write(folder, x509.load_der_x509_certificate(bytes(der)), key)


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
    "other_school": _simple(names=lambda ca, kind, name: _names(f"beadle://{ca.school}2/{kind}/{name}")),
    "part_of_school": _simple(names=lambda ca, kind, name: _names(f"beadle://{ca.school[:-1]}/{kind}/{name}")),
    "user_in_school": _simple(names=lambda ca, kind, name: _names(f"beadle://a@{ca.school}/{kind}/{name}")),
    "port_in_school": _simple(names=lambda ca, kind, name: _names(f"beadle://{ca.school}:7411/{kind}/{name}")),
    "wildcard_school": _simple(names=lambda ca, kind, name: _names(f"beadle://*/{kind}/{name}")),
    "more_path": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name) + "/x")),
    "query": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name) + "?x")),
    "percent": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, "%" + name[1:]))),
    "short_name": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name[:8] if kind == "agent" else ""))),
    "mail_name": _simple(names=lambda ca, kind, name: [x509.RFC822Name("agent@school.example")]),
    "any_usage": _simple(usage=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
    "mail_usage": _simple(usage=lambda ca, kind, name: [USAGE[kind], ExtendedKeyUsageOID.EMAIL_PROTECTION]),
    "key_for_encryption": _simple(use_of_key=lambda *_: lambda ca: key_usage(ca, encryption=True)),
    "no_key_usage": _simple(use_of_key=None),
    "unknown_critical": _simple(stuffing=10, critical=True),
    "altered": _altered,
    "long_name": _simple(names=lambda ca, kind, name: _names(ca.uri(kind, name) + "a" * 2000)),
    "rsa_1024": _simple(key=lambda *_: rsa.generate_private_key(65537, 1024)),
    "rsa_2048": _simple(key=lambda *_: rsa.generate_private_key(65537, 2048)),
    "p384": _simple(key=lambda *_: ec.generate_private_key(ec.SECP384R1())),
    "sha1": _simple(digest=lambda *_: hashes.SHA1()),
    "sha384": _simple(digest=lambda *_: hashes.SHA384()),
    "stuffed": _simple(stuffing=12 * 1024),
    "stuffed_100k": _simple(stuffing=100 * 1024),
}

# The one line that each is worth; all others are told that they bear no name of ours.
USE, NONE = "unsuitable certificate purpose|is not for a (client|server) alone", "did not return a certificate|signature algorithm|handshake failure"
WHY = {
    "expired": "refused: expired", "future": "refused: not yet valid", "self_signed": "self-signed certificate|unable to get",
    "other_ca": "unable to get local issuer|signature failure", "deep_chain": "chain too long", "leaf_as_ca": "invalid CA certificate",
    "ca_flag": USE, "other_usage": USE, "both_usages": USE, "no_usage": USE, "any_usage": USE, "mail_usage": USE,
    "key_for_encryption": USE + "|its key is not for signatures", "no_key_usage": "its key is not for signatures", "other_kind": "does not name an? (agent|collector)",
    "no_name": "must name exactly one", "two_names": "must name exactly one", "uri_and_dns": "must name exactly one",
    "other_school": "it is of another school", "part_of_school": "it is of another school", "rsa_1024": NONE, "rsa_2048": NONE, "p384": NONE,
    "sha1": "digest algorithm too weak|signature algorithm", "sha384": "only P-256 with SHA-256", "altered": "signature failure",
    "unknown_critical": "unhandled critical extension", "stuffed": "larger than 8 KiB", "stuffed_100k": "excessive message size",
}


def why(kind):
    return WHY.get(kind, "its name is not beadle://SCHOOL/agent/UUID")
