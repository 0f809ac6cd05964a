"""Fake servers for the services likeness buys from: real HTTP servers on loopback, with faults on demand.

`make fakes` starts them by hand; tests use `fakes.server.FakeServers` and `fakes.s3.S3Server`.
They speak the vendors' APIs as docs/providers.md describes them, and book a purchase whenever a vendor would bill.
"""
