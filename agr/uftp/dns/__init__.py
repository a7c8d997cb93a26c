"""What participants publish in the DNS, and how it is verified (DNSSEC)."""
