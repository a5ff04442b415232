//! The gateway from outside: real sockets, real files, stock clients.

#[cfg(test)]
mod support;

// Bytes that a lenient server would take: each refused with its code, the edge alive after it.
#[cfg(test)]
mod raw_requests;

// What operators see: log lines, metrics, health, reloads.
#[cfg(test)]
mod operation;
