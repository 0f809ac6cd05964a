# pyright: basic
# mostly numpy and cv2 on arrays whose stubs don't know shapes.
"""The phrases that describe a portrait, or None: where a measurement lies between two words, neither is used.

Left and right are the picture's. The bounds lie in the gaps between the synthetic people that look one way and those
that look the other (18 photographs); they are proportions of a face, not pixels.
"""

import cv2
import numpy as np

from likeness.caption.colour import colour_words, hue_deg
from likeness.caption.regions import Portrait

# Picture below the chin in face heights (forehead to chin), and what a photographer calls that: shoulders end
# near 0.5, the waist is near 2.6, the hips near 4, the knees near 7, the soles near 9. In the gap before the
# soles a picture may or may not cut the feet off.
FRAMINGS = ((0.75, "close-up"), (1.6, "head and shoulders"), (2.6, "upper body"), (4.2, "half body"),
            (7.2, "three-quarter length"), (8.8, None), (np.inf, "full body"))  # fmt: skip

# Degrees of yaw up to which a face is called so; the synthetic people leave gaps at 12 to 16 and at 19 to 27.
FACING, SLIGHTLY, TURNED = 13.5, 22.0, 55.0
# Faces at rest measure -9 to 8 degrees of pitch here: the camera is seldom at eye level.
LOOKS_UP, LOOKS_DOWN = 17.0, -20.0

# Smile: mouth width over the eyes' outer distance, plus the corners' lift over the mouth's width, plus half
# of the mouth's opening. The synthetic people whose faces were rendered with a smile of 0 to .3 measure .56 to .62,
# those with .55 (lips closed) .62 to .71, those with .75 and more .71 to .79.
SMILING, AT_REST = 0.69, 0.623
LIPS_PARTED, EYES_CLOSED = 0.12, 0.12
# Beyond these angles the mouth is foreshortened too much to judge.
JUDGED_YAW, JUDGED_PITCH = 35.0, 20.0

# Difference of lightness L between the cheeks: side light above, even light below.
SIDE_LIGHT, EVEN_LIGHT = 15.0, 8.0
# Lightness of the whole picture, (median, 95th percentile), that reads as bright and as dim.
BRIGHT, DIM = (74.0, 88.0), (22.0, 70.0)

# 99th percentile of the lightness gradient after blurring by FINE and COARSE px (of 1024): a plain wall has
# no coarse gradient; edges that hardly gain from the finer blur are out of focus.
FINE, COARSE = 1.5, 6.0
PLAIN_GRADIENT, EDGE_GRADIENT, OUT_OF_FOCUS = 0.15, 0.6, 1.65

# Hair: red hair is redder than brown by its hue angle; between the two nothing is said.
RED_HUE, BROWN_HUE, BLONDE_HUE = 54.5, 56.5, 62.0
# Chroma over lightness: red hair measures .9 and more, also where its hue is as brown; dark brown hair in the sun, whose hue
# is as red, .5.
DULL, VIVID = 0.7, 0.85


def framing(portrait: Portrait) -> str:
    """How much of the person is in the picture."""
    word = next(name for limit, name in FRAMINGS if portrait.below_chin < limit)
    return f"{word} photo" if word else "photo"


def pose(portrait: Portrait) -> str | None:
    """Where the face turns."""
    face = portrait.face
    side = "right" if face.yaw_deg > 0 else "left"
    yaw = abs(face.yaw_deg)
    if yaw > TURNED:
        words = [f"in profile facing {side}"]
    elif yaw > FACING:
        words = [f"head turned {'slightly ' if yaw <= SLIGHTLY else ''}to the {side}"]
    else:
        words = ["facing the camera"]
    if face.pitch_deg > LOOKS_UP:
        words.append("chin raised")
    elif face.pitch_deg < LOOKS_DOWN:
        words.append("head lowered")
    return ", ".join(words)


