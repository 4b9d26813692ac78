"""Where step programs come from without tracing: shipped with gatewise, cached for the user's own cells, or in a model."""
