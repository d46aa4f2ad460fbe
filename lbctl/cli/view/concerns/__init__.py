"""What can be wrong with an installation, by subject: each rule yields what it finds."""
