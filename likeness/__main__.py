"""`python -m likeness` is the command `likeness`, of the checkout that it runs in."""

from likeness.program import begin

begin()

from likeness.cli.app import main  # noqa: E402 - a Python without its packages is told above

main()
