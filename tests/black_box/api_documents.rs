//! The documents of the API, as they were when somebody looked at them: a change of the API shows as a
//! change of files under `tests/openapi/`.

use std::path::Path;

use countersign::control_plane::api::{Document, document};

/// Set to write the files instead.
const RECORD: &str = "COUNTERSIGN_RECORD";

#[test]
fn documents_are_as_recorded() {
    for (which, name) in [
        (Document::Mediahub, "mediahub"),
        (Document::Native, "native"),
        (Document::Thron, "thron"),
        (Document::Vmpro, "vmpro"),
    ] {
        let path = format!("tests/openapi/{name}.json");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
        let now = serde_json::to_string_pretty(&document(which)).unwrap() + "\n";
        if std::env::var_os(RECORD).is_some() {
            std::fs::write(&file, &now).unwrap();
            continue;
        }
        let recorded = std::fs::read_to_string(&file).unwrap();
        let place = now.lines().zip(recorded.lines()).position(|(now, then)| now != then);
        let how = format!("if that is meant: {RECORD}=1 cargo test --test black_box as_recorded");
        if let Some(place) = place {
            let line = |text: &str| text.lines().nth(place).unwrap().to_owned();
            let (was, is) = (line(&recorded), line(&now));
            panic!("{path}:{}: it was\n{was}\nand is\n{is}\n{how}", place + 1);
        }
        assert_eq!(now.len(), recorded.len(), "{path} ends elsewhere; {how}");
    }
}
