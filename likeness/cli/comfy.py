"""Try a persona's LoRA in ComfyUI."""

import json
import sys
from dataclasses import asdict

from likeness.cli.arguments import Json, Persona, print_json
from likeness.cli.tables import say, show, table
from likeness.comfy.graph import Lora, build
from likeness.comfy.workflow import about_weights, canvas, card
from likeness.disk import write_atomic
from likeness.evaluate.samples import drawn_prompts
from likeness.run import run_at


def trial_command(persona: Persona, as_json: Json = False) -> int:
    """Draw with a running ComfyUI server, and compare.

    The prompts and seeds of evaluate, without and with the LoRA, through the same gates and scores. Exit status 1 when the
    LoRA was not loaded whole. Settings: conf/comfy/.

    \b
    Examples:
      likeness comfy test jade
      likeness comfy test jade --json
    """
    run = run_at("evaluate", persona)
    from likeness.comfy.trial import run_trial
    from likeness.evaluate.face_embeddings import Finder
    from likeness.faces import FaceAnalyzer
    from likeness.safety.pictures import PictureGate
    from likeness.safety.rating import Rater

    try:
        result = run_trial(run, Rater().explicit, PictureGate(), Finder(analyzer=FaceAnalyzer()))
    except BaseException:
        run.stop.set()
        raise
    if as_json:
        print_json(asdict(result))
        return int(bool(result.problems))
    shown = table(
        f"{persona} in ComfyUI {result.version}",
        left=("picture",),
        right=("seed", "LoRA", "similarity", "agreement dB"),
    )
    for one in result.pictures:
        shown.add_row(
            str(one["prompt"]),
            str(one["seed"]),
            "with" if one["lora"] else "without",
            _number(one["similarity"]),
            _number(one["agreement_db"]),
        )
    show(shown)
    say(
        f"Similarity to held-out photographs: {_number(result.identity_without)} without the LoRA,"
        f" {_number(result.identity_with)} with it; our own samples with it: {_number(result.identity_ours)}."
    )
    say(f"The LoRA changes a pixel by {_number(result.effect)} of 255 on average.")
    if result.not_loaded is None:
        say("The server shows no log: keys that were not loaded are told by the pictures alone.")
    else:
        say(f"Keys not loaded, by the server's log: {len(result.not_loaded)}.")
    say(f"Pictures: {run.paths.comfy_sheet}")
    for problem in result.problems:
        say(f"FAILED: {problem}.")
    return int(bool(result.problems))


def workflow_command(persona: Persona) -> None:
    """Write a workflow to drop on ComfyUI's canvas.

    As JSON, and inside a PNG, to models/PERSONA/comfy/: the base, the LoRA and the prompts of evaluate.

    \b
    Example:
      likeness comfy workflow jade
    """
    run = run_at("evaluate", persona)
    cfg = run.config
    weights, told = run.paths.weights, about_weights(run)
    lora = Lora(name=weights.name, strength=cfg.evaluate.lora_scale)
    graph = build(cfg, drawn_prompts(run), cfg.evaluate.seeds[0], lora, keep=f"{persona}/{weights.stem}")
    note = "\n".join(
        [
            f"{persona}: a prompt names the person with `{run.persona.trigger} {run.persona.class_word}`.",
            f"LoRA {lora.name} at strength {lora.strength:g} on the base {cfg.base.name}.",
            f"{cfg.evaluate.steps} steps, guidance {cfg.evaluate.guidance_scale:g}, {cfg.comfy.sampler}, {cfg.comfy.scheduler}.",
            f"Put models/{persona}/{lora.name} into ComfyUI's models/loras.",
            "ComfyUI does not mark pictures as generated: whoever passes them on has to say so.",
        ]
    )
    path = run.paths.comfy_workflow
    write_atomic(path, (json.dumps(canvas(graph, note), indent=1) + "\n").encode())
    write_atomic(path.with_suffix(".png"), card(graph, note))
    sys.stdout.write(f"{path}\n{path.with_suffix('.png')}\n")
    sys.stderr.writelines(f"comfy: {line}\n" for line in [*told, "drop either file on ComfyUI's canvas"])


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "-"
