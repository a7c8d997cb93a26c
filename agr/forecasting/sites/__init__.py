"""What can be forecast of a resource from what is known of its site, before it was measured for long. Pure.

`bdew2025.csv`: the standard load profiles of the BDEW, 2025 revision, kWh per quarter of an hour of customers that take
1,000,000 kWh a year; from the package demandlib 0.2.2 (MIT, see LICENSE), of which nothing else is needed.
"""
