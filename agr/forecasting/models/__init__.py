"""The models, one a file: registered in agr.forecasting.models.registry."""
