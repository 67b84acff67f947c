"""One module a command: `command` is what click runs; it imports the heavy parts when it runs."""
