"""The command line: commands that ask the running daemon over its JSON API, and commands that work on this machine."""
