"""From the JSON of the API server to views, without trust in it."""
