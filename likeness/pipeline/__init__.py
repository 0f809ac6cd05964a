"""The build graph's own parts: batches of items, manifests, supervision of a run."""
