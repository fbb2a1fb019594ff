"""The revisions; each is frozen once it was released."""
