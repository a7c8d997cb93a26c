"""Where the daemon gets connections, forecasts and prices from: tables in a folder, and web addresses."""
