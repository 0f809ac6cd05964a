"""Consent: whose likeness, for what, until when, on what evidence. Everything here fails closed.

`consent/PERSONA.yaml` is the record of the person who is drawn; `consent/PERSONA.targets.yaml` lists the target
photographs that may be used, who is shown on each, and the licence each comes under. One signature covers both files.

parts.py         what each part of a record may hold
record.py        what a record holds, and what it allows
load.py          from files to a record that is in order: the only door
problems.py      what is wrong with a record, in the words of the record
evidence.py      the file that proves a record
licences.py      what counts as a licence
photo_list.py    a record's photographs, by name or bytes
signing.py       keys, signatures, and who may sign
revocations.py   the list of what was revoked, which only grows
history.py       what a clone's commits say of revocations
standing.py      whether a record holds now
write.py         change a record's file
"""

from likeness.safety.consent.load import load_consent
from likeness.safety.consent.parts import RecordedFace, Role, Use
from likeness.safety.consent.record import Consent
from likeness.safety.consent.standing import in_force, still_in_force

__all__ = ["Consent", "RecordedFace", "Role", "Use", "in_force", "load_consent", "still_in_force"]
