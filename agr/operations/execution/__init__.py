"""What became of plans.

evidence   what is known of charge points: who was there, and which limit was in force
strangers  cars that no resource of the register stands for
keeper     judges ISPs as they end, and again when readings come late
overview   what operators see: points, resources, sessions, and what deviations cost
"""
