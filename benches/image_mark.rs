//! What the marks in pictures withstand: prints the tables of the manual.
//!
//! `cargo bench --bench image_mark -- FOLDER [PICTURES [WRONG_TAGS]]`
//!
//! Marks the pictures of a folder, and some that are made here; attacks the copies; and counts which
//! are found. Prints tables, in Markdown.

#![expect(
    clippy::pedantic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, not the product"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::forensic::{MarkKey, SightedTag, compare, mark};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, RgbImage};
use tokio::time::Instant;

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    fn tag(&mut self) -> SightedTag {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        SightedTag::from_bytes(bytes)
    }
}

fn jpeg(image: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut out = Vec::new();
    DynamicImage::ImageRgb8(image.to_rgb8())
        .write_with_encoder(JpegEncoder::new_with_quality(&mut out, quality))
        .unwrap();
    out
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    image.write_with_encoder(PngEncoder::new(&mut out)).unwrap();
    out
}

fn webp(image: &DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    image.write_with_encoder(WebPEncoder::new_lossless(&mut out)).unwrap();
    out
}

fn scaled(image: &DynamicImage, by: f64, filter: FilterType) -> DynamicImage {
    let side = |it: u32| ((f64::from(it) * by).round() as u32).max(1);
    image.resize_exact(side(image.width()), side(image.height()), filter)
}

fn cut(image: &DynamicImage, kept: f64, chance: &mut Chance) -> DynamicImage {
    let side = kept.sqrt();
    let (w, h) =
        ((f64::from(image.width()) * side) as u32, (f64::from(image.height()) * side) as u32);
    let x = chance.below(u64::from(image.width() - w + 1)) as u32;
    let y = chance.below(u64::from(image.height() - h + 1)) as u32;
    image.crop_imm(x, y, w, h)
}

fn toned(image: &DynamicImage, gamma: f64, light: f64) -> DynamicImage {
    let table: Vec<u8> = (0..256)
        .map(|v| {
            ((f64::from(v) / 255.0).powf(gamma) * 255.0 + light).round().clamp(0.0, 255.0) as u8
        })
        .collect();
    let mut rgb = image.to_rgb8();
    rgb.iter_mut().for_each(|v| *v = table[*v as usize]);
    DynamicImage::ImageRgb8(rgb)
}

const ATTACKS: &[&str] = &[
    "none",
    "JPEG Q75",
    "JPEG Q50",
    "JPEG Q30",
    "50 % size, PNG",
    "50 % size, JPEG Q75",
    "640 px long, JPEG Q75",
    "150 % size, JPEG Q75",
    "30 % of area cut, PNG",
    "30 % of area cut, JPEG Q75",
    "half of area cut, 70 % size, JPEG Q75",
    "90 % × 110 %, JPEG Q80",
    "screenshot: 80 %, cut, gamma 1.1, +4, JPEG Q80",
    "screenshot: 80 %, frame around it, gamma 0.9, PNG",
    "mean of three copies, JPEG Q75",
];

fn attacked(
    which: &str,
    copy: &DynamicImage,
    others: &[DynamicImage],
    chance: &mut Chance,
) -> Vec<u8> {
    match which {
        "JPEG Q75" => jpeg(copy, 75),
        "JPEG Q50" => jpeg(copy, 50),
        "JPEG Q30" => jpeg(copy, 30),
        "50 % size, PNG" => png(&scaled(copy, 0.5, FilterType::Triangle)),
        "50 % size, JPEG Q75" => jpeg(&scaled(copy, 0.5, FilterType::Lanczos3), 75),
        "640 px long, JPEG Q75" => {
            let long = f64::from(copy.width().max(copy.height()));
            jpeg(&scaled(copy, (640.0 / long).min(1.0), FilterType::CatmullRom), 75)
        }
        "150 % size, JPEG Q75" => jpeg(&scaled(copy, 1.5, FilterType::CatmullRom), 75),
        "30 % of area cut, PNG" => png(&cut(copy, 0.7, chance)),
        "30 % of area cut, JPEG Q75" => jpeg(&cut(copy, 0.7, chance), 75),
        "half of area cut, 70 % size, JPEG Q75" => {
            jpeg(&scaled(&cut(copy, 0.5, chance), 0.7, FilterType::CatmullRom), 75)
        }
        "90 % × 110 %, JPEG Q80" => {
            let (w, h) = (f64::from(copy.width()) * 0.9, f64::from(copy.height()) * 1.1);
            jpeg(&copy.resize_exact(w as u32, h as u32, FilterType::CatmullRom), 80)
        }
        "screenshot: 80 %, cut, gamma 1.1, +4, JPEG Q80" => {
            let small = scaled(copy, 0.8, FilterType::Triangle);
            jpeg(&toned(&cut(&small, 0.85, chance), 1.1, 4.0), 80)
        }
        "screenshot: 80 %, frame around it, gamma 0.9, PNG" => {
            let small = toned(&scaled(copy, 0.8, FilterType::Triangle), 0.9, 0.0).to_rgb8();
            let mut screen = RgbImage::from_pixel(
                small.width() + 60 + chance.below(90) as u32,
                small.height() + 110 + chance.below(90) as u32,
                image::Rgb([236, 236, 240]),
            );
            let at = (chance.below(60) as i64, 70 + chance.below(40) as i64);
            image::imageops::replace(&mut screen, &small, at.0, at.1);
            png(&DynamicImage::ImageRgb8(screen))
        }
        "mean of three copies, JPEG Q75" => {
            let mut sum = copy.to_rgb8();
            let two: Vec<_> = others.iter().map(|it| it.to_rgb8()).collect();
            for (i, v) in sum.iter_mut().enumerate() {
                let all =
                    u16::from(*v) + two.iter().map(|it| u16::from(it.as_raw()[i])).sum::<u16>();
                *v = ((all + 1) / 3) as u8;
            }
            jpeg(&DynamicImage::ImageRgb8(sum), 75)
        }
        _ => unreachable!("{which}"),
    }
}

