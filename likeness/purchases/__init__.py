"""Money: prices, budget, buying once, and what was bought."""