def expression(portrait: Portrait) -> str | None:
    """Mouth and eyes."""
    face = portrait.face
    if face.mouth_open is None or face.eyes_open is None:
        return None
    if abs(face.yaw_deg) > JUDGED_YAW or abs(face.pitch_deg) > JUDGED_PITCH:
        return None
    words = []
    smile = _smile(portrait, face.mouth_open)
    if smile >= SMILING:
        words.append("smiling")
    elif face.mouth_open >= LIPS_PARTED:
        words.append("lips parted")
    elif smile <= AT_REST and face.eyes_open > EYES_CLOSED:
        words.append("neutral expression")
    if face.eyes_open <= EYES_CLOSED:
        words.append("eyes closed")
    return ", ".join(words) or None


def lighting(portrait: Portrait) -> str | None:
    """How bright the picture is and where the light comes from."""
    words = []
    median, high = np.percentile(portrait.lab[..., 0], (50, 95))
    if median >= BRIGHT[0] and high >= BRIGHT[1]:
        words.append("bright")
    elif median <= DIM[0] and high <= DIM[1]:
        words.append("dim")
    left, right = portrait.cheeks()
    difference = float(left[0] - right[0])
    if abs(difference) >= SIDE_LIGHT:
        words.append(f"side light from the {'left' if difference > 0 else 'right'}")
    elif abs(difference) < EVEN_LIGHT:
        words.append("even light")
    elif words:
        words.append("light")
    return " ".join(words) or None


def clothes(portrait: Portrait) -> str | None:
    """The colours worn on the upper body."""
    words = colour_words(portrait.clothes())
    return f"wearing {words}" if words else None


def background(portrait: Portrait) -> str | None:
    """The colours behind, and whether it is plain or out of focus."""
    colours = portrait.background()
    if not len(colours):
        return None
    mask, lightness = portrait.background_mask(), portrait.lab[..., 0]
    fine, coarse = (float(np.percentile(_gradient(lightness, px)[mask], 99)) for px in (FINE, COARSE))
    focus = None
    if coarse < PLAIN_GRADIENT:
        focus = "plain"
    elif coarse >= EDGE_GRADIENT and fine <= OUT_OF_FOCUS * coarse:
        focus = "blurred"
    words = [word for word in (focus, colour_words(colours)) if word]
    return " ".join([*words, "background"]) if words else None


def hair(portrait: Portrait) -> str | None:
    """The hair's colour."""
    colours = portrait.hair()
    if not len(colours):
        return None
    lightness = float(np.median(colours[:, 0]))
    mean = colours.mean(axis=0)
    chroma, hue = float(np.hypot(mean[1], mean[2])), float(hue_deg(mean))
    if chroma < 7 or (lightness < 22 and chroma < 12):
        if lightness < 14 and chroma < 7:
            return "black hair"
        return "dark hair" if lightness < 30 else "white hair" if lightness > 70 else "grey hair"
    if hue < BLONDE_HUE and chroma >= VIVID * lightness:
        return "red hair"
    if hue < RED_HUE:
        return "red hair" if chroma >= DULL * lightness else "brown hair" if lightness < 50 else None
    if hue >= BLONDE_HUE and lightness >= 50:
        return "blonde hair"
    return "brown hair" if hue >= BROWN_HUE and lightness < 50 else None


def _smile(portrait: Portrait, mouth_open: float) -> float:
    points = portrait.points
    width = float(np.linalg.norm(points["mouth_left"] - points["mouth_right"]))
    eyes = float(np.linalg.norm(points["eye_left"] - points["eye_right"]))
    roll = np.deg2rad(portrait.face.roll_deg or 0.0)
    down = np.array([-np.sin(roll), np.cos(roll)])
    lips, corners = (
        np.mean([points[name][:2] @ down for name in pair])
        for pair in (("lip_upper", "lip_lower"), ("mouth_left", "mouth_right"))
    )
    return width / eyes + float(lips - corners) / width + mouth_open / 2


def _gradient(lightness, blur_px: float):
    smooth = cv2.GaussianBlur(lightness, (0, 0), blur_px)
    return np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(smooth, cv2.CV_32F, 0, 1) / 8)