fn psnr(one: &DynamicImage, two: &DynamicImage) -> f64 {
    let (one, two) = (one.to_rgba8(), two.to_rgba8());
    let (mut sum, mut count) = (0.0, 0u64);
    for (a, b) in one.pixels().zip(two.pixels()) {
        for c in 0..3 {
            let d = f64::from(a.0[c]) - f64::from(b.0[c]);
            sum += d * d;
            count += 1;
        }
    }
    10.0 * (255.0 * 255.0 * count as f64 / f64::max(sum, 1e-9)).log10()
}

fn fractal(width: u32, height: u32, rough: f64, chance: &mut Chance) -> RgbImage {
    let mut layers = Vec::new();
    let mut cells = 3.0;
    let mut weight = 1.0;
    while cells < f64::from(width) / 2.0 {
        let n = cells as usize + 3;
        let grid: Vec<[f64; 3]> =
            (0..n * n).map(|_| [chance.unit(), chance.unit(), chance.unit()]).collect();
        layers.push((cells, weight, n, grid));
        cells *= 2.0;
        weight *= rough;
    }
    let total: f64 = layers.iter().map(|it| it.1).sum();
    RgbImage::from_fn(width, height, |x, y| {
        let mut value = [0.0; 3];
        for (cells, weight, n, grid) in &layers {
            let (fx, fy) =
                (f64::from(x) / f64::from(width) * cells, f64::from(y) / f64::from(width) * cells);
            let (ix, iy) = (fx as usize, (fy as usize).min(n - 2));
            let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
            let (tx, ty) = (smooth(fx.fract()), smooth(fy.fract()));
            for c in 0..3 {
                let at = |x: usize, y: usize| grid[(y.min(n - 1)) * n + x.min(n - 1)][c];
                let top = at(ix, iy) * (1.0 - tx) + at(ix + 1, iy) * tx;
                let low = at(ix, iy + 1) * (1.0 - tx) + at(ix + 1, iy + 1) * tx;
                value[c] += weight * (top * (1.0 - ty) + low * ty);
            }
        }
        image::Rgb(value.map(|v| ((v / total - 0.5) * 420.0 + 128.0).clamp(0.0, 255.0) as u8))
    })
}

/// Something like lines of letters on paper.
fn text_page(width: u32, height: u32, chance: &mut Chance) -> RgbImage {
    let mut page = RgbImage::from_pixel(width, height, image::Rgb([252, 252, 250]));
    let mut y = 40;
    while y + 14 < height - 30 {
        let mut x = 40;
        let end = width - 40 - chance.below(u64::from(width / 4)) as u32;
        while x + 10 < end {
            let letters = 2 + chance.below(9) as u32;
            for _ in 0..letters {
                if x + 8 >= end {
                    break;
                }
                for _ in 0..3 {
                    let (ax, ay) = (chance.below(7) as u32, chance.below(11) as u32);
                    let upright = chance.below(2) == 0;
                    for step in 0..(3 + chance.below(7) as u32) {
                        let (dx, dy) = if upright { (ax, ay + step) } else { (ax + step, ay) };
                        if dx < 7 && dy < 12 {
                            page.put_pixel(x + dx, y + dy, image::Rgb([20, 20, 25]));
                        }
                    }
                }
                x += 8;
            }
            x += 6;
        }
        y += 19;
    }
    page
}

