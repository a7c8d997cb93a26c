"""The demo: a market day against independent counterparties, on one machine."""
