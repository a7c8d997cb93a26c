"""Bids out: layouts (pure), and the channels that carry them."""
