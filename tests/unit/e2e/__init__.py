"""What the end-to-end tests judge by."""
