import pytest
import torch

from residuum.compat import import_torchvision

import_torchvision()
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
