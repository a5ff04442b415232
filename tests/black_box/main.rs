//! The gateway from outside: real sockets, real files, stock clients.

#[cfg(test)]
mod support;

// Bytes that a lenient server would take: each refused with its code, the edge alive after it.
#[cfg(test)]
mod raw_requests;

// Whom a request is from: blocklists, forwarded headers, PROXY headers, connection limits.
#[cfg(test)]
mod addresses;

// What one connection carries: pipelines, HEAD, HTTP/1.0, and where it ends.
#[cfg(test)]
mod connections;

// The HTTP cache test suite, result by result.
#[cfg(test)]
mod cache_tests;

// `countersign catalog scan`: what a folder holds becomes contents, once.
#[cfg(test)]
mod catalog_scan;

// A share for readers in China, between two hosts of one program.
#[cfg(test)]
mod china;

// Buckets behind the edge: S3 and Azure, as others wrote them, with signatures that are looked at.
#[cfg(test)]
mod object_stores;

// A container of Azure's that is read with tokens which were given for a token.
#[cfg(test)]
mod workload_identity;

// A bucket that the host names, at a server that reads it from there.
#[cfg(test)]
mod virtual_host;

// Pictures whose copies show whose they are, from the order to a screenshot of one.
#[cfg(test)]
mod image_marks;

// The console in a browser: with a mouse, without scripts, by keyboard, and every page by axe.
#[cfg(test)]
mod console;

// Connectors in the console, in a browser, with what their addresses give.
#[cfg(test)]
mod console_connectors;

// A share from the console to whoever was given its address, and back, in a browser.
#[cfg(test)]
mod console_sharing;

// A copy that turned up somewhere: posted to the API, and dropped in the console, in a browser.
#[cfg(test)]
mod console_traces;

// The page of a share in a browser: its gate, what is shown, and what is saved.
#[cfg(test)]
mod share_pages;

// Every way by which a share gives bytes, in each of its states.
#[cfg(test)]
mod share_routes;

// What is kept between requests: asked for once, served to whoever may, stale while an origin fails.
#[cfg(test)]
mod cache;

// Large objects in slices on a disk: asked for once, right after a kill, never of two versions.
#[cfg(test)]
mod slices;

// Links that go round, clients that hide, and more downloads at once than a link allows.
#[cfg(test)]
mod fraud;

// The same links from a client's order to what edges do with them, and what is told of it.
#[cfg(test)]
mod watched_links;

// Three edges that count in one Redis: what they agree on, and what is done while it is away.
#[cfg(test)]
mod redis;

// Links that nobody signed: none opens, in any carrier, and none is logged.
#[cfg(test)]
mod forgeries;

// HTTP/2 by hand, over TLS: heads that contradict themselves, floods, and names of handshakes.
#[cfg(test)]
mod http2_attacks;

// A client that was written for Xvid MediaHub, with another host: links by token and by signature.
#[cfg(test)]
mod media_client;

// Letters that a mail server takes, and the links in them.
#[cfg(test)]
mod mail;

// Origins that are down, silent or in doubt: a 5xx with its code, and never half a file as a whole.
#[cfg(test)]
mod origin_failures;

// What an HTTP origin gets of a request: an allow-list, no token, and nothing that was refused.
#[cfg(test)]
mod origin_requests;

// Ranges and conditions in excess, from a disk and from an HTTP origin: the right bytes or all.
#[cfg(test)]
mod ranges;

// What operators see: log lines, metrics, health, reloads.
#[cfg(test)]
mod operation;

// Every answer of the old state or the new, none of half a change, while both change under load.
#[cfg(test)]
mod reload;

// A configuration that is wrong changes nothing, fails nobody, and is said.
#[cfg(test)]
mod bad_config;

// Stopping: queued connections are answered, kept ones end with an answer, standing ones are cut.
#[cfg(test)]
mod stopping;

// TLS as a scanner sees it, and certificates that are replaced under load.
#[cfg(test)]
mod tls_listener;

// Odd instants as now, and a clock that jumps.
#[cfg(test)]
mod clock;

// What commands really print.
#[cfg(test)]
mod commands;

// The tour runs, and a broken key fails it.
#[cfg(test)]
mod demo_command;

// Decisions in steps, with near misses.
#[cfg(test)]
mod explain_command;

// Links equal to the reference's, each of which opens.
#[cfg(test)]
mod sign_command;

