"""The key under which the synthetic people of this repository are signed; `python -m tools.sign_demo` writes this file.

The private half was made for one signature and never stored: nobody can sign another record in this key's name.
"""

GENERATOR_KEY = "KYb4eGVh0+4X0s0TS2XoYblPi3/LW1/jX0wtbikq+yQ="
