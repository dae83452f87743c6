"""Through the real parts: emulated ARM boards behind OpenSSH, Ray, the real wheels, both bundled models."""