/// Planes of colour with shapes on them, lit from a side, and a little grain.
fn scene(width: u32, height: u32, grain: f64, chance: &mut Chance) -> RgbImage {
    let shapes: Vec<_> = (0..40)
        .map(|_| {
            let at = (chance.unit() * f64::from(width), chance.unit() * f64::from(height));
            let size = (0.02 + 0.15 * chance.unit()) * f64::from(width);
            let colour = [chance.unit() * 255.0, chance.unit() * 255.0, chance.unit() * 255.0];
            (at, size, colour, chance.below(2) == 0)
        })
        .collect();
    let mut image = RgbImage::new(width, height);
    for y in 0..height {
        for x in 0..width {
            let (fx, fy) = (f64::from(x), f64::from(y));
            let mut colour = [
                90.0 + 120.0 * fy / f64::from(height),
                140.0,
                230.0 - 140.0 * fy / f64::from(height),
            ];
            for (at, size, own, round) in &shapes {
                let (dx, dy) = ((fx - at.0) / size, (fy - at.1) / size);
                let inside =
                    if *round { dx * dx + dy * dy < 1.0 } else { dx.abs() < 1.0 && dy.abs() < 0.6 };
                if inside {
                    let light = 1.0 - 0.4 * (dx + dy) / 2.0;
                    colour = own.map(|it| it * light);
                }
            }
            let noise = (chance.unit() + chance.unit() - 1.0) * grain;
            image.put_pixel(
                x,
                y,
                image::Rgb(colour.map(|it| (it + noise).clamp(0.0, 255.0) as u8)),
            );
        }
    }
    image
}

fn pictures(folder: &str, most: usize) -> Vec<(String, Vec<u8>)> {
    let mut chance = Chance(7);
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let made = |image: RgbImage| DynamicImage::ImageRgb8(image);
    all.push(("fractal, smooth, PNG".into(), png(&made(fractal(900, 700, 0.45, &mut chance)))));
    all.push((
        "fractal, rough, JPEG 85".into(),
        jpeg(&made(fractal(1200, 800, 0.7, &mut chance)), 85),
    ));
    all.push((
        "fractal, small, JPEG 75".into(),
        jpeg(&made(fractal(300, 256, 0.6, &mut chance)), 75),
    ));
    all.push(("fractal, long, WebP".into(), webp(&made(fractal(1600, 300, 0.6, &mut chance)))));
    all.push(("page, PNG".into(), png(&made(text_page(827, 1169, &mut chance)))));
    all.push(("page, JPEG 90".into(), jpeg(&made(text_page(1240, 900, &mut chance)), 90)));
    all.push(("scene, no grain, PNG".into(), png(&made(scene(1000, 750, 0.0, &mut chance)))));
    all.push(("scene, grain, JPEG 90".into(), jpeg(&made(scene(800, 600, 6.0, &mut chance)), 90)));
    all.push(("scene, grain, PNG".into(), png(&made(scene(400, 300, 8.0, &mut chance)))));
    if std::env::var_os("PHOTOS_ONLY").is_some() {
        all.clear();
    }
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    for (number, path) in files.into_iter().take(most).enumerate() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(image) = image::load_from_memory(&bytes) else { continue };
        let long = image.width().max(image.height());
        let to = [1200, 1024, 800, 640, 500][number % 5];
        let (name, bytes) = if long <= 2600 && number % 8 == 0 {
            (name, bytes)
        } else {
            let small = if long > to { image.resize(to, to, FilterType::Lanczos3) } else { image };
            let small = DynamicImage::ImageRgb8(small.to_rgb8());
            match number % 4 {
                0 => (format!("{name}, {to}, JPEG 92"), jpeg(&small, 92)),
                1 => (format!("{name}, {to}, JPEG 75"), jpeg(&small, 75)),
                2 => (format!("{name}, {to}, PNG"), png(&small)),
                _ => (format!("{name}, {to}, JPEG 85"), jpeg(&small, 85)),
            }
        };
        all.push((name, bytes));
    }
    all
}

