"""Programs without tracing: shipped with gatewise, cached for the user's own cells, or held by a model."""
