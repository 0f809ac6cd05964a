"""Ten programs, `python -m stages.NAME PERSONA`; each reads as a table of contents, its work is in likeness/."""

import sys

from likeness.program import begin

if sys.argv[0] == "-m":  # Python is about to run one of them
    begin()
