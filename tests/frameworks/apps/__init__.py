"""One small site for each framework, with Pavior added as its document says.

A module has `make_app(settings)`, and `INTERFACE`: what the app speaks. `LACKS` says why the app
cannot pass a check. With `OWN_PROCESS` the app is served in a process of its own.
"""
