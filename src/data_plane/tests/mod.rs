//! The listeners on real sockets of the loopback interface.

mod edge;
mod plain;
mod stateless;
mod tls;
