"""A machine whose answers are given, and settling on it."""

from dataclasses import dataclass

from residuum.settings import Settled, read_asked, settle


@dataclass
class Bench:
    """A machine that measures nothing."""

    rate: float = 1e15  # multiply-accumulates a second
    threads: int = 2
    cores: int = 8
    processes: int = 1

    def macs_per_second(self):
        return self.rate

    def pick_device(self, wanted):
        return "cpu" if wanted == "auto" else wanted

    def pick_kernels(self, device, wanted):
        return "plain" if wanted == "auto" else wanted

    def pick_precision(self, settings):
        return ("bf16" if settings.precision == "auto" else settings.precision), "it is a bench"


def settled(dataset, start=None, machine=None, **given) -> Settled:
    """Return the settings of a run on that data and what was asked for."""
    return settle(read_asked({"data": dataset.name, **given}), dataset, start, machine or Bench())
