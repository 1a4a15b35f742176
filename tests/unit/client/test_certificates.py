"""What certificates say, in every encoding that real ones have, and what other files get."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING

import pytest

from descargo_client.certificates import certificate_facts
from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from tests.unit.client.conftest import CertificateMaker

UTF8, PRINTABLE, T61, IA5, BMP, BITS = 0x0C, 0x13, 0x14, 0x16, 0x1E, 0x03


@pytest.mark.parametrize("tag", [UTF8, PRINTABLE, T61, IA5, BMP, BITS])
def test_names_with_enye_and_ampersand_survive_in_every_string_type(
    certs: CertificateMaker, tag: int
) -> None:
    subject = certs.name(
        CN=(tag, "PEÑA & NIÑO SA DE CV"), uid=(tag, "P&Ñ010101AB1 / CACX7605101P8")
    )
    facts = certificate_facts(certs.certificate(subject))
    assert facts.name == "PEÑA & NIÑO SA DE CV"
    assert facts.rfc == "P&Ñ010101AB1"
    assert facts.representative_rfc == "CACX7605101P8"
    assert facts.kind == "efirma"


def test_utf8_bytes_in_a_printable_string_are_read_as_utf8(certs: CertificateMaker) -> None:
    # Latin-1 of these two characters are the UTF-8 octets of an enye.
    subject = certs.name(CN=(PRINTABLE, "PE\u00c3\u0091A"))
    assert certificate_facts(certs.certificate(subject)).name == "PEÑA"


def test_a_person_has_an_own_curp_and_no_representative(certs: CertificateMaker) -> None:
    facts = certificate_facts(certs.person())
    assert (facts.rfc, facts.curp, facts.representative_rfc) == (
        "CACX7605101P8", "CACX760510MGTSHC04", "",
    )  # fmt: skip


def test_a_company_has_its_representatives_curp(certs: CertificateMaker) -> None:
    subject = certs.name(
        uid=(PRINTABLE, "EKU9003173C9 / CACX7605101P8"), serial=(PRINTABLE, " / CACX760510MGTSHC04")
    )
    assert certificate_facts(certs.certificate(subject)).curp == "CACX760510MGTSHC04"


def test_an_organisational_unit_makes_a_seal_for_invoices(certs: CertificateMaker) -> None:
    subject = certs.name(uid=(UTF8, "EKU9003173C9"), OU=(UTF8, "Sucursal 1"))
    assert certificate_facts(certs.certificate(subject)).kind == "csd"


@pytest.mark.parametrize("ca", [True, False])
def test_neither_an_authority_nor_a_certificate_without_rfc_is_an_efirma(
    certs: CertificateMaker, *, ca: bool
) -> None:
    uid = "SAT970701NN3" if ca else "no es un RFC"
    subject = certs.name(CN=(UTF8, "A.C. de pruebas"), uid=(UTF8, uid))
    assert certificate_facts(certs.certificate(subject, ca=ca)).kind == "other"


def test_number_and_validity_are_read(certs: CertificateMaker) -> None:
    facts = certificate_facts(certs.person())
    assert facts.number == "30001000000400002335"
    assert facts.valid_from == "2025-05-16T23:29:17Z"
    assert facts.valid_to == "2029-05-16T23:29:57Z"
    assert facts.issuer == "A.C. de pruebas"


def test_a_serial_number_that_is_not_digits_is_shown_in_hexadecimal(
    certs: CertificateMaker,
) -> None:
    subject = certs.name(CN=(UTF8, "servidor"))
    assert certificate_facts(certs.certificate(subject, serial=b"\x00\xfe")).number == "00fe"


def test_pem_says_what_der_says(certs: CertificateMaker) -> None:
    encoding = certs.person()
    armor = b"Bag Attributes\n-----BEGIN CERTIFICATE-----\r\n%s-----END CERTIFICATE-----\n"
    pem = armor % base64.encodebytes(encoding)
    assert certificate_facts(pem) == certificate_facts(encoding)


def test_every_truncation_is_refused_and_none_crashes(certs: CertificateMaker) -> None:
    encoding = certs.person()
    for length in range(len(encoding)):
        with pytest.raises(BadInput):
            certificate_facts(encoding[:length])


def test_every_changed_octet_is_read_or_refused(certs: CertificateMaker) -> None:
    encoding = certs.person()
    for position in range(len(encoding)):
        for octet in (0x00, 0x1F, 0x80, 0x84, 0xFF):
            changed = encoding[:position] + bytes([octet]) + encoding[position + 1 :]
            with contextlib.suppress(BadInput):
                certificate_facts(changed)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "certificate.unreadable"),
        (b"no es un certificado", "certificate.unreadable"),
        (b"\x30\x80\x00\x00", "certificate.unreadable"),
        (b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----", "certificate.unreadable"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB", "certificate.no_pem"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIB", "certificate.is_key"),
        (b"\x30" * 70_000, "certificate.too_long"),
    ],
)
def test_what_is_no_certificate_is_named(content: bytes, key: str) -> None:
    with pytest.raises(BadInput) as caught:
        certificate_facts(content)
    assert caught.value.key == key


def test_octets_after_a_certificate_are_refused(certs: CertificateMaker) -> None:
    with pytest.raises(BadInput, match="more bytes"):
        certificate_facts(certs.person() + b"\x00")
