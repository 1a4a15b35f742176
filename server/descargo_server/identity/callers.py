"""The core's caller of each identity, made once: every call needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from descargo_server._core import Caller
    from descargo_server.engine import CallerFactory
    from descargo_server.identity.registry import Identity

__all__ = ["Callers"]


class Callers:
    """Remembers the core's callers by name; as many as there are identities."""

    def __init__(self, factory: CallerFactory) -> None:
        """`factory` makes what is not there yet."""
        self._factory = factory
        self._made: dict[str, tuple[Identity, Caller]] = {}

    def of(self, identity: Identity) -> Caller:
        """The core's caller; made anew when the file of identities was read again."""
        made = self._made.get(identity.name)
        if made is not None and made[0] is identity:
            return made[1]
        caller = self._factory(identity)
        self._made[identity.name] = (identity, caller)
        return caller
