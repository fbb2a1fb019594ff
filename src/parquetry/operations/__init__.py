"""What can be done to a dataset: one file a verb, each a plan and one commit."""
