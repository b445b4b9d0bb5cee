"""The tests. In each process that imports a module of theirs, pages of one user are the same bytes.

That holds for the servers that tests start, too. Tests of the pads set others.
"""

from pavior_middleware._page import snippet

snippet.new_pad = bytes
