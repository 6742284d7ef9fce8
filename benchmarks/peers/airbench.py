"""Steps of airbench94_muon on the processor, one turn for each input line.

Command   python benchmarks/peers/airbench.py airbench94_muon.py THREADS
Needs     the file of github.com/KellerJordan/cifar10-airbench, run unchanged, but in bf16, eager, on the processor
Reads     lines: "learns" for a step that trains its first layer's shift, as in its first three epochs, "rests" for
          any other step, "judges" for its evaluation with six views of each image
Prints    the seconds of each turn: 2,000 images, for a step including both of its optimisers
Check     `benchmarks/fast_cifar10.py` runs it in turn with the recipe
"""

import runpy
import sys
import time
from types import SimpleNamespace

from residuum.compat import import_torchvision

import_torchvision()
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

PICTURES = 2000


def main(path, threads):
    torch.set_num_threads(threads)
    torch.compile = lambda function: function
    sys.argv = [path]  # the file reads itself
    airbench = runpy.run_path(path, run_name="airbench")
    model = airbench["CifarNet"]().float()
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.bfloat16()
    model.to(memory_format=torch.channels_last)
    model.reset()
    filters = [p for p in model.parameters() if p.ndim == 4 and p.requires_grad]
    others = [p for p in model.parameters() if p.ndim != 4 and p.requires_grad]
    optimisers = [
        torch.optim.SGD(others, lr=1e-4, momentum=0.85, nesterov=True),
        airbench["Muon"](filters, lr=0.1, momentum=0.6, nesterov=True),
    ]
    padded = F.pad(torch.randn(PICTURES, 3, 32, 32), (2,) * 4, "reflect").bfloat16()
    padded = padded.to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (PICTURES,))
    held_out = SimpleNamespace(images=padded[:, :, 2:-2, 2:-2], normalize=lambda images: images)

    def step(learns):
        images = airbench["batch_crop"](padded, 32)
        outputs = model(images, whiten_bias_grad=learns)
        F.cross_entropy(outputs, labels, label_smoothing=0.2, reduction="sum").backward()
        for optimiser in optimisers:
            optimiser.step()
        model.zero_grad(set_to_none=True)

    def judge():
        airbench["infer"](model, held_out, tta_level=2)
        model.train()

    turns = {"learns": lambda: step(True), "rests": lambda: step(False), "judges": judge}
    for line in sys.stdin:
        started = time.perf_counter()
        turns[line.strip()]()
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
