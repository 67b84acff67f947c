"""Faults on purpose: what goes wrong in a show, done to a running engine, and what was heard of it.

python -m tools.faults             all faults that this machine can have
python -m tools.faults --help
"""
