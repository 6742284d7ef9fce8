"""The lines of a training on a pipe."""

from residuum.cli.live import LiveMeter, _epoch_line
from residuum.training import Epoch


def test_an_epoch_of_which_only_validation_was_resumed_has_no_speed():
    row = {"epoch": 2, "train_loss": 0.5, "train_acc1": 80.0}
    meter = LiveMeter(3, 10)
    assert _epoch_line(Epoch(row, None), meter) == "epoch   2/3  train loss 0.500 Acc@1  80.0  not validated"
    meter.images, meter.latest = 100.0, meter.started + 2
    assert _epoch_line(Epoch(row, None), meter).endswith("not validated  50 images/s")
