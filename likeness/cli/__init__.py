"""Programs around the graph."""