#[derive(Default)]
struct Row {
    tried: u32,
    found: u32,
    lost: u32,
    scores: Vec<f64>,
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let folder = arguments.first().map_or(".", |it| it.as_str());
    let most = arguments.get(1).and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
    let wrong_tags: usize = arguments.get(2).and_then(|it| it.parse().ok()).unwrap_or(150);
    let key = MarkKey::new([42; 32]);
    let mut chance = Chance(99);
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    let mut psnrs = Vec::new();
    let mut growths: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let (mut wrong, mut largest, mut over) = (0u64, f64::MIN, 0u64);
    let (mut marking, mut comparing, mut compared) = (Duration::ZERO, Duration::ZERO, 0u32);
    let (mut pixels, mut pictures_marked) = (0u64, 0u32);
    let mut slowest = Duration::ZERO;
    let list = pictures(folder, most);
    let quiet = std::env::var_os("QUIET").is_some();
    for (name, original) in &list {
        let tags = [chance.tag(), chance.tag(), chance.tag()];
        let before = Instant::now();
        let copy = match mark(original, &key, tags[0]) {
            Ok(copy) => copy,
            Err(error) => {
                println!("not marked: {name}: {error}");
                continue;
            }
        };
        marking += before.elapsed();
        pictures_marked += 1;
        let others: Vec<_> = tags[1..]
            .iter()
            .map(|&tag| image::load_from_memory(&mark(original, &key, tag).unwrap()).unwrap())
            .collect();
        let first = image::load_from_memory(original).unwrap();
        let second = image::load_from_memory(&copy).unwrap();
        pixels += u64::from(first.width()) * u64::from(first.height());
        let quality = psnr(&first, &second);
        psnrs.push(quality);
        let kind = match image::guess_format(original) {
            Ok(ImageFormat::Jpeg) => "JPEG",
            Ok(ImageFormat::Png) => "PNG",
            _ => "WebP",
        };
        growths.entry(kind).or_default().push(copy.len() as f64 / original.len() as f64);
        if !quiet {
            println!(
                "{name}: {} × {}, {quality:.1} dB, {:.2} times the bytes",
                first.width(),
                first.height(),
                copy.len() as f64 / original.len() as f64
            );
        }
        let mut line = String::new();
        for (number, attack) in ATTACKS.iter().enumerate() {
            for of_copy in [true, false] {
                if !of_copy && number % 5 != 1 {
                    continue;
                }
                let source = if of_copy { &second } else { &first };
                let suspect = match (*attack, of_copy) {
                    ("none", true) => copy.clone(),
                    _ => attacked(attack, source, &others, &mut chance),
                };
                let before = Instant::now();
                let result = compare(original, &suspect).unwrap();
                comparing += before.elapsed();
                slowest = slowest.max(before.elapsed());
                compared += 1;
                let row = rows.entry(number).or_default();
                if of_copy {
                    row.tried += 1;
                }
                let Some(result) = result else {
                    if of_copy {
                        row.lost += 1;
                        line += &format!(" {number}:LOST");
                    }
                    continue;
                };
                for _ in 0..wrong_tags {
                    let z = result.score(&key, chance.tag());
                    wrong += 1;
                    largest = f64::max(largest, z);
                    over += u64::from(z >= 6.0);
                }
                if of_copy {
                    let z = result.score(&key, tags[0]);
                    row.scores.push(z);
                    row.found += u32::from(!result.find(&key, &tags[..1]).is_empty());
                    line += &format!(" {z:.0}");
                }
            }
        }
        if !quiet {
            println!("   {line}");
        }
    }
    println!("\n| attack | found | tried | found of tried | not registered | least z | median z |");
    println!("|---|---|---|---|---|---|---|");
    for (number, row) in &mut rows {
        row.scores.sort_by(f64::total_cmp);
        println!(
            "| {} | {} | {} | {:.1} % | {} | {:.1} | {:.1} |",
            ATTACKS[*number],
            row.found,
            row.tried,
            100.0 * f64::from(row.found) / f64::from(row.tried.max(1)),
            row.lost,
            row.scores.first().unwrap_or(&0.0),
            row.scores.get(row.scores.len() / 2).unwrap_or(&0.0),
        );
    }
    psnrs.sort_by(f64::total_cmp);
    println!(
        "\nPSNR in dB: least {:.2}, median {:.2}, most {:.2}, of {} pictures",
        psnrs[0],
        psnrs[psnrs.len() / 2],
        psnrs[psnrs.len() - 1],
        psnrs.len()
    );
    for (kind, mut growth) in growths {
        growth.sort_by(f64::total_cmp);
        println!(
            "bytes of the copy by those of the original, {kind}: least {:.2}, median {:.2}, most {:.2}, of {}",
            growth[0],
            growth[growth.len() / 2],
            growth[growth.len() - 1],
            growth.len()
        );
    }
    println!("wrong tags scored: {wrong}; largest z: {largest:.2}; z of 6 or more: {over}");
    println!(
        "marking: {:.0} ms a picture of {:.1} megapixels on average; comparing: {:.0} ms on average, {:.0} ms at most",
        marking.as_secs_f64() * 1000.0 / f64::from(pictures_marked.max(1)),
        pixels as f64 / f64::from(pictures_marked.max(1)) / 1e6,
        comparing.as_secs_f64() * 1000.0 / f64::from(compared.max(1)),
        slowest.as_secs_f64() * 1000.0
    );
}
