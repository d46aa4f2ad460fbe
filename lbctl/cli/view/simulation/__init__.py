"""What would happen: the operator's decisions and the wire's rule, on a world that is thought.

A fresh state is changed as the event would change it, and then brought to rest.
"""
