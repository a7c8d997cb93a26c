"""Reservations that hold with a probability: days that may come are drawn from how wrong forecasts were.

uncertain   what is known of the errors of forecasts, and which reservations they concern
drawing     one drawn day as the inputs of a plan
question    what a worker is asked: what to announce, or how often what is announced is kept
telling     how a reservation holds, in words
promising   the planning service's part: asks, plans again near what is announced, and says what became of it

Source: docs/explanation/promises.md.
"""
