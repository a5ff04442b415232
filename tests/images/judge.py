"""What another program says of the images that the program makes.

    judge.py paint FOLDER     makes images to be asked for
    judge.py renditions       reads lines of JSON {source, made, format, size, crop, cover}
    judge.py codes            reads lines of JSON {made, text}: QR codes

Prints what is wrong, line by line; nothing, where nothing is.
"""

import json
import sys
from pathlib import Path

import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageOps, ImageStat

ORIENTATION, MAKER, GPS = 0x0112, 0x010F, 0x8825


def picture(width: int, height: int) -> Image.Image:
    """Soft colours and hard edges, and no symmetry."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    down = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", (across, down, ImageChops.invert(across)))
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 10, height // 10, width // 3, height // 4), fill=(250, 20, 30))
    draw.ellipse((width // 2, height // 2, width * 9 // 10, height * 4 // 5), fill=(20, 60, 240))
    return image


def paint(folder: Path) -> None:
    image = picture(1200, 800)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION], exif[MAKER] = orientation, "a maker"
        exif.get_ifd(GPS).update({1: "N", 2: (46.0, 4.0, 0.0)})
        image.save(folder / f"turned{orientation}.jpg", quality=92, exif=exif)
    image.save(folder / "progressive.jpg", quality=92, progressive=True)
    image.convert("CMYK").save(folder / "inks.jpg", quality=95)
    image.convert("L").save(folder / "grey.png")
    image.quantize(256).save(folder / "palette.png")
    image.save(folder / "photo.webp", quality=92)
    image.save(folder / "moving.gif", save_all=True, append_images=[ImageOps.invert(image)])
    seen = image.convert("RGBA")
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse((200, 100, 1000, 700), fill=255)
    seen.putalpha(mask)
    seen.save(folder / "seen.png")
    picture(7745, 5164).save(folder / "large.jpg", quality=85)


def box_of(size: tuple[int, int], wish: dict) -> tuple[float, float, float, float]:
    """The part that is taken, where as much of the middle as fills it is."""
    width, height = size
    if not wish["cover"]:
        return (0, 0, width, height)
    wide, high = wish["size"]
    scale = max(wide / width, high / height)
    left, above = (width - wide / scale) / 2, (height - high / scale) / 2
    return (left, above, width - left, height - above)


def judged(wish: dict) -> list[str]:
    made = Image.open(wish["made"])
    wrong = []
    if made.format != wish["format"]:
        wrong.append(f"it is {made.format}")
    if list(made.size) != wish["size"]:
        wrong.append(f"its size is {made.size}")
    if made.getexif() or "icc_profile" in made.info or "exif" in made.info:
        wrong.append("it has metadata")
    if wrong:
        return wrong
    source = Image.open(wish["source"])
    source.seek(0)
    source = ImageOps.exif_transpose(source)
    if wish["crop"]:
        x, y, width, height = wish["crop"]
        source = source.crop((x, y, x + width, y + height))
    has_alpha = "A" in source.getbands()
    source = source.convert("RGBA" if has_alpha else "RGB")
    expected = source.resize(made.size, Image.Resampling.LANCZOS, box_of(source.size, wish))
    white = Image.new("RGBA", made.size, (255, 255, 255, 255))
    if has_alpha and wish["format"] != "JPEG" and "A" not in made.getbands():
        wrong.append("nothing of it is transparent")
    flat = [Image.alpha_composite(white, it.convert("RGBA")).convert("RGB") for it in (expected, made)]
    off = ImageStat.Stat(ImageChops.difference(*flat)).rms
    if max(off) > wish.get("most", 6):
        wrong.append(f"its pixels are off by {[round(it, 1) for it in off]}")
    return wrong


def read(code: dict) -> list[str]:
    found = [it.text for it in zxingcpp.read_barcodes(Image.open(code["made"]))]
    return [] if found == [code["text"]] else [f"it says {found}"]


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "paint":
        paint(Path(*rest))
        return
    judge = {"renditions": judged, "codes": read}[what]
    for line in sys.stdin:
        for wrong in judge(json.loads(line)):
            print(f"{line.strip()}: {wrong}")


if __name__ == "__main__":
    main()
