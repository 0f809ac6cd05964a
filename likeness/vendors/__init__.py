"""Clients of one vendor's API each."""
