"""Hostile input for every door of rtstem: seeded cases, each of which must be taken or refused in a line.

python -m tools.fuzz                              all targets, as many cases as each has by default
python -m tools.fuzz config osc --cases 1000 --seed 7
python -m tools.fuzz config --replay fuzz-out/config-12.bin
"""
