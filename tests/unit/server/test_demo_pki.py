"""The demo PKI, read back byte by byte: it must have the profile of the SAT's certificates."""

from __future__ import annotations

import stat
import tomllib
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from descargo_server.admin.pki import make_demo_pki
from descargo_server.admin.pki.cast import CALLERS, SIGNERS
from descargo_server.admin.pki.people import (
    CSD_COMPANY,
    SE_OFFICIAL,
    SEDENA_OFFICIAL,
    SEMARNAT_SIGNER,
    TRADER,
    CertificateHolder,
    curp_check_digit,
    rfc_check_digit,
)

if TYPE_CHECKING:
    from pathlib import Path

PRINTABLE_STRING, UTF8_STRING = 0x13, 0x0C
UNIQUE_IDENTIFIER = bytes.fromhex("060355042d")
SERIAL_NUMBER = bytes.fromhex("0603550405")
EFIRMA = ["se", "semarnat", "sedena", "forger"]


def certificate_of(folder: Path, name: str) -> x509.Certificate:
    return x509.load_der_x509_certificate((folder / "efirma" / f"{name}.cer").read_bytes())


def key_of(folder: Path, name: str) -> rsa.RSAPrivateKey:
    password = (folder / "efirma" / f"{name}.password").read_bytes()
    content = (folder / "efirma" / f"{name}.key").read_bytes()
    key = load_der_private_key(content, password)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def text_after(der: bytes, oid: bytes) -> tuple[int, str]:
    """Tag and text of the subject's attribute with an identifier, from the raw DER."""
    at = der.rindex(oid) + len(oid)
    return der[at], der[at + 2 : at + 2 + der[at + 1]].decode("utf-8")


@pytest.mark.parametrize("name", [*EFIRMA, "csd"])
def test_pair_belongs_together_and_is_rsa_2048(name: str, demo_folder: Path) -> None:
    certificate, key = certificate_of(demo_folder, name), key_of(demo_folder, name)
    assert certificate.public_key() == key.public_key()
    assert (key.key_size, key.public_key().public_numbers().e) == (2048, 65537)
    assert certificate.signature_algorithm_oid.dotted_string == "1.2.840.113549.1.1.11"
    assert certificate.version is x509.Version.v3


@pytest.mark.parametrize("name", [*EFIRMA, "csd"])
def test_serial_number_is_twenty_ascii_digits(name: str, demo_folder: Path) -> None:
    serial = certificate_of(demo_folder, name).serial_number.to_bytes(20, "big")
    assert serial.decode("ascii").isdigit()
    assert serial.startswith(b"3000")


@pytest.mark.parametrize("name", ["se", "semarnat", "sedena", "csd"])
def test_chain_leads_to_the_root(name: str, demo_folder: Path) -> None:
    root, issuing = x509.load_pem_x509_certificates((demo_folder / "efirma/ca.pem").read_bytes())
    certificate_of(demo_folder, name).verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_forger_differs_from_the_official_in_his_authority_only(demo_folder: Path) -> None:
    forged, real = certificate_of(demo_folder, "forger"), certificate_of(demo_folder, "se")
    assert forged.subject == real.subject
    assert forged.issuer == real.issuer
    assert forged.serial_number == real.serial_number
    issuing = x509.load_pem_x509_certificate((demo_folder / "efirma/issuing.pem").read_bytes())
    with pytest.raises(InvalidSignature):
        forged.verify_directly_issued_by(issuing)


@pytest.mark.parametrize("name", EFIRMA)
def test_efirma_has_the_four_extensions_and_no_ou(name: str, demo_folder: Path) -> None:
    certificate = certificate_of(demo_folder, name)
    found = {extension.oid.dotted_string: extension for extension in certificate.extensions}
    assert set(found) == {"2.5.29.19", "2.5.29.15", "2.16.840.1.113730.1.1", "2.5.29.37"}
    assert [oid for oid, extension in found.items() if extension.critical] == ["2.5.29.19"]
    assert found["2.5.29.15"].value.public_bytes() == bytes.fromhex("030203d8")
    assert found["2.16.840.1.113730.1.1"].value.public_bytes() == bytes.fromhex("030205a0")
    assert list(found["2.5.29.37"].value) == [
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ]
    assert not certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)


def test_csd_has_two_extensions_and_an_ou(demo_folder: Path) -> None:
    certificate = certificate_of(demo_folder, "csd")
    found = {extension.oid.dotted_string: extension for extension in certificate.extensions}
    assert set(found) == {"2.5.29.19", "2.5.29.15"}
    assert found["2.5.29.15"].value.public_bytes() == bytes.fromhex("030206c0")
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)


@pytest.mark.parametrize(
    ("name", "holder", "tag"),
    [
        ("se", SE_OFFICIAL, PRINTABLE_STRING),
        ("semarnat", SEMARNAT_SIGNER, UTF8_STRING),
        ("sedena", SEDENA_OFFICIAL, PRINTABLE_STRING),
        ("csd", CSD_COMPANY, PRINTABLE_STRING),
    ],
)
def test_rfc_and_curp_are_texts_where_x520_wants_bits(
    name: str, holder: CertificateHolder, tag: int, demo_folder: Path
) -> None:
    der = certificate_of(demo_folder, name).subject.public_bytes()
    assert text_after(der, UNIQUE_IDENTIFIER) == (tag, holder.unique_identifier)
    assert text_after(der, SERIAL_NUMBER) == (PRINTABLE_STRING, holder.serial_number)


