//! Whose copy a file is, in the console (requirement K.6).

use super::console::Browser;
use super::console_pages::SCOPES;
use super::stage::{Answer, Stage, on_both_databases};
use super::traces::TracedScene;

on_both_databases! {
    somebody_brings_a_file_and_is_told_whose_it_is
    what_is_no_copy_is_told_in_honest_words
    a_file_is_taken_from_its_own_page_only
    only_who_may_ask_is_shown_the_way
}

const OWN: &str = "/console/tenants/1/traces";

/// A form with a file, as browsers send it.
async fn bring(
    stage: &Stage,
    browser: &Browser<'_>,
    path: &str,
    token: &str,
    file: (&str, &str),
) -> Answer {
    bring_beside(stage, browser, path, token, "", file).await
}

/// The same, with the number of an original.
async fn bring_beside(
    stage: &Stage,
    browser: &Browser<'_>,
    path: &str,
    token: &str,
    original: &str,
    (name, file): (&str, &str),
) -> Answer {
    let body = format!(
        "--X\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--X\r\n\
         Content-Disposition: form-data; name=\"original\"\r\n\r\n{original}\r\n--X\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{file}\r\n--X--\r\n"
    );
    let cookie = browser.cookie().unwrap();
    let headers =
        ["Origin: http://control", &*cookie, "Content-Type: multipart/form-data; boundary=X"];
    stage.call(&format!("POST {path}"), &headers, &body).await
}

