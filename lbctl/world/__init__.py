"""What is known of a cluster, and what follows from it: mirrors, their views, plans. No I/O."""
