"""The command line's operator commands: what the running daemon does over its JSON API, and what needs the machine."""
