"""Makes tests/fixtures/images: what other programs write, by one of them (Pillow).

    python tests/images/make_images.py tests/fixtures/images
"""

import sys
from pathlib import Path

from PIL import Image

RED, GREEN, BLUE = (220, 30, 40), (20, 180, 60), (30, 40, 200)


def quarters(size: int = 32) -> Image.Image:
    """Red above left, green above right, blue below left, white below right."""
    image = Image.new("RGB", (size, size), (255, 255, 255))
    half = size // 2
    for colour, place in ((RED, (0, 0)), (GREEN, (half, 0)), (BLUE, (0, half))):
        image.paste(colour, (*place, place[0] + half, place[1] + half))
    return image


def main(folder: Path) -> None:
    image = quarters()
    image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    image.save(folder / "progressive.jpg", quality=95, progressive=True)
    image.convert("L").save(folder / "grey.jpg", quality=95)
    seen = image.convert("RGBA")
    seen.putalpha(Image.new("L", image.size, 128))
    seen.save(folder / "lossy.webp", quality=90)
    frames = [Image.new("RGB", (20, 10), colour) for colour in (RED, BLUE)]
    for name in ("animated.webp", "animated.gif", "animated.png"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=100)
    deep = Image.new("I;16", (16, 16))
    deep.putdata([4096 * (at % 16) for at in range(256)])
    deep.save(folder / "grey16.png")
    image.quantize(4).save(folder / "palette.png")
    image.save(folder / "picture.tiff")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
