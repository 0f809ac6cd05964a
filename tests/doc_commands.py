"""How the tests type the command lines of the pages, and which they leave out.

tests/docs/ compares this with the pages: a line that no table names fails `make test`. A line is typed as it stands
unless TYPED has another for it.
"""

GPU = "needs a GPU and the weights of a model hub"
INSTALLS = "installs from a registry"
AWS = "needs AWS's command line and an account"
MEASURES = "measures for minutes, alone on a machine"
ACCEPTS = "tests/versions/test_accepted.py types it in a repository with evaluated revisions"
COMPARES = "tests/versions/test_comparison.py types such lines in a repository with evaluated revisions"
DESK = "tests/cli/test_desk.py has what it calls, on photographs that are measured at once"
COMPOSE = "docker compose -f gallery/deploy/compose.yaml --env-file gallery.env"
CONTAINERS = "needs a docker daemon; tests/gallery/test_deploy.py reads the files"
PEOPLE = "needs Blender's wheel and 300 MB of MakeHuman's data"

# Why a line is not typed.
NOT_RUN = {
    "make sky": INSTALLS,
    "pip install -e '.[ray]'": INSTALLS,
    "pip install -e '.[pkcs11]'": INSTALLS,
    "likeness params train.seed=5,7": "tests/cli/test_params.py has what it is told",
    "make ray-test": INSTALLS,
    "RAY_ADDRESS=HOST:6379 dvc repro -s ingest@jade": "tests/test_ray.py has a cluster of its own",
    "export RUNPOD_API_KEY=... AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...": "a user's own keys",
    ".cache/sky/bin/runpod config <<< $RUNPOD_API_KEY && .cache/sky/bin/sky check runpod": "tests/cloud/test_task.py does it",
    "sed -i 's,^remote: .*,remote: s3://my-likeness/items,' conf/items/local.yaml && likeness params": "tests/cloud/ sets one",
    "dvc repro dataset@jade && git add -A && git commit -m data": "tests/cloud/conftest.py does it",
    "likeness launch jade --dry-run": "tests/cloud/test_launch.py does it beside a store",
    "likeness launch jade": "tests/cloud/test_job.py does it with an engine of its own",
    "likeness launch jade --queue": "tests/cloud/test_queue.py does it",
    "likeness launch jade --experiments -S train.lora.rank=8,16": "tests/cloud/test_queue.py does it",
    "likeness launch jade --experiments -S train.optimizer.lr=1e-4,3e-4": "tests/cloud/test_queue.py does it",
    "dvc exp run --queue -S 'train.optimizer.lr=1e-4,3e-4' -S 'train.lora.rank=8,16'": "tests/cloud/test_queue.py queues",
    "likeness cloud fetch --all": "tests/cloud/test_queue.py does it",
    "likeness cloud logs JOB": "tests/cloud/test_job.py does it",
    "likeness cloud stop": "tests/cloud/test_job.py does it",
    "likeness cloud cost": "tests/cloud/test_job.py does it",
    "likeness cloud status": "tests/cloud/test_job.py does it beside a store",
    "likeness cloud fetch JOB; dvc exp apply JOB; dvc pull": "tests/cloud/test_job.py does it",
    "dvc exp run -S +experiment=sdxl -S +quality=balanced -S +gpu=24gb": GPU,
    "dvc exp run -S +experiment=sdxl -S +quality=balanced -S +gpu=24gb report@mia": GPU,
    "dvc exp run -S +experiment=sdxl": GPU,
    "dvc exp run -S +experiment=zimage": GPU,
    "dvc exp run -S +experiment=flux2": GPU,
    "dvc exp run -S base=sd15 -S train=full -S evaluate=full -S train.data.side_px=512": GPU,
    "dvc exp run -S +experiment=sdxl -S base.source=/models/realvis.safetensors "
    "-S base.config=stabilityai/stable-diffusion-xl-base-1.0": GPU,
    "dvc exp run -S +experiment=kohya -S train.kohya.checkout=/opt/sd-scripts "
    "-S train.kohya.python=/opt/sd-scripts/venv/bin/python": "needs a GPU and a checkout of sd-scripts",
    "accelerate launch --multi_gpu --num_processes 4 -m stages.train jade": GPU,
    "python -m bench.train_gpu": GPU,
    "python -m bench.random_sdxl FOLDER": "writes 5 GB",
    "dvc exp run -S swap=onnx -S swap.provider.swapper=models/net.onnx ...": "needs a swap network of one's own",
    "pip install pre-commit && pre-commit install -t pre-commit -t pre-push": INSTALLS,
    "pip install 'likeness[onnx]'": INSTALLS,
    "pip install 'likeness[superres]'": INSTALLS,
    "pip install 'likeness[bitsandbytes]'": INSTALLS,
    "pip install 'likeness[optimizers]'": INSTALLS,
    "aws s3api create-bucket --bucket my-likeness --region eu-central-1 "
    "--create-bucket-configuration LocationConstraint=eu-central-1": AWS,
    "aws s3api put-public-access-block --bucket my-likeness --public-access-block-configuration "
    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true": AWS,
    "aws s3api put-bucket-lifecycle-configuration --bucket my-likeness "
    "--lifecycle-configuration file://lifecycle.json": AWS,
    "likeness items share": "tests/store/test_remote.py and tests/cli/test_tools.py",
    "aws s3 rm s3://my-likeness/published/jade/images/...": AWS,
    "aws s3 rm --recursive s3://my-likeness/published/jade": AWS,
    "likeness detect downloads --registry marks.jsonl": "tests/attacks/test_marks.py does it on a publication",
    "likeness verify models/jade/jade-v1.safetensors": "tests/attacks/test_verify.py does it on a publication",
    'likeness draw jade "in a library, smiling" -n 4 --seed 7 --strength 0.8': "tests/stages/test_evaluate.py draws so",
    "make test-long": "types all of these",
    "likeness desk": "serves until it is stopped; tests/cli/test_desk.py asks what it serves",
    "likeness photos list jade": DESK,
    'likeness photos refuse jade sources/jade_03.jpg --why "eyes closed"': DESK,
    "likeness photos accept jade sources/jade_03.jpg": DESK,
    'likeness photos refuse jade jade-s1-t1 --why "two thumbs"': DESK,
    "likeness photos accept jade jade-s1-t1": DESK,
    'likeness photos caption jade jade-s1-t1 "jade woman, in a garden, smiling"': DESK,
    "likeness photos swap jade s1 t1 --out look.png": DESK,
    "make gallery": "serves until it is stopped; tests/gallery/ tests what it starts",
    f"{COMPOSE} up --build": CONTAINERS,
    f"{COMPOSE} exec api likeness-gallery invite YOU@EXAMPLE.ORG --role owner": CONTAINERS,
    "likeness publish jade --gallery": "tests/publish/test_publish.py does it",
    "python -m fakes --set comfy_lora_loads=false": "serves until it is stopped; tests/comfy/test_trial.py starts such a server",
    "python -m gallery worker --comfyui URL": "works until it is stopped; tests/gallery/test_comfyui.py draws with fakes/comfyui.py",
    "likeness compare HEAD workspace": COMPARES,
    "likeness versions accept jade": ACCEPTS,
    "likeness versions accept jade workspace EXPERIMENT": ACCEPTS,
    "likeness versions list jade": ACCEPTS,
    "likeness compare jade-v1 workspace": COMPARES,
    "likeness compare workspace --experiments --html experiments.html": COMPARES,
    "likeness comfy test jade": "needs a ComfyUI server; tests/comfy has a fake one, make comfy-test the real one",
    'ln -s "$PWD/integrations/comfyui" ~/ComfyUI/custom_nodes/likeness': "needs ComfyUI; make comfy-test makes this link",
    "make comfy-test": INSTALLS,
    "make slurm-test": INSTALLS,
    "python -m tools.slurm_loopback": "tests/test_ci.py has what .ci/run makes of its answer",
    "make demo && make bench": MEASURES,
    "python -m bench.train_step": MEASURES,
    "python -m bench.train_start": MEASURES,
    "python -m bench.beside_diffusers --script PATH --python PYTHON": MEASURES,
    "python -m bench.calls": MEASURES,
    "python -m bench.incremental": MEASURES,
    "python -m bench.noop FILES": MEASURES,
    "python -m bench.damaged": MEASURES,
    "python -m bench.cloud_kills": MEASURES,
    "python -m bench.marks measure FILE": MEASURES,
    "python -m bench.marks measure FILE --pictures 0 --unmarked 1000 --faces faces.zip": MEASURES,
    "python -m bench.gates": MEASURES,
    "python -m bench.scale": MEASURES,
    "python -m bench.browser PAGE.html": "needs chromium and npm",
    "likeness consent purge jade": "tests/cli/test_purge.py does it",
    "dvc config --global cache.dir": "tests/test_dvc_cache.py has such a setting",
    "dvc config --local cache.type hardlink": "tests/graph/test_graph.py runs with such links",
    "git init": "tests/test_makefile.py does what the sentence says",
    "make install": "tests/test_makefile.py does what the sentence says",
    "python -m bench.gallery_kills 34 20 SEED": MEASURES,
    "python -m bench.gallery_load 150 50": MEASURES,
    "python -m bench.gallery_load 600 50": MEASURES,
    "python -m bench.kill_soak 1000 10": MEASURES,
    "python -m bench.identity_gain": MEASURES,
    "python -m bench.quantize 200": MEASURES,
    "python -m tools.tiny_base IMAGEFOLDER WORK evaluate identity": MEASURES,
    "pip install --no-deps -r tools/synthetic_people/requirements.txt": PEOPLE,
    "python -m tools.synthetic_people.plain_shirts": "tests/tools/test_plain_shirts.py does it to copies",
    "git clone https://github.com/vidya-hub/makehuman-core ~/makehuman": PEOPLE,
    "python -m tools.synthetic_people persona tools/synthetic_people/personas/example.yaml data/nora/raw/sources "
    "--data ~/makehuman/data --photos 16": PEOPLE,
    "python -m tools.synthetic_people targets tools/synthetic_people/personas/targets.yaml data/nora/raw/targets "
    "--data ~/makehuman/data": PEOPLE,
    "python -m tools.synthetic_people portraits faces --data ~/makehuman/data --count 6000 --seed 1": PEOPLE,
}

