"""What it costs to move one congestion point: offers of flexibility to grid operators.

Source: docs/explanation/flexibility-offers.md.
"""
