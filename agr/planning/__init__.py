"""One planning service: what a plan is made from, gates, solving, audit, difference and explanation."""
