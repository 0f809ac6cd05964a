"""A program of the server's environment: what ComfyUI's networks of the node make of given inputs.

python comfy_networks.py STUBS SERVER NODE INPUTS OUTPUTS
"""

import importlib.util
import sys

import torch
from safetensors.torch import load_file, save_file

PROMPTS = ("jade woman, head and shoulders photo, facing the camera, plain grey background", "")


def main(stubs: str, server: str, node_file: str, inputs: str, outputs: str) -> None:
    sys.path[0] = server  # not this folder: its comfy.py would stand for ComfyUI's package
    exec(open(stubs).read(), {})  # noqa: SIM115
    sys.argv = ["networks", "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    spec = importlib.util.spec_from_file_location("likeness_node", node_file)
    node = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(node)
    model, clip, vae = node.TinyBaseLoader().load()
    given = load_file(inputs)
    with torch.no_grad():
        sizes = model.model.embedder(torch.zeros(12)).reshape(2, -1)
        made = {
            "unet": model.model.diffusion_model(
                given["noisy"],
                given["timesteps"],
                context=given["words"],
                y=torch.cat([given["pooled"], sizes], 1),
            ),
            "vae": vae.first_stage_model.decode(given["latent"]),
        }
        for number, prompt in enumerate(PROMPTS):
            words, pooled = clip.encode_from_tokens(clip.tokenize(prompt), return_pooled=True)
            made |= {f"words{number}": words, f"pooled{number}": pooled}
    save_file({name: tensor.clone().contiguous() for name, tensor in made.items()}, outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
