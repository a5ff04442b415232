//! Pictures that are made here, marked, attacked and compared.

mod attacks;
mod coding;
mod copies;
mod hostile;
mod metadata;
mod pictures;
