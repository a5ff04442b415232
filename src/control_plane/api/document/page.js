"use strict";
// Shows an OpenAPI document as a list. Text goes in as text: nothing of the document is markup.
const documents = { native: "/openapi.json", vmpro: "/openapi/vmpro.json",
  mediahub: "/openapi/mediahub.json", thron: "/openapi/thron.json" };
const place = document.getElementById("operations");

function node(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function schemaOf(content, components) {
  const media = Object.entries(content || {})[0];
  if (!media || !media[1].schema) return null;
  const reference = media[1].schema.$ref;
  const schema = reference ? components[reference.split("/").pop()] : media[1].schema;
  return node("pre", media[0] + "\n" + JSON.stringify(schema, null, 2));
}

function operation(method, path, said, components) {
  const label = node("span", method.toUpperCase());
  label.className = "method";
  const summary = node("summary", "", label, node("code", path), " " + (said.summary || ""));
  const details = node("details", "", summary);
  const scopes = (said.security || []).flatMap((way) => way.bearer || way.session || []);
  if (scopes.length) details.append(node("p", "Scope: " + scopes.join(" ")));
  for (const parameter of said.parameters || []) {
    details.append(node("p", parameter.in + " " + parameter.name + ": " + (parameter.description || "")));
  }
  const body = said.requestBody && schemaOf(said.requestBody.content, components);
  if (body) details.append(node("h4", "Body"), body);
  const table = node("table", "", node("tr", "", node("th", "status"), node("th", "meaning")));
  for (const [status, answer] of Object.entries(said.responses || {})) {
    const cell = node("td", answer.description);
    const schema = status.startsWith("2") && schemaOf(answer.content, components);
    if (schema) cell.append(schema);
    table.append(node("tr", "", node("td", status), cell));
  }
  details.append(node("h4", "Answers"), table);
  return details;
}

async function show() {
  const name = location.hash.slice(1) in documents ? location.hash.slice(1) : "native";
  const answer = await fetch(documents[name]);
  const said = await answer.json();
  const components = (said.components && said.components.schemas) || {};
  place.replaceChildren(node("h2", said.info.title), node("p", said.info.description));
  for (const [path, methods] of Object.entries(said.paths)) {
    for (const [method, one] of Object.entries(methods)) {
      if (one.responses) place.append(operation(method, path, one, components));
    }
  }
}

addEventListener("hashchange", show);
show();
