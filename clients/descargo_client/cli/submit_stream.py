"""`descargo submit FILE --stream`: the items of the file over one stream."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from descargo_client.outbox import SUFFIX as OUTBOX_SUFFIX
from descargo_client.outbox import Outbox
from descargo_client.stream_state import SUFFIX
from descargo_client.streaming import StreamSubmitter, Teller

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from descargo_client.agency import Form
    from descargo_client.cli.session import Session
    from descargo_client.cli.submit import Sender, SubmitAll
    from descargo_client.forms.items import Item
    from descargo_client.submitting import Result


def over_a_stream(session: Session, sender: Sender, outbox: Path | None, form: Form) -> SubmitAll:
    """What submits the items; the stream's state is kept beside the outbox."""

    def submit(items: list[Item], done: Callable[[Result], None]) -> list[Result]:
        with closing(Outbox(outbox)) as memory:
            submitter = StreamSubmitter(
                sender.connection,
                sender.signer,
                memory,
                sender.validator,
                lambda: datetime.now(UTC),
                state_path(outbox),
                form,
                _teller(session),
            )
            return submitter.submit(items, done)

    return submit


def state_path(outbox: Path | None) -> Path | None:
    """Where the state of a file's stream is: beside its outbox."""
    if outbox is None:
        return None
    return outbox.with_name(outbox.name.removesuffix(OUTBOX_SUFFIX) + SUFFIX)


def _teller(session: Session) -> Teller:
    if session.as_json:
        # Standard error is for one object then.
        return Teller()
    return Teller(
        lambda held, total: session.note("stream.resumed", held=held, total=total),
        lambda seconds: session.note("stream.waiting", seconds=f"{seconds:.1f}"),
    )
