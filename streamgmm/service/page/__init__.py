"""The live page: what the loop records for it, and the addresses it reads from."""
