"""Parts of the FastAPI adapter: dependencies resolved late, and layers around the app."""
