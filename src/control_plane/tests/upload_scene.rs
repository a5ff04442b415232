//! What tests of uploads act in: somebody who may upload, and how they do.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::stage::{Answer, CatalogSample, Stage};
use crate::control_plane::link::scenery;
use crate::policy::OverrideTable;

/// Who uploads, and where to.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) catalog: CatalogSample,
    pub(super) token: String,
}

impl Scene {
    pub(super) async fn new(stage: Stage) -> Self {
        let sites = vec![scenery::site("files.example.com", None, 1)];
        let snapshot = scenery::snapshot(sites, OverrideTable::default());
        *stage.in_force.lock().unwrap() = Some(snapshot);
        let catalog = stage.catalog(1).await;
        let token = stage.token(Some(1), "catalog.write files.read files.sign").await;
        Self { stage, catalog, token }
    }

    /// The vendor's first step.
    pub(super) async fn begin(&self, key: &str, more: &str) -> Value {
        let pipeline = self.catalog.pipeline;
        let line = format!("POST /v1/files/uploads/?object_key={key}&pipeline_id={pipeline}{more}");
        self.stage.ask(&line, &self.token).await.expect(200).json()["upload"].clone()
    }

    /// The vendor's second step.
    pub(super) async fn post(&self, upload: &Value, more: &[(&str, &str)], bytes: &str) -> Answer {
        let mut fields: Vec<(&str, &str)> = upload["form_post_params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (&**name, value.as_str().unwrap()))
            .filter(|(name, _)| !more.iter().any(|(other, _)| name == other))
            .collect();
        fields.extend(more);
        self.form(upload, &fields, bytes).await
    }

    pub(super) async fn form(
        &self,
        upload: &Value,
        fields: &[(&str, &str)],
        bytes: &str,
    ) -> Answer {
        let mut form = String::new();
        for (name, value) in fields {
            form.push_str("--limit\r\nContent-Disposition: form-data; name=\"");
            form.extend([*name, "\"\r\n\r\n", value, "\r\n"]);
        }
        form.push_str(
            "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
        );
        form.extend([bytes, "\r\n--limit--\r\n"]);
        let line = format!("POST {}", path(upload["form_post_url"].as_str().unwrap()));
        self.stage.call(&line, &["Content-Type: multipart/form-data; boundary=limit"], &form).await
    }

    /// The vendor's third step.
    pub(super) async fn finish(&self, upload: &Value, chunks: u64) -> Answer {
        let line = format!("PUT /v1/files/uploads/{}", upload["id"].as_str().unwrap());
        self.stage.send(&line, &self.token, &json!({"upload": {"nb_chunks": chunks}})).await
    }

    /// Begins an upload as tus does, and gives where it is.
    pub(super) async fn create(&self, key: &str, headers: &[&str]) -> String {
        let answer = self.try_create(key, headers).await.expect(201);
        answer.header("Location").unwrap().to_owned()
    }

    pub(super) async fn try_create(&self, key: &str, headers: &[&str]) -> Answer {
        let pipeline = self.catalog.pipeline.to_string();
        let metadata = metadata(&[("pipeline", &pipeline), ("key", key)]);
        self.tus("POST /api/v1/tenants/1/uploads", &[&[&*metadata], headers].concat(), "").await
    }

    pub(super) async fn append(
        &self,
        place: &str,
        at: u64,
        headers: &[&str],
        bytes: &str,
    ) -> Answer {
        let offset = format!("Upload-Offset: {at}");
        let headers = [&["Content-Type: application/offset+octet-stream", &*offset], headers];
        self.tus(&format!("PATCH {place}"), &headers.concat(), bytes).await
    }

    pub(super) async fn offset(&self, place: &str) -> u64 {
        let answer = self.tus(&format!("HEAD {place}"), &[], "").await.expect(200);
        answer.header("Upload-Offset").unwrap().parse().unwrap()
    }

    pub(super) async fn tus(&self, line: &str, headers: &[&str], body: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {}", self.token);
        let own = [&*bearer, "Tus-Resumable: 1.0.0"];
        let answer = self.stage.call(line, &[&own[..], headers].concat(), body).await;
        assert_eq!(answer.header("Tus-Resumable"), Some("1.0.0"), "{answer:?}");
        answer
    }

    /// What became of an upload when it was complete.
    pub(super) async fn settled(&self, number: &str) -> Value {
        let line = format!("GET /api/v1/tenants/1/uploads/{number}");
        loop {
            let shown = self.stage.ask(&line, &self.token).await.expect(200).json();
            match shown["state"].as_str().unwrap() {
                "completed" | "failed" => return shown,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    pub(super) async fn file(&self, number: &str) -> Value {
        let answer = self.stage.ask(&format!("GET /v1/files/{number}"), &self.token).await;
        answer.expect(200).json()["file"].clone()
    }

    /// What is under a key of the pipeline.
    pub(super) fn object(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.stage.media.path().join("1").join(key)).ok()
    }

    /// Comes back when so many parts of files wait: they go just after it is said what became of them.
    pub(super) async fn waits(&self, parts: usize) {
        while self.waiting().len() != parts {
            tokio::task::yield_now().await;
        }
    }

    /// The parts of files that wait.
    pub(super) fn waiting(&self) -> Vec<String> {
        let entries = fs::read_dir(self.stage.uploads.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "place").collect()
    }
}

pub(super) fn path(url: &str) -> &str {
    url.strip_prefix("http://control").unwrap_or(url)
}

pub(super) fn number_of(place: &str) -> &str {
    place.rsplit('/').next().unwrap()
}

pub(super) fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name} {}", STANDARD.encode(value))).collect();
    format!("Upload-Metadata: {}", pairs.join(","))
}
