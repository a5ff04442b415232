// Azure Blob Storage (Azurite), which checks signatures as Azure does.
//
//   node azure.cjs FOLDER [CERTIFICATE KEY]
//
// With a certificate it speaks TLS, and takes tokens of Entra ID (whose signatures it does not check).
// Listens on a free port, makes the container `media` with the files of FOLDER, and says on one line,
// as JSON, how it is reached. Then it takes lines of JSON, and answers each with one:
//
//   {"put": KEY, "file": PATH}      {"delete": KEY}
//
// It ends with its standard input, and so does Azurite, which is its child. NODE_PATH says where that is.
"use strict";

const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const path = require("node:path");
const readline = require("node:readline");

// What Azurite's manual gives everybody.
const account = "devstoreaccount1";
const key =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const container = "media";
const version = "2021-08-06";

const mac = (text) =>
  crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text, "utf8").digest("base64");

// A shared access signature of the container: reading and listing, for a day.
function signature() {
  const expiry = new Date(Date.now() + 86400e3).toISOString().slice(0, 19) + "Z";
  const fields = ["rl", "", expiry, `/blob/${account}/${container}`, "", "", "", version, "c"];
  const text = [...fields, "", "", "", "", "", "", ""].join("\n");
  return new URLSearchParams({ sv: version, sr: "c", sp: "rl", se: expiry, sig: mac(text) });
}

const [folder, cert, certKey] = process.argv.slice(2);
const [scheme, protocol] = cert ? ["https", https] : ["http", http];

function request(port, method, target, headers, body) {
  const [route, query] = target.split("?");
  const all = { ...headers, "x-ms-date": new Date().toUTCString(), "x-ms-version": version };
  const canonical = Object.keys(all).filter((name) => name.startsWith("x-ms-")).sort();
  const length = body.length ? String(body.length) : "";
  const pairs = [...new URLSearchParams(query ?? "")].map(([name, value]) => `\n${name}:${value}`);
  const text =
    [method, "", "", length, "", all["content-type"] ?? "", "", "", "", "", "", ""].join("\n") +
    "\n" +
    canonical.map((name) => `${name}:${all[name]}\n`).join("") +
    `/${account}${route}${pairs.sort().join("")}`;
  all.authorization = `SharedKey ${account}:${mac(text)}`;
  all["content-length"] = body.length;
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path: target, headers: all };
    if (cert) Object.assign(options, { ca: fs.readFileSync(cert) });
    const asking = protocol.request(options, (answer) => {
      let said = "";
      answer.on("data", (data) => (said += data));
      answer.on("end", () =>
        answer.statusCode < 300 ? resolve() : reject(new Error(`${answer.statusCode} ${said}`)),
      );
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

async function main() {
  const program = require.resolve("azurite/dist/src/blob/main.js");
  const kept = fs.mkdtempSync(path.join(require("node:os").tmpdir(), "azurite-"));
  const options = ["--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry", "--silent"];
  if (cert) options.push("--cert", cert, "--key", certKey, "--oauth", "basic");
  const azurite = spawn(process.execPath, [program, ...options, "--skipApiVersionCheck"], {
    cwd: kept,
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.on("exit", () => {
    azurite.kill("SIGKILL");
    fs.rmSync(kept, { recursive: true, force: true });
  });
  const port = await new Promise((resolve, reject) => {
    azurite.on("exit", () => reject(new Error("Azurite ended")));
    readline.createInterface({ input: azurite.stdout }).on("line", (line) => {
      const found = /successfully listens on https?:\/\/127\.0\.0\.1:(\d+)/.exec(line);
      if (found) resolve(Number(found[1]));
    });
  });
  const root = `/${account}/${container}`;
  const target = (name) => `${root}/${name.split("/").map(encodeURIComponent).join("/")}`;
  const put = (name, file) => {
    const kind = name.endsWith(".txt") ? "text/plain" : "application/octet-stream";
    const headers = { "x-ms-blob-type": "BlockBlob", "content-type": kind };
    return request(port, "PUT", target(name), headers, fs.readFileSync(file));
  };
  await request(port, "PUT", `${root}?restype=container`, {}, Buffer.alloc(0));
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    await put(path.relative(folder, file), file);
  }
  const endpoint = `${scheme}://127.0.0.1:${port}/${account}`;
  const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
  say({ endpoint, account, container, key, sas: signature().toString() });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    if (order.put) await put(order.put, order.file);
    else await request(port, "DELETE", target(order.delete), {}, Buffer.alloc(0));
    say({});
  }
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
