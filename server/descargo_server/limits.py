"""Every limit of the server, in one place, each with its reason.

What an operator may change stands in `[limits]` of descargo.toml with these values as defaults;
what protects the process from its clients does not.
"""

from __future__ import annotations

from typing import Final

FRAME_BYTES_MAX: Final = 4 * 1024 * 1024
"""Largest frame of a stream of submissions (contract, section 7)."""

MESSAGE_BYTES_MAX: Final = FRAME_BYTES_MAX + 64 * 1024
"""Largest message that is read at all. The room above a frame lets one that is a little too long be
refused with a reason; each method has its own smaller limit in the core."""

ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest answer (contract, section 7)."""

METADATA_BYTES_MAX: Final = 16 * 1024
"""Headers of one call. Ours carry no metadata but tracing; 16 KiB leaves room for that."""

CONCURRENT_STREAMS_MAX: Final = 100
"""Calls open at once on one connection. More gain nothing, and one client must not fill it."""

OUTSTANDING_PER_IDENTITY_MAX: Final = 1024
"""Calls open at once of one identity, over all of its connections (contract, section 7)."""

WATCHERS_PER_IDENTITY_MAX: Final = 16
"""Feeds that one identity watches at once. An agency needs one for each of its systems."""

HEARTBEAT_S: Final = 15.0
"""Longest silence of a stream that lives (contract, section 7)."""

READER_STALLED_S: Final = 30.0
"""How long a stream waits for a reader that takes nothing (contract, section 7)."""

WORKERS_MAX: Final = 64
"""Processes of one server. More than the machine has cores gain nothing: one writes at a time."""

CONNECTIONS_MAX: Final = 1024
"""Connections open at once. About 50 customs offices with a score of lanes each."""

HANDSHAKE_TIMEOUT_MS: Final = 3000
"""A client that connects and says nothing is dropped: it would hold a connection of the bound."""

SETTINGS_TIMEOUT_MS: Final = 3000
"""The same for one that finishes TLS and then does not speak HTTP/2."""

CONNECTION_AGE_MS: Final = 30 * 60 * 1000
"""Connections are renewed after half an hour, so that TLS sees new certificates in good time."""

CONNECTION_AGE_GRACE_MS: Final = 30 * 1000
"""Calls still open on a connection that is renewed have this long to end."""

KEEPALIVE_TIME_MS: Final = 60 * 1000
"""A peer that vanished is noticed after a minute and its connection given back."""

KEEPALIVE_TIMEOUT_MS: Final = 20 * 1000
"""How long an answer to that ping may take over a bad line at the border."""

PING_INTERVAL_MIN_MS: Final = 10 * 1000
"""Clients may ping this often; more is a flood and ends the connection."""

CALL_TIMEOUT_MAX_S: Final = 60.0
"""No call waits longer, even without a deadline: a lane has gone to its fallback by then."""

ABORT_MAX_S: Final = 1.0
"""How long a stream waits for its status to go out: where nobody reads, it never does."""

CERTIFICATES_CACHED_MAX: Final = 4096
"""Parsed client certificates kept; four per connection of the bound, about 2 KB each."""

GRACE_S: Final = 10.0
"""How long calls in flight may take to end after SIGTERM."""

DRAINING_RETRY_AFTER_MS: Final = 1000
"""When to open a stream again that had to end."""

REPORT_RETRY_AFTER_MS: Final = 1000
"""When to ask again while another report is made."""

QUEUE_MAX: Final = 4096
"""Requests waiting for the ledger. At 5,000 durable draws a second, less than a second's work."""

REFUSALS_KEPT_PER_CALLER: Final = 10_000
"""Refused verdicts kept for replay, per caller, so that one caller cannot fill the disk."""

CONFIG_BYTES_MAX: Final = 4 * 1024 * 1024
"""Largest configuration file. A registry of 10,000 identities takes about 2 MB."""

BATCH_LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Longest line of `verify-raw --batch`, so that a stray file does not fill the memory."""

CODE_SECRET_BYTES_MIN: Final = 32
"""Acceptance codes are keyed with HMAC-SHA-256; a shorter secret would weaken it."""

RSA_BITS_MIN: Final = 2048
"""Smaller RSA keys can be broken; grpcio accepts 1,024 bits by itself."""
