"""One module a family of bases."""
