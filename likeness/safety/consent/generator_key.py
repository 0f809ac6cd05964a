"""The key under which the synthetic people of this repository are signed; `python -m tools.sign_demo` writes this file.

The private half was made for one signature and never stored: nobody can sign another record in this key's name.
"""

GENERATOR_KEY = "mu8ZDdB3sDCpVehMwfzkHHTB379XwJcjNHuefmowiyw="
