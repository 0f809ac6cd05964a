"""Stands in for sd-scripts' train_network.py in tests: takes its options, tells its progress, writes a LoRA in its names.

What it is to do wrong is in the file `fault` beside it: `exit`, `nan`, `hang`, `empty`. It does without torch, whose import takes
longer than all that it does.
"""

import argparse
import json
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SWITCHES = ("network_train_unet_only", "cache_latents", "cache_text_encoder_outputs", "sdpa", "no_half_vae",
            "gradient_checkpointing", "v_parameterization", "zero_terminal_snr", "debiased_estimation_loss")  # fmt: skip
LISTS = ("optimizer_args", "network_args")
VALUES = ("pretrained_model_name_or_path", "dataset_config", "output_dir", "output_name", "network_module", "network_dim",
          "network_alpha", "max_train_steps", "gradient_accumulation_steps", "lr_scheduler", "lr_warmup_steps",
          "lr_scheduler_num_cycles", "optimizer_type", "learning_rate", "unet_lr", "text_encoder_lr", "max_grad_norm",
          "seed", "save_model_as", "save_precision", "save_every_n_steps", "min_snr_gamma", "noise_offset", "loss_type",
          "huber_schedule", "huber_c", "mixed_precision", "network_dropout")  # fmt: skip


def layers(folder: Path) -> dict[str, tuple[int, int]]:
    """Kohya's names of the UNet's attention layers with their (out, in), read from the weights' shapes."""
    from safetensors import safe_open

    found = {}
    with safe_open(folder / "unet" / "diffusion_pytorch_model.safetensors", "np") as file:
        for name in list(file.keys()):
            layer = name.removesuffix(".weight")
            known = layer.endswith((".to_q", ".to_k", ".to_v", ".to_out.0", ".net.0.proj", ".net.2"))
            if layer != name and ".attentions." in layer and known:
                shape = file.get_slice(name).get_shape()
                if len(shape) == 2 and "norm" not in layer:
                    found["lora_unet_" + layer.replace(".", "_")] = (shape[0], shape[1])
    return found


def save(path: Path, options: argparse.Namespace) -> None:
    generator = np.random.default_rng(int(options.seed))
    rank, tensors = int(options.network_dim), {}
    for name, (out, inside) in layers(Path(options.pretrained_model_name_or_path)).items():
        tensors[f"{name}.lora_down.weight"] = 0.05 * generator.standard_normal((rank, inside), np.float32)
        tensors[f"{name}.lora_up.weight"] = 0.05 * generator.standard_normal((out, rank), np.float32)
        tensors[f"{name}.alpha"] = np.array(float(options.network_alpha), np.float32)
    save_file(tensors, path, metadata={"ss_network_dim": options.network_dim})


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in VALUES:
        parser.add_argument(f"--{name}")
    for name in SWITCHES:
        parser.add_argument(f"--{name}", action="store_true")
    for name in LISTS:
        parser.add_argument(f"--{name}", nargs="*")
    options = parser.parse_args()
    here, out = Path(__file__).parent, Path(options.output_dir)
    fault = (here / "fault").read_text() if (here / "fault").exists() else ""
    dataset = tomllib.loads(Path(options.dataset_config).read_text())
    (here / "seen.json").write_text(json.dumps({"options": vars(options), "dataset": dataset}))
    steps = int(options.max_train_steps)
    print("running training", file=sys.stderr)
    if fault == "exit":
        raise RuntimeError("CUDA out of memory")
    for step in range(1, steps + 1):
        loss = "nan" if fault == "nan" and step == 2 else f"{0.2 - step / 100:.4f}"
        sys.stderr.write(
            f"\rsteps:  {100 * step // steps}%|##   | {step}/{steps} [00:01<00:02,  2.0it/s, avr_loss={loss}]"
        )
        sys.stderr.flush()
        if fault == "hang":
            time.sleep(60)
        if options.save_every_n_steps and step % int(options.save_every_n_steps) == 0 and step < steps:
            save(out / f"{options.output_name}-step{step:08d}.safetensors", options)
    if fault != "empty":
        save(out / f"{options.output_name}.safetensors", options)


if __name__ == "__main__":
    main()