// Origins that refuse, stall, break off; clients that do not read.
#[cfg(test)]
mod origin_faults;

// nginx as the origin: files, parts, conditions, paths byte for byte.
#[cfg(test)]
mod nginx_origin;

// Archives as THRON's clients ask for them, gone on with at another control plane.
#[cfg(test)]
mod archives;

// Renditions and QR codes, as other programs see them.
#[cfg(test)]
mod renditions;

// Links of the signers that are not ours, opened by curl: protocols, carriers, resume.
#[cfg(test)]
mod curl;

// Every route there is, walked for originals that a shared cache might keep.
#[cfg(test)]
mod source_routes;

// The door to shares: what may come in, on one machine and through edges elsewhere.
#[cfg(test)]
mod shares;

// Originals, from the control plane: pasted addresses, ranges, downloads that are gone on with.
#[cfg(test)]
mod sources;

// Clients that take their time: sent away when it is over, while others are served.
#[cfg(test)]
mod slow_clients;

// Clients that no request was read of: a refusal like any other, or none at all.
#[cfg(test)]
mod turned_away;

// What browsers are told about other origins: CORS, preflights, who may embed.
#[cfg(test)]
mod cross_origin;

// Files of a catalog: what is published opens, what is not looks as if it had never been.
#[cfg(test)]
mod catalog;

// Connectors: public addresses of a folder's originals, opened and closed at every edge.
#[cfg(test)]
mod connectors;

// Who fetched what through a connector is listed.
#[cfg(test)]
mod connector_downloads;

// Cookies for people who are logged in: what they may see opens, and ends with the cookie.
#[cfg(test)]
mod cookies;

// A script that was written for the vendor's API: it runs with another host.
#[cfg(test)]
mod vendor_client;

// The control plane within the program: what is pushed to its APIs is in force, on both databases.
#[cfg(test)]
mod control_plane;

// A PostgreSQL server that is killed, again and again: nothing acknowledged is lost or done twice.
#[cfg(test)]
mod database_killed;

// A control plane that is killed while clients write: what it acknowledged is there, all of it.
#[cfg(test)]
mod control_killed;

// A disk that fails: writes are refused and said, and all is well when it is.
#[cfg(test)]
mod failing_disk;

// Disks that are full, of a control plane and of an edge: files are served on, and room is all it takes.
#[cfg(test)]
mod full_disk;

// Copies of all records: what comes back, what is given up for it, and what was tampered with.
#[cfg(test)]
mod backup;

// The documents of the APIs, as recorded.
#[cfg(test)]
mod api_documents;

// Connections to the APIs: one address has as many as it may, and keeps nobody else out.
#[cfg(test)]
mod api_connections;

// Passwords that are guessed: slower and slower, and nobody else is kept out.
#[cfg(test)]
mod logins;

// Edges that follow control planes elsewhere, and what is so when either is killed or away.
#[cfg(test)]
mod edges;

// What links opened, listed once each, whoever was killed or away meanwhile.
#[cfg(test)]
mod download_events;

// Links that may be used once: by one client, whoever is killed or away, and no byte twice.
#[cfg(test)]
mod one_use;

// The same over TLS, by curl with HTTP/1.1 and HTTP/2.
#[cfg(test)]
mod one_use_tls;

// Uploads by tus' own client, through kills, into folders and object stores.
#[cfg(test)]
mod uploads;

// What is uploaded for a content replaces it under the addresses that it has.
#[cfg(test)]
mod upload_versions;

// Purges, in every cache and once, whoever was away.
#[cfg(test)]
mod purges;

// What a control plane takes back, at every edge that follows it.
#[cfg(test)]
mod taken_back;

// Large bodies, byte for byte from every source and by every way they can go.
#[cfg(test)]
mod large_bodies;

// Copies with forensic tags: every part of them is that part, and nothing else leaves.
#[cfg(test)]
mod copies;

// Whose copy is this? From the order of a link with a tag to the command that tells.
#[cfg(test)]
mod traces;

// Webhooks, verified by the library of Standard Webhooks, through bad receivers and a kill.
#[cfg(test)]
mod webhooks;

// Downloads that are broken off at any point, and nothing left of them.
#[cfg(test)]
mod broken_off;

// An edge that is killed under load, again and again, with a million blocked addresses.
#[cfg(test)]
mod killed;
