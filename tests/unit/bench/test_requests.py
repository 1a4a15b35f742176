"""Requests of the bench: fresh, valid messages, all of one length."""

from __future__ import annotations

from itertools import islice

from descargo.v1 import validation_service_pb2
from loadtests.bench.corpus import Corpus, Requests, permit_number

CORPUS = Corpus(
    [(permit_number(position), f"FIRMA{position:03}") for position in range(10)],
    ["3456", "1234", "5678"],
)
COUNT = 50


def validations(client_no: int, *, hot: bool = False) -> list[bytes]:
    return list(islice(Requests(CORPUS, client_no, 2).validations(hot=hot), COUNT))


def test_each_validation_is_another_declaration_under_another_key() -> None:
    requests = validations(0) + validations(1)
    assert len({len(request) for request in requests}) == 1
    read = [validation_service_pb2.ValidateLicenseRequest.FromString(each) for each in requests]
    assert len({message.request_id for message in read}) == 2 * COUNT
    assert len({message.declaration.declaration_number for message in read}) == 2 * COUNT
    numbers = {each.declaration.lines[0].draws[0].license.permit_number for each in read}
    assert numbers == {number for number, _ in CORPUS.licenses}


def test_stated_signature_is_the_one_of_the_stated_license() -> None:
    firmas = dict(CORPUS.licenses)
    for request in validations(0):
        message = validation_service_pb2.ValidateLicenseRequest.FromString(request)
        (draw,) = message.declaration.lines[0].draws
        assert draw.discharge_signature == firmas[draw.license.permit_number]


def test_hot_draws_are_all_on_one_license() -> None:
    requests = validations(1, hot=True)
    read = [validation_service_pb2.ValidateLicenseRequest.FromString(each) for each in requests]
    numbers = {each.declaration.lines[0].draws[0].license.permit_number for each in read}
    assert numbers == {permit_number(0)}


def test_check_has_the_declaration_and_nothing_else() -> None:
    request = next(Requests(CORPUS, 0, 1).checks())
    message = validation_service_pb2.CheckLicenseRequest.FromString(request)
    assert [field.name for field, _ in message.ListFields()] == ["declaration"]
    assert message.declaration.declaration_number[4:8] == "3456"
