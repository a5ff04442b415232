//! The queue of a listening socket, when it is to be closed.
//!
//! Closing a listening socket resets every connection that is in its queue, or on its way into it:
//! the client has its handshake, may have sent its request, and is told that nobody is there.
//! Accepting until the queue is empty is not enough, since a connection may enter it before the
//! close. Linux has no call to stop listening and keep the queue, but it lets a socket choose its
//! packets: first packets are dropped, as on a lossy line, so that nobody new enters; handshakes
//! already begun are finished; then the queue holds all it ever will. Who was dropped tries again
//! after a second (RFC 6298 section 2.1), and is refused, or taken by the next process.

use std::io;
use std::time::Duration;

use socket2::{SockFilter, SockRef};
use tokio::net::TcpListener;

/// How long a client may take for the last packet of its handshake. Connections over slower lines
/// are reset, which their clients see as a server that is gone.
pub(super) const HANDSHAKE: Duration = Duration::from_millis(300);

/// Drops packets with SYN (RFC 9293 section 3.1): the flags are the byte at 13 of the header, and
/// SYN is their second bit. Connections inherit the filter, and have no use for such packets.
const WITHOUT_SYN: [SockFilter; 4] = [
    // Load that byte; if the bit is set, drop; else take all of the packet.
    SockFilter::new(0x30, 0, 0, 13),
    SockFilter::new(0x45, 0, 1, 0x02),
    SockFilter::new(0x06, 0, 0, 0),
    SockFilter::new(0x06, 0, 0, u32::MAX),
];

/// Lets no further connection into the queue.
pub(super) fn close_to_newcomers(socket: &TcpListener) -> io::Result<()> {
    SockRef::from(socket).attach_filter(&WITHOUT_SYN)
}
