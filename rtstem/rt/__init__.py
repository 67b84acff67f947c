"""Real-time side: compiled, GIL-free code and the memory it shares. No locks, logs or config here."""
