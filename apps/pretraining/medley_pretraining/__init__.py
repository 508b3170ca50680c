"""Pre-training of the bundled Medley model: a small BLIP on openly licensed pictures, on a CPU."""
