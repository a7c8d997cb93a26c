"""Pure mathematics of the portfolio optimisation: no I/O, no clock, never imports agr."""
