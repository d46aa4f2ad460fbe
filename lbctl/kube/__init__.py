"""Everything that speaks to the API server, shared by the operator and the speaker's agent."""
