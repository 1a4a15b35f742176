"""descargo.toml as values: every key, its range and its default.

Unknown keys are refused, since a misspelt limit would otherwise be silently the default. Paths are
relative to the file. What one key means for another is checked in `config.load`.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from descargo_server import limits

__all__ = [
    "DemoSection",
    "KeysSection",
    "LimitsSection",
    "Listen",
    "MetricsSection",
    "PolicySection",
    "ServerConfig",
    "ServerSection",
    "TlsSection",
    "TrustSection",
]

PORT_MAX: Final = 65535


class Listen(BaseModel):
    """An address to listen at."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Listen:
        """The address that `HOST:PORT` names; raises ValueError when it names none."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit():
            raise ValueError("must be HOST:PORT")
        if int(port) > PORT_MAX:
            raise ValueError(f"port must be at most {PORT_MAX}")
        return cls(host=host.removeprefix("[").removesuffix("]"), port=int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect. A name other than `localhost` is not trusted."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """`HOST:PORT`, with brackets around an IPv6 address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _from_file(path: Path, info: ValidationInfo) -> Path:
    """The path, relative to the file that names it."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / path.expanduser()


def _address(text: str) -> str:
    Listen.parse(text)
    return text


def _from_file_if_any(path: Path | None, info: ValidationInfo) -> Path | None:
    return None if path is None else _from_file(path, info)


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


RelativePath = Annotated[Path, AfterValidator(_from_file)]
OptionalPath = Annotated[
    Path | None, BeforeValidator(_none_if_empty), AfterValidator(_from_file_if_any)
]
Address = Annotated[str, AfterValidator(_address)]


class _Section(BaseModel):
    """A table of the file: no unknown key, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TlsSection(_Section):
    """`[tls]`: who the server is, and whose clients may connect."""

    certificate: RelativePath = Field(
        description="the server's ECDSA certificate with its chain, PEM",
        examples=["tls/server.pem"],
    )
    key: RelativePath = Field(description="its private key, PEM", examples=["tls/server.key"])
    client_ca: RelativePath = Field(
        description="the authorities of client certificates, PEM", examples=["tls/ca.pem"]
    )


class TrustSection(_Section):
    """`[trust]`: whose signatures on submissions are believed."""

    anchors: RelativePath = Field(
        description="the root certificates of e.firma, PEM", examples=["efirma/root.pem"]
    )
    intermediates: OptionalPath = Field(
        default=None, description="certificates of issuing authorities, PEM", examples=["ca.pem"]
    )
    revocations: OptionalPath = Field(
        default=None,
        description="the table of revoked signing certificates",
        examples=["revocations.toml"],
    )


class KeysSection(_Section):
    """`[keys]`: the validator's own secrets."""

    receipt: RelativePath = Field(
        description="the P-256 key that signs receipts, PEM", examples=["receipt.key.pem"]
    )
    codes: RelativePath = Field(
        description="the secret of acceptance codes, at least 32 random bytes",
        examples=["codes.secret"],
    )


class PolicySection(_Section):
    """`[policy]`: limits that the law leaves open. All of them are part of the ruleset hash."""

    backdating_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="days that a license may begin before its signature (N407)",
        examples=[0],
    )
    signed_at_window_hours: int = Field(
        default=168, ge=1, le=8760, description="oldest signature taken (F508)", examples=[168]
    )
    clock_skew_seconds: int = Field(
        default=300, ge=0, le=3600, description="clocks may differ so much (F508)", examples=[300]
    )
    unknown_tariff_code: Literal["warn", "refuse"] = Field(
        default="warn",
        description="what follows when the tariff ends before the date and lacks the code",
        examples=["refuse"],
    )
    low_balance_percent: int = Field(
        default=10, ge=0, le=100, description="warn below this rest (W811)", examples=[10]
    )
    expiry_warning_days: int = Field(
        default=7, ge=0, le=365, description="warn so long before the last day", examples=[7]
    )
    alert_expiry_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="tell an agency so long before a last day that a balance is left",
        examples=[30],
    )
    paid_hold_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="a paid hold on a quota lapses so long after the payment",
        examples=[90],
    )
    wrong_signature_limit: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="wrong discharge signatures per minute, caller and license",
        examples=[5],
    )


