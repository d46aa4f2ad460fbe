"""The pages as a site: what is generated, how code in them is checked, how they are built."""
