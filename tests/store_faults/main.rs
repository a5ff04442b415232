//! The control plane's store where things go wrong: processes killed while they write, full disks.

#[cfg(test)]
mod place;

// A process that writes is killed at random points: what it acknowledged is there, all of it.
#[cfg(test)]
mod killed;

// A disk that is full: writes are refused and said, reads go on, and room is all it takes.
#[cfg(test)]
mod full_disk;
