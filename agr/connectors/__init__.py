"""Everything that speaks to the outside but UFTP: tables, prices, forecasts."""
