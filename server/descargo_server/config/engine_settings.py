"""The core's settings, made of a checked configuration. The names are the core's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from descargo_server.rulesets import rule_files

if TYPE_CHECKING:
    from pathlib import Path

    from descargo_server.config.load import Configuration
    from descargo_server.identity.registry import Signer

__all__ = ["engine_settings"]


def engine_settings(configuration: Configuration) -> str:
    """The settings as JSON."""
    config = configuration.config
    settings = {
        "validator": config.validator,
        "ledger_path": str(config.ledger),
        "receipt_key_path": str(config.keys.receipt),
        "code_secret_path": str(config.keys.codes),
        "catalogue_path": str(configuration.catalogue),
        "instruments_path": str(configuration.instruments),
        "anchors_path": str(config.trust.anchors),
        "intermediates_path": _path(config.trust.intermediates),
        "revocations_path": _path(config.trust.revocations),
        "signers": [_signer(signer) for signer in configuration.registry.signers],
        "policy": config.policy.model_dump(),
        "clock_path": _path(config.demo.clock_file),
        "ruleset_paths": [str(path) for path in rule_files(config.rules.folder)],
        "processes": config.server.workers,
        "queue_max": config.limits.queue_max,
        "refusals_kept_per_caller": config.limits.refusals_kept_per_caller,
    }
    return json.dumps(settings, ensure_ascii=False)


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _signer(signer: Signer) -> dict[str, object]:
    return {
        "rfc": signer.rfc,
        "name": signer.name,
        "agency": signer.agency,
        "permit_keys": list(signer.permit_keys),
        "from": signer.valid_from.isoformat(),
        "to": "" if signer.valid_to is None else signer.valid_to.isoformat(),
        "certificate_sha256": signer.certificate_sha256,
    }
