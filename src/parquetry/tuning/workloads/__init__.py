"""Workloads made up from templates: who asks what of a table how often, with seeded literals."""
