"""The tests. In each process that imports one of their modules, pages of one user are the same.

That holds for the servers that tests start, too. Tests of the pads set others.
"""

from pavior_middleware._page import snippet

snippet.new_pad = bytes