# A test of their own types the lines of these pages.
ELSEWHERE = ("docs/versioning.md",)

# `.ci/run` runs these.
IN_CI = ("make check", "make test", "make test-slow", ".ci/run")

# What `make test` types, in a clone where the graph has not run.
QUICK = (
    ". .venv/bin/activate",
    "make params",
    "python -m stages.check",
    "likeness plan",
    "likeness plan --json",
    "likeness comfy workflow jade",
    "likeness summary",
    "likeness spending",
    "likeness items list",
    "likeness items verify",
    "likeness items prune --unused-days 30",
    "likeness keys dev-ca --out ../my-key",
    "likeness consent bind PERSONA",
    "likeness consent show PERSONA",
    "likeness consent artefacts PERSONA",
    "dvc remote add --default team s3://my-likeness/dvc",
    "dvc remote modify team region eu-central-1",
    "dvc remote modify team endpointurl https://ACCOUNT.r2.cloudflarestorage.com",
    "dvc remote modify --local",
)

# The pages whose other lines a slow test types from top to bottom, each page in a copy of one clone after `make demo`.
ON_THE_DEMO = (
    "README.md",
    "docs/items.md",
    "docs/consent.md",
    "docs/training/files.md",
    "docs/training/run.md",
    "docs/training/watch.md",
    "docs/sweeps.md",
    "docs/costs.md",
    "docs/personas.md",
    "docs/providers.md",
    "docs/s3.md",
)

