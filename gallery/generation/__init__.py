"""From a wish to pictures: the request, its place, the worker's work, what the page is told."""
