"""Whose pictures may be drawn, by whom, and how many."""