def test_names_keep_their_letters(demo_folder: Path) -> None:
    names = {}
    for name in ("se", "semarnat"):
        subject = certificate_of(demo_folder, name).subject
        (names[name],) = subject.get_attributes_for_oid(x509.ObjectIdentifier("2.5.4.41"))
    assert "Ñ" in names["se"].value
    assert "&" in names["semarnat"].value
    assert SEMARNAT_SIGNER.unique_identifier.count(" / ") == 1
    assert SEMARNAT_SIGNER.serial_number.startswith(" / ")


def test_private_key_has_the_form_of_the_sat(demo_folder: Path) -> None:
    content = (demo_folder / "efirma" / "se.key").read_bytes()
    for oid in ("2a864886f70d01050d", "2a864886f70d01050c", "2a864886f70d0307"):
        assert bytes.fromhex(oid) in content
    assert bytes.fromhex("02020800") in content
    with pytest.raises(ValueError, match=r"."):
        load_der_private_key(content, b"wrong")


def test_signature_of_a_pair_verifies(demo_folder: Path) -> None:
    signature = key_of(demo_folder, "sedena").sign(b"m", padding.PKCS1v15(), hashes.SHA256())
    public = certificate_of(demo_folder, "sedena").public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(signature, b"m", padding.PKCS1v15(), hashes.SHA256())


def test_tls_certificates_are_ecdsa_from_one_authority(demo_folder: Path) -> None:
    authority = x509.load_pem_x509_certificate((demo_folder / "tls/ca.pem").read_bytes())
    for name in ["server", *(caller.name for caller in CALLERS)]:
        pem = (demo_folder / "tls" / f"{name}.pem").read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        certificate.verify_directly_issued_by(authority)
        assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
    server = x509.load_pem_x509_certificate((demo_folder / "tls/server.pem").read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1"]


def test_secrets_are_readable_by_their_owner_only(demo_folder: Path) -> None:
    secrets = [*demo_folder.rglob("*.key"), *demo_folder.rglob("*.password")]
    secrets += [demo_folder / "receipt.key.pem", demo_folder / "codes.secret"]
    assert len(secrets) == len(CALLERS) + 1 + 2 * (len(SIGNERS) + 2) + 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_access_file_names_the_certificates(demo_folder: Path) -> None:
    access = tomllib.loads((demo_folder / "access.toml").read_text(encoding="utf-8"))
    for identity in access["identity"]:
        pem = (demo_folder / "tls" / f"{identity['name']}.pem").read_bytes()
        fingerprint = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()
        assert identity["certificate_sha256"] == fingerprint
    assert [signer["rfc"] for signer in access["signer"]] == [
        SE_OFFICIAL.rfc,
        SEMARNAT_SIGNER.rfc,
        SEDENA_OFFICIAL.rfc,
    ]


# Public examples whose digits are right; the last RFC of each kind is one whose digit is wrong.
@pytest.mark.parametrize(
    ("rfc", "right"),
    [
        ("EKU9003173C9", True),
        ("SAT970701NN3", True),
        ("CACX7605101P8", True),
        ("JES900109Q90", True),
        ("AAA010101AAA", False),
        (SE_OFFICIAL.rfc, True),
        (SEMARNAT_SIGNER.rfc, True),
        (SEMARNAT_SIGNER.representative_rfc, True),
        (SEDENA_OFFICIAL.rfc, True),
        (CSD_COMPANY.rfc, True),
        (TRADER.rfc, True),
    ],
)
def test_rfc_check_digit(rfc: str, *, right: bool) -> None:
    assert (rfc_check_digit(rfc[:-1]) == rfc[-1]) is right


@pytest.mark.parametrize(
    ("curp", "right"),
    [
        ("CACX760510MGTSHC04", True),
        ("HEGT761003MDFRNN09", False),
        (SE_OFFICIAL.curp, True),
        (SEMARNAT_SIGNER.representative_curp, True),
        (SEDENA_OFFICIAL.curp, True),
    ],
)
def test_curp_check_digit(curp: str, *, right: bool) -> None:
    assert (curp_check_digit(curp[:-1]) == curp[-1]) is right
    assert len(curp) == 18


def make(folder: Path, *, force: bool = False) -> int:
    return make_demo_pki(folder, force=force, listen="127.0.0.1:0", valid_from="")


def test_former_demo_is_replaced_only_by_force(demo_copy: Path) -> None:
    before = (demo_copy / "codes.secret").read_bytes()
    ledger = demo_copy / "data" / "ledger.sqlite3"
    ledger.parent.mkdir()
    ledger.write_bytes(b"old")
    assert make(demo_copy) == 1
    assert (demo_copy / "codes.secret").read_bytes() == before
    assert make(demo_copy, force=True) == 0
    assert (demo_copy / "codes.secret").read_bytes() != before
    assert not ledger.exists()


def test_folder_of_somebody_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("my thesis", encoding="utf-8")
    assert make(tmp_path, force=True) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["README.txt"]


@pytest.mark.parametrize(("listen", "valid_from"), [("here", ""), ("127.0.0.1:0", "yesterday")])
def test_wrong_arguments_are_bad_usage(listen: str, valid_from: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert make_demo_pki(out, force=False, listen=listen, valid_from=valid_from) == 2
    assert not out.exists()
