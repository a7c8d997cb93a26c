"""Selling flexibility to DSOs: requests are priced and offered, orders kept, settlements checked."""
