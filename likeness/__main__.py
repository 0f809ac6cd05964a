"""`python -m likeness` is the command `likeness`, of the checkout that it runs in."""

from likeness.cli.app import main

main()
