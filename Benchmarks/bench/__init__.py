"""The parts of Benchmarks/run, one purpose each."""
