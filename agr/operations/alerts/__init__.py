"""Tells alarms outside the page: webhooks and e-mail, templated, once each, with recovery."""
