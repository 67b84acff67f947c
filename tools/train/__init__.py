"""Training chain of the bundled separation model: data, model, loop, export, evaluation."""
