"""Weather forecasts as Open-Meteo and the DWD (MOSMIX) write them → series in °C, m/s and W/m²."""
