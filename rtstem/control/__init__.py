"""Control surfaces: everything that moves a fader or shows a meter."""
