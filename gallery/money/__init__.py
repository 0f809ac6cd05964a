"""Credits, where `GALLERY_MONEY` is on: a ledger of double entries, and what Stripe says was paid and went back."""
