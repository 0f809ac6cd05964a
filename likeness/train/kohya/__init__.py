"""The trainer `kohya`: the user's own checkout of sd-scripts."""
