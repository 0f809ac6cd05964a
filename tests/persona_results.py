"""What training and evaluation leave behind, beside the folders of the stages before."""

import json

import numpy as np
from measured_samples import measures_of
from persona_folders import PERSONA, Folders, Picture, coloured, entry, write
from safetensors.numpy import save_file

from likeness.digests import sha256_file
from likeness.images import encode_jpeg, encode_png
from likeness.pipeline.manifest import Entry, write_manifest


def write_training(folders: Folders, steps: int = 40) -> None:
    """The dataset's card and zip, loss.csv, metrics.json and a weights file with metadata."""
    rng = np.random.default_rng(0)
    losses = 0.12 + 0.1 * np.exp(-np.arange(steps) / 12) + rng.normal(0, 0.02, steps)
    judged = {steps // 2: "0.1302,", steps: "0.1287,0.4312"}
    lines = ["step,loss,validation_loss,identity"]
    lines += [f"{step},{loss:.6f},{judged.get(step, ',')}" for step, loss in enumerate(losses, start=1)]
    write(folders.at(folders.places.training) / "loss.csv", "\n".join(lines).encode())
    write(
        folders.at(folders.places.training) / "metrics.json", json.dumps({"probe_loss_after": 0.14}).encode()
    )
    metadata = {
        "ss_steps": str(steps),
        "ss_network_dim": "8",
        "ss_network_alpha": "4",
        "ss_seed": "42",
        "ss_learning_rate": "0.001",
        "ss_base_model_version": "likeness-random-sdxl",
    }
    path = folders.at(folders.places.weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"lora_unet_x.alpha": np.float32([4.0])}, path, metadata=metadata)


def write_evaluation(folders: Folders, *, faces: bool = True, sample: Picture = coloured) -> None:
    """Samples with and without the LoRA, details.json, contact sheet and metrics."""
    folder = folders.at(folders.places.evaluation) / "samples"
    weights = folders.at(folders.places.weights)
    drew = (sha256_file(weights),) if weights.is_file() else ()
    entries: list[Entry] = []
    samples: list[dict[str, object]] = []
    for number, prompt in enumerate(("jade woman, a portrait", "a woman in a library"), start=1):
        for lora in (False, True):
            name = f"{PERSONA}-p{number}-seed1-{'with' if lora else 'without'}"
            rgb = sample(name, folders.side_px)
            data = encode_jpeg(rgb)
            write(folder / f"{name}.jpg", data)
            parents = drew if lora else ()
            line = entry(name, f"{name}.jpg", data, rgb, None, None, parents=parents, provider="diffusers")
            entries.append(line)
            samples.append(
                {
                    "id": name,
                    "prompt": prompt,
                    "seed": 1,
                    "lora": lora,
                    "file": f"{name}.jpg",
                    "rating": "sfw",
                    "similarity": 0.61 if faces and lora else None,
                }
            )
    write_manifest(folder, entries, [])
    rng = np.random.default_rng(1)
    groups = {}
    for name, mean, count in (
        ("held_out", 0.86, 2),
        ("photographs", 0.83, 6),
        ("swaps", 0.72, 32),
        ("samples_with", 0.61, 2),
        ("samples_without", 0.3, 2),
        ("unnamed_with", 0.6, 2),
        ("unnamed_without", 0.3, 2),
        ("targets", 0.48, 10),
    ):
        found = faces or not name.startswith("samples")
        scores = {f"{name}{n}": round(float(v), 3) for n, v in enumerate(rng.normal(mean, 0.04, count))}
        groups[name] = {
            "images": count,
            "faces": count if found else 0,
            "mean": mean if found else None,
            "by_image": scores if found else {},
            "face_share": float(found),
        }
    note = [] if faces else ["No face was found in the 2 samples drawn with the LoRA."]
    details = {
        "lora_effect": 3.25, "groups": groups, "samples": samples, "notes": note, "class_word": "woman",
        "drawn_with": {"negative_prompt": "", "side_px": 128, "steps": 2, "guidance_scale": 2.0, "lora_scale": 0.8},
        "named": ["jade woman, a portrait"], "measures": measures_of(samples, faces=faces),
    }  # fmt: skip
    write(folder / "details.json", json.dumps(details).encode())
    write(
        folders.at(folders.places.evaluation) / "contact_sheet.png", encode_png(folders.picture("sheet", 32))
    )
