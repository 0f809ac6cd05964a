"""Versions of a dataset: what differs between two revisions of the repository, and which revision made a file."""
