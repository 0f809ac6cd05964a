"""Marks on everything that leaves: metadata, signatures, and a mark in the pixels; see docs/marks.md."""
