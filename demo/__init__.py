"""Everything at once on this machine: the emulator, both shops and the help center."""
