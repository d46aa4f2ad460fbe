"""Views of Kubernetes objects, as decisions read them: frozen, and free of what nobody reads."""
