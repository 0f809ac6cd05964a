"""Stand-ins for the services likeness buys from: real HTTP servers on loopback, with faults on demand.

`PYTHONPATH=tests python -m standins` starts them by hand; tests use `standins.server.Standins`.
They speak the vendors' APIs as docs/providers.md describes them, and book a purchase whenever a vendor would bill.
"""
