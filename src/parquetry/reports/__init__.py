"""Facts as frozen values: what commands and pages render. Nothing here prints."""
