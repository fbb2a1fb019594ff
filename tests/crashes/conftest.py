"""Scenarios: a store as it was, a change to it, and what its rows may be afterwards."""
