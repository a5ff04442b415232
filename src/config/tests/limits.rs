//! Configurations at their limits, beyond them, and damaged.

use proptest::prelude::*;

use super::super::{Colour, edge, lists, load, origins, overrides, secret_source, sites, tokens};
use super::world::{SMALLEST, errors, load_with, many};

/// A configuration with so many of something.
type Copies = Box<dyn Fn(usize) -> String>;

#[test]
fn counts_are_accepted_at_the_limit_and_refused_beyond() {
    let origin = |n| format!("[[origin]]\nname = \"o{n}\"\nkind = \"disk\"\nroot = \"media\"\n");
    let site = |n| format!("[[site]]\nhosts = [\"h{n}\"]\n");
    let route =
        |n| format!("[[site.route]]\nprefix = \"/{n}/\"\naccess = \"deny\"\norigin = \"o0\"\n");
    let key = |n| format!("{{ id = \"{n}\", env = \"KEY\" }},");
    let listener = |n: usize| format!("\"127.0.0.1:{}\",", 1000 + n);
    let kinds: [(&str, usize, Copies); 5] = [
        ("`origin` has", origins::MAX_ORIGINS, Box::new(move |n| many(n, origin) + &site(0))),
        ("`site` has", sites::MAX_SITES, Box::new(move |n| many(n, site))),
        (
            "`route` has",
            sites::MAX_ROUTES,
            Box::new(move |n| origin(0) + &site(0) + &many(n, route)),
        ),
        (
            "`keys` has",
            tokens::MAX_KEYS,
            Box::new(move |n| format!("{}{}token.keys = [{}]\n", origin(0), site(0), many(n, key))),
        ),
        (
            "`listen` has",
            edge::MAX_LISTENERS,
            Box::new(move |n| format!("[edge]\nlisten = [{}]\n{}", many(n, listener), site(0))),
        ),
    ];
    for (message, limit, config) in kinds {
        if let Err(errors) = load_with(&config(limit), &[]) {
            panic!("{message}: {errors}");
        }
        let shown = errors(&config(limit + 1));
        assert!(shown.contains(message), "{shown}");
        assert!(shown.contains("1 error") || message == "`origin` has", "{shown}");
    }
}

#[test]
fn files_are_accepted_at_the_limit_and_refused_beyond() {
    let limit = usize::try_from(load::MAX_CONFIG_BYTES).unwrap();
    let mut config = SMALLEST.to_owned();
    config.push('#');
    config.push_str(&"x".repeat(limit - config.len()));
    load_with(&config, &[]).unwrap();
    config.push('x');
    assert!(errors(&config).contains("larger than 16777216 bytes"));

    let limit = usize::try_from(secret_source::MAX_SECRET_BYTES).unwrap();
    let key = "00".repeat(limit / 2);
    load_with(SMALLEST, &[("keys/a.hex", key.as_bytes())]).unwrap();
    let longer = format!("{key}0");
    let errors = load_with(SMALLEST, &[("keys/a.hex", longer.as_bytes())]).unwrap_err();
    assert!(errors.to_string().contains("larger than 16384 bytes"), "{errors}");

    let with_lists = format!("[edge]\nrevocations = [\"ids\"]\n{SMALLEST}");
    let ids = "a\n".repeat(lists::MAX_REVOCATIONS);
    load_with(&with_lists, &[("ids", ids.as_bytes())]).unwrap();
    let errors = load_with(&with_lists, &[("ids", (ids + "b").as_bytes())]).unwrap_err();
    assert!(errors.to_string().contains("more than 1000000 revoked ids"), "{errors}");
}

fn override_file(videos: usize) -> String {
    let video = |n| format!("  {{ id = \"video-{n:016}\", asset_types = [\"VIDEO_SOURCE\"] }},\n");
    format!("[[vm]]\nid = 1\nvideos = [\n{}]\n", many(videos, video))
}

#[test]
fn overrides_are_accepted_at_the_limit_and_refused_beyond() {
    let config = format!("[edge]\noverrides = \"o.toml\"\n{SMALLEST}");
    let file = override_file(overrides::MAX_OVERRIDES);
    let loaded = load_with(&config, &[("o.toml", file.as_bytes())]).unwrap();
    assert_eq!(loaded.overrides.entries(), overrides::MAX_OVERRIDES);
    let file = format!(
        "{file}[[vm]]\nid = 2\nchannels = [{{ id = 1, asset_types = [\"ATTACHMENT\"] }}]\n"
    );
    let errors = load_with(&config, &[("o.toml", file.as_bytes())]).unwrap_err();
    assert!(errors.to_string().contains("at most 250000"), "{errors}");
}

#[test]
fn tenants_with_overrides_are_accepted_at_the_limit_and_refused_beyond() {
    let config = format!("[edge]\noverrides = \"o.toml\"\n{SMALLEST}");
    let file = |count| many(count, |n| format!("[[vm]]\nid = {n}\nscope = \"public\"\n"));
    let most = file(overrides::MAX_OVERRIDES);
    let loaded = load_with(&config, &[("o.toml", most.as_bytes())]).unwrap();
    assert_eq!(loaded.overrides.entries(), overrides::MAX_OVERRIDES);
    let beyond = file(overrides::MAX_OVERRIDES + 1);
    let errors = load_with(&config, &[("o.toml", beyond.as_bytes())]).unwrap_err();
    let message = "`vm` has 250001 entries; at most 250000 are allowed";
    assert!(errors.to_string().contains(message), "{errors}");
}

/// Text that is all noise, in shapes that make parsers recurse or complain without end.
#[test]
fn noise_ends_in_a_few_errors() {
    for (piece, count) in [
        ("[", 100_000),
        ("a=[", 50_000),
        ("a={b=", 40_000),
        ("a.", 100_000),
        ("=\n", 50_000),
        ("=\n", 2_000_000),
        ("\"\"\"", 20_000),
        ("\0", 100_000),
    ] {
        let shown = load_with(&piece.repeat(count), &[]).unwrap_err();
        assert!((1..=20).contains(&shown.total()), "{piece}: {}", shown.total());
        assert!(shown.to_string().len() < 100_000, "{piece}");
    }
}

proptest! {
    /// Neither noise nor a good file with a hole in it may panic, and whatever is refused shows.
    #[test]
    fn no_text_panics(text in "[\\[\\]a-z{}=\"'#., \n0-9:/*~!é-]{0,200}") {
        if let Err(errors) = load_with(&text, &[]) {
            prop_assert!(!errors.errors().is_empty());
            prop_assert!(!errors.render(Colour::Ansi).is_empty());
        }
    }

    #[test]
    fn no_damaged_file_panics(
        at in 0_usize..4000,
        length in 0_usize..40,
        with in "[\\[\\]a-z{}=\"'\n0-9]{0,8}",
    ) {
        let config = include_str!("../../../config/countersign.toml");
        let (from, to) = (at.min(config.len()), (at + length).min(config.len()));
        let damaged = [&config.as_bytes()[..from], with.as_bytes(), &config.as_bytes()[to..]].concat();
        if let Err(errors) = load_with("", &[("countersign.toml", &damaged)]) {
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}
