"""MetalLB's objects and annotations, read as lbctl's."""
