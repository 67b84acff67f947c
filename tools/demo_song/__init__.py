"""The bundled demo song: score, instruments, singer and mix, all synthesised."""
