"""The one HTTP layer: connections, rates, retries, limits and errors of every remote provider.

client.py    a provider's API: what is tried again, what is in doubt, whose errors are whose
wire.py      one exchange, bounded in time, bytes and addresses; the only place that knows httpcore
answers.py   what came back, and the error it stands for
auth.py      a key, read from the environment at each use
gate.py      how much goes on at a time and a minute
"""

from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.rate_limit import Limits
from likeness.http.responses import Reply, Translate

__all__ = ["Auth", "Client", "Limits", "Reply", "Translate"]
