"""Metadata fields of our own in weights, beside the usual ones (`ss_*`, `modelspec.*`)."""

CONSENT_ID = "likeness.consent_id"
TRAINING_SET = "likeness.training_set_sha256"  # of the folder's metadata.jsonl
DATASET = "likeness.dataset_sha256"  # of the pictures and captions that were trained on
BASE = "likeness.base_sha256"
BASE_QUANTIZED = "likeness.base_quantized"
VALIDATION = "likeness.validation"
PRESERVED = "likeness.preservation_weight"
STARTED_FROM = "likeness.started_from"
