"""What tests of whole parts share: a demo's keys, messages, an engine, a server.

from tests.support.world import World          fixture `world`: one demo PKI for the session
from tests.support.engines import engine       the real core in this process, with a test clock
from tests.support.servers import server       a real `descargo-server serve`, stopped by its pid
from tests.support.messages import ...         submissions and declarations with right defaults
"""
