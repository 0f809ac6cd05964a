"""evaluate: draw the persona with and without the LoRA, and compare the faces with photographs training never saw.

reads   models/PERSONA/PERSONA-v1.safetensors and lora_training/, data/PERSONA/ingested/, and the base model
writes  models/PERSONA/evaluation/: samples/ (with manifest and details.json), contact_sheet.png, metrics.json
"""

import shutil

from likeness.digests import sha256_file
from likeness.program import importing
from likeness.run import Run
from likeness.stage_program import run


def main(run: Run) -> None:
    """Draw, look for faces, score, and lay out what a person judges by eye."""
    cfg, digest = run.config, sha256_file(run.paths.weights)
    # Here: the libraries take seconds, in which a wrong setting would wait and params.yaml could become another.
    with importing():
        from likeness.diffusion.load import load_base
        from likeness.evaluate.arms import reference_picture
        from likeness.evaluate.draw import Renderer
        from likeness.evaluate.face_embeddings import Finder
        from likeness.evaluate.results import draw_samples, measure, write_results
        from likeness.safety.identity import face_analyzer
        from likeness.safety.rating import Rater

    shutil.rmtree(run.paths.evaluation, ignore_errors=True)
    params = {"evaluate": cfg.evaluate.model_dump(), "base": cfg.base.model_dump(), "weights_sha256": digest}
    with run.tracker(params) as tracker:
        base = load_base(cfg.base, device=cfg.train.system.device, memo=run.repository.digests)
        renderer = Renderer(cfg=cfg, base=base, rater=Rater(), reference=reference_picture(run))
        finder = Finder(analyzer=face_analyzer(run.embedder), own=run.embedder and run.embedder.name)
        planned, drawn = draw_samples(run, renderer, digest)
        results = measure(run, renderer, planned, drawn, finder)
        write_results(run, results, tracker)
        tracker.set_tags({"weights_sha256": digest})


if __name__ == "__main__":
    run("evaluate", main)