class LimitsSection(_Section):
    """`[limits]`: what an operator may size to his machine."""

    queue_max: int = Field(
        default=limits.QUEUE_MAX,
        ge=1,
        le=1_000_000,
        description="requests waiting for the ledger",
        examples=[limits.QUEUE_MAX],
    )
    refusals_kept_per_caller: int = Field(
        default=limits.REFUSALS_KEPT_PER_CALLER,
        ge=1,
        le=10_000_000,
        description="refused verdicts kept for replay",
        examples=[limits.REFUSALS_KEPT_PER_CALLER],
    )
    connections_max: int = Field(
        default=limits.CONNECTIONS_MAX,
        ge=1,
        le=100_000,
        description="connections open at once",
        examples=[limits.CONNECTIONS_MAX],
    )
    heartbeat_s: float = Field(
        default=limits.HEARTBEAT_S,
        ge=0.05,
        le=60,
        description="longest silence of a feed",
        examples=[limits.HEARTBEAT_S],
    )
    reader_stalled_s: float = Field(
        default=limits.READER_STALLED_S,
        ge=0.05,
        le=600,
        description="how long a stream waits for a reader that takes nothing",
        examples=[limits.READER_STALLED_S],
    )
    grace_s: float = Field(
        default=limits.GRACE_S,
        ge=0,
        le=600,
        description="seconds for calls in flight to end",
        examples=[limits.GRACE_S],
    )


class ServerSection(_Section):
    """`[server]`: how many processes serve."""

    workers: int = Field(
        default=1,
        ge=1,
        le=limits.WORKERS_MAX,
        description="processes that share the port and the ledger",
        examples=[2],
    )


class DemoSection(_Section):
    """`[demo]`: what only a demonstration or a test may have."""

    allow: bool = Field(
        default=False, description="true only where no real license is", examples=[True]
    )
    plaintext: bool = Field(default=False, description="no TLS, only on loopback", examples=[False])
    clock_file: OptionalPath = Field(
        default=None, description="a file with one RFC 3339 instant", examples=["clock.txt"]
    )


class RulesSection(_Section):
    """`[rules]`: which licenses a line needs."""

    folder: OptionalPath = Field(
        default=None, description="a folder of files of rules", examples=["rules"]
    )


class MetricsSection(_Section):
    """`[metrics]`: where Prometheus reads."""

    listen: Literal[""] | Address = Field(
        default="", description="a loopback address, or empty for none", examples=["127.0.0.1:9464"]
    )


class ServerConfig(_Section):
    """The whole of descargo.toml."""

    validator: str = Field(
        min_length=1,
        max_length=100,
        pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$",
        description="the name of this validator, which agencies sign",
        examples=["descargo.demo"],
    )
    listen: Address = Field(
        description="where to listen; port 0 takes a free one", examples=["127.0.0.1:50443"]
    )
    data_dir: RelativePath = Field(
        description="the folder of the ledger and of imported catalogues", examples=["data"]
    )
    access: RelativePath = Field(
        description="the file of identities and signers", examples=["access.toml"]
    )
    tls: TlsSection | None = Field(
        default=None, description="required unless `[demo] plaintext = true`"
    )
    trust: TrustSection = Field(description="a table `[trust]` with `anchors`")
    keys: KeysSection = Field(description="a table `[keys]` with `receipt` and `codes`")
    rules: RulesSection = RulesSection()
    policy: PolicySection = PolicySection()
    limits: LimitsSection = LimitsSection()
    server: ServerSection = ServerSection()
    demo: DemoSection = DemoSection()
    metrics: MetricsSection = MetricsSection()

    @property
    def address(self) -> Listen:
        """Where the server listens."""
        return Listen.parse(self.listen)

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.data_dir / "ledger.sqlite3"

    @property
    def catalogues(self) -> Path:
        """The folder of imported catalogues."""
        return self.data_dir / "catalogues"
