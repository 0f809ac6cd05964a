"""Pictures after they were drawn: lists, albums, shares, downloads, deletion."""
