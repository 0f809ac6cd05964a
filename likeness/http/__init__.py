"""The one HTTP layer: connections, rates, retries, limits and errors of every remote provider.

service.py     what vendors' clients have in common
client.py      a provider's API: what is tried again, what is in doubt, whose errors are whose
transport.py   one exchange, bounded in time, bytes and addresses; with sockets.py the only place that knows httpx
responses.py   what came back, and the error it stands for
auth.py        a key, read from the environment at each use
keys.py        which key may go to which host
rate_limit.py  how much goes on at a time and a minute
messages.py    what a server tells by a websocket, where one is to be had
"""
