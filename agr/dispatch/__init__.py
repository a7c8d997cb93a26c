"""What devices are to do and have done. Pure rules: no store, no clock, no settings."""
