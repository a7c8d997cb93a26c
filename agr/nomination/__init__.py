"""E-programs: what each balance responsible party is told, how it answers, and what imbalance may cost it."""
