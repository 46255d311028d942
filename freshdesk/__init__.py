"""Freshdesk's API: requests, its limit, listing and search. Knows no issue, no model and no disk."""