# Another line for one with a placeholder, an editor or a second machine.
TYPED = {
    "git clone ADDRESS likeness && cd likeness": "git clone -q . ../likeness && cd ../likeness && git log --oneline",
    "likeness consent bind PERSONA": "likeness consent bind jade",
    "likeness consent show PERSONA": "likeness consent show jade",
    "likeness consent artefacts PERSONA": "likeness consent artefacts jade",
    "dvc remote modify --local": "dvc remote modify --local team access_key_id NOBODY",
    "$EDITOR conf/... && make params && dvc repro": "sed -i 's/jpeg_quality: 95/jpeg_quality: 94/' conf/dataset/default.yaml"
    " && make params && dvc repro",
    'likeness consent keygen --name "J. Doe"': 'LIKENESS_HOME=$PWD/../keys likeness consent keygen --name "J. Doe"',
    "likeness consent sign PERSONA --yes": "likeness consent sign jade --yes",
    "likeness consent export PERSONA": "likeness consent export jade",
    "likeness consent revoke PERSONA --yes": "likeness consent revoke jade --yes",
    "likeness consent purge PERSONA --yes": "likeness consent purge jade --yes",
    # The key of another person.
    "likeness consent allow KEY --name NAME": 'likeness consent allow "$(LIKENESS_HOME=$PWD/../ann likeness consent keygen'
    ' --name Ann)" --name Ann',
    # The key of another machine.
    'likeness keys team --allow KEY --name "Ann\'s laptop"': 'likeness keys team --allow "$(LIKENESS_HOME=$PWD/../ann likeness'
    " keys team | cut -d ' ' -f 1)\" --name \"Ann's laptop\"",
    # The photographs are those of jade, and every question is answered.
    "likeness persona new mia --sources ~/photos/mia --targets ~/photos/others": "likeness persona new mia"
    " --sources data/jade/raw/sources --targets data/jade/raw/targets --kind synthetic --subject 'mia, a synthetic person'"
    " --attested-by 'who made her' --age 29 --evidence consent/synthetic-people.md --class-word woman"
    " --shows 'a synthetic person, 30' --licence CC0-1.0 --origin renders --release consent/synthetic-people.md --yes",
    "$EDITOR conf/config.yaml": "sed -i 's/- swap: .*/- swap: maxstudio/; s/- enhance: .*/- enhance: maxstudio/;"
    " s/- caption: .*/- caption: grok/' conf/config.yaml",
    # The addresses of `make fakes`, and the pairs that its swapper can do.
    "$EDITOR conf/swap/maxstudio.yaml": "sed -i 's,base_url: .*,base_url: http://127.0.0.1:8765/maxstudio,'"
    " conf/vendor/maxstudio.yaml && sed -i 's,base_url: .*,base_url: http://127.0.0.1:8765/xai/v1,' conf/vendor/xai.yaml"
    " && sed -i 's,poll_s: .*,poll_s: 0.2,; s,inputs_url: .*,inputs_url: s3://likeness/inputs,;"
    " s/^  max_bridge_line: .*/  max_bridge_line: 0.3\\n  max_yaw_difference_deg: 25\\n"
    "  max_pitch_difference_deg: 15\\n  max_mouth_difference: 0.11/'"
    " conf/swap/maxstudio.yaml conf/enhance/maxstudio.yaml",
    # README.md's line with the fakes goes to the end.
    "make params && likeness plan && dvc repro": "make params && likeness plan && dvc repro dataset@jade",
    "mlflow ui --backend-store-uri sqlite:///mlflow.db": "env MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"
    " mlflow ui --backend-store-uri sqlite:///mlflow.db --workers 1",
    "git pull && dvc pull": "git clone -q . ../second && cd ../second && dvc pull",
    # Not often: a worker that reads the question while it is being written ends (kombu's file transport).
    "dvc queue status": "until dvc queue status > status && ! grep -E 'Queued|Running' status;"
    " do if grep '0 active, 0 idle' status; then dvc queue start; fi; sleep 15; done; cat status; ! grep Failed status; rm status",
}

# What a program that runs until Ctrl-C prints when it serves.
SERVES = {
    "make fakes": "likeness params +experiment=fakes",
    "mlflow ui --backend-store-uri sqlite:///mlflow.db": "Application startup complete",
}
