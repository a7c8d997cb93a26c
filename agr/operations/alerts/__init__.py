"""Sends alarms by webhook and e-mail: from templates, once each, and again when they end."""
