"""The doctor: what `pavior check` fetches of a live site, and what it says about it.

`collecting` fetches the `evidence`. The pure functions in `rules` read it and return findings. A
`report` sums these up.
"""
