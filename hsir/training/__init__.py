"""Training of the next policy, with TRL's trainers.

- `finetune.py`: the loop shared by all training types, and SFT (paper, equation 1).
- `dpo.py`: the loss of preference learning (equation 2). `grpo.py`: reinforcement learning and its rollouts
  (equations 6 to 10); rewards are in `hsir/rewards.py`. `questions.py`: TRL's trainer with our rollouts, which
  `drawing.py` or `vllm.py` generates; `resample.py` replaces questions.
- `order.py`: the order of the examples. `callbacks.py`: checks and log lines. `checkpoints.py`: which checkpoints can
  be resumed.
- `launch.py` and `distributed.py`: several processes, on one node or more. `tracking.py`: TensorBoard, W&B, MLflow.

The stage `train` calls these.
"""
