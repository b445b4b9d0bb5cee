"""HTTP as the standards define it: media types, caching, policies, codings."""
