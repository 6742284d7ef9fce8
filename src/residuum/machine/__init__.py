"""This computer, and the choices that depend on it: device, precision, kernels."""
