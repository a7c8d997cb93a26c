"""Everything that speaks to the outside except UFTP: tables, and sources of prices and forecasts."""
