"""MLflow: a run while it goes (tracker), what is kept of runs (records), what stands in the way (cause)."""