async fn somebody_brings_a_file_and_is_told_whose_it_is(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let mut browser = Browser::of_person(&scene.stage, Some(1), "admin", &SCOPES).await;
    let page = browser.get(OWN).await.expect(200).body;
    assert!(page.contains("<h1>Whose copy is this?</h1>"), "{page}");
    assert!(page.contains(&format!("<a href=\"{OWN}\" aria-current=\"true\">")), "{page}");
    let token = browser.form_token().to_owned();
    let ask = async |name: &str, file: &str| {
        bring(&scene.stage, &browser, OWN, &token, (name, file)).await.expect(200).body
    };
    let twice = [scene.copy(), scene.copy()].concat();
    let told = ask("<b>.dat", &twice).await;
    let (link, content) = (&scene.link, &scene.catalog.content);
    for part in [
        "<h1>This is the copy of “user 42”</h1>",
        "<dd>2 times: in plain sight",
        "&#60;b&#62;.dat",
        "2030-01-01 00:00 UTC",
        &format!("<a href=\"/console/tenants/1/links/{link}\"><code>{link}</code></a>"),
        &format!("<a href=\"/console/tenants/1/contents/{content}\">A Film</a>"),
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    // Both pages that it leads to are there.
    browser.get(&format!("/console/tenants/1/links/{link}")).await.expect(200);
    browser.get(&format!("/console/tenants/1/contents/{content}")).await.expect(200);
    // That it was asked, and by whom, is in the log.
    let admin = scene.stage.admin().await;
    let asked = scene.asked(&admin).await;
    assert_eq!((asked.len(), &asked[0]["tenant"]), (1, &serde_json::json!(1)));
    assert!(asked[0]["actor"].as_str().unwrap().starts_with("per_"), "{asked:?}");
}

async fn what_is_no_copy_is_told_in_honest_words(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let mut browser = Browser::of_person(&scene.stage, None, "admin", &SCOPES).await;
    browser.get(OWN).await.expect(200);
    let token = browser.form_token().to_owned();
    let ask = async |path: &str, name: &str, file: &str| {
        bring(&scene.stage, &browser, path, &token, (name, file)).await
    };
    let nothing = ask(OWN, "a.jpg", "no tag").await.expect(200).body;
    assert!(nothing.contains("<h1>The file does not say whose copy it is</h1>"), "{nothing}");
    assert!(nothing.contains("What a tag survives") && nothing.contains("6 bytes"), "{nothing}");
    let forged = ask(OWN, "a.jpg", &scene.forged()).await.expect(200).body;
    assert!(forged.contains("<h1>The tag in it is not genuine</h1>"), "{forged}");
    // Another tenant's page tells of that tenant, also whoever reaches both.
    let others = ask("/console/tenants/2/traces", "a.jpg", &scene.copy()).await.expect(200).body;
    assert!(others.contains("<h1>Nobody here is known to have had it</h1>"), "{others}");
    assert!(!others.contains("user 42") && !others.contains(&scene.link), "{others}");
    for (original, why) in [
        ("seven", "The original is named by the number of its file."),
        ("4711", "there is no file of that number"),
        (&*scene.file.to_string(), "at an origin that this program does not have"),
    ] {
        let file = ("a.jpg", "no picture");
        let told = bring_beside(&scene.stage, &browser, OWN, &token, original, file).await;
        let told = told.expect(400).body;
        assert!(told.contains(why), "{original}: {told}");
    }
    let none = ask(OWN, "", "").await.expect(400).body;
    assert!(none.contains("Choose a file first."), "{none}");
    assert!(ask(OWN, "empty", "").await.expect(200).body.contains("0 bytes"));
}

async fn a_file_is_taken_from_its_own_page_only(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let mut browser = Browser::of_person(&scene.stage, Some(1), "admin", &SCOPES).await;
    browser.get(OWN).await.expect(200);
    let token = browser.form_token().to_owned();
    let copy = scene.copy();
    bring(&scene.stage, &browser, OWN, "another", ("a", &copy)).await.expect(403);
    let elsewhere = "/console/tenants/2/traces";
    bring(&scene.stage, &browser, elsewhere, &token, ("a", &copy)).await.expect(404);
    // The token is before the file, or nothing is read.
    let cookie = browser.cookie().unwrap();
    let kind = "Content-Type: multipart/form-data; boundary=X";
    let headers = ["Origin: http://control", &*cookie, kind];
    let file = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nb\r\n";
    let late = format!(
        "{file}--X\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--X--"
    );
    let post = format!("POST {OWN}");
    scene.stage.call(&post, &headers, &late).await.expect(403);
    for (body, status) in [("", 400), ("--X--", 400), (file, 403), ("no form", 400)] {
        scene.stage.call(&post, &headers, body).await.expect(status);
    }
    browser.post(OWN, &[("file", "a")]).await.expect(400);
    let foreign = ["Origin: http://elsewhere", &*cookie, kind];
    scene.stage.call(&post, &foreign, &late).await.expect(403);
    let admin = scene.stage.admin().await;
    assert_eq!(scene.asked(&admin).await.len(), 0);
}

async fn only_who_may_ask_is_shown_the_way(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let without: Vec<&str> = SCOPES.into_iter().filter(|scope| *scope != "trace").collect();
    let mut browser = Browser::of_person(&scene.stage, Some(1), "admin", &without).await;
    let page = browser.get("/console/tenants/1/contents").await.expect(200).body;
    assert!(!page.contains("/traces\""), "{page}");
    browser.get(OWN).await.expect(403);
    let token = browser.form_token().to_owned();
    bring(&scene.stage, &browser, OWN, &token, ("a", &scene.copy())).await.expect(403);
    // Who may do nothing else comes in there, and is led to no page that they may not see.
    let mut tracer = Browser::of_person(&scene.stage, Some(1), "admin", &["trace"]).await;
    let start = tracer.get("/console/tenants/1").await.expect(303);
    assert_eq!(start.header("location"), Some(OWN));
    tracer.get(OWN).await.expect(200);
    let token = tracer.form_token().to_owned();
    let told = bring(&scene.stage, &tracer, OWN, &token, ("a", &scene.copy())).await.expect(200);
    assert!(told.body.contains("This is the copy of “user 42”"), "{told:?}");
    assert!(told.body.contains(&scene.link) && told.body.contains(&scene.catalog.content));
    assert!(!told.body.contains("/console/tenants/1/links/"), "{told:?}");
    assert!(!told.body.contains("/console/tenants/1/contents/"), "{told:?}");
}
