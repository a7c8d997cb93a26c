"""What leaves and what arrives: receive, judge, publish, deliver. Talks to the store, never to planning."""
