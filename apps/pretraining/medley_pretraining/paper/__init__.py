"""The training side of the BLIP paper as a tool: pre-training, fine-tuning, CapFilt and its ablations on one's own pictures."""
