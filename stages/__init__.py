"""Ten programs, `python -m stages.NAME PERSONA`; each reads as a table of contents, its work is in likeness/."""
