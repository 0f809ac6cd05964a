"""The one HTTP layer: connections, rates, retries, limits and errors of every remote provider.

client.py    a provider's API: what is tried again, what is in doubt, whose errors are whose
wire.py      one exchange over httpx, bounded in time and bytes, with the key out of sight
sockets.py   connections that go only where they may and end in time
answers.py   what came back, and the error it stands for
gate.py      how much goes on at a time and a minute
"""

from likeness.http.answers import Reply, Translate
from likeness.http.client import Client
from likeness.http.gate import Limits
from likeness.http.wire import Auth

__all__ = ["Auth", "Client", "Limits", "Reply", "Translate"]
