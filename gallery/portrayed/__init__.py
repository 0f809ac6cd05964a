"""The page of the person portrayed, who has no account: a signed link shows all, and lets them allow less or nothing."""
