"""What makes life hard for an engine, for `rtstem soak` and the benchmarks: greedy threads beside the
audio, and processes of their own that take the processor, move faders, look on."""
