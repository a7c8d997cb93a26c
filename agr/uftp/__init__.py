"""The UFTP protocol layer: messages, XML, signatures, participants, transport. Knows nothing of planning."""
