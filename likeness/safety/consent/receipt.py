"""A record as a consent receipt: ISO/IEC TS 27560:2023 in the words of DPV 2 (https://w3id.org/dpv, its guide for 27560)."""

from typing import Any

from likeness.safety.consent.parts import Use
from likeness.safety.consent.record import Consent
from likeness.safety.consent.signing import digest

CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "dpv-pd": "https://w3id.org/dpv/pd#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
SCHEMA_VERSION = "https://w3id.org/dpv/schema/dpv-27560"
PURPOSES: dict[Use, str] = {
    "swap": "put the face on photographs of other people",
    "train": "train a model that draws the person",
    "generate": "draw pictures of the person with that model",
}


def receipt(record: Consent) -> dict[str, Any]:
    """JSON-LD; the face itself is not in it."""
    statuses = [{"@id": "dpv:ConsentGiven", "dct:date": _date(record.signed)}]
    if record.revoked:
        statuses.append({"@id": "dpv:ConsentRevoked", "dct:date": _date(record.revoked)})
    return {
        "@context": CONTEXT,
        "@id": f"urn:likeness:consent:{record.id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": SCHEMA_VERSION,
        "dct:identifier": record.id,
        "dct:created": _date(record.signed),
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "dct:title": record.subject},
        "dpv:hasConsentStatus": statuses,
        "dpv:hasDuration": {
            "@type": "dpv:UntilTimeDuration" if record.expires else "dpv:UntilEventDuration",
            "dct:valid": _date(record.expires) if record.expires else "until it is revoked",
        },
        "dpv:hasPersonalData": [
            {"@id": "dpv-pd:Picture"},
            {"@id": "dpv-pd:FacialPrint", "@type": "dpv:SensitivePersonalData"},
        ],
        "dpv:hasProcess": [
            {
                "@type": "dpv:Process",
                "dpv:hasPurpose": {"@type": "dpv:Purpose", "dct:title": PURPOSES[use], "dct:identifier": use},
                "dpv:hasLegalBasis": {"@id": "dpv:ExplicitlyExpressedConsent"},
            }
            for use in record.scope
        ],
        "dct:source": {
            "dct:title": record.evidence.file,
            "dct:format": record.evidence.type,
            "dct:identifier": f"sha256:{record.evidence.sha256}",
        },
        "dct:hasVersion": f"sha256:{digest(record)}",
        **({"dct:replaces": f"urn:likeness:consent:{record.renews}"} if record.renews else {}),
        **({"dct:publisher": record.signature.by} if record.signature else {}),
    }


def _date(day: object) -> dict[str, str]:
    return {"@type": "xsd:date", "@value": str(day)}
