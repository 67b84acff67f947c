"""Where audio comes from and goes to: files, sound devices, the virtual device."""
