"""The command `likeness-gallery`: what an operator does from the shell."""
