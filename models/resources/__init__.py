"""Resource classes, one package each; no class knows another."""
