"""Draw a persona as somebody asks."""

import sys

from likeness.config import load_config
from likeness.paths import PARAMS, RepositoryPaths
from likeness.run import Run


def draw_command(persona: str, words: str, *, number: int, seed: int, strength: float | None) -> int:
    """Draw, mark, write and say where; the exit status is 1 when every picture was refused."""
    from likeness.diffusion.load import load_base
    from likeness.evaluate.draw import Renderer
    from likeness.evaluate.request import asked_prompt, draw_asked
    from likeness.safety.rating import Rater

    config = load_config(PARAMS)
    if strength is not None:
        evaluate = config.evaluate.model_copy(update={"lora_scale": strength})
        config = config.model_copy(update={"evaluate": evaluate})
    run = Run(
        stage="evaluate", config=config, persona=config.persona(persona), repository=RepositoryPaths.here()
    )
    run.require(*run.uses)
    prompt = asked_prompt(run, words)
    base = load_base(config.base, device=config.train.system.device, memo=run.repository.digests)
    made = draw_asked(run, Renderer(cfg=config, base=base, rater=Rater()), prompt, range(seed, seed + number))
    for one in made.entries:
        sys.stdout.write(f"{run.paths.drawn / one.file}\n")
    for failure in made.failures:
        sys.stderr.write(f"draw: {failure.id}: {failure.detail}\n")
    sys.stderr.write(f"draw: “{prompt}”, all on one sheet: {run.paths.drawn_sheet}\n")
    return int(not made.entries)
