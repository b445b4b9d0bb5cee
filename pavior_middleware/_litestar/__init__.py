"""Parts of the Litestar plugin: its middleware, and the visitor even if no route has run."""
