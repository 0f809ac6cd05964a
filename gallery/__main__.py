"""`python -m gallery`: the command."""

from gallery.cli.app import main

main()
