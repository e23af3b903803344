# SPDX-License-Identifier: Apache-2.0
"""How the network of the learned extractor came to be, and how to train it again.

::

    pip install 'ektp_hw[train]'
    python -m ektp_hw.training fit --pool POOL --run RUN
    python -m ektp_hw.training pictures --pool POOL prints.png

Nothing else of ektp_hw imports this package, and only `network`, `losses` and `fit` need PyTorch.
Only synthetic prints are learned from: `fingers` are grown, `skin` wears them, `sensors` show
them, `prints` puts that together with the truth, and `pool` keeps the result on the disk.
"""
