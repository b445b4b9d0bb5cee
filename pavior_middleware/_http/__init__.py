"""HTTP as the standards have it: media types, caching, policies, codings."""
