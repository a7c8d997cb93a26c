"""The service's memory: tables and queries (SQLAlchemy Core), one transaction per state change."""
