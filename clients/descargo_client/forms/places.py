"""Which column of a table a path of the contract was filled from.

Findings name the field of the submission, such as `issue.lines[0].authorized.quantity`. Whoever
mends a table looks for a column.
"""

from __future__ import annotations

import re
from typing import Final

from descargo_client.forms.columns import COLUMNS, SIMPLE_CHANGES

_INDEX: Final = re.compile(r"\[[0-9]+\]")
_PREFIXED: Final = {"holder": "holder_", "total": "total_", "left": "left_", "authorized": ""}
"""Parts whose fields are columns with the part's name before them; an amount's are bare."""
_RENAMED: Final = {
    "extension": {"office": "extending_office"},
    **{
        change: {"lines": "stop_lines", "offices": "stop_offices"}
        for change, (needed, _) in SIMPLE_CHANGES.items()
        if "stop_lines" in needed
    },
}


def column_of(path: str) -> str:
    """The column, or empty when the field is no column's."""
    arm, *parts = _INDEX.sub("", path).split(".")
    if arm == "notification":
        return "notified_at"
    renamed = _RENAMED.get(arm, {})
    for position, part in enumerate(parts or [arm]):
        inner = parts[position + 1] if position + 1 < len(parts) else ""
        name = _PREFIXED[part] + inner if part in _PREFIXED and inner else renamed.get(part, part)
        if name in COLUMNS:
            return name
    return ""
