"""Photographs of synthetic people, from a YAML of traits. docs/synthetic-people.md is the user's page.

traits.py      the YAML of a person, checked                    (adults only; unknown keys are named)
wardrobe.py    what the words of a YAML stand for in MakeHuman's data
plan.py        a person and a seed -> shots, with their digests
makehuman.py   reads MakeHuman's data files
body.py        a person -> meshes: shape, face, clothes
pose.py        the rig: how somebody stands and turns the head
materials.py   skin, eyes, hair and cloth for Blender
places.py      backgrounds with their lights, of props.py
photograph.py  one shot with Blender's Cycles; runs in a process of its own
finish.py      a render -> a JPEG with grain, credit and digest
gate.py        one adult face, intact, rated sfw, or a refusal
produce.py     plans, photographs, judges and writes a folder; goes on where it was stopped
record.py      consent record, evidence, list of targets, data card
portraits.py   many small captioned portraits, drawn by gl.py
"""
