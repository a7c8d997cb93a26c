"""Whole bids: a pattern of bids for all holders of reserve together, with a bound that knows that bids are whole."""
