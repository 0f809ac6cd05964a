"""Reports on shared pictures, by anybody: a receipt, 48 hours, and copies that are found."""
