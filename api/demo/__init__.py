"""The main job, told as it happens: `make demo`."""
